//! Where the files lie while programs are measured.

use crate::step;
use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    fs, io,
    path::{Path, PathBuf},
    process, thread,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    /// Files in memory: what the programs themselves cost
    Memory,
    /// Files on the disk, none of them in the cache: what a user waits for
    Disk,
}

/// A folder for the outputs of one run of the bench, removed with it.
pub(super) struct Folder {
    path: PathBuf,
}

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Disk => "disk",
        }
    }

    /// Makes every run begin alike. On the disk that takes an empty cache, for which the kernel asks for root.
    pub(super) fn settle(self) -> Result<()> {
        if self == Self::Disk {
            rustix::fs::sync();
            fs::write("/proc/sys/vm/drop_caches", "3").context(
                "cannot empty the disk cache: measure on the disk as root, or with --place memory",
            )?;
        }
        Ok(())
    }

    fn root(self) -> PathBuf {
        match self {
            Self::Memory => PathBuf::from("/dev/shm"),
            Self::Disk => step::target_directory().join("bench"),
        }
    }
}

impl Folder {
    const PREFIX: &str = "ntfsclone-bench-";

    pub(super) fn new(place: Place) -> Result<Self> {
        let root = place.root();
        fs::create_dir_all(&root)?;
        Self::remove_leftovers(&root)?;
        let path = Self::path(place);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self { path })
    }

    fn path(place: Place) -> PathBuf {
        place
            .root()
            .join(format!("{}{}", Self::PREFIX, process::id()))
    }

    /// Files in memory would hold gigabytes of it until the next run.
    pub(super) fn remove_when_interrupted() -> Result<()> {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
        thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                for place in [Place::Memory, Place::Disk] {
                    let _ = fs::remove_dir_all(Self::path(place));
                }
                process::exit(128 + signal);
            }
        });
        Ok(())
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What a run leaves that was killed.
    fn remove_leftovers(root: &Path) -> Result<()> {
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(process) = name
                .to_str()
                .and_then(|name| name.strip_prefix(Self::PREFIX))
            else {
                continue;
            };
            if !Path::new("/proc").join(process).exists() {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // The next run tries again.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Fails when the machine has less memory free than that: else the kernel would end whom it likes.
pub(super) fn ensure_memory(bytes: u64) -> Result<()> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let available = meminfo(&text, "MemAvailable:").context("no MemAvailable in /proc/meminfo")?;
    ensure!(
        available >= bytes,
        "{} MiB of memory are free, {} MiB are needed; --place disk needs none",
        available >> 20,
        bytes >> 20
    );
    Ok(())
}

/// In bytes.
pub(super) fn meminfo(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Removes what may not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
