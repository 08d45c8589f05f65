//! Holes of files.

use std::fs::File;
use std::io;
use std::ops::Range;

use ntfsclone_core::io::Allocation;
use rustix::fs::{FallocateFlags, SeekFrom, fallocate, seek};
use rustix::io::Errno;

/// Whether there is a hole at `offset` of a regular file, and how long it or the content is.
/// Content, where the file system does not know. Moves the position of the file.
pub fn allocation_at(file: &File, offset: u64, size: u64) -> Allocation {
    let left = size.saturating_sub(offset);
    let len_to = |end: u64| end.saturating_sub(offset).min(left);
    match seek(file, SeekFrom::Data(offset)) {
        Ok(start) if start > offset => Allocation::Hole { len: len_to(start) },
        Ok(_) => match seek(file, SeekFrom::Hole(offset)) {
            Ok(end) if end > offset => Allocation::Stored { len: len_to(end) },
            _ => Allocation::Stored { len: left },
        },
        // No content follows.
        Err(Errno::NXIO) => Allocation::Hole { len: left },
        Err(_) => Allocation::Stored { len: left },
    }
}

/// Makes a hole of `range`, which reads as zeros and takes no space. Its length stays.
///
/// # Errors
///
/// Of kind [`io::ErrorKind::Unsupported`]: the file system has no holes.
pub fn punch(file: &File, range: Range<u64>) -> io::Result<()> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    fallocate(file, flags, range.start, range.end - range.start)?;
    Ok(())
}
