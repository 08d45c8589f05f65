//! Sharing the room of a file's blocks on the disk, instead of copying them.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use ntfsclone_core::ntfs::boot_sector::BOOT_SECTOR_BYTES;

use crate::device;
use crate::host::signals::{self, Unfinished};

/// Bytes shared at once, so that an interruption need not wait for all.
const STEP: u64 = 256 << 20;

/// Which bytes of two files of one length are shared. Whole blocks are; what
/// is less, and where there may be a new serial number, is left to be copied.
#[derive(Debug, Clone, Copy)]
pub struct Sharing {
    /// Bytes of a block.
    block: u64,
    /// Where it ended: what comes after it is left, too.
    end: u64,
}

impl Sharing {
    /// Tries whether new files in the directory can share blocks of `source`:
    /// no file system tells in any other way.
    pub fn try_in(directory: &Path, source: &File) -> Option<Self> {
        let shared = || {
            let file = tempfile::tempfile_in(directory).ok()?;
            let block = device::share_unit(&file).ok()?;
            device::share_range(source, &file, 0..block).ok()?;
            Some(Self { block, end: 0 })
        };
        // Where the file needs a name, an interruption waits until it is gone.
        signals::begin(|| Ok((shared(), Unfinished::Nothing))).ok()?
    }

    /// Shares what can be of the bytes in ascending `ranges`, until something of
    /// them cannot be. Calls `done` with the number of bytes of each step.
    pub fn share(
        &mut self,
        source: &File,
        target: &File,
        ranges: impl Iterator<Item = Range<u64>>,
        mut done: impl FnMut(u64),
    ) {
        for range in ranges {
            if !self.share_range(source, target, &range, &mut done) {
                break;
            }
        }
    }

    fn share_range(
        &mut self,
        source: &File,
        target: &File,
        range: &Range<u64>,
        done: &mut impl FnMut(u64),
    ) -> bool {
        let whole = self.whole_blocks(range);
        let step = STEP.next_multiple_of(self.block);
        let mut start = whole.start;
        while start < whole.end {
            let end = whole.end.min(start + step);
            // Whatever it was: to copy the bytes works, or says what is wrong.
            if device::share_range(source, target, start..end).is_err() {
                return false;
            }
            done(end - start);
            self.end = end;
            start = end;
        }
        true
    }

    /// What of the bytes in `range` is not shared.
    pub fn rest_of(&self, range: Range<u64>) -> [Range<u64>; 2] {
        let whole = self.whole_blocks(&range);
        let end = whole.end.min(self.end);
        match whole.start < end {
            true => [range.start..whole.start, end..range.end],
            false => [range, 0..0],
        }
    }

    /// Blocks that lie in the range with all of their bytes, but for that with
    /// the boot sector.
    fn whole_blocks(&self, range: &Range<u64>) -> Range<u64> {
        let start = range.start.max(BOOT_SECTOR_BYTES as u64);
        let start = start.checked_next_multiple_of(self.block);
        start.unwrap_or(u64::MAX)..range.end / self.block * self.block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left() {
        let table = [
            // All of it was shared that can be.
            (4096, u64::MAX, 0..16384, [0..4096, 16384..16384]),
            (4096, u64::MAX, 4096..16384, [4096..4096, 16384..16384]),
            (4096, u64::MAX, 5120..15360, [5120..8192, 12288..15360]),
            (4096, u64::MAX, 5120..8192, [5120..8192, 0..0]),
            (4096, u64::MAX, 0..4096, [0..4096, 0..0]),
            (512, u64::MAX, 0..1536, [0..512, 1536..1536]),
            // It ended before, in, and after.
            (4096, 0, 8192..16384, [8192..16384, 0..0]),
            (4096, 8192, 8192..16384, [8192..16384, 0..0]),
            (4096, 12288, 5120..17408, [5120..8192, 12288..17408]),
            (4096, 16384, 8192..16384, [8192..8192, 16384..16384]),
        ];
        for (block, end, range, expected) in table {
            let sharing = Sharing { block, end };
            assert_eq!(sharing.rest_of(range.clone()), expected, "{range:?}, {end}");
        }
    }
}
