//! Files that share blocks on the disk (reflinks).

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsRawFd;

use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

const FICLONERANGE: Opcode = opcode::write::<FileCloneRange>(0x94, 13);

/// `struct file_clone_range` of the kernel.
#[repr(C)]
struct FileCloneRange {
    src_fd: i64,
    src_offset: u64,
    src_length: u64,
    dest_offset: u64,
}

/// Lets `target` have the bytes of `source` in `range` at the same place, on
/// the same room on the disk, until either file is written to there. Its ends
/// must be multiples of [`share_unit`]. Where that cannot be done, a part of
/// the range may be shared all the same.
pub fn share_range(source: &File, target: &File, range: Range<u64>) -> io::Result<()> {
    if range.is_empty() {
        // To the kernel no length is all that follows.
        return Ok(());
    }
    let request = FileCloneRange {
        src_fd: source.as_raw_fd().into(),
        src_offset: range.start,
        src_length: range.end - range.start,
        dest_offset: range.start,
    };
    // SAFETY: number and structure are those of `linux/fs.h`; the kernel reads
    // the structure, which lives until the call returns, and writes to no
    // memory of this process. `source` is open meanwhile.
    unsafe { ioctl(target, Setter::<FICLONERANGE, _>::new(request)) }?;
    Ok(())
}

/// What the places of ranges that files share must be multiples of: the blocks
/// of the file system, as far as it tells.
pub fn share_unit(file: &File) -> io::Result<u64> {
    Ok(rustix::fs::fstatvfs(file)?.f_bsize.max(1))
}
