//! A set of clusters of a volume: a bitmap that is small where the volume is
//! empty or full.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use alloc::vec::Vec;

use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Clusters of a page.
pub(crate) const PAGE_CLUSTERS: u64 = 32 * 1024;
/// Clusters of a word.
pub(crate) const WORD_CLUSTERS: u64 = 64;
/// Words of a page.
pub(super) const PAGE_WORDS: usize = 512;

/// A set of clusters of a volume.
///
/// A bitmap in pages of 32768 clusters, of which those that are all the same
/// take no memory but their entry of 16 bytes: one bit a cluster at the most,
/// and almost none for the large empty or full parts of a volume.
#[derive(Debug, Clone)]
pub struct ClusterMap {
    pages: Vec<Page>,
    nr_clusters: u64,
}

#[derive(Debug, Clone)]
enum Page {
    Empty,
    Full,
    Mixed(Box<[u64; PAGE_WORDS]>),
}

impl ClusterMap {
    /// An empty set for a volume of `nr_clusters` clusters. Its memory is 16
    /// bytes for every 32768 of them.
    ///
    /// # Errors
    ///
    /// [`TryReserveError`]: there is not so much memory. A sparse device can
    /// be large beyond all bounds.
    pub fn new(nr_clusters: u64) -> Result<Self, TryReserveError> {
        let count = len_usize(nr_clusters.div_ceil(PAGE_CLUSTERS));
        let mut pages = Vec::new();
        pages.try_reserve_exact(count)?;
        pages.resize(count, Page::Empty);
        Ok(Self { pages, nr_clusters })
    }

    /// Bytes that an empty set takes.
    pub fn least_memory(nr_clusters: u64) -> u64 {
        nr_clusters
            .div_ceil(PAGE_CLUSTERS)
            .saturating_mul(len_u64(size_of::<Page>()))
    }

    /// How many clusters the volume has.
    pub fn nr_clusters(&self) -> u64 {
        self.nr_clusters
    }

    /// Whether a cluster is in the set.
    pub fn contains(&self, lcn: Lcn) -> bool {
        let (page, word, mask) = locate(lcn.0);
        match self.pages.get(page) {
            Some(Page::Full) => lcn.0 < self.nr_clusters,
            Some(Page::Mixed(words)) => words.get(word).is_some_and(|word| word & mask != 0),
            _ => false,
        }
    }

    /// Adds clusters. Those past the end of the volume are ignored. Returns
    /// how many of the others were already in the set.
    pub fn insert(&mut self, extent: Extent) -> u64 {
        match self.insert_in_word(extent) {
            Some(were_in) => were_in,
            None => self.change(extent, true),
        }
    }

    /// Takes clusters out. Returns how many of them were in the set.
    pub fn remove(&mut self, extent: Extent) -> u64 {
        self.change(extent, false)
    }

    /// How many clusters are in the set.
    pub fn len(&self) -> u64 {
        self.extents()
            .fold(0, |sum, extent| sum.saturating_add(extent.len))
    }

    /// True if no cluster is in the set.
    pub fn is_empty(&self) -> bool {
        self.extents().next().is_none()
    }

    /// The 64 clusters from `lcn`, a multiple of 64, as bits, the first lowest.
    pub fn word(&self, lcn: Lcn) -> u64 {
        let (page, word, _) = locate(lcn.0);
        match self.pages.get(page) {
            Some(Page::Full) => self.valid_bits(lcn.0),
            Some(Page::Mixed(words)) => words.get(word).copied().unwrap_or(0),
            _ => 0,
        }
    }

    /// Whether of the page that begins at `first` exactly those clusters are in
    /// the set whose bits are set in `words`. May say no where they are, at the
    /// end of the volume.
    pub(super) fn page_is(&self, first: Lcn, words: &[u64]) -> bool {
        let (page, _, _) = locate(first.0);
        match self.pages.get(page) {
            Some(Page::Empty) => words.iter().all(|&word| word == 0),
            Some(Page::Full) => words.iter().all(|&word| word == u64::MAX),
            Some(Page::Mixed(page)) => page.get(..words.len()) == Some(words),
            None => false,
        }
    }

    /// The longest extents in the set from `lcn` on, in LCN order; of the first
    /// one, what is left from there.
    pub fn extents_from(&self, lcn: Lcn) -> Extents<'_> {
        Extents {
            map: self,
            position: lcn.0,
        }
    }

    /// The set as its longest extents, in LCN order.
    pub fn extents(&self) -> Extents<'_> {
        Extents {
            map: self,
            position: 0,
        }
    }

    /// How many clusters from `lcn` on are in the set, one after the other, `limit` at the most.
    /// No more than those are looked at.
    pub(crate) fn run_len(&self, lcn: Lcn, limit: u64) -> u64 {
        self.boundary(lcn.0, false, lcn.0.saturating_add(limit))
            .saturating_sub(lcn.0)
    }

    /// How many clusters from `lcn` on are not in the set, one after the other, `limit` at the
    /// most. No more than those are looked at.
    pub(crate) fn gap_len(&self, lcn: Lcn, limit: u64) -> u64 {
        self.boundary(lcn.0, true, lcn.0.saturating_add(limit))
            .saturating_sub(lcn.0)
    }

    /// The next cluster from `from` on whose membership is `wanted`; `until` or the end of the
    /// volume if there is none before.
    fn boundary(&self, from: u64, wanted: bool, until: u64) -> u64 {
        let until = until.min(self.nr_clusters);
        let mut position = from;
        while position < until {
            let (index, word, _) = locate(position);
            let page_end = position
                .saturating_sub(position % PAGE_CLUSTERS)
                .saturating_add(PAGE_CLUSTERS);
            let words = match self.pages.get(index) {
                Some(Page::Mixed(words)) => words,
                Some(Page::Full) if wanted => return position,
                Some(Page::Empty) if !wanted => return position,
                _ => {
                    position = page_end;
                    continue;
                }
            };
            let bit = position % WORD_CLUSTERS;
            let first = position.saturating_sub(bit);
            let bits = words.get(word).copied().unwrap_or(0);
            let bits = if wanted { bits } else { !bits };
            let bits = bits & !low_bits(bit);
            if bits != 0 {
                let found = first.saturating_add(bits.trailing_zeros().into());
                return found.min(until);
            }
            position = first.saturating_add(WORD_CLUSTERS);
        }
        until
    }

    /// Bits of the word at `lcn` that stand for clusters of the volume.
    fn valid_bits(&self, lcn: u64) -> u64 {
        let left = self.nr_clusters.saturating_sub(lcn);
        low_bits(left.min(WORD_CLUSTERS))
    }

    /// Fast path for the runs of small files, which lie within one word; `None`
    /// for longer ones.
    fn insert_in_word(&mut self, extent: Extent) -> Option<u64> {
        let bit = extent.start.0 % WORD_CLUSTERS;
        let is_inside =
            extent.len <= WORD_CLUSTERS.saturating_sub(bit) && extent.end().0 <= self.nr_clusters;
        let (page, word, _) = locate(extent.start.0);
        let Some(Page::Mixed(words)) = self.pages.get_mut(page).filter(|_| is_inside) else {
            return None;
        };
        words
            .get_mut(word)
            .map(|word| change_word(word, bit, extent.len, true))
    }

    fn change(&mut self, extent: Extent, to: bool) -> u64 {
        let end = extent.end().0.min(self.nr_clusters);
        let mut position = extent.start.0;
        let mut were_in = 0_u64;
        while position < end {
            let (index, _, _) = locate(position);
            let page_start = position.saturating_sub(position % PAGE_CLUSTERS);
            let page_end = page_start
                .saturating_add(PAGE_CLUSTERS)
                .min(self.nr_clusters);
            let piece_end = page_end.min(end);
            let len = piece_end.saturating_sub(position);
            let is_whole = position == page_start && piece_end == page_end;
            let Some(page) = self.pages.get_mut(index) else {
                break;
            };
            match (&mut *page, to) {
                (Page::Empty, false) => {}
                (Page::Full, true) => were_in = were_in.saturating_add(len),
                (Page::Empty, true) if is_whole => *page = Page::Full,
                (Page::Full, false) if is_whole => {
                    *page = Page::Empty;
                    were_in = were_in.saturating_add(len);
                }
                _ => {
                    page.make_mixed(page_end.saturating_sub(page_start));
                    if let Page::Mixed(words) = page {
                        let first = position.saturating_sub(page_start);
                        let changed = change_bits(words, first, len, to);
                        were_in = were_in.saturating_add(changed);
                    }
                }
            }
            position = piece_end;
        }
        were_in
    }
}

impl Page {
    /// Turns the page to bits, of which `clusters` are clusters of the volume.
    fn make_mixed(&mut self, clusters: u64) {
        if !matches!(self, Self::Mixed(_)) {
            let mut words = Box::new([0; PAGE_WORDS]);
            if matches!(self, Self::Full) {
                change_bits(&mut words, 0, clusters, true);
            }
            *self = Self::Mixed(words);
        }
    }
}

fn change_bits(words: &mut [u64; PAGE_WORDS], first: u64, len: u64, to: bool) -> u64 {
    let end = first.saturating_add(len);
    let mut position = first;
    let mut were_in = 0_u64;
    while position < end {
        let bit = position % WORD_CLUSTERS;
        let count = WORD_CLUSTERS
            .saturating_sub(bit)
            .min(end.saturating_sub(position));
        let (_, index, _) = locate(position);
        let Some(word) = words.get_mut(index) else {
            break;
        };
        were_in = were_in.saturating_add(change_word(word, bit, count, to));
        position = position.saturating_add(count);
    }
    were_in
}

/// Changes `count` bits from `bit` on. Returns how many were set.
fn change_word(word: &mut u64, bit: u64, count: u64, to: bool) -> u64 {
    let mask = low_bits(count).checked_shl(to_u32(bit)).unwrap_or(0);
    let were_in = (*word & mask).count_ones();
    match to {
        true => *word |= mask,
        false => *word &= !mask,
    }
    were_in.into()
}

/// The page of a cluster, its word in the page, and its bit in the word.
fn locate(lcn: u64) -> (usize, usize, u64) {
    let within = lcn % PAGE_CLUSTERS;
    let bit = to_u32(lcn % WORD_CLUSTERS);
    (
        len_usize(lcn.checked_div(PAGE_CLUSTERS).unwrap_or(0)),
        len_usize(within.checked_div(WORD_CLUSTERS).unwrap_or(0)),
        1_u64.checked_shl(bit).unwrap_or(0),
    )
}

/// The lowest `count` bits set, up to all 64.
fn low_bits(count: u64) -> u64 {
    match count {
        0 => 0,
        _ => u64::MAX
            .checked_shr(to_u32(WORD_CLUSTERS.saturating_sub(count)))
            .unwrap_or(0),
    }
}

/// A number of at most 64 as a shift.
fn to_u32(bits: u64) -> u32 {
    u32::try_from(bits).unwrap_or(u32::MAX)
}

/// See [`ClusterMap::extents`].
#[derive(Debug, Clone)]
pub struct Extents<'a> {
    map: &'a ClusterMap,
    position: u64,
}

impl Iterator for Extents<'_> {
    type Item = Extent;

    fn next(&mut self) -> Option<Extent> {
        let nr_clusters = self.map.nr_clusters;
        let start = self.map.boundary(self.position, true, nr_clusters);
        if start >= nr_clusters {
            self.position = start;
            return None;
        }
        let end = self.map.boundary(start, false, nr_clusters);
        self.position = end;
        Some(Extent::new(Lcn(start), end.saturating_sub(start)))
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::unwrap_used,
    reason = "a test may panic"
)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn clusters(map: &ClusterMap) -> Vec<u64> {
        map.extents()
            .flat_map(|extent| extent.start.0..extent.end().0)
            .collect()
    }

    #[test]
    fn whole_pages_take_no_memory_and_can_be_broken() {
        let mut map = ClusterMap::new(3 * PAGE_CLUSTERS + 5).unwrap();
        let all = Extent::new(Lcn(0), map.nr_clusters());
        assert_eq!(map.insert(all), 0);
        assert!(map.pages.iter().all(|page| matches!(page, Page::Full)));
        assert_eq!(map.word(Lcn(3 * PAGE_CLUSTERS)), 0b11111);
        assert_eq!(map.remove(Extent::new(Lcn(PAGE_CLUSTERS), 1)), 1);
        assert_eq!(map.len(), map.nr_clusters() - 1);
        assert_eq!(map.extents().count(), 2);
        assert_eq!(map.remove(all), map.nr_clusters() - 1);
        assert!(map.is_empty());
    }

    #[test]
    fn clusters_past_the_end_are_ignored() {
        let mut map = ClusterMap::new(100).unwrap();
        assert_eq!(map.insert(Extent::new(Lcn(90), u64::MAX)), 0);
        assert_eq!(map.len(), 10);
        assert!(!map.contains(Lcn(100)));
        assert_eq!(map.insert(Extent::new(Lcn(u64::MAX), 9)), 0);
    }

    proptest! {
        #[test]
        fn is_a_set(
            nr_clusters in 1_u64..70_000,
            changes in prop::collection::vec((any::<bool>(), 0_u64..70_000, 0_u64..40_000), 0..12),
        ) {
            let mut map = ClusterMap::new(nr_clusters).unwrap();
            let mut set = BTreeSet::new();
            for (insert, start, len) in changes {
                let extent = Extent::new(Lcn(start), len);
                let range = start..(start + len).min(nr_clusters).max(start);
                let were_in = range.clone().filter(|lcn| set.contains(lcn)).count() as u64;
                if insert {
                    prop_assert_eq!(map.insert(extent), were_in);
                    set.extend(range);
                } else {
                    prop_assert_eq!(map.remove(extent), were_in);
                    set.retain(|lcn| !range.contains(lcn));
                }
            }
            prop_assert_eq!(map.len(), set.len() as u64);
            prop_assert_eq!(clusters(&map), set.iter().copied().collect::<Vec<_>>());
            for lcn in (0..nr_clusters).step_by(997) {
                prop_assert_eq!(map.contains(Lcn(lcn)), set.contains(&lcn));
                let limit = lcn % 64 * 700;
                let end = lcn.saturating_add(limit).min(nr_clusters);
                let run = (lcn..end).take_while(|lcn| set.contains(lcn)).count();
                let gap = (lcn..end).take_while(|lcn| !set.contains(lcn)).count();
                prop_assert_eq!(map.run_len(Lcn(lcn), limit), run as u64);
                prop_assert_eq!(map.gap_len(Lcn(lcn), limit), gap as u64);
            }
        }
    }
}
