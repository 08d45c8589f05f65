//! Images of partclone, version 2: the header, the bitmap, and the blocks in use with a checksum
//! after every MiB of them. The tail is not in them.

use alloc::boxed::Box;

use zerocopy::IntoBytes;

use super::disk::Table;
use super::{Encode, Out, Stopped};
use crate::clusters::ClusterMap;
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::Header;
use crate::image::partclone::{Crc32, RawHeader2};
use crate::plan::Plan;
use crate::units::{Lcn, len_u64, len_usize};

/// Bytes that a checksum is of.
const STRIP: u32 = 1 << 20;
/// Of a CRC-32, which all versions of partclone compare that read images of version 2.
const CHECKSUM_BYTES: u64 = 4;

/// Encodes an image.
struct PartcloneEncoder {
    header: Header,
    /// The clusters in use.
    used: ClusterMap,
    /// Of the blocks since the last checksum.
    checksum: Crc32,
    blocks_per_checksum: u64,
    /// Blocks since the last checksum.
    blocks: u64,
    has_begun: bool,
}

/// Bytes of the image.
pub(super) fn size(plan: &Plan) -> u64 {
    let header = plan.header();
    let bytes = header.inuse.saturating_mul(header.cluster_size.into());
    let checksums = header
        .inuse
        .div_ceil(blocks_per_checksum(header.cluster_size))
        .saturating_mul(CHECKSUM_BYTES);
    let head = len_u64(size_of::<RawHeader2>())
        .saturating_add(header.nr_clusters.div_ceil(8))
        .saturating_add(CHECKSUM_BYTES);
    head.saturating_add(bytes).saturating_add(checksums)
}

/// An encoder of the image.
///
/// # Errors
///
/// [`Error::Memory`].
pub(super) fn encoder(plan: &Plan) -> Result<Box<dyn Encode + Send>> {
    let header = plan.header();
    let mut used = ClusterMap::new(header.nr_clusters).map_err(|_| Error::Memory {
        structure: Structure::BlockBitmap,
        len: ClusterMap::least_memory(header.nr_clusters),
    })?;
    for extent in plan.extents() {
        used.insert(extent);
    }
    Ok(Box::new(PartcloneEncoder {
        header,
        used,
        checksum: Crc32::new(),
        blocks_per_checksum: blocks_per_checksum(header.cluster_size),
        blocks: 0,
        has_begun: false,
    }))
}

fn blocks_per_checksum(block_size: u32) -> u64 {
    STRIP.checked_div(block_size).unwrap_or(1).max(1).into()
}

impl PartcloneEncoder {
    fn begin(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        if self.has_begun {
            return Ok(());
        }
        self.has_begun = true;
        let header = &self.header;
        let per_checksum = u32::try_from(self.blocks_per_checksum).unwrap_or(u32::MAX);
        let raw = RawHeader2::of_ntfs(header, per_checksum);
        out.put(raw.as_bytes())?;

        let mut table = Table::new(out);
        for first in (0..header.nr_clusters).step_by(64) {
            let word = self.used.word(Lcn(first)).to_le_bytes();
            let left = header.nr_clusters.saturating_sub(first).div_ceil(8);
            let bytes = word.get(..len_usize(left)).unwrap_or(&word);
            self.checksum.update(bytes);
            table.put(bytes)?;
        }
        table.put(&self.checksum.to_bytes())?;
        self.checksum.restart();
        table.finish(0, 0)
    }

    fn put_checksum(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.blocks = 0;
        let stored = self.checksum.to_bytes();
        self.checksum.restart();
        out.put(&stored)
    }
}

impl Encode for PartcloneEncoder {
    fn data(&mut self, offset: u64, bytes: &[u8], out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        if offset >= self.header.volume_size() {
            return Ok(());
        }
        let block_size = u64::from(self.header.cluster_size);
        let mut rest = bytes;
        while !rest.is_empty() {
            let blocks = self.blocks_per_checksum.saturating_sub(self.blocks);
            let len = len_usize(blocks.saturating_mul(block_size));
            let (piece, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            out.put(piece)?;
            self.checksum.update(piece);
            let blocks = len_u64(piece.len()).checked_div(block_size).unwrap_or(0);
            self.blocks = self.blocks.saturating_add(blocks);
            if self.blocks >= self.blocks_per_checksum {
                self.put_checksum(out)?;
            }
            rest = after;
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.begin(out)?;
        match self.blocks {
            0 => Ok(()),
            _ => self.put_checksum(out),
        }
    }
}
