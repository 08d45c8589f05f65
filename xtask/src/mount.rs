//! A volume mounted through ntfs-3g, to be filled.

use crate::step;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

pub(crate) struct Mount {
    directory: tempfile::TempDir,
    driver: Child,
}

impl Mount {
    /// By ntfs-3g, or by a command that runs it under conditions of its own.
    pub(crate) fn new(mut ntfs_3g: Command, volume: &Path) -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let outside = fs::metadata(directory.path())?.dev();
        let driver = ntfs_3g
            // In the foreground: the volume is complete when the driver ends, not when `umount` does.
            .args(["-o", "no_detach,compression,streams_interface=xattr"])
            .args([volume, directory.path()])
            .spawn()
            .context("cannot start ntfs-3g")?;
        let mount = Self { directory, driver };
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::metadata(mount.directory.path())?.dev() == outside {
            ensure!(
                Instant::now() < deadline,
                "ntfs-3g does not mount the volume"
            );
            thread::sleep(Duration::from_millis(10));
        }
        Ok(mount)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn unmount(mut self) -> Result<()> {
        step::run(Command::new("umount").arg(self.directory.path()))?;
        let status = self.driver.wait()?;
        ensure!(status.success(), "ntfs-3g ended with {status}");
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // After a failure: leave neither a mount nor a process behind.
        if matches!(self.driver.try_wait(), Ok(None)) {
            let _ = Command::new("umount")
                .arg("--lazy")
                .arg(self.directory.path())
                .status();
            let _ = self.driver.kill();
            let _ = self.driver.wait();
        }
    }
}
