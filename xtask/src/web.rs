//! The npm package: wasm/pkg, ready for `npm pack`.

use crate::{
    deferred_part, npm, step,
    wasm_toolchain::{BROWSER, WasmToolchain},
    zstd_parts,
};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};
use wasm_bindgen_cli_support::{Bindgen, Output};

/// Bytes of the whole package, compressed as npm sends it. What a page loads at
/// first is half of that, and the rest when it is needed: wasm/test/package.test.js
/// has the limits of each.
const LARGEST: u64 = 582 << 10;

/// What the package consists of beside what is built.
const TEXTS: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT", "wasm/README.md"];

pub(crate) fn run() -> Result<()> {
    let package = folder().join("pkg");
    if package.exists() {
        fs::remove_dir_all(&package)?;
    }
    let scripts = package.join("js");
    fs::create_dir_all(&scripts)?;
    npm::install(&folder())?;
    for module in MODULES {
        bind(module, &compile(module)?, &scripts)?;
        optimise(&scripts.join(format!("{}_bg.wasm", module.name)))?;
        if let Some(deferred) = &module.deferred {
            optimise(&scripts.join(deferred.file))?;
        }
    }
    step::run(npm::tool(&folder(), "tsc").args(["--project", "tsconfig.json"]))?;
    shorten(&scripts)?;
    write_manifest(&package)?;
    for text in TEXTS {
        let name = Path::new(text).file_name().context("names a file")?;
        fs::copy(step::root().join(text), package.join(name)).with_context(|| text.to_string())?;
    }
    pack(&package)?;
    Ok(())
}

/// Where the crate, the scripts and their tests are.
pub(crate) fn folder() -> PathBuf {
    step::root().join("wasm")
}

/// The file that `npm install` would fetch.
pub(crate) fn tarball() -> PathBuf {
    step::target_directory().join("npm/ntfsclone.tgz")
}

/// A WebAssembly module of the package. Each is built by itself, with the features of core that it needs and no others.
struct Module {
    name: &'static str,
    package: &'static str,
    library: &'static str,
    /// Leaves out what the linker does not.
    leave_out: fn(&mut walrus::Module) -> Result<()>,
    deferred: Option<Deferred>,
}

/// The part of a module that is loaded when it is needed.
struct Deferred {
    file: &'static str,
    /// Whether the function of that name is in it, if it is called through a vtable.
    holds: fn(&str) -> bool,
}

/// Checks, conversions, files by their paths, their content, virtual disks, images of partclone, and the indexes of compressed files: `js/engine.ts` loads them before such a task steps into them.
fn is_deferred(function: &str) -> bool {
    const PARTS: &[&str] = &[
        // Only VMDK is compressed with it.
        "miniz_oxide::deflate::",
        // It holds a volume made by partclone.
        "ntfsclone_core::backup_boot_sector::",
        "ntfsclone_core::check::",
        // Which clusters have metadata, only conversions ask.
        "ntfsclone_core::clusters::metadata::",
        "ntfsclone_core::disk::",
        "ntfsclone_core::image::partclone::",
        "ntfsclone_core::jobs::content::",
        "ntfsclone_core::jobs::convert::",
        "ntfsclone_core::jobs::first_file::",
        "ntfsclone_core::jobs::index::",
        "ntfsclone_core::jobs::tree::",
        "ntfsclone_core::jobs::validate::",
        "ntfsclone_core::open::container::",
        // Another size is given by conversions only.
        "ntfsclone_core::relocate::",
        // Without the decoder of gzip, only virtual disks are decompressed with it.
        "ntfsclone_core::stream::gzip::",
        "ntfsclone_core::stream::resume::",
        "ntfsclone_core::stream::seek::",
        "ntfsclone_core::tree::",
        "ntfsclone_core::write::",
        "ntfsclone_wasm::codecs::new_decoder_at",
        "ntfsclone_wasm::documents::",
    ];
    let path = function.trim_start_matches('<');
    PARTS.iter().any(|part| path.starts_with(part))
}

const MODULES: &[Module] = &[
    Module {
        name: "ntfsclone",
        package: "ntfsclone-wasm",
        library: "ntfsclone_wasm.wasm",
        leave_out: zstd_parts::leave_out_c_library,
        deferred: Some(Deferred {
            file: "ntfsclone_deferred_bg.wasm",
            holds: is_deferred,
        }),
    },
    // Decoders and compressors, which are loaded when they are needed.
    Module {
        name: "ntfsclone_codecs",
        package: "ntfsclone-codecs",
        library: "ntfsclone_codecs.wasm",
        leave_out: zstd_parts::leave_out_searches,
        deferred: None,
    },
];

fn compile(module: &Module) -> Result<PathBuf> {
    let toolchain = WasmToolchain::find(&BROWSER)?;
    println!(
        "web: {} for {} with {toolchain}",
        module.package, BROWSER.triple
    );
    // A directory of its own: it may be another compiler's.
    let target_directory = step::target_directory().join("web");
    let mut command = toolchain.cargo_build(&BROWSER);
    command
        .args(["--profile", "wasm", "--lib", "-p", module.package])
        .arg("--target-dir")
        .arg(&target_directory)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", "-Ctarget-feature=+simd128")
        .env("CFLAGS_wasm32_unknown_unknown", zstd_parts::FLAGS.join(" "))
        .envs(toolchain.tools()?);
    step::run(&mut command)?;
    Ok(target_directory
        .join(BROWSER.triple)
        .join("wasm")
        .join(module.library))
}

/// The library of wasm-bindgen, not its program: Cargo.lock keeps it at the version that the crate was built with.
fn bind(module: &Module, library: &Path, scripts: &Path) -> Result<()> {
    let mut output = bindings(module, library)?;
    if let Some(deferred) = &module.deferred {
        // A module cannot be copied; it is made again, which gives the same.
        let mut rest = bindings(module, library)?;
        deferred_part::split(output.wasm_mut(), rest.wasm_mut(), deferred.holds)?;
        fs::write(scripts.join(deferred.file), rest.wasm_mut().emit_wasm())?;
    }
    output.emit(scripts)
}

fn bindings(module: &Module, library: &Path) -> Result<Output> {
    let mut bindgen = Bindgen::new();
    bindgen
        .input_path(library)
        .out_name(module.name)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        // Where the module is found is told once, in js/.
        .omit_default_module_path(true)
        // After a panic the module's memory is no longer to be trusted: there must be a new instance.
        .reset_state_function(true);
    let mut output = bindgen.web(true)?.generate_output()?;
    (module.leave_out)(output.wasm_mut())?;
    Ok(output)
}

fn optimise(module: &Path) -> Result<()> {
    let before = fs::metadata(module)?.len();
    step::run(
        npm::tool(&folder(), "wasm-opt")
            .args(OPTIMISATIONS)
            .arg("-o")
            .args([module, module]),
    )?;
    let after = fs::metadata(module)?.len();
    println!("web: wasm-opt made {after} bytes of {before}");
    Ok(())
}

/// Features: what every browser and Node has, and rustc or the flags above use.
const OPTIMISATIONS: &[&str] = &[
    "-O3",
    // Not what is large, even if it is called at one place only: engines compile whole functions when a loop in them is
    // hot. That took as long as to check 500 MiB, and the module is 4 % smaller.
    "--one-caller-inline-max-function-size=60",
    "--enable-simd",
    "--enable-bulk-memory",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Leaves out comments and spaces, and declarations that no public one refers to. Names stay, for stack traces.
fn shorten(scripts: &Path) -> Result<()> {
    let mut files = Vec::new();
    for folder in [
        scripts.to_owned(),
        scripts.join("sources"),
        scripts.join("stores"),
    ] {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "js") {
                files.push(path);
            }
        }
    }
    step::run(
        npm::tool(&folder(), "esbuild")
            .args(["--minify-whitespace", "--minify-syntax", "--target=es2022"])
            .args(["--log-level=warning", "--allow-overwrite"])
            .arg(format!("--outdir={}", scripts.display()))
            .args(files),
    )?;
    for private in PRIVATE_DECLARATIONS {
        fs::remove_file(scripts.join(format!("{private}.d.ts")))?;
    }
    Ok(())
}

const PRIVATE_DECLARATIONS: &[&str] = &[
    "arguments",
    "by-index",
    "cli",
    "codecs",
    "decompress",
    "deferred",
    "driver",
    "compression",
    "engine",
    "files",
    "glob",
    "medium",
    "new-file",
    "ntfsclone",
    "ntfsclone_bg.wasm",
    "ntfsclone_codecs",
    "ntfsclone_codecs_bg.wasm",
    "open",
    "output-stream",
    "read-ahead",
    "stores/file",
    "stores/memory",
    "stores/origin",
    "stores/store",
    "tasks",
    "turns",
    "wasm-module",
];

/// The manifest of wasm/, without what concerns only those who work on it.
fn write_manifest(package: &Path) -> Result<()> {
    fs::copy(folder().join("package.json"), package.join("package.json"))?;
    step::run(npm::npm(package).args([
        "pkg",
        "delete",
        "private",
        "scripts",
        "devDependencies",
        "allowScripts",
    ]))?;
    let version = concat!("version=", env!("CARGO_PKG_VERSION"));
    step::run(npm::npm(package).args(["pkg", "set", version]))
}

#[derive(Deserialize)]
struct Packed {
    filename: String,
    size: u64,
    #[serde(rename = "unpackedSize")]
    unpacked_size: u64,
}

/// Makes the tarball, and holds it against the size that was promised.
fn pack(package: &Path) -> Result<()> {
    let tarball = tarball();
    let folder = tarball.parent().context("is in a folder")?;
    fs::create_dir_all(folder)?;
    let mut command = npm::npm(package);
    command.args(["pack", "--json", "--pack-destination"]);
    let answer = step::read(command.arg(folder))?;
    let packed: Vec<Packed> = serde_json::from_str(&answer).context("what npm pack tells")?;
    let [packed] = packed.as_slice() else {
        anyhow::bail!("npm pack made {} files", packed.len());
    };
    fs::rename(folder.join(&packed.filename), &tarball)?;
    println!(
        "web: {}: {:.1} KiB, unpacked {:.1} KiB",
        tarball.display(),
        packed.size as f64 / 1024.0,
        packed.unpacked_size as f64 / 1024.0
    );
    ensure!(
        packed.size <= LARGEST,
        "the package has {} bytes; promised are {LARGEST} at most",
        packed.size
    );
    Ok(())
}
