//! Which blocks of a volume are in its overlay.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Bits of a page, and the blocks they stand for.
const PAGE_BITS: u64 = PAGE_BYTES as u64 * 8;

/// Bytes of a page of the map, in the file and in memory.
pub(super) const PAGE_BYTES: usize = 4096;

/// The bits of consecutive blocks: block 0 is bit 0 of byte 0.
pub(super) type Page = [u8; PAGE_BYTES];

const NO_BITS: Page = [0; PAGE_BYTES];

/// A set of blocks. Pages without a block take no memory.
#[derive(Default)]
pub(super) struct BlockMap {
    pages: BTreeMap<u64, Box<Page>>,
    /// Pages with blocks that were added since they were taken.
    changed: BTreeSet<u64>,
}

impl BlockMap {
    /// Sets all bits of a page, which is read from a file.
    pub(super) fn set_page(&mut self, number: u64, bits: &Page) {
        if *bits != NO_BITS {
            self.pages.insert(number, Box::new(*bits));
        }
    }

    pub(super) fn page(&self, number: u64) -> &Page {
        self.pages.get(&number).map_or(&NO_BITS, |page| page)
    }

    /// The numbers of pages that have blocks.
    pub(super) fn pages(&self) -> impl Iterator<Item = u64> {
        self.pages.keys().copied()
    }

    /// How many blocks there are.
    pub(super) fn count(&self) -> u64 {
        let bytes = self.pages.values().flat_map(|page| page.iter());
        bytes.map(|byte| u64::from(byte.count_ones())).sum()
    }

    pub(super) fn contains_all(&self, blocks: &Range<u64>) -> bool {
        let (is_there, end) = self.run_at(blocks.start);
        is_there && end >= blocks.end
    }

    /// Whether a block is there, and where the first block follows of which the opposite is
    /// true; `u64::MAX` if there is none.
    pub(super) fn run_at(&self, block: u64) -> (bool, u64) {
        let is_there = self.bit(block);
        let mut number = block / PAGE_BITS;
        let mut start = block % PAGE_BITS;
        loop {
            let found = self.pages.get(&number).map_or_else(
                // All of them are absent.
                || is_there.then_some(start),
                |page| first_bit(page, start, !is_there),
            );
            if let Some(bit) = found {
                return (is_there, number * PAGE_BITS + bit);
            }
            start = 0;
            number = match is_there {
                true => number + 1,
                false => match self.pages.range(number + 1..).next() {
                    Some((&next, _)) => next,
                    None => return (is_there, u64::MAX),
                },
            };
        }
    }

    /// Adds blocks; returns the numbers of the pages that they are in.
    pub(super) fn insert(&mut self, blocks: Range<u64>) -> Range<u64> {
        let pages = blocks.start / PAGE_BITS..blocks.end.div_ceil(PAGE_BITS);
        for number in pages.clone() {
            let first = number * PAGE_BITS;
            let start = blocks.start.max(first) - first;
            let end = blocks.end.min(first + PAGE_BITS) - first;
            let page = self.pages.entry(number);
            set_bits(page.or_insert_with(|| Box::new(NO_BITS)), start..end);
            self.changed.insert(number);
        }
        pages
    }

    /// Records that all pages may have blocks that were added.
    pub(super) fn mark_all_changed(&mut self) {
        self.changed = self.pages.keys().copied().collect();
    }

    /// Pages with blocks that were added since the last call.
    pub(super) fn take_changed(&mut self) -> Vec<(u64, Page)> {
        let changed = std::mem::take(&mut self.changed);
        let with_bits = |number| (number, *self.page(number));
        changed.into_iter().map(with_bits).collect()
    }

    fn bit(&self, block: u64) -> bool {
        let bit = block % PAGE_BITS;
        let page = self.page(block / PAGE_BITS);
        page[(bit / 8) as usize] >> (bit % 8) & 1 == 1
    }
}

fn set_bits(page: &mut Page, bits: Range<u64>) {
    let mut bit = bits.start;
    while bit < bits.end {
        let byte = &mut page[(bit / 8) as usize];
        if bit.is_multiple_of(8) && bit + 8 <= bits.end {
            *byte = u8::MAX;
            bit += 8;
        } else {
            *byte |= 1 << (bit % 8);
            bit += 1;
        }
    }
}

/// The first bit from `start` on that is set, or is not.
fn first_bit(page: &Page, start: u64, is_set: bool) -> Option<u64> {
    let flip = if is_set { 0 } else { u8::MAX };
    let mut mask = u8::MAX << (start % 8);
    for (number, byte) in page.iter().enumerate().skip((start / 8) as usize) {
        let found = (byte ^ flip) & mask;
        if found != 0 {
            return Some(number as u64 * 8 + u64::from(found.trailing_zeros()));
        }
        mask = u8::MAX;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_cross_pages() {
        let mut map = BlockMap::default();
        assert_eq!(map.run_at(5), (false, u64::MAX));
        let end = 3 * PAGE_BITS + 9;
        assert_eq!(map.insert(PAGE_BITS - 3..end), 0..4);
        assert_eq!(map.run_at(0), (false, PAGE_BITS - 3));
        assert_eq!(map.run_at(PAGE_BITS - 3), (true, end));
        assert_eq!(map.run_at(end), (false, u64::MAX));
        assert_eq!(map.count(), 2 * PAGE_BITS + 12);
        assert!(map.contains_all(&(PAGE_BITS..end)));
        assert!(!map.contains_all(&(PAGE_BITS..end + 1)));
    }

    #[test]
    fn distant_blocks_are_found() {
        let mut map = BlockMap::default();
        map.insert(77 * PAGE_BITS + 5..77 * PAGE_BITS + 6);
        assert_eq!(map.run_at(1), (false, 77 * PAGE_BITS + 5));
    }

    #[test]
    fn changed_pages_are_taken_once() {
        let mut map = BlockMap::default();
        map.insert(0..1);
        map.insert(PAGE_BITS..PAGE_BITS + 1);
        let changed = map.take_changed();
        assert_eq!(changed.iter().map(|one| one.0).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(changed[0].1[0], 1);
        assert!(map.take_changed().is_empty());
    }
}
