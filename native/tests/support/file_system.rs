//! A file system of one's own, mounted for as long as the guard lives.

use super::{
    program::{succeed, tool},
    scratch_directory,
};
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};
use tempfile::TempDir;

pub(crate) struct FileSystem {
    /// The file it is in, and `mount`.
    folder: TempDir,
}

impl FileSystem {
    /// `kind` is btrfs or xfs, which wants 300 MiB at the least.
    pub(crate) fn new(kind: &str, bytes: u64) -> Self {
        let system = Self::unmounted();
        let disk = system.folder.path().join("disk");
        let file = File::create(&disk).expect("cannot create a file");
        file.set_len(bytes).expect("it is sparse");
        let program = format!("mkfs.{kind}");
        succeed(tool(&program, [Path::new("-q"), disk.as_path()]));
        system.mount(&["-t", kind, "-o", "loop"], &disk);
        system
    }

    /// One whose files cannot have holes.
    pub(crate) fn in_memory() -> Self {
        let system = Self::unmounted();
        system.mount(&["-t", "ramfs"], Path::new("none"));
        system
    }

    fn unmounted() -> Self {
        let system = Self {
            folder: scratch_directory(),
        };
        fs::create_dir(system.root()).expect("cannot make a mount point");
        system
    }

    fn mount(&self, options: &[&str], what: &Path) {
        let mut mount = tool("mount", options);
        mount.arg(what).arg(self.root());
        succeed(mount);
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("mount")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// Bytes that are free when all is written.
    pub(crate) fn free(&self) -> u64 {
        let root = File::open(self.root()).expect("it is mounted");
        rustix::fs::syncfs(&root).expect("it can be synced");
        let stat = rustix::fs::fstatvfs(&root).expect("it is mounted");
        stat.f_bfree * stat.f_frsize
    }
}

impl Drop for FileSystem {
    fn drop(&mut self) {
        // The loop device goes with the mount. What uses it may need a moment to let go.
        let umount = |options: &[&str]| tool("umount", options).arg(self.root()).status();
        if !umount(&["--quiet"]).is_ok_and(|status| status.success()) {
            let _ = umount(&["--lazy"]);
        }
    }
}
