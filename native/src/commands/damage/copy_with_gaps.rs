//! A copy of a volume, of which parts are lost.

use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::io::{IoError, ReadAt};

use crate::commands::lost_parts::overlaps;
use crate::source::Device;

/// Reads what is there of a copy. Bits that are lost are set, as
/// [`Volume::salvage`](ntfsclone_core::ntfs::Volume::salvage) expects.
pub struct CopyWithGaps {
    copy: Arc<Device>,
    /// In order.
    lost: Vec<Range<u64>>,
    size: u64,
}

impl CopyWithGaps {
    /// `size` is that of the volume, which may be longer than its copy.
    pub fn new(copy: &Arc<Device>, lost: Vec<Range<u64>>, size: u64) -> Self {
        Self {
            copy: Arc::clone(copy),
            lost,
            size,
        }
    }

    fn read(&self, range: Range<u64>, buf: &mut [u8]) -> Result<(), IoError> {
        if range.is_empty() {
            return Ok(());
        }
        self.copy.read_exact_at(range.start, buf)
    }
}

impl ReadAt for CopyWithGaps {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.saturating_add(buf.len() as u64);
        if end > self.size {
            return Err(IoError::end_of_input());
        }
        let place =
            |range: &Range<u64>| (range.start - offset) as usize..(range.end - offset) as usize;
        let mut position = offset;
        for lost in overlaps(&self.lost, offset..end) {
            let there = position..lost.start;
            self.read(there.clone(), &mut buf[place(&there)])?;
            buf[place(&lost)].fill(u8::MAX);
            position = lost.end;
        }
        let there = position..end;
        self.read(there.clone(), &mut buf[place(&there)])
    }
}
