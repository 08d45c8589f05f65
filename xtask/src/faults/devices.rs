//! Block devices: of a file, and some that fail.

use crate::{setup, step};
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A file as a block device, for as long as it lives.
pub(super) struct LoopDevice {
    path: PathBuf,
}

impl LoopDevice {
    pub(super) fn attach(file: &Path, options: &[&str]) -> Result<Self> {
        let losetup = setup::find("losetup").context("losetup is missing")?;
        let mut refusal = None;
        for attempt in 1..=20 {
            let mut command = Command::new(&losetup);
            command.args(["--find", "--show"]).args(options).arg(file);
            match step::read(&mut command) {
                Ok(path) => {
                    return Ok(Self {
                        path: path.trim().into(),
                    });
                }
                // Another process may take the device between the search and the attaching.
                Err(error) => refusal = Some(error),
            }
            thread::sleep(Duration::from_millis(20 * attempt));
        }
        Err(refusal.context("cannot attach a loop device")?)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup")
            .arg("--detach")
            .arg(&self.path)
            .status();
    }
}

/// What a device that fails is made with: nbdkit fails, nbdfuse makes a file of it, a loop device a device.
const TOOLS: [&str; 4] = ["nbdkit", "nbdfuse", "fusermount3", "blockdev"];

/// A file as a block device that fails as nbdkit is told, for as long as it lives.
pub(super) struct FailingDevice {
    /// Dropped before the file below it goes away.
    device: Option<LoopDevice>,
    nbdfuse: Child,
    folder: TempDir,
}

impl FailingDevice {
    pub(super) fn missing() -> Option<&'static str> {
        TOOLS.into_iter().find(|tool| setup::find(tool).is_none())
    }

    /// `filters` and `options` are nbdkit's.
    pub(super) fn new(file: &Path, filters: &[&str], options: &[String]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mount_point = folder.path().join("nbd");
        fs::create_dir(&mount_point)?;
        let path = mount_point.join("nbd");
        let nbdfuse = Command::new("nbdfuse")
            .arg(&path)
            .args(["--command", "nbdkit", "-s"])
            .args(filters.iter().map(|filter| format!("--filter={filter}")))
            .arg("file")
            .arg(file)
            .args(options)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start nbdfuse")?;
        let mut failing = Self {
            device: None,
            nbdfuse,
            folder,
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !path.exists() {
            ensure!(Instant::now() < deadline, "nbdfuse does not mount");
            thread::sleep(Duration::from_millis(10));
        }
        // Without its own cache and read-ahead a loop device asks for what it is asked for.
        let device = LoopDevice::attach(&path, &["--direct-io=on"])?;
        let mut command = Command::new("blockdev");
        command.args(["--setra", "0"]).arg(device.path());
        ensure!(step::succeeds(&mut command), "blockdev --setra fails");
        failing.device = Some(device);
        Ok(failing)
    }

    pub(super) fn path(&self) -> &Path {
        self.device.as_ref().expect("until it is dropped").path()
    }
}

impl Drop for FailingDevice {
    fn drop(&mut self) {
        self.device = None;
        let mount_point = self.folder.path().join("nbd");
        let _ = Command::new("fusermount3")
            .args(["-u", "-z"])
            .arg(mount_point)
            .status();
        // The loop device lets go of the file some time later: not waited for.
        let _ = self.nbdfuse.kill();
        let _ = self.nbdfuse.wait();
    }
}
