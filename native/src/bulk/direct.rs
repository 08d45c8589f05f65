//! Direct I/O: reads and writes that bypass the kernel's cache.
//!
//! A copy reads its data once. Through the cache, it would push out what other
//! programs use, and cost another copy in memory. Data that is in the cache
//! already is read from there.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use positioned_io::{ReadAt, WriteAt};

use crate::device;

/// The least piece that is worth a command of its own to the disk: smaller
/// ones are better collected, or read ahead of, by the kernel.
const LEAST_PIECE: usize = 64 << 10;

/// No page of the kernel's cache is to hold bytes of direct writes and of
/// others.
pub(super) const PAGE: u64 = 4096;

/// Places that are looked at to tell how much is in the kernel's cache: enough
/// to tell none from half of it.
pub const PROBES: u64 = 64;

/// Whether the kernel has most of the bytes at these places in its cache.
pub fn is_mostly_cached(file: &File, places: impl Iterator<Item = u64>) -> bool {
    let (mut probes, mut cached) = (0_u64, 0_u64);
    for place in places {
        probes += 1;
        cached += u64::from(device::is_cached(file, place) == Some(true));
    }
    cached * 2 > probes
}

/// A second opening of a file or device, past the cache.
#[derive(Debug)]
pub struct DirectFile {
    file: File,
    /// What places, lengths and addresses in memory are multiples of.
    alignment: u64,
    /// False as soon as the file system turned out not to do it.
    works: AtomicBool,
}

impl DirectFile {
    /// None where it cannot be done.
    pub fn to_read(file: &File) -> Option<Self> {
        device::reopen_direct(file).map(|(file, alignment)| Self::new(file, alignment))
    }

    /// None where it cannot be done.
    pub fn to_write(file: &File) -> Option<Self> {
        let (file, alignment) = device::reopen_direct_to_write(file)?;
        Some(Self::new(file, alignment.max(PAGE)))
    }

    fn new(file: File, alignment: u64) -> Self {
        Self {
            file,
            alignment,
            works: AtomicBool::new(true),
        }
    }

    /// Fills `buf`, if that can be done here; None if not.
    pub fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<Option<()>> {
        if !self.takes(offset, buf) {
            return Ok(None);
        }
        self.settle(self.file.read_exact_at(offset, buf))
    }

    /// Reads what there is, if that can be done here; None if not.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<Option<usize>> {
        if !self.takes(offset, buf) {
            return Ok(None);
        }
        self.settle(self.file.read_at(offset, buf))
    }

    /// The part of `len` bytes at `offset` that is whole pages.
    pub fn whole_pages(&self, offset: u64, len: usize) -> Range<usize> {
        let before = offset.next_multiple_of(self.alignment) - offset;
        let after = (offset + len as u64) % self.alignment;
        let start = usize::try_from(before).unwrap_or(len).min(len);
        let end = len.saturating_sub(after as usize);
        start..end.max(start)
    }

    /// Writes all of `bytes`, if that can be done here; None if not.
    pub fn write_all_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<Option<()>> {
        if !self.takes(offset, bytes) {
            return Ok(None);
        }
        let written = self.file.write_all_at(offset, bytes);
        self.settle(written)
    }

    fn takes(&self, offset: u64, bytes: &[u8]) -> bool {
        let is_aligned = |number: u64| number.is_multiple_of(self.alignment);
        bytes.len() >= LEAST_PIECE
            && is_aligned(offset)
            && is_aligned(bytes.len() as u64)
            && is_aligned(bytes.as_ptr().addr() as u64)
            && self.works.load(Ordering::Relaxed)
    }

    /// Some file systems promise direct access and refuse it with EINVAL.
    fn settle<T>(&self, result: io::Result<T>) -> io::Result<Option<T>> {
        match result {
            Ok(done) => Ok(Some(done)),
            Err(error) if device::refuses_direct(&error) => {
                self.works.store(false, Ordering::Relaxed);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;
    use crate::bulk::aligned_buffer::AlignedBuffer;

    #[test]
    fn takes_whole_pages_only() {
        const LEAST: u64 = LEAST_PIECE as u64;
        let file = tempfile::tempfile().unwrap();
        let direct = DirectFile::new(file, PAGE);
        let buffer = AlignedBuffer::new(3 * LEAST_PIECE);
        // Where in the file, and which bytes of a buffer that begins at a page.
        let table: [(u64, Range<usize>, bool); 7] = [
            (0, 0..LEAST_PIECE, true),
            (LEAST, 4096..4096 + 2 * LEAST_PIECE, true),
            (512, 0..LEAST_PIECE, false),
            (0, 512..512 + LEAST_PIECE, false),
            (0, 0..LEAST_PIECE + 512, false),
            (0, 0..LEAST_PIECE - 4096, false),
            (LEAST + 1, 0..LEAST_PIECE, false),
        ];
        for (offset, bytes, expected) in table {
            let taken = direct.takes(offset, &buffer[bytes.clone()]);
            assert_eq!(taken, expected, "{offset}, {bytes:?}");
        }
    }

    #[test]
    fn whole_pages_of_a_piece() {
        let direct = DirectFile::new(tempfile::tempfile().unwrap(), PAGE);
        let table: [(u64, usize, Range<usize>); 6] = [
            (0, 8192, 0..8192),
            (4096, 10_000, 0..8192),
            (512, 10_000, 3584..7680),
            (512, 100, 100..100),
            (4095, 4097, 1..4097),
            (4095, 4096, 1..1),
        ];
        for (offset, len, expected) in table {
            assert_eq!(direct.whole_pages(offset, len), expected, "{offset}, {len}");
        }
    }

    #[test]
    fn is_given_up_when_refused() {
        let direct = DirectFile::new(tempfile::tempfile().unwrap(), PAGE);
        let buffer = AlignedBuffer::new(LEAST_PIECE);
        let refused = Errno::INVAL.raw_os_error();
        let refused = io::Error::from_raw_os_error(refused);
        assert!(direct.takes(0, &buffer));
        assert!(matches!(direct.settle::<()>(Err(refused)), Ok(None)));
        assert!(!direct.takes(0, &buffer));
    }
}
