//! A block device that does not hold what was written to it, for as long as the guard lives.

use super::{loop_device::LoopDevice, program, requirements::Need};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// What it is made with: nbdkit lies, nbdfuse makes a file of it, a loop device a device.
pub(crate) const LYING_DEVICES: &[Need] = super::failing_device::FAILING_DEVICES;

pub(crate) struct LyingDevice {
    /// Dropped before the file below it goes away.
    device: Option<LoopDevice>,
    nbdfuse: Child,
    folder: TempDir,
}

impl LyingDevice {
    /// A device of zeros that writes nothing at all where a request covers byte `lost`.
    pub(crate) fn new(length: u64, lost: u64) -> Self {
        Self::with(length, |name, command| {
            command.arg("eval");
            command.arg(format!("get_size=echo {length}"));
            command.arg(format!(
                "pread=dd if={name} skip=$4 count=$3 iflag=skip_bytes,count_bytes status=none"
            ));
            command.arg(format!(
                "pwrite=if [ $4 -le {lost} ] && [ $(($4 + $3)) -gt {lost} ]; then cat >/dev/null; \
                 else dd of={name} seek=$4 oflag=seek_bytes conv=notrunc status=none; fi"
            ));
            command.args(["can_write=exit 0", "can_flush=exit 0", "flush=exit 0"]);
        })
    }

    /// A device of zeros that fails to write as long as there is a file `when`: the kernel, which took the bytes before,
    /// says so at the next sync, and at no other.
    pub(crate) fn losing_writes(length: u64, when: &Path) -> Self {
        Self::with(length, |name, command| {
            command.args(["--filter=error", "file", name]);
            command.args(["error-pwrite=EIO", "error-pwrite-rate=100%"]);
            command.arg(format!("error-file={}", when.display()));
        })
    }

    /// A device with its content in a file, whose name `arguments` gets.
    fn with(length: u64, arguments: impl FnOnce(&str, &mut Command)) -> Self {
        let folder = super::scratch_directory();
        let file = folder.path().join("content");
        fs::write(&file, vec![0; length as usize]).expect("there is room");
        let mount_point = folder.path().join("nbd");
        fs::create_dir(&mount_point).expect("cannot make a mount point");
        let path = mount_point.join("nbd");

        let mut command = program::tool("nbdfuse", [&path]);
        command.args(["--command", "nbdkit", "-s"]);
        arguments(file.to_str().expect("an ordinary path"), &mut command);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let nbdfuse = command.spawn().expect("cannot start nbdfuse");
        let mut lying = Self {
            device: None,
            nbdfuse,
            folder,
        };
        let patience = Instant::now() + Duration::from_secs(20);
        while !path.exists() {
            assert!(Instant::now() < patience, "nbdfuse does not mount");
            thread::sleep(Duration::from_millis(20));
        }
        lying.device = Some(LoopDevice::unbuffered(&path));
        lying
    }

    pub(crate) fn path(&self) -> &Path {
        self.device.as_ref().expect("until it is dropped").path()
    }
}

impl Drop for LyingDevice {
    fn drop(&mut self) {
        self.device = None;
        let mut command = program::tool("fusermount3", ["-u", "-z"]);
        let _ = command.arg(self.folder.path().join("nbd")).status();
        // The loop device lets go of the file some time later: not waited for.
        let _ = self.nbdfuse.kill();
        let _ = self.nbdfuse.wait();
    }
}
