//! Reads and writes past the kernel's page cache, and what is in it.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use rustix::fs::{Advice, AtFlags, FallocateFlags, OFlags, StatxFlags};
use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags};

use super::errors::is_one_of;

/// Opens a device or file for reading past the kernel's cache, and tells what
/// the places and lengths of reads must be multiples of. None where that
/// cannot be done.
pub fn open_direct(path: &Path) -> Option<(File, u64)> {
    open(path, OpenOptions::new().read(true))
}

/// As [`open_direct`], what is open already.
pub fn reopen_direct(file: &File) -> Option<(File, u64)> {
    open(&path_of(file), OpenOptions::new().read(true))
}

/// As [`reopen_direct`], for writing.
pub fn reopen_direct_to_write(file: &File) -> Option<(File, u64)> {
    open(&path_of(file), OpenOptions::new().write(true))
}

/// By this name the very same file is opened, whatever became of its own.
fn path_of(file: &File) -> PathBuf {
    Path::new("/proc/self/fd").join(file.as_raw_fd().to_string())
}

fn open(path: &Path, options: &mut OpenOptions) -> Option<(File, u64)> {
    let direct = OFlags::DIRECT.bits().cast_signed();
    let file = options.custom_flags(direct).open(path).ok()?;
    if file.metadata().ok()?.file_type().is_block_device() {
        let sector = rustix::fs::ioctl_blksszget(&file).ok()?;
        return Some((file, sector.into()));
    }
    let flags = StatxFlags::DIOALIGN;
    let stat = rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, flags).ok()?;
    // Zero where the file system does not know direct reads.
    let sector = u64::from(stat.stx_dio_offset_align.max(stat.stx_dio_mem_align));
    sector.is_power_of_two().then_some((file, sector))
}

/// Whether the kernel has the byte at `offset` in its cache; None where it
/// does not tell. Nothing is read for that.
pub fn is_cached(file: &File, offset: u64) -> Option<bool> {
    let page = rustix::param::page_size();
    let start = offset - offset % page as u64;
    let (protection, flags) = (ProtFlags::READ, MapFlags::SHARED);
    // SAFETY: a new mapping at an address of the kernel's choice, of which
    // nothing is read or written: that could fail with a signal.
    let mapping = unsafe { rustix::mm::mmap(null_mut(), page, protection, flags, file, start) };
    let mapping = mapping.ok()?;
    let mut state = 0_u8;
    // SAFETY: the mapping is one page, for which one byte of state is written.
    let told = unsafe { libc::mincore(mapping, page, &raw mut state) };
    // SAFETY: nobody else knows of the mapping.
    let unmapped = unsafe { rustix::mm::munmap(mapping, page) };
    (told == 0 && unmapped.is_ok()).then_some(state & 1 == 1)
}

/// Tells the kernel that reading ahead of what is asked for does not pay.
pub fn expect_random_reads(file: &File) {
    // Advice only.
    let _ = rustix::fs::fadvise(file, 0, None, Advice::Random);
}

/// Begins to write to the disk what the kernel has in its cache for the file.
/// Left alone it waits until much is there, and then stops who writes.
///
/// # Errors
///
/// Something could not be written, and may be lost. A file that cannot be
/// written ahead, as a pipe, is not an error.
pub fn begin_writeback(file: &File) -> std::io::Result<()> {
    // SAFETY: only numbers are passed; 0 bytes are all up to the end.
    let begun =
        unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) };
    if begun == 0 {
        return Ok(());
    }
    let error = std::io::Error::last_os_error();
    // The kernel reports a lost write once: a sync later need not fail.
    if is_one_of(&error, &[Errno::IO, Errno::NOSPC, Errno::DQUOT]) {
        return Err(error);
    }
    Ok(())
}

/// Allocates the first `len` bytes of a file on the disk.
pub fn allocate(file: &mut File, len: u64) -> std::io::Result<()> {
    match rustix::fs::fallocate(&*file, FallocateFlags::empty(), 0, len) {
        // Not all file systems can: what is written is allocated.
        Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
            std::io::copy(&mut std::io::repeat(0).take(len), file)?;
            file.sync_all()
        }
        allocated => Ok(allocated?),
    }
}

/// Makes the kernel forget what it has in its cache for the file, once that is
/// on the disk: what is read then is what is there. False if it may not be
/// asked to, as in a sandbox.
pub fn forget_cached(file: &File) -> std::io::Result<bool> {
    file.sync_all()?;
    Ok(rustix::fs::fadvise(file, 0, None, Advice::DontNeed).is_ok())
}

/// Makes the kernel forget what it read of these bytes, and of those around
/// them, so that the next read asks the disk.
pub fn drop_cached(file: &File, bytes: Range<u64>) {
    // Whole pages only are dropped, and large folios as a whole.
    const AROUND: u64 = 4 << 20;
    let start = bytes.start.saturating_sub(AROUND) / AROUND * AROUND;
    let len = NonZeroU64::new(bytes.end + AROUND - start);
    // Advice only.
    let _ = rustix::fs::fadvise(file, start, len, Advice::DontNeed);
}
