//! Names of files: what can be done with them, and who else uses what they name.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, OFlags, RenameFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

/// Renames a file, unless there is one with the new name. Not all file systems
/// can do that.
pub fn rename_without_replacing(from: &Path, to: &Path) -> io::Result<()> {
    Ok(rustix::fs::renameat_with(
        CWD,
        from,
        CWD,
        to,
        RenameFlags::NOREPLACE,
    )?)
}

/// Makes the names in a directory permanent: a rename is permanent when its
/// directory is.
///
/// # Errors
///
/// The disk failed. That a directory cannot be synced, since the file system
/// does not do that or the program may not, is none.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    let harmless = [
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::PERM,
        Errno::ACCESS,
        Errno::BADF,
    ];
    match synced {
        Err(error) if is_one_of(&error, &harmless) => Ok(()),
        synced => synced,
    }
}

/// True if an error says that a file's length cannot be changed at all: those
/// that other programs show through FUSE may be as long as they are.
pub fn cannot_change_length(error: &io::Error) -> bool {
    let refused = [
        Errno::INVAL,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::PERM,
        Errno::ACCESS,
    ];
    is_one_of(error, &refused)
}

/// True if something is mounted on the file itself. False where the kernel
/// does not say.
pub fn is_mount_point(path: &Path) -> bool {
    let stat = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    stat.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Opens an existing file or device for writing, without changing it and
/// without waiting for somebody.
pub fn open_to_write(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)
}

/// True if somebody has the regular file open for writing: a loop device, a
/// virtual machine, another program. False where the kernel does not say.
pub fn is_open_for_writing(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    /// Chooses the signal that tells of others; `libc` does not have it.
    const F_SETSIG: libc::c_int = 10;
    let descriptor = file.as_raw_fd();
    // A lease for reading is refused if anybody could write. Who opens the
    // file while we have it would have us ended by SIGIO; SIGURG is ignored.
    // SAFETY: only numbers are passed.
    let refused = unsafe {
        libc::fcntl(descriptor, F_SETSIG, libc::SIGURG) == 0
            && libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_RDLCK) == -1
            && io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock
    };
    // SAFETY: only numbers are passed.
    unsafe { libc::fcntl(descriptor, libc::F_SETLEASE, libc::F_UNLCK) };
    refused
}

/// True if the program may not take the name from a file, though it may create
/// others beside: of a directory like /tmp, where each may remove only what is
/// theirs.
pub fn is_protected_by_directory(directory: &Path, file: &std::fs::Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid();
    let is_users = |metadata: &std::fs::Metadata| metadata.uid() == user.as_raw();
    let directory = directory.metadata();
    !user.is_root()
        && !is_users(file)
        && directory.is_ok_and(|found| found.mode() & STICKY != 0 && !is_users(&found))
}

fn is_one_of(error: &io::Error, errors: &[Errno]) -> bool {
    let found = error.raw_os_error();
    errors
        .iter()
        .any(|errno| found == Some(errno.raw_os_error()))
}
