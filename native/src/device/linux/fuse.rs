//! What the kernel and its tools know of mounts by FUSE.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::mount::UnmountFlags;

/// Detaches what is mounted on `directory`, also while it is in use. Programs that have files of it open get errors
/// when this process has ended.
pub fn detach(directory: &Path) {
    if rustix::mount::unmount(directory, UnmountFlags::DETACH).is_ok() {
        return;
    }
    // Without root's rights.
    let arguments = ["-u", "-q", "-z", "--"];
    for program in ["fusermount3", "fusermount"] {
        let mut command = Command::new(program);
        command.args(arguments).arg(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        if command.stderr(Stdio::null()).status().is_ok() {
            return;
        }
    }
}

/// Has the kernel read so many bytes ahead on the file system at `directory`. Only root may: others keep the
/// 128 KiB that it starts with.
pub fn set_read_ahead(directory: &Path, bytes: u64) {
    let Ok(status) = rustix::fs::stat(directory) else {
        return;
    };
    let (major, minor) = (
        rustix::fs::major(status.st_dev),
        rustix::fs::minor(status.st_dev),
    );
    let setting = format!("/sys/class/bdi/{major}:{minor}/read_ahead_kb");
    // Without it, reads are slower.
    let _ = fs::write(setting, (bytes / 1024).to_string());
}

/// Whether the kernel has FUSE.
pub fn has_fuse() -> bool {
    Path::new("/dev/fuse").exists()
}

/// The user and group that this process runs as.
pub fn user_and_group() -> (u32, u32) {
    let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
    (user.as_raw(), group.as_raw())
}
