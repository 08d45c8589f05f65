//! A Rust toolchain that can build for WebAssembly, wherever one is to be had.

use crate::{setup, step};
use anyhow::{Result, bail};
use std::{env, ffi::OsString, fmt, path::Path, process::Command};

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
    let sysroot = step::read(Command::new("rustc").args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("lib/rustlib");
    Ok(library.join(target.triple).is_dir())
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
