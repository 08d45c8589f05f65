//! The content of a volume at any place, for whoever serves or mounts it.

use std::io;

/// Bytes of a volume that can be read at any place, by several threads.
pub trait Content: Send + Sync {
    fn size(&self) -> u64;

    /// Fills `buf` with the bytes from `offset` on.
    ///
    /// # Errors
    ///
    /// They cannot be read; some of them are [`Part::Missing`].
    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// What is at `offset`, and at least how far it reaches. Empty at the end.
    ///
    /// # Errors
    ///
    /// As [`Content::read_exact_at`].
    fn part_at(&self, offset: u64) -> io::Result<Part>;
}

/// Consecutive bytes of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Bytes of any value.
    Data { len: u64 },
    /// Zeros that are stored nowhere.
    Zeros { len: u64 },
    /// Bytes that are in use on the volume, and are not in what it is read from: a read
    /// fails.
    Missing { len: u64 },
}

impl Part {
    pub fn len(self) -> u64 {
        let (Self::Data { len } | Self::Zeros { len } | Self::Missing { len }) = self;
        len
    }

    /// The first `limit` bytes of it.
    pub fn up_to(self, limit: u64) -> Self {
        let len = self.len().min(limit);
        match self {
            Self::Data { .. } => Self::Data { len },
            Self::Zeros { .. } => Self::Zeros { len },
            Self::Missing { .. } => Self::Missing { len },
        }
    }
}
