//! An NTFS volume mounted through ntfs-3g for as long as the guard lives.

use super::{program, scratch_directory};
use std::{
    fs::{self, File},
    io::{Read, Seek},
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Mount {
    directory: TempDir,
    /// `None` once unmounted.
    driver: Option<Child>,
}

impl Mount {
    /// Alternate streams appear as extended attributes `user.NAME`: the interface that can list them.
    pub(crate) fn read_only(volume: &Path) -> Self {
        Self::new(volume, "ro,streams_interface=xattr")
    }

    /// Encrypted files can be read, as they are on the volume.
    pub(crate) fn efs_raw(volume: &Path) -> Self {
        Self::new(volume, "ro,efs_raw,streams_interface=xattr")
    }

    pub(crate) fn read_write(volume: &Path) -> Self {
        Self::new(volume, "compression,streams_interface=xattr")
    }

    fn new(volume: &Path, options: &str) -> Self {
        let directory = scratch_directory();
        let outside = device_of(directory.path());
        // In the foreground, so that its end can be awaited: `umount` returns before the driver of a volume in a
        // file has written everything.
        let mut command = program::tool("ntfs-3g", ["-o", &format!("no_detach,{options}")]);
        command.arg(volume).arg(directory.path());
        // The driver comments on every full volume and missing attribute; that is of interest when it fails.
        let log = tempfile::tempfile().expect("cannot make a temporary file");
        let driver = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.try_clone().expect("cannot duplicate a file handle"))
            .spawn()
            .expect("cannot start ntfs-3g");
        let mut mount = Self {
            directory,
            driver: Some(driver),
        };
        let deadline = Instant::now() + PATIENCE;
        while device_of(mount.path()) == outside {
            let driver = mount.driver.as_mut().expect("set above");
            if let Some(status) = driver.try_wait().expect("cannot wait for ntfs-3g") {
                mount.driver = None;
                panic!(
                    "ntfs-3g does not mount {} ({options}): {status}\n{}",
                    volume.display(),
                    text_of(log)
                );
            }
            assert!(
                Instant::now() < deadline,
                "ntfs-3g takes too long to mount {}",
                volume.display()
            );
            thread::sleep(Duration::from_millis(5));
        }
        mount
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns when the volume is complete on its file or device.
    pub(crate) fn unmount(mut self) {
        let mut driver = self.driver.take().expect("only taken here and on drop");
        let mut umount = umount(self.path());
        // A program that looks around (an indexer, a shell) may hold it for a moment.
        let deadline = Instant::now() + PATIENCE;
        while !umount.status().is_ok_and(|status| status.success()) {
            assert!(
                Instant::now() < deadline,
                "cannot unmount {}",
                self.path().display()
            );
            thread::sleep(Duration::from_millis(100));
        }
        let status = driver.wait().expect("cannot wait for ntfs-3g");
        assert!(status.success(), "ntfs-3g ended with {status}");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let Some(mut driver) = self.driver.take() else {
            return;
        };
        let unmounted = umount(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            let _ = umount(self.path()).arg("--lazy").status();
            let _ = driver.kill();
        }
        let _ = driver.wait();
    }
}

/// A volume mounted by `mount -o loop`, the way a user does it.
pub(crate) struct LoopMount {
    directory: TempDir,
}

impl LoopMount {
    pub(crate) fn read_only(volume: &Path) -> Self {
        let directory = scratch_directory();
        let options = "loop,ro,streams_interface=xattr";
        let mut command = program::tool("mount", ["-t", "ntfs-3g", "-o", options]);
        command.arg(volume).arg(directory.path());
        program::succeed(command);
        Self { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for LoopMount {
    fn drop(&mut self) {
        // On a block device `umount` does wait for the driver, and the loop device goes with the mount.
        if !umount(self.path())
            .status()
            .is_ok_and(|status| status.success())
        {
            let _ = umount(self.path()).arg("--lazy").status();
        }
    }
}

fn umount(directory: &Path) -> Command {
    let mut command = program::tool("umount", [directory]);
    command.stderr(Stdio::null());
    command
}

fn text_of(mut log: File) -> String {
    let mut text = String::new();
    let read = log.rewind().and_then(|()| log.read_to_string(&mut text));
    read.map_or_else(|error| format!("its log cannot be read: {error}"), |_| text)
}

fn device_of(directory: &Path) -> Option<u64> {
    fs::metadata(directory).ok().map(|metadata| metadata.dev())
}
