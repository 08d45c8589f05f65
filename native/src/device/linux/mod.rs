//! Linux: mounts, loop devices, device-mapper, exclusive opens.

mod cache;
mod discard;
mod memory;
mod mounts;
mod names;
mod reflink;
mod signals;

pub use cache::{
    allocate, begin_writeback, drop_cached, expect_random_reads, forget_cached, is_cached,
    open_direct, reopen_direct, reopen_direct_to_write,
};
pub use discard::{discard, discard_unit};
pub use memory::{fit_in_address_space, try_zeros, usable_memory};
pub use mounts::{Mount, OtherUse, mounts, other_use};
pub use names::{
    cannot_change_length, is_mount_point, is_open_for_writing, is_protected_by_directory,
    open_to_write, rename_without_replacing, sync_directory,
};
pub use reflink::{share_range, share_unit};
pub use signals::{delay_abort, handled_signals, other_ending_signals};

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use rustix::process::Resource;

/// What two names of one device or file have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceId {
    /// Major and minor number of a block device.
    Block(u32, u32),
    /// Device and inode of a file.
    File(u64, u64),
}

pub fn device_id(metadata: &Metadata) -> DeviceId {
    match metadata.file_type().is_block_device() {
        true => {
            let number = metadata.rdev();
            DeviceId::Block(rustix::fs::major(number), rustix::fs::minor(number))
        }
        false => DeviceId::File(metadata.dev(), metadata.ino()),
    }
}

/// Whether writing to one changes the other: they are the same, or one lies
/// upon the other.
pub fn overlap(a: &Metadata, b: &Metadata) -> bool {
    let (a, b) = (device_id(a), device_id(b));
    related(a).contains(&b) || related(b).contains(&a)
}

/// True if a loop device shows the file, or a part of it.
pub fn is_behind_loop_device(metadata: &Metadata) -> bool {
    let id = device_id(metadata);
    loop_devices().iter().any(|device| device.backing == id)
}

/// Whether they are two names of one device or file.
pub fn is_same(a: &Metadata, b: &Metadata) -> bool {
    device_id(a) == device_id(b)
}

/// The error of a read of a bad sector.
pub fn bad_sector() -> io::Error {
    Errno::IO.into()
}

/// True for the errors by which the kernel says that a place of a device
/// cannot be read: `blk_status_to_errno` in its block layer. Reads through its
/// cache give EIO for all of them.
pub fn is_bad_sector(error: &io::Error) -> bool {
    let bad = [
        Errno::IO,
        // A medium error, a target error, a failed integrity check, a timeout.
        Errno::NODATA,
        Errno::REMOTEIO,
        Errno::ILSEQ,
        Errno::TIMEDOUT,
    ];
    let found = error.raw_os_error();
    bad.iter().any(|errno| found == Some(errno.raw_os_error()))
}

/// True if a block device was taken away after it was opened.
pub fn is_gone(metadata: &Metadata) -> bool {
    match device_id(metadata) {
        // Where /sys is not mounted, that is not known.
        DeviceId::Block(major, minor) => {
            let folder = Path::new("/sys/dev/block");
            folder.exists() && !folder.join(format!("{major}:{minor}")).exists()
        }
        DeviceId::File(..) => false,
    }
}

/// The device of the partition with this number of a disk, if that is a device
/// and the kernel knows its partitions.
pub fn partition_node(disk: &Metadata, number: u32) -> Option<PathBuf> {
    let DeviceId::Block(major, minor) = device_id(disk) else {
        return None;
    };
    let folder = PathBuf::from(format!("/sys/dev/block/{major}:{minor}"));
    let entries = fs::read_dir(folder).ok()?.flatten();
    let partition = entries.map(|entry| entry.path()).find(|path| {
        let text = fs::read_to_string(path.join("partition"));
        text.is_ok_and(|text| text.trim() == number.to_string())
    })?;
    let node = Path::new("/dev").join(partition.file_name()?);
    node.exists().then_some(node)
}

/// Lets this process have so many more files open, if it may.
pub fn allow_open_files(count: usize) {
    const OTHERS: u64 = 64;
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    let needed = (count as u64).saturating_add(OTHERS);
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit.maximum.map(|most| most.min(needed)).or(Some(needed));
        // Where it may not, the files that cannot be opened say so.
        let _ = rustix::process::setrlimit(Resource::Nofile, limit);
    }
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
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(refused()),
    }
}

/// Opens a block device for reading and writing, if nobody else uses it: the kernel
/// refuses one that is mounted, swapped to, or part of another device.
pub fn open_exclusively(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlags::EXCL.bits().cast_signed())
        .open(path)
}

/// True if the kernel refuses every write to the block device, which it does
/// not say when it is opened.
pub fn is_read_only(device: &File) -> bool {
    let Ok(DeviceId::Block(major, minor)) = device.metadata().map(|data| device_id(&data)) else {
        return false;
    };
    let text = fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/ro"));
    text.is_ok_and(|text| text.trim() == "1")
}

/// What is behind an open file of which there is no path.
pub fn metadata_of(file: impl AsFd) -> io::Result<Metadata> {
    File::from(file.as_fd().try_clone_to_owned()?).metadata()
}

/// True if a sync failed only because there is nothing to sync: of pipes,
/// terminals and the like.
pub fn cannot_sync(error: &io::Error) -> bool {
    let harmless = [Errno::INVAL, Errno::NOTSUP, Errno::ROFS];
    harmless
        .map(|errno| Some(errno.raw_os_error()))
        .contains(&error.raw_os_error())
}

/// True if the program was started without a standard output. Rust's runtime
/// then opens /dev/null in its place, for reading and writing, as no shell
/// does: what is written there would be lost without a word.
pub fn is_stdout_closed() -> bool {
    let stdout = io::stdout();
    let Ok(flags) = rustix::fs::fcntl_getfl(&stdout) else {
        return true;
    };
    let Ok(stat) = rustix::fs::fstat(&stdout) else {
        return true;
    };
    let is_null = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_char_device()
        && stat.st_rdev == rustix::fs::makedev(1, 3);
    is_null && flags.contains(OFlags::RDWR)
}

/// Bytes that can be written to the file system of `directory`.
pub fn free_space(directory: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(directory)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// The device itself and all that shares its bytes.
fn related(id: DeviceId) -> BTreeSet<DeviceId> {
    let loops = loop_devices();
    let mut found = BTreeSet::new();
    let mut left = vec![id];
    // The file below a loop device that shows all of it.
    let below = loops
        .iter()
        .find(|device| device.id == id && device.is_whole);
    left.extend(below.map(|device| device.backing));
    while let Some(id) = left.pop() {
        if !found.insert(id) {
            continue;
        }
        left.extend(
            loops
                .iter()
                .filter(|device| device.backing == id)
                .map(|device| device.id),
        );
        left.extend(holders_of(id));
        left.extend(partitions_of(id));
    }
    found
}

struct LoopDevice {
    id: DeviceId,
    backing: DeviceId,
    /// The device shows its file from the first byte to the last.
    is_whole: bool,
}

fn loop_devices() -> Vec<LoopDevice> {
    let folders = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let devices = folders.filter_map(|folder| {
        let folder = folder.path();
        let text = |name: &str| fs::read_to_string(folder.join("loop").join(name)).ok();
        let backing = text("backing_file")?;
        let backing = fs::metadata(backing.trim_end_matches('\n')).ok()?;
        let is_zero = |name| text(name).is_none_or(|text| text.trim() == "0");
        Some(LoopDevice {
            id: block_id_of(&folder)?,
            backing: device_id(&backing),
            is_whole: is_zero("offset") && is_zero("sizelimit"),
        })
    });
    devices.collect()
}

/// Devices that are made of this one, such as those of device-mapper.
fn holders_of(id: DeviceId) -> Vec<DeviceId> {
    let holders = entries_of(id, "holders");
    holders
        .iter()
        .filter_map(|path| block_id_of(path))
        .collect()
}

fn partitions_of(id: DeviceId) -> Vec<DeviceId> {
    let entries = entries_of(id, "");
    let partitions = entries
        .iter()
        .filter(|path| path.join("partition").exists());
    partitions.filter_map(|path| block_id_of(path)).collect()
}

/// What the kernel lists in a folder of a block device.
fn entries_of(id: DeviceId, folder: &str) -> Vec<PathBuf> {
    let DeviceId::Block(major, minor) = id else {
        return Vec::new();
    };
    let folder = format!("/sys/dev/block/{major}:{minor}/{folder}");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn block_id_of(folder: &Path) -> Option<DeviceId> {
    parse_block_id(&fs::read_to_string(folder.join("dev")).ok()?)
}

/// `8:1`.
fn parse_block_id(text: &str) -> Option<DeviceId> {
    let (major, minor) = text.trim().split_once(':')?;
    Some(DeviceId::Block(major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn block_ids() {
        assert_eq!(parse_block_id("8:17\n"), Some(DeviceId::Block(8, 17)));
        assert_eq!(parse_block_id("8"), None);
    }
}
