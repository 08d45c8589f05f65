//! Where the blocks of a volume lie in an image.

use alloc::vec::Vec;
use core::ops::Range;

use super::block_map::BlockMap;
use super::decoder::Decoder;
use super::layout::Header;
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::Event;
use crate::io::ReadAt;
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Bytes of the bitmap that are read in one call.
const CHUNK_BYTES: u64 = 1 << 20;
/// Bytes of the first read: a header of version 2, and the bitmap of a small volume.
const FIRST_BYTES: u64 = 4096;

/// Where each block of a volume lies in an image: the block of rank `r` has `r` blocks, and the
/// checksums of `r / blocks per checksum` strips before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    header: Header,
    blocks: BlockMap,
    /// Bytes from the end of one strip to the start of the next.
    checksum_size: u64,
}

impl Index {
    /// Reads header and bitmap of an image, and of version 1 the first two blocks.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; those of [`Decoder::next`] and [`Decoder::end_of_input`].
    pub fn read(source: &(impl ReadAt + ?Sized)) -> Result<Self> {
        let mut reader = IndexReader::new();
        loop {
            if let Some(index) = reader.step(source)? {
                return Ok(index);
            }
        }
    }

    /// Where the blocks lie in an image that was decoded; `None` if the decoder has no
    /// layout yet.
    pub(crate) fn of(decoder: Decoder) -> Option<Self> {
        let (header, blocks, padding) = decoder.into_layout()?;
        let checksum_size = header
            .checksums
            .map_or(0, |checksums| len_u64(checksums.algorithm.size()));
        Some(Self {
            header,
            blocks,
            checksum_size: checksum_size.saturating_add(padding),
        })
    }

    /// The header of the image.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The blocks that the image has.
    pub fn blocks(&self) -> &BlockMap {
        &self.blocks
    }

    /// The clusters stored, in LCN order.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        let mut position = 0;
        core::iter::from_fn(move || {
            let start = self.blocks.next(position, true, u64::MAX);
            position = self.blocks.next(start, false, u64::MAX);
            let len = position.saturating_sub(start);
            (len > 0).then(|| Extent::new(Lcn(start), len))
        })
    }

    /// The clusters of which some bytes are stored in a range of bytes of the image.
    pub fn extents_in(&self, range: &Range<u64>) -> Vec<Extent> {
        let block_size = u64::from(self.header.block_size);
        let first = self.rank_of(|offset| offset.saturating_add(block_size) > range.start);
        let end = self.rank_of(|offset| offset >= range.end);
        let mut extents = Vec::new();
        let mut rank = 0_u64;
        for extent in self.extents() {
            let start = first.max(rank).saturating_sub(rank);
            let len = extent.len.min(end.saturating_sub(rank));
            if start < len {
                let lcn = extent.start.0.saturating_add(start);
                extents.push(Extent::new(Lcn(lcn), len.saturating_sub(start)));
            }
            rank = rank.saturating_add(extent.len);
        }
        extents
    }

    /// The first rank whose offset meets a condition, which all later ones meet as well.
    fn rank_of(&self, condition: impl Fn(u64) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.blocks.len());
        while low < high {
            let middle = low.midpoint(high);
            match condition(self.offset(middle)) {
                true => high = middle,
                false => low = middle.saturating_add(1),
            }
        }
        low
    }

    /// Offset of the first byte of the block of this rank, in bytes from the start of the image.
    pub fn offset(&self, rank: u64) -> u64 {
        let strips = self
            .strip_blocks()
            .map_or(0, |blocks| rank.checked_div(blocks).unwrap_or(0));
        self.header
            .data_offset()
            .saturating_add(self.header.offset_of(rank))
            .saturating_add(strips.saturating_mul(self.checksum_size))
    }

    /// Bytes of the image, if it is whole.
    pub fn image_size(&self) -> u64 {
        let blocks = self.blocks.len();
        let partial = self
            .strip_blocks()
            .is_some_and(|strip| !blocks.is_multiple_of(strip));
        let last = if partial { self.checksum_size } else { 0 };
        self.offset(blocks).saturating_add(last)
    }

    /// The longest run of bytes of the volume from `offset` to `end` at most that are stored
    /// together, or are not stored: where the first of them lies in the image, if it is stored,
    /// and where on the volume the run ends.
    pub fn run_at(&self, offset: u64, end: u64) -> (Option<u64>, u64) {
        let block_size = u64::from(self.header.block_size);
        let first = offset.checked_div(block_size).unwrap_or(0);
        // The rest of the device is not stored.
        if first >= self.header.nr_blocks {
            return (None, end);
        }
        let end_block = end.div_ceil(block_size);
        if !self.blocks.contains(first) {
            let next = self.blocks.next(first, true, end_block);
            let is_last = next == self.header.nr_blocks;
            let run_end = self.header.offset_of(next);
            return (None, if is_last { end } else { run_end.min(end) });
        }
        let rank = self.blocks.rank(first);
        let strip_left = self.strip_blocks().map_or(u64::MAX, |strip| {
            strip.saturating_sub(rank.checked_rem(strip).unwrap_or(0))
        });
        let end_block = end_block.min(first.saturating_add(strip_left));
        let run_end = self
            .header
            .offset_of(self.blocks.next(first, false, end_block));
        let within = offset.checked_rem(block_size).unwrap_or(0);
        let at = self.offset(rank).saturating_add(within);
        (Some(at), run_end.min(end))
    }

    /// Offset in the image of a byte of the volume; `None` if it is not stored.
    pub fn stored_at(&self, offset: u64) -> Option<u64> {
        self.run_at(offset, offset.checked_add(1)?).0
    }

    /// Blocks between two checksums.
    fn strip_blocks(&self) -> Option<u64> {
        self.header
            .checksums
            .map(|checksums| checksums.blocks.get().into())
    }
}

/// Reads an [`Index`] step by step: a step can be repeated after an error of the source.
#[derive(Debug, Clone)]
pub struct IndexReader {
    decoder: Decoder,
}

impl IndexReader {
    /// Starts at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
        }
    }

    /// Reads the next part; `None` if there is more to read.
    ///
    /// # Errors
    ///
    /// Those of [`Index::read`].
    pub fn step(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<Option<Index>> {
        let offset = self.decoder.taken();
        let at_once = if offset == 0 {
            FIRST_BYTES
        } else {
            CHUNK_BYTES
        };
        let len = source.size().saturating_sub(offset).min(at_once);
        if len == 0 {
            self.decoder.end_of_input()?;
        }
        let mut chunk = alloc::vec![0; len_usize(len)];
        source
            .read_exact_at(offset, &mut chunk)
            .map_err(|error| Error::Io {
                structure: Structure::BlockBitmap,
                offset,
                len,
                source: error,
            })?;
        let mut input = chunk.as_slice();
        loop {
            let event = self.decoder.next(&mut input)?;
            let is_used_up = matches!(event, Event::NeedInput);
            if self.decoder.has_layout() {
                let decoder = core::mem::replace(&mut self.decoder, Decoder::new());
                return Ok(Index::of(decoder));
            }
            if is_used_up {
                return Ok(None);
            }
        }
    }
}
