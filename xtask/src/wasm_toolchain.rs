//! A Rust toolchain that can build for WebAssembly, wherever one is to be had.

use crate::{setup, step};
use anyhow::{Result, bail};
use std::{
    env,
    ffi::OsString,
    fmt,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    process::Command,
};

/// What to build for.
pub(crate) struct Target {
    pub(crate) triple: &'static str,
    /// The crates of the standard library that are built with it where no built ones are to be had.
    library: &'static str,
}

/// core and alloc only: proves that a crate uses no std.
pub(crate) const NO_STD: Target = Target {
    triple: "wasm32v1-none",
    library: "core,alloc",
};

/// What browsers and Node run, with all of the standard library.
pub(crate) const BROWSER: Target = Target {
    triple: "wasm32-unknown-unknown",
    library: "std,panic_abort",
};

pub(crate) enum WasmToolchain {
    /// The one in use has the target, maybe since just now.
    Active,
    /// Debian's compiler for its browsers, with the sources of the standard library.
    Debian,
}

/// Debian's packages: compiler, cargo, sources; and clang for the C code of dependencies.
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "clang-14",
    "llvm-14",
    "lld-14",
];

impl WasmToolchain {
    pub(crate) fn find(target: &Target) -> Result<Self> {
        if has(target)? {
            return Ok(Self::Active);
        }
        // Fails at once where there is no network.
        let mut add = Command::new("rustup");
        add.args(["target", "add", target.triple]);
        if step::succeeds(&mut add) && has(target)? {
            return Ok(Self::Active);
        }
        println!(
            "rustup cannot add {}; trying Debian's compiler",
            target.triple
        );
        if debian_is_complete() || (setup::install(PACKAGES)? && debian_is_complete()) {
            return Ok(Self::Debian);
        }
        bail!(
            "no toolchain builds for {}: run `rustup target add {0}`, or install {}",
            target.triple,
            PACKAGES.join(" ")
        );
    }

    /// `cargo build` for the target; what to build is the caller's to add.
    pub(crate) fn cargo_build(&self, target: &Target) -> Command {
        let mut command = match self {
            Self::Active => step::cargo(["build"]),
            Self::Debian => debian_cargo(target),
        };
        command.args(["--target", target.triple]);
        command
    }

    /// The variables that name linker, compiler and archiver of [`BROWSER`], but for those that are set already.
    pub(crate) fn tools(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        // A toolchain that has the target already may have no compiler for the C code of dependencies.
        if newest("clang").is_none() || newest("llvm-ar").is_none() {
            setup::install(&["clang", "llvm"])?;
        }
        let mut tools = vec![
            ("CC_wasm32_unknown_unknown", newest("clang")),
            ("AR_wasm32_unknown_unknown", newest("llvm-ar")),
        ];
        if let Self::Debian = self {
            // Debian's compiler comes without a linker; the one of another rustc will do.
            let linker = rust_lld()?.or_else(|| newest("wasm-ld"));
            tools.push(("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker));
        }
        Ok(tools
            .into_iter()
            .filter(|(variable, _)| env::var_os(variable).is_none())
            .filter_map(|(variable, tool)| Some((variable, tool?)))
            .collect())
    }
}

/// A program of LLVM, under its own name or with a version behind it.
fn newest(program: &str) -> Option<PathBuf> {
    const VERSIONS: RangeInclusive<u32> = 14..=30;
    setup::find(program).or_else(|| {
        VERSIONS
            .rev()
            .find_map(|version| setup::find(&format!("{program}-{version}")))
    })
}

/// The linker beside the compiler in use.
fn rust_lld() -> Result<Option<PathBuf>> {
    let version = step::read(Command::new("rustc").arg("-vV"))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let linker = host.map(|host| library(host).map(|library| library.join("bin/rust-lld")));
    Ok(linker.transpose()?.filter(|linker| linker.is_file()))
}

impl fmt::Display for WasmToolchain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Active => "the active toolchain",
            Self::Debian => "Debian's rustc-web, which builds the standard library too",
        })
    }
}

fn has(target: &Target) -> Result<bool> {
    Ok(library(target.triple)?.is_dir())
}

/// What the compiler in use has for that machine.
fn library(triple: &str) -> Result<PathBuf> {
    let sysroot = step::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(triple))
}

/// Debian's own rustc has no sources beside it: only the one that finds them will do.
fn debian_is_complete() -> bool {
    let mut rustc = Command::new("/usr/bin/rustc");
    rustc.args(["--print", "sysroot"]);
    step::read(&mut rustc).is_ok_and(|sysroot| {
        Path::new(sysroot.trim())
            .join("lib/rustlib/src/rust/library/Cargo.lock")
            .exists()
    }) && Path::new("/usr/bin/cargo").exists()
}

fn debian_cargo(target: &Target) -> Command {
    let mut path = OsString::from("/usr/bin:");
    path.push(env::var_os("PATH").unwrap_or_default());
    let mut command = Command::new("/usr/bin/cargo");
    command
        .current_dir(step::root())
        .env("PATH", path)
        .env("RUSTC", "/usr/bin/rustc")
        .env_remove("CARGO")
        .env_remove("RUSTUP_TOOLCHAIN")
        // To build the standard library is an unstable feature.
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["build", "-Z"])
        .arg(format!("build-std={}", target.library));
    command
}
