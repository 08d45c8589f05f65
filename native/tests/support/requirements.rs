//! What a test needs from the machine, and what happens when it is not there: a line on standard error, or a failure.

use super::program;
use std::{env, fmt, fs, io::Write, path::Path};

#[derive(Clone, Copy)]
pub(crate) enum Need {
    Root,
    /// The original `ntfsclone`, which is the oracle.
    Reference,
    LoopDevices,
    Fuse,
    /// A file system of the kernel's own.
    FileSystem(&'static str),
    Tool(&'static str),
}

/// To make a volume, fill it, look at it and check it.
pub(crate) const VOLUMES: &[Need] = &[
    Need::Root,
    Need::Reference,
    Need::Fuse,
    Need::Tool("mkntfs"),
    Need::Tool("ntfs-3g"),
    Need::Tool("ntfsfix"),
    Need::Tool("ntfsinfo"),
    Need::Tool("umount"),
];

/// To copy by a map of ours.
pub(crate) const MAP_READERS: &[Need] = &[Need::Tool("bmaptool"), Need::Tool("ddrescue")];

/// To put a volume on a block device.
pub(crate) const DEVICES: &[Need] = &[Need::LoopDevices, Need::Tool("losetup")];

/// To make file systems whose files can share their room.
pub(crate) const SHARING_FILE_SYSTEMS: &[Need] = &[
    Need::Root,
    Need::LoopDevices,
    Need::FileSystem("btrfs"),
    Need::FileSystem("xfs"),
    Need::Tool("mkfs.btrfs"),
    Need::Tool("mkfs.xfs"),
    Need::Tool("mount"),
    Need::Tool("umount"),
];

/// As [`met`], for the test that calls it.
pub(crate) fn met_here(needs: &[Need]) -> bool {
    met(std::thread::current().name().unwrap_or("a test"), needs)
}

/// Whether everything is there. When not, prints the line of the skip; panics when nothing may be skipped.
pub(crate) fn met(test: &str, needs: &[Need]) -> bool {
    let missing: Vec<String> = needs
        .iter()
        .filter(|need| !need.is_met())
        .map(Need::to_string)
        .collect();
    if missing.is_empty() {
        return true;
    }
    skip(test, &format!("missing {}", missing.join(", ")));
    false
}

/// Reports a test, or a part of one, that cannot run here.
pub(crate) fn skip(test: &str, why: &str) {
    assert!(
        env::var_os("NTFSCLONE_TESTS_REQUIRE_ALL").is_none_or(|value| value != "1"),
        "{test} cannot run here, and NTFSCLONE_TESTS_REQUIRE_ALL=1 forbids to skip it: {why}"
    );
    // Not eprintln!: the test harness would swallow the line of a test that passes. In one write: tests run side by
    // side.
    let line = format!("skipped: {test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

impl Need {
    fn is_met(&self) -> bool {
        match self {
            Self::Root => rustix::process::geteuid().is_root(),
            Self::Reference => program::find_reference().is_some(),
            Self::LoopDevices => Path::new("/dev/loop-control").exists(),
            Self::Fuse => Path::new("/dev/fuse").exists() && kernel_has("fuse"),
            Self::FileSystem(name) => {
                // A module is loaded when somebody mounts, or now.
                kernel_has(name)
                    || program::find("modprobe").is_some()
                        && program::finish(program::tool("modprobe", ["--quiet", name]))
                            .status
                            .success()
            }
            Self::Tool(name) => program::find(name).is_some(),
        }
    }
}

fn kernel_has(file_system: &str) -> bool {
    fs::read_to_string("/proc/filesystems").is_ok_and(|list| {
        list.lines()
            .any(|line| line.split_whitespace().next_back() == Some(file_system))
    })
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("root's rights"),
            Self::Reference => {
                formatter.write_str("the original ntfsclone (Debian package ntfs-3g)")
            }
            Self::LoopDevices => formatter.write_str("loop devices"),
            Self::Fuse => formatter.write_str("FUSE"),
            Self::FileSystem(name) => write!(formatter, "{name} in the kernel"),
            Self::Tool(name) => write!(formatter, "the program {name}"),
        }
    }
}
