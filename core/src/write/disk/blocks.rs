//! Disks in blocks of one size, of which only those with content are stored, in their order.

use alloc::boxed::Box;
use core::num::NonZeroU64;

use crate::clusters::ClusterMap;
use crate::error::{Error, Result, Structure};
use crate::units::{Extent, Lcn, len_u64, len_usize};
use crate::write::{Disk, DiskContent, Encode, Out, Stopped};

/// The blocks of a disk.
pub(crate) struct Blocks {
    /// The numbers of those that are stored.
    set: ClusterMap,
    /// How many these are.
    stored: u64,
    size: NonZeroU64,
    disk: Disk,
}

/// A format of such disks, whose tables precede the blocks.
pub(crate) trait BlockFormat: Send {
    /// Writes all that precedes the first block.
    fn begin(&self, blocks: &Blocks, out: &mut dyn Out) -> Result<(), Stopped>;

    /// Writes what precedes the content of each block.
    fn begin_block(&self, _out: &mut dyn Out) -> Result<(), Stopped> {
        Ok(())
    }

    /// Writes what follows the last block.
    fn end(&self, _blocks: &Blocks, _out: &mut dyn Out) -> Result<(), Stopped> {
        Ok(())
    }
}

impl Blocks {
    /// The blocks of `size` bytes that hold something of the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`]: there is no memory for a bit a block, the most that is needed.
    pub(crate) fn new(content: &dyn DiskContent, size: NonZeroU64) -> Result<Self> {
        let disk = content.disk();
        let count = disk.size.div_ceil(size.get());
        let mut set = ClusterMap::new(count).map_err(|_| Error::Memory {
            structure: Structure::DiskTable,
            len: ClusterMap::least_memory(count),
        })?;
        for (offset, len) in content.ranges() {
            let first = offset / size;
            let last = offset.saturating_add(len).saturating_sub(1) / size;
            let len = last.saturating_sub(first).saturating_add(1);
            set.insert(Extent::new(Lcn(first), len));
        }
        Ok(Self {
            stored: set.len(),
            set,
            size,
            disk,
        })
    }

    /// How many blocks are stored.
    pub(crate) fn stored(&self) -> u64 {
        self.stored
    }

    /// How many blocks the disk has.
    pub(crate) fn count(&self) -> u64 {
        self.set.nr_clusters()
    }

    /// Bytes of a block.
    pub(crate) fn size(&self) -> NonZeroU64 {
        self.size
    }

    /// The numbers of the blocks that are stored, in order.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u64> {
        let extents = self.set.extents();
        extents.flat_map(|extent| extent.start.0..extent.end().0)
    }

    /// The disk.
    pub(crate) fn disk(&self) -> Disk {
        self.disk
    }
}

/// Encodes a disk in blocks.
pub(crate) struct BlockEncoder<F> {
    format: F,
    blocks: Blocks,
    has_begun: bool,
    /// The block that is being written.
    block: Option<u64>,
    /// Bytes of it that are written.
    filled: u64,
}

impl<F: BlockFormat + 'static> BlockEncoder<F> {
    /// An encoder of the disk whose blocks these are.
    pub(crate) fn boxed(format: F, blocks: Blocks) -> Box<dyn Encode + Send> {
        Box::new(Self {
            format,
            blocks,
            has_begun: false,
            block: None,
            filled: 0,
        })
    }

    fn begin(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        self.format.begin(&self.blocks, out)
    }

    /// Fills the current block with zeros up to `end`.
    fn fill_to(&mut self, end: u64, out: &mut dyn Out) -> Result<(), Stopped> {
        let zeros = end.saturating_sub(self.filled);
        self.filled = self.filled.saturating_add(zeros);
        match zeros {
            0 => Ok(()),
            _ => out.zeros(zeros),
        }
    }

    fn end_block(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        match self.block.take() {
            Some(_) => self.fill_to(self.blocks.size.get(), out),
            None => Ok(()),
        }
    }
}

impl<F: BlockFormat + 'static> Encode for BlockEncoder<F> {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        let size = self.blocks.size;
        let (mut offset, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (block, within) = (offset / size, offset % size);
            if self.block != Some(block) {
                self.end_block(out)?;
                self.format.begin_block(out)?;
                self.block = Some(block);
                self.filled = 0;
            }
            self.fill_to(within, out)?;
            let space = len_usize(size.get().saturating_sub(within));
            let (piece, after) = rest.split_at_checked(space).unwrap_or((rest, &[]));
            out.put(piece)?;
            let len = len_u64(piece.len());
            self.filled = self.filled.saturating_add(len);
            offset = offset.saturating_add(len);
            rest = after;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        self.end_block(out)?;
        self.format.end(&self.blocks, out)
    }
}
