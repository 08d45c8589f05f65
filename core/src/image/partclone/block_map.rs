//! Which blocks of a volume an image has, and which place each has among them.

use alloc::vec::Vec;

use crate::error::{Error, Result, Structure};
use crate::units::{len_u64, len_usize};

const WORD_BLOCKS: u64 = 64;
/// Blocks between two ranks that are kept: 8 words, so that ranks take an eighth of the bitmap.
const RANK_BLOCKS: u64 = 512;

/// The set of blocks that an image has, with their ranks: how many of the set come before a
/// block. That is the place of the block in the image.
///
/// Takes 9 bits for each block of the bitmap that was read, and at most twice that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockMap {
    nr_blocks: u64,
    /// `None` if the image has all blocks.
    bits: Option<Bits>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Bits {
    words: Vec<u64>,
    /// Of the first block of each [`RANK_BLOCKS`].
    ranks: Vec<u64>,
    /// Blocks that were read.
    known: u64,
    /// Blocks in the set.
    len: u64,
}

impl BlockMap {
    /// The set of all blocks.
    pub(super) fn full(nr_blocks: u64) -> Self {
        Self {
            nr_blocks,
            bits: None,
        }
    }

    /// An empty set, to be filled from a bitmap.
    pub(super) fn empty(nr_blocks: u64) -> Self {
        Self {
            nr_blocks,
            bits: Some(Bits::default()),
        }
    }

    /// Reads the next bytes of a bitmap of one bit a block. Bits past the last block are ignored.
    pub(super) fn push_bits(&mut self, bytes: &[u8]) -> Result<()> {
        let nr_blocks = self.nr_blocks;
        let Some(bits) = &mut self.bits else {
            return Ok(());
        };
        bits.reserve(len_u64(bytes.len()).saturating_mul(8))?;
        for &byte in bytes {
            let count = nr_blocks.saturating_sub(bits.known).min(8);
            let mask = 0xFF_u8.checked_shl(u32::try_from(count).unwrap_or(8));
            bits.push(byte & !mask.unwrap_or(0), count);
        }
        Ok(())
    }

    /// Reads the next bytes of a bitmap of one byte a block, which starts at `offset` of the image.
    pub(super) fn push_bytes(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        let Some(bits) = &mut self.bits else {
            return Ok(());
        };
        bits.reserve(len_u64(bytes.len()))?;
        for (&byte, position) in bytes.iter().zip(offset..) {
            if byte > 1 {
                return Err(Error::Corrupt {
                    structure: Structure::BlockBitmap,
                    offset: position,
                    field: "the byte of a block",
                    found: byte.into(),
                    expected: "0 or 1",
                });
            }
            bits.push(byte, 1);
        }
        Ok(())
    }

    /// Blocks of the volume.
    pub fn nr_blocks(&self) -> u64 {
        self.nr_blocks
    }

    /// Blocks in the set.
    pub fn len(&self) -> u64 {
        self.bits.as_ref().map_or(self.nr_blocks, |bits| bits.len)
    }

    /// True if the image has no block.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the image has this block.
    pub fn contains(&self, block: u64) -> bool {
        let word = match &self.bits {
            None => u64::MAX,
            Some(bits) => bits.word(block),
        };
        block < self.nr_blocks && word & low_bit(block) != 0
    }

    /// How many blocks of the set come before this one.
    pub fn rank(&self, block: u64) -> u64 {
        let block = block.min(self.nr_blocks);
        let Some(bits) = &self.bits else {
            return block;
        };
        let first = block.saturating_sub(block % RANK_BLOCKS);
        let Some(&before) = bits.ranks.get(index(first, RANK_BLOCKS)) else {
            return bits.len;
        };
        let whole = index(first, WORD_BLOCKS)..index(block, WORD_BLOCKS);
        let words = bits.words.get(whole).unwrap_or_default();
        let within = bits.word(block) & low_bits(block % WORD_BLOCKS);
        words.iter().chain([&within]).fold(before, |rank, word| {
            rank.saturating_add(word.count_ones().into())
        })
    }

    /// The first block from `from` on that is in the set, or, if not `stored`, that is not.
    /// `end`, if there is none before it.
    pub fn next(&self, from: u64, stored: bool, end: u64) -> u64 {
        let end = end.min(self.nr_blocks);
        let Some(bits) = &self.bits else {
            return if stored { from.min(end) } else { end };
        };
        // What was not read is not in the set, however many blocks the header claims.
        let known_end = end.min(bits.known);
        let mut block = from;
        while block < known_end {
            let word = bits.word(block);
            let wanted = if stored { word } else { !word } & !low_bits(block % WORD_BLOCKS);
            let first = block.saturating_sub(block % WORD_BLOCKS);
            if wanted != 0 {
                let found = first.saturating_add(wanted.trailing_zeros().into());
                return found.min(end);
            }
            block = first.saturating_add(WORD_BLOCKS);
        }
        if stored { end } else { block.min(end) }
    }
}

impl Bits {
    fn reserve(&mut self, blocks: u64) -> Result<()> {
        let words = index(blocks, WORD_BLOCKS).saturating_add(1);
        let ranks = index(blocks, RANK_BLOCKS).saturating_add(1);
        self.words
            .try_reserve(words)
            .and_then(|()| self.ranks.try_reserve(ranks))
            .map_err(|_| Error::Memory {
                structure: Structure::BlockBitmap,
                len: blocks.div_ceil(8),
            })
    }

    /// Appends `count` blocks, of which the set bits are in the set. They lie in one word.
    fn push(&mut self, set: u8, count: u64) {
        if self.known.is_multiple_of(RANK_BLOCKS) {
            self.ranks.push(self.len);
        }
        let bit = self.known % WORD_BLOCKS;
        if bit == 0 {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(set).checked_shl(shift(bit)).unwrap_or(0);
        }
        self.known = self.known.saturating_add(count);
        self.len = self.len.saturating_add(set.count_ones().into());
    }

    /// The word that holds this block.
    fn word(&self, block: u64) -> u64 {
        let word = self.words.get(index(block, WORD_BLOCKS));
        word.copied().unwrap_or(0)
    }
}

fn index(block: u64, blocks: u64) -> usize {
    len_usize(block.checked_div(blocks).unwrap_or(0))
}

/// The bit of a block in its word.
fn low_bit(block: u64) -> u64 {
    1_u64.checked_shl(shift(block % WORD_BLOCKS)).unwrap_or(0)
}

/// The lowest `count` bits, of at most 63.
fn low_bits(count: u64) -> u64 {
    !u64::MAX.checked_shl(shift(count)).unwrap_or(0)
}

/// A number of at most 64 as a shift.
fn shift(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_map_has_all_blocks_at_their_own_place() {
        let map = BlockMap::full(100);
        assert_eq!(map.len(), 100);
        assert!(map.contains(99) && !map.contains(100));
        assert_eq!(
            (map.rank(0), map.rank(77), map.rank(u64::MAX)),
            (0, 77, 100)
        );
        assert_eq!((map.next(5, true, 9), map.next(5, false, 9)), (5, 9));
    }

    /// A damaged header may claim any number of blocks; a search among them all would not end.
    #[test]
    fn blocks_of_a_bitmap_that_ends_early_are_not_in_the_set() {
        let mut map = BlockMap::empty(1 << 50);
        map.push_bits(&[0b101, 0]).unwrap();
        assert_eq!(map.next(1, true, u64::MAX), 2);
        assert_eq!(map.next(3, true, u64::MAX), 1 << 50);
        assert_eq!(map.next(2, false, u64::MAX), 3);
        assert_eq!(map.next(16, false, u64::MAX), 16);
        assert_eq!(map.next(1 << 40, false, u64::MAX), 1 << 40);
    }

    proptest! {
        #[test]
        fn ranks_are_counts(
            blocks in prop::collection::vec(prop::bool::weighted(0.3), 1..3000),
            full in any::<bool>(),
            piece in 1_usize..200,
        ) {
            // Long runs, too.
            let blocks: Vec<bool> = blocks
                .iter()
                .enumerate()
                .map(|(block, stored)| if block / 700 % 2 == 1 { full } else { *stored })
                .collect();
            let bytes: Vec<u8> = blocks.iter().map(|&stored| u8::from(stored)).collect();
            let mut by_bits = BlockMap::empty(blocks.len() as u64);
            // Bits past the end are set, and must not count.
            let bits: Vec<u8> = bytes
                .chunks(8)
                .map(|bits| (0..8).fold(0, |byte, bit| {
                    byte | bits.get(bit).copied().unwrap_or(1) << bit
                }))
                .collect();
            for piece in bits.chunks(piece) {
                by_bits.push_bits(piece).unwrap();
            }
            let mut map = BlockMap::empty(blocks.len() as u64);
            for piece in bytes.chunks(piece) {
                map.push_bytes(piece, 0).unwrap();
            }
            prop_assert_eq!(&map, &by_bits);

            let count = |end: usize| blocks[..end].iter().filter(|stored| **stored).count() as u64;
            prop_assert_eq!(map.len(), count(blocks.len()));
            for block in 0..blocks.len() {
                prop_assert_eq!(map.contains(block as u64), blocks[block]);
                prop_assert_eq!(map.rank(block as u64), count(block));
                for stored in [false, true] {
                    let next = blocks[block..].iter().position(|found| *found == stored);
                    let next = next.map_or(blocks.len(), |next| block + next) as u64;
                    prop_assert_eq!(map.next(block as u64, stored, u64::MAX), next);
                }
            }
            prop_assert_eq!(map.rank(u64::MAX), map.len());
        }
    }
}
