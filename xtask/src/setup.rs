//! What the tests need on the machine, and how it gets there.

use crate::step;
use anyhow::{Context, Result};
use std::{env, path::PathBuf, process::Command, thread, time::Duration};

/// A program, and the Debian package that has it.
const NEEDED: &[(&str, &str)] = &[
    ("7zz", "7zip"),
    ("WebKitWebDriver", "webkit2gtk-driver"),
    ("Xvfb", "xvfb"),
    ("b3sum", "b3sum"),
    ("blockdev", "util-linux"),
    ("bmaptool", "bmap-tools"),
    ("bsdtar", "libarchive-tools"),
    ("bzip2", "bzip2"),
    ("cc", "gcc"),
    ("ddrescue", "gddrescue"),
    ("ewfacquirestream", "ewf-tools"),
    ("fincore", "util-linux-extra"),
    ("firefox-esr", "firefox-esr"),
    ("fusermount3", "fuse3"),
    ("gzip", "gzip"),
    ("losetup", "mount"),
    ("lz4", "lz4"),
    ("lzip", "lzip"),
    ("lzop", "lzop"),
    ("mkfs.btrfs", "btrfs-progs"),
    ("mkfs.ext4", "e2fsprogs"),
    ("mkfs.xfs", "xfsprogs"),
    ("mkntfs", "ntfs-3g"),
    ("mmls", "sleuthkit"),
    ("mount", "mount"),
    ("nbdcopy", "libnbd-bin"),
    ("nbdfuse", "libnbd-bin"),
    ("nbdkit", "nbdkit"),
    ("ntfs-3g", "ntfs-3g"),
    ("ntfsclone", "ntfs-3g"),
    ("ntfsfix", "ntfs-3g"),
    ("ntfsinfo", "ntfs-3g"),
    ("ntfscp", "ntfs-3g"),
    ("partclone.ntfs", "partclone"),
    ("prlimit", "util-linux"),
    ("qemu-img", "qemu-utils"),
    ("sfdisk", "fdisk"),
    ("strace", "strace"),
    ("unzip", "unzip"),
    ("wget", "wget"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// A program and the component of rustup that has it.
const COMPONENTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

pub(crate) fn run() -> Result<()> {
    let mut packages: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    packages.dedup();
    match packages.is_empty() {
        true => println!("setup: every program that the tests use is there"),
        false => {
            if !install(&packages)? {
                println!("setup: the tests that need them will be skipped, each with a line");
            }
        }
    }
    for (program, component) in COMPONENTS {
        if !step::succeeds(&mut step::cargo([*program, "--version"])) {
            step::run(Command::new("rustup").args(["component", "add", component]))
                .with_context(|| format!("install the Rust component {component}"))?;
        }
    }
    Ok(())
}

/// Installs Debian packages when that can be done; else says what to install, and returns false.
pub(crate) fn install(packages: &[&str]) -> Result<bool> {
    let list = packages.join(" ");
    if find("apt-get").is_none() {
        println!("setup: missing; install what Debian calls: {list}");
        return Ok(false);
    }
    if !rustix::process::geteuid().is_root() {
        println!("setup: missing; install with: sudo apt-get install {list}");
        return Ok(false);
    }
    // A machine that has just started may be updating itself.
    const ATTEMPTS: u32 = 4;
    for attempt in 1..=ATTEMPTS {
        let done = apt_get(&["update"])
            .and_then(|()| apt_get(&["install", "--yes", "--no-install-recommends", &list]));
        match done {
            Ok(()) => break,
            Err(error) if attempt == ATTEMPTS => return Err(error),
            Err(error) => {
                println!("setup: {error}; trying again in 20 s");
                thread::sleep(Duration::from_secs(20));
            }
        }
    }
    Ok(true)
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["-q", "-o", "DPkg::Lock::Timeout=600"])
        .args(arguments.iter().flat_map(|part| part.split(' ')));
    step::run(&mut command)
}

/// On PATH, or where an ordinary user's PATH does not look.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}
