//! Files and their names: what they are, who may use them, who else does.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FlockOperation, Gid, OFlags, RenameFlags, StatxAttributes, StatxFlags, Uid,
};
use rustix::io::Errno;

use super::errors::is_one_of;

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    File,
    Directory,
    BlockDevice,
    /// A terminal, `/dev/null`, a tape.
    CharacterDevice,
    /// A pipe with a name or without one, or a socket.
    Pipe,
    /// A link that was not followed.
    Link,
}

impl FileKind {
    /// True for what has a size, and whose bytes can be read in any order.
    pub fn is_file_or_disk(self) -> bool {
        matches!(self, Self::File | Self::BlockDevice)
    }
}

pub fn file_kind(metadata: &Metadata) -> FileKind {
    let kind = metadata.file_type();
    if kind.is_dir() {
        FileKind::Directory
    } else if kind.is_block_device() {
        FileKind::BlockDevice
    } else if kind.is_char_device() {
        FileKind::CharacterDevice
    } else if kind.is_fifo() || kind.is_socket() {
        FileKind::Pipe
    } else if kind.is_symlink() {
        FileKind::Link
    } else {
        FileKind::File
    }
}

/// Whether it is a terminal or a console. It is not opened for that: some devices
/// begin to act when they are.
pub fn is_terminal(metadata: &Metadata) -> bool {
    // Documentation/admin-guide/devices.txt: consoles and serial lines, /dev/tty and
    // /dev/console, and both sides of pseudo terminals.
    let major = rustix::fs::major(metadata.rdev());
    let is_terminal = matches!(major, 4 | 5 | 136..=143);
    file_kind(metadata) == FileKind::CharacterDevice && is_terminal
}

/// Bytes that a file takes on its disk, without its holes.
pub fn allocated_size(metadata: &Metadata) -> u64 {
    // By stat(2), whatever the blocks of the file system.
    const BLOCK: u64 = 512;
    metadata.blocks() * BLOCK
}

/// When bytes or attributes of a file were changed last. Programs can set the
/// time of the last write back, but not this one.
pub fn change_time(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// The bytes of a name, as other programs print it.
pub fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// Who may read and write a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode(u32);

impl Mode {
    /// Its owner alone.
    pub const OWNER: Self = Self(0o600);

    /// Everybody, less what the umask takes: as of any new file.
    pub const BY_UMASK: Self = Self(0o666);

    /// Who may read or write the file with this `metadata`.
    pub fn of(metadata: &Metadata) -> Self {
        Self(metadata.permissions().mode() & 0o666)
    }
}

/// Creates a file for reading and writing, never through a link.
///
/// # Errors
///
/// Of kind [`io::ErrorKind::AlreadyExists`]: something has that name.
pub fn create_new(path: &Path, mode: Mode) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).mode(mode.0);
    options.open(path)
}

/// Gives a new file the owner and the mode of the one that it replaces, as far
/// as may be: only root can give files away.
pub fn take_over_access(file: &File, old: &Metadata) {
    let (owner, group) = (Uid::from_raw(old.uid()), Gid::from_raw(old.gid()));
    let is_group_same = rustix::fs::fchown(file, None, Some(group)).is_ok();
    let _ = rustix::fs::fchown(file, Some(owner), None);
    let mut mode = old.permissions().mode() & 0o777;
    if !is_group_same {
        // Another group gets what others get.
        mode = (mode & 0o707) | ((mode & 0o007) << 3);
    }
    let _ = file.set_permissions(fs::Permissions::from_mode(mode));
}

/// Bytes that can be written to the file system of `directory`.
pub fn free_space(directory: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(directory)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Whether a file lies on NTFS, or on a file system of FUSE, as which ntfs-3g mounts it.
pub fn may_be_on_ntfs(file: &File) -> bool {
    // NTFS3_SUPER_MAGIC, NTFS_SB_MAGIC and FUSE_SUPER_MAGIC of the kernel.
    const MAGICS: [u32; 3] = [0x7366_746E, 0x5346_544E, 0x6573_5546];
    let stat = rustix::fs::fstatfs(file);
    stat.is_ok_and(|stat| MAGICS.contains(&(stat.f_type as u32)))
}

/// Keeps others from writing to a file at the same time; false if somebody
/// else does already. Ends with the file.
pub fn lock(file: &File) -> bool {
    // Not all file systems know locks.
    let locked = rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive);
    locked != Err(Errno::WOULDBLOCK)
}

/// Opens a regular file for reading. What else has that name is not waited for.
///
/// # Errors
///
/// Of kind [`io::ErrorKind::InvalidInput`]: it is not a regular file.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // To open some devices is enough to have an effect.
    if !fs::metadata(path)?.is_file() {
        return Err(refused());
    }
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let mut options = OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    // It may be another one by now.
    if !file.metadata()?.is_file() {
        return Err(refused());
    }
    Ok(file)
}

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

/// True if something is mounted on the file itself. False where the kernel
/// does not say.
pub fn is_mount_point(path: &Path) -> bool {
    let stat = rustix::fs::statx(CWD, path, AtFlags::empty(), StatxFlags::empty());
    stat.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// True for a folder that holds the nodes of devices: the file system at /dev, but
/// none that is mounted in it.
pub fn is_device_folder(folder: &Path) -> bool {
    let id = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.dev());
    let (Ok(folder), Ok(nodes)) = (fs::canonicalize(folder), fs::canonicalize("/dev")) else {
        return false;
    };
    let of_nodes = id(&nodes);
    let is_its_own = of_nodes != id(Path::new("/"));
    id(&folder) == of_nodes && (is_its_own || folder.starts_with(&nodes))
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

/// Writes all of `bytes` at `offset` of a file that several threads write to.
pub fn write_all_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    FileExt::write_all_at(file, bytes, offset)
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
pub fn is_protected_by_directory(directory: &Path, file: &Metadata) -> bool {
    const STICKY: u32 = 0o1000;
    let user = rustix::process::geteuid();
    let is_users = |metadata: &Metadata| metadata.uid() == user.as_raw();
    let directory = directory.metadata();
    !user.is_root()
        && !is_users(file)
        && directory.is_ok_and(|found| found.mode() & STICKY != 0 && !is_users(&found))
}
