//! Holes of files.

use std::fs::File;

use ntfsclone_core::io::Allocation;
use rustix::fs::{SeekFrom, seek};
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
