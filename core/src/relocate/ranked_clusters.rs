//! A set of clusters that can be counted up to any of them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::clusters::map::{PAGE_CLUSTERS, WORD_CLUSTERS};
use crate::error::{Error, Result, Structure};
use crate::units::{Lcn, len_u64, len_usize};

/// Clusters of a block.
const BLOCK_CLUSTERS: u64 = 512;
const BLOCK_WORDS: u64 = 8;
const PAGE_BLOCKS: usize = 64;

/// A set of clusters, each with its rank: the number of clusters of the set before it.
///
/// Takes 16 bytes for each page of the map beside it, and 128 for one that is neither empty nor
/// full.
#[derive(Debug, Clone)]
pub(super) struct RankedClusters {
    map: ClusterMap,
    pages: Vec<PageRanks>,
    /// How many clusters are in the set.
    len: u64,
}

#[derive(Debug, Clone)]
struct PageRanks {
    /// The rank of the page's first cluster.
    first: u64,
    /// The ranks of the blocks' first clusters, counted from `first`.
    blocks: Blocks,
}

#[derive(Debug, Clone)]
enum Blocks {
    Empty,
    Full,
    Mixed(Box<[u16; PAGE_BLOCKS]>),
}

impl RankedClusters {
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub(super) fn new(map: ClusterMap) -> Result<Self> {
        let count = len_usize(map.nr_clusters().div_ceil(PAGE_CLUSTERS));
        let mut pages = Vec::new();
        pages.try_reserve_exact(count).map_err(|_| Error::Memory {
            structure: Structure::Volume,
            len: len_u64(count.saturating_mul(size_of::<PageRanks>())),
        })?;
        let mut len = 0_u64;
        for start in (0..map.nr_clusters()).step_by(len_usize(PAGE_CLUSTERS)) {
            let (blocks, in_page) = Blocks::count(&map, Lcn(start));
            pages.push(PageRanks { first: len, blocks });
            len = len.saturating_add(in_page);
        }
        Ok(Self { map, pages, len })
    }

    pub(super) fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// How many clusters of the set are before `lcn`.
    pub(super) fn rank(&self, lcn: Lcn) -> u64 {
        let page = lcn.0.checked_div(PAGE_CLUSTERS).unwrap_or(0);
        let Some(page) = self.pages.get(len_usize(page)) else {
            return self.len;
        };
        let within = lcn.0 % PAGE_CLUSTERS;
        let block = within.checked_div(BLOCK_CLUSTERS).unwrap_or(0);
        let mut rank = page.first.saturating_add(page.blocks.rank(block));
        let mut left = within % BLOCK_CLUSTERS;
        let mut position = lcn.0.saturating_sub(left);
        while left > 0 {
            let mut word = self.map.word(Lcn(position));
            if left < WORD_CLUSTERS {
                let shift = u32::try_from(left).unwrap_or(0);
                word &= !u64::MAX.checked_shl(shift).unwrap_or(0);
            }
            rank = rank.saturating_add(word.count_ones().into());
            left = left.saturating_sub(WORD_CLUSTERS);
            position = position.saturating_add(WORD_CLUSTERS);
        }
        rank
    }

    /// The cluster of that rank.
    pub(super) fn select(&self, rank: u64) -> Option<Lcn> {
        if rank >= self.len {
            return None;
        }
        let after = self.pages.partition_point(|page| page.first <= rank);
        let number = after.checked_sub(1)?;
        let page = self.pages.get(number)?;
        let mut left = rank.saturating_sub(page.first);
        let block = page.blocks.select(left);
        left = left.saturating_sub(page.blocks.rank(block));
        let mut position = len_u64(number)
            .saturating_mul(PAGE_CLUSTERS)
            .saturating_add(block.saturating_mul(BLOCK_CLUSTERS));
        for _ in 0..BLOCK_WORDS {
            let mut word = self.map.word(Lcn(position));
            let count = u64::from(word.count_ones());
            if left < count {
                for _ in 0..left {
                    word &= word.wrapping_sub(1);
                }
                return Some(Lcn(position.saturating_add(word.trailing_zeros().into())));
            }
            left = left.saturating_sub(count);
            position = position.saturating_add(WORD_CLUSTERS);
        }
        None
    }
}

impl Blocks {
    /// The blocks of the page that begins at `start`, and how many of its clusters are in the set.
    fn count(map: &ClusterMap, start: Lcn) -> (Self, u64) {
        if map.run_len(start, PAGE_CLUSTERS) == PAGE_CLUSTERS {
            return (Self::Full, PAGE_CLUSTERS);
        }
        if map.gap_len(start, PAGE_CLUSTERS) == PAGE_CLUSTERS {
            return (Self::Empty, 0);
        }
        let mut ranks = Box::new([0; PAGE_BLOCKS]);
        let mut rank = 0_u16;
        let mut position = start;
        for first in ranks.iter_mut() {
            *first = rank;
            for _ in 0..BLOCK_WORDS {
                let count = map.word(position).count_ones();
                rank = rank.saturating_add(u16::try_from(count).unwrap_or(0));
                position = position.plus(WORD_CLUSTERS);
            }
        }
        (Self::Mixed(ranks), rank.into())
    }

    /// How many clusters of the page are before that block.
    fn rank(&self, block: u64) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Full => block.saturating_mul(BLOCK_CLUSTERS),
            Self::Mixed(ranks) => ranks.get(len_usize(block)).copied().unwrap_or(0).into(),
        }
    }

    /// The block that has the cluster of that rank in the page.
    fn select(&self, rank: u64) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Full => rank.checked_div(BLOCK_CLUSTERS).unwrap_or(0),
            Self::Mixed(ranks) => {
                let after = ranks.partition_point(|&first| u64::from(first) <= rank);
                len_u64(after.saturating_sub(1))
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::units::Extent;

    proptest! {
        #[test]
        fn ranks_count_and_select_finds(
            nr_clusters in 1_u64..100_000,
            extents in prop::collection::vec((0_u64..100_000, 1_u64..40_000), 0..20),
        ) {
            let mut map = ClusterMap::new(nr_clusters).unwrap();
            for (start, len) in extents {
                map.insert(Extent::new(Lcn(start), len));
            }
            let set = RankedClusters::new(map.clone()).unwrap();
            prop_assert_eq!(set.len, map.len());
            let mut before = 0_u64;
            for lcn in (0..=nr_clusters).map(Lcn) {
                if lcn.0 % 61 == 0 || lcn.0 == nr_clusters {
                    prop_assert_eq!(set.rank(lcn), before);
                }
                if map.contains(lcn) {
                    if before.is_multiple_of(53) {
                        prop_assert_eq!(set.select(before), Some(lcn));
                    }
                    before = before.saturating_add(1);
                }
            }
            prop_assert_eq!(set.select(before), None);
        }
    }
}
