//! Attributes of files, as `stat` gives them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{FileAttr, FileType, INodeNo};
use ntfsclone_core::tree::{Details, Kind};

use crate::device;

/// 100 ns from 1601 to 1970.
const UNIX_EPOCH_TICKS: u64 = 116_444_736_000_000_000;

const TICKS_PER_SECOND: u64 = 10_000_000;

/// Bytes of a block, of which `stat` counts those that are allocated.
pub(super) const BLOCK_BYTES: u64 = 512;

/// Who files belong to: the user who mounts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    pub(super) fn this_user() -> Self {
        let (user, group) = device::user_and_group();
        Self { user, group }
    }

    /// Attributes of a file of no bytes and no times.
    pub(super) fn attributes(self, inode: INodeNo, kind: FileType, permissions: u16) -> FileAttr {
        FileAttr {
            ino: inode,
            size: 0,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind,
            perm: permissions,
            // Of a directory: find takes it that the number of directories in it is unknown.
            nlink: 1,
            uid: self.user,
            gid: self.group,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    /// Attributes of a file of a volume.
    pub(super) fn attributes_of(self, inode: INodeNo, details: &Details) -> FileAttr {
        let kind = file_type(details.kind);
        let permissions = match kind {
            FileType::Symlink => 0o777,
            FileType::Directory => 0o555,
            _ => 0o444,
        };
        let links = match kind {
            FileType::Directory => 1,
            _ => u32::try_from(details.links).unwrap_or(u32::MAX).max(1),
        };
        FileAttr {
            size: details.size,
            blocks: details.allocated.div_ceil(BLOCK_BYTES),
            atime: time(details.times.accessed),
            mtime: time(details.times.modified),
            ctime: time(details.times.record_changed),
            crtime: time(details.times.created),
            nlink: links,
            ..self.attributes(inode, kind, permissions)
        }
    }
}

pub(super) fn file_type(kind: Kind) -> FileType {
    match kind {
        kind if kind.is_link() => FileType::Symlink,
        kind if kind.is_directory() => FileType::Directory,
        _ => FileType::RegularFile,
    }
}

/// A time of NTFS, in 100 ns since 1601.
fn time(ticks: u64) -> SystemTime {
    let duration = |ticks: u64| {
        let nanoseconds = (ticks % TICKS_PER_SECOND) as u32 * 100;
        Duration::new(ticks / TICKS_PER_SECOND, nanoseconds)
    };
    match ticks.checked_sub(UNIX_EPOCH_TICKS) {
        Some(after) => UNIX_EPOCH + duration(after),
        None => UNIX_EPOCH - duration(UNIX_EPOCH_TICKS - ticks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_before_and_after_1970() {
        assert_eq!(time(UNIX_EPOCH_TICKS), UNIX_EPOCH);
        let second = Duration::from_secs(1);
        let later = UNIX_EPOCH + second + Duration::from_nanos(100);
        assert_eq!(time(UNIX_EPOCH_TICKS + TICKS_PER_SECOND + 1), later);
        let earlier = UNIX_EPOCH - second;
        assert_eq!(time(UNIX_EPOCH_TICKS - TICKS_PER_SECOND), earlier);
        assert!(time(0) < earlier && time(u64::MAX) > later);
    }
}
