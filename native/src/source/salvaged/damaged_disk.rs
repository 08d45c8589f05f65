//! A virtual disk whose file or tables are damaged.

use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source};

/// Bytes that are lost with one that cannot be read, at most.
const STEP: u64 = 4 << 10;

/// Bytes that are tried in one read.
const TRIED_AT_ONCE: u64 = 64 << 10;

/// A virtual disk. What of it cannot be read is absent, and reads as zeros.
pub(super) struct DamagedDisk(pub(super) Source);

impl DamagedDisk {
    /// The bytes from `offset` to the next step.
    fn step(&self, offset: u64) -> u64 {
        (STEP - offset % STEP).min(self.0.size() - offset)
    }

    fn is_readable(&self, offset: u64, len: u64) -> bool {
        let mut bytes = vec![0; len as usize];
        self.0.read_exact_at(offset, &mut bytes).is_ok()
    }
}

impl ReadAt for DamagedDisk {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(buf.len() as u64);
        if end.is_none_or(|end| end > self.size()) {
            return Err(IoError::end_of_input());
        }
        if self.0.read_exact_at(offset, buf).is_ok() {
            return Ok(());
        }
        let (mut offset, mut left) = (offset, buf);
        while !left.is_empty() {
            let len = left.len().min(self.step(offset) as usize);
            let (now, later) = left.split_at_mut(len);
            if self.0.read_exact_at(offset, now).is_err() {
                now.fill(0);
            }
            offset += len as u64;
            left = later;
        }
        Ok(())
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        if offset >= self.size() {
            return Ok(ByteExtent::Data { len: 0 });
        }
        let len = TRIED_AT_ONCE.min(self.size() - offset);
        if self.is_readable(offset, len) {
            return Ok(match self.0.extent_at(offset)? {
                ByteExtent::Data { len: all } => ByteExtent::Data { len: all.min(len) },
                ByteExtent::Absent { len: all } => ByteExtent::Absent { len: all.min(len) },
            });
        }
        let len = self.step(offset);
        Ok(match self.is_readable(offset, len) {
            true => ByteExtent::Data { len },
            false => ByteExtent::Absent { len },
        })
    }
}
