//! A file as a block device for as long as the guard lives.

use super::program;
use std::{
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

pub(crate) struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    pub(crate) fn attach(file: &Path) -> Self {
        Self::with_sector_size(file, 512)
    }

    pub(crate) fn with_sector_size(file: &Path, sector_size: u64) -> Self {
        Self::with_options(file, &["--sector-size", &sector_size.to_string()])
    }

    pub(crate) fn attach_read_only(file: &Path) -> Self {
        Self::with_options(file, &["--read-only"])
    }

    pub(crate) fn unbuffered(file: &Path) -> Self {
        Self::with_options(file, &["--direct-io=on"])
    }

    fn with_options(file: &Path, options: &[&str]) -> Self {
        let mut refusal = String::new();
        for attempt in 1..=20 {
            let mut command = program::tool("losetup", ["--find", "--show"]);
            command.args(options).arg(file);
            let output = program::finish(command);
            if output.status.success() {
                let path = String::from_utf8(output.stdout).expect("losetup prints a path");
                return Self {
                    path: path.trim().into(),
                };
            }
            refusal = program::printed(&output);
            // Another process may take the device between the search and the attaching.
            thread::sleep(Duration::from_millis(20 * attempt));
        }
        panic!("cannot attach {}: {refusal}", file.display());
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let mut command = program::tool("losetup", ["--detach"]);
        let _ = command.arg(&self.path).status();
    }
}
