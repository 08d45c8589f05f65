//! The disk in the file of a virtual disk, read at any offset.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::cache::Cache;
use super::compressed_block::CompressedBlock;
use crate::error::{Error, Result};
use crate::io::{Allocation, ByteExtent, IoError, ReadAt, Source};
use crate::units::{len_u64, len_usize};

/// Ours: decompressed blocks that are cached, in bytes. Two of the largest fit.
const CAPACITY: usize = 4 << 20;

/// How a format stores the blocks of its disk.
pub(super) trait Layout: Send + Sync {
    /// Finds the bytes from `offset` of the disk on, which is within it.
    fn find(&self, offset: u64) -> Result<Run>;
}

/// Consecutive bytes of a disk that are stored alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// In bytes, at least 1; may reach past the end of the disk.
    pub(super) len: u64,
    pub(super) stored: Stored,
}

/// How bytes of a disk are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Not at all: they are zeros.
    Zeros,
    /// Not in this file: they are those of the parent at the same offset. Zeros without a parent,
    /// and after its end.
    Parent,
    /// As they are, from this offset of the file on.
    At(u64),
    /// In a compressed block, from this offset of its content on.
    Compressed(CompressedBlock, u64),
}

/// The disk that another one is a difference to.
#[derive(Clone)]
pub(super) struct Parent {
    pub(super) source: Source,
    /// Offset of the byte that is the first one of the difference.
    pub(super) start: u64,
}

/// A virtual disk.
pub(super) struct VirtualDisk {
    source: Source,
    parent: Option<Parent>,
    size: u64,
    layout: Box<dyn Layout>,
    /// Content of compressed blocks.
    content: Cache<CompressedBlock>,
}

impl VirtualDisk {
    /// The disk of `size` bytes that is stored in `source`.
    pub(super) fn open(source: &Source, size: u64, layout: impl Layout + 'static) -> Source {
        Self::over(None, source, size, layout)
    }

    /// Like `open`, of a difference to `parent`.
    pub(super) fn over(
        parent: Option<Parent>,
        source: &Source,
        size: u64,
        layout: impl Layout + 'static,
    ) -> Source {
        Arc::new(Self {
            source: Arc::clone(source),
            parent,
            size,
            layout: Box::new(layout),
            content: Cache::new(CAPACITY),
        })
    }

    /// The run at `offset`, joined with those that continue it up to `len` bytes.
    fn run(&self, offset: u64, len: u64) -> Result<Run> {
        let mut run = self.layout.find(offset)?;
        while run.len < len {
            // Its error, if there is one, is that of the next call.
            let Ok(next) = self.layout.find(offset.saturating_add(run.len)) else {
                break;
            };
            if !run.stored.is_continued_by(run.len, next.stored) {
                break;
            }
            run.len = run.len.saturating_add(next.len);
        }
        Ok(run)
    }

    fn read_run(&self, offset: u64, stored: Stored, buf: &mut [u8]) -> Result<(), IoError> {
        match stored {
            Stored::Zeros => buf.fill(0),
            Stored::Parent => self.read_parent(offset, buf)?,
            Stored::At(position) => {
                self.check_is_there(offset, position, len_u64(buf.len()))
                    .map_err(IoError::new)?;
                self.source.read_exact_at(position, buf)?;
            }
            Stored::Compressed(block, within) => {
                let content = self.content(offset, block).map_err(IoError::new)?;
                let bytes = content.get(len_usize(within)..).unwrap_or_default();
                let bytes = bytes.get(..buf.len()).ok_or_else(IoError::end_of_input)?;
                buf.copy_from_slice(bytes);
            }
        }
        Ok(())
    }

    /// Reads bytes of the parent; what is after its end is zeros.
    fn read_parent(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let Some((parent, offset, left)) = self.in_parent(offset) else {
            buf.fill(0);
            return Ok(());
        };
        let len = buf.len().min(len_usize(left));
        let (inside, after) = buf.split_at_mut_checked(len).unwrap_or_default();
        after.fill(0);
        parent.read_exact_at(offset, inside)
    }

    /// What the parent has from `offset` on, up to `limit` bytes.
    fn extent_of_parent(&self, offset: u64, limit: u64) -> Result<ByteExtent, IoError> {
        match self.in_parent(offset) {
            Some((parent, offset, _)) => Ok(limited(parent.extent_at(offset)?, limit)),
            None => Ok(ByteExtent::Data { len: limit }),
        }
    }

    /// The parent, the offset in it of the byte at `offset`, and how many bytes it has from there
    /// on. `None` without a parent, and after its end.
    fn in_parent(&self, offset: u64) -> Option<(&Source, u64, u64)> {
        let Parent { source, start } = self.parent.as_ref()?;
        let offset = start.checked_add(offset)?;
        let left = source.size().checked_sub(offset).filter(|&left| left > 0)?;
        Some((source, offset, left))
    }

    /// The content of a compressed block, which has the byte at `offset` of the disk.
    fn content(&self, offset: u64, block: CompressedBlock) -> Result<Arc<Vec<u8>>> {
        if let Some(content) = self.content.get(block) {
            return Ok(content);
        }
        self.check_is_there(offset, block.offset, block.len)?;
        let content = Arc::new(block.read(&self.source)?);
        self.content.insert(block, Arc::clone(&content));
        Ok(content)
    }

    /// Fails if the file ends before byte `position + len`.
    fn check_is_there(&self, offset: u64, position: u64, len: u64) -> Result<()> {
        let size = self.source.size();
        if position.checked_add(len).is_none_or(|end| end > size) {
            return Err(Error::BlockBeyondEnd {
                offset,
                position,
                size,
            });
        }
        Ok(())
    }
}

impl From<Source> for Parent {
    fn from(source: Source) -> Self {
        Self { source, start: 0 }
    }
}

impl Stored {
    fn is_continued_by(self, len: u64, next: Self) -> bool {
        match (self, next) {
            (Self::Zeros, Self::Zeros) | (Self::Parent, Self::Parent) => true,
            (Self::At(position), Self::At(next)) => position.checked_add(len) == Some(next),
            _ => false,
        }
    }
}

impl ReadAt for VirtualDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        if end.is_none_or(|end| end > self.size) {
            return Err(IoError::end_of_input());
        }
        let (mut offset, mut left) = (offset, buf);
        while !left.is_empty() {
            let run = self.run(offset, len_u64(left.len()));
            let run = run.map_err(IoError::new)?;
            // At least a byte, so that this ends.
            let len = left.len().min(len_usize(run.len).max(1));
            let (now, later) = left.split_at_mut_checked(len).unwrap_or_default();
            self.read_run(offset, run.stored, now)?;
            offset = offset.saturating_add(len_u64(len));
            left = later;
        }
        Ok(())
    }

    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        let left = self.size.saturating_sub(offset);
        if left == 0 {
            return Ok(Allocation::Stored { len: 0 });
        }
        let run = self.layout.find(offset).map_err(IoError::new)?;
        let len = run.len.min(left);
        Ok(match run.stored {
            Stored::Zeros => Allocation::Hole { len },
            Stored::Parent => match self.in_parent(offset) {
                Some((parent, offset, _)) => parent.allocation_at(offset)?.up_to(len),
                None => Allocation::Hole { len },
            },
            Stored::At(position) => self.source.allocation_at(position)?.up_to(len),
            Stored::Compressed(..) => Allocation::Stored { len },
        })
    }

    /// Zeros that are not stored are data as well. Where the file ends too early, or lacks bytes
    /// itself, they are absent; in the first case, a read fails.
    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        let left = self.size.saturating_sub(offset);
        if left == 0 {
            return Ok(ByteExtent::Data { len: 0 });
        }
        let run = self.layout.find(offset).map_err(IoError::new)?;
        let limit = run.len.min(left);
        let position = match run.stored {
            Stored::Zeros => return Ok(ByteExtent::Data { len: limit }),
            Stored::Parent => return self.extent_of_parent(offset, limit),
            Stored::At(position) => position,
            Stored::Compressed(block, _) => {
                let end = block.offset.saturating_add(block.len);
                return Ok(match end > self.source.size() {
                    true => ByteExtent::Absent { len: limit },
                    false => ByteExtent::Data { len: limit },
                });
            }
        };
        if position >= self.source.size() {
            return Ok(ByteExtent::Absent { len: limit });
        }
        Ok(limited(self.source.extent_at(position)?, limit))
    }
}

/// The first `limit` bytes of an extent.
pub(super) fn limited(extent: ByteExtent, limit: u64) -> ByteExtent {
    match extent {
        ByteExtent::Data { len } => ByteExtent::Data {
            len: len.min(limit),
        },
        ByteExtent::Absent { len } => ByteExtent::Absent {
            len: len.min(limit),
        },
    }
}
