//! A set of clusters that can be counted up to any of them.

use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::clusters::map::{PAGE_CLUSTERS, WORD_CLUSTERS};
use crate::error::{Error, Result, Structure};
use crate::units::{Lcn, len_u64, len_usize};

/// A set of clusters, each with its rank: the number of clusters of the set before it.
///
/// Takes 8 bytes for each page of the map beside it.
#[derive(Debug, Clone)]
pub(super) struct RankedClusters {
    map: ClusterMap,
    /// The rank of the first cluster of each page; last, how many clusters there are.
    page_ranks: Vec<u64>,
}

impl RankedClusters {
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub(super) fn new(map: ClusterMap) -> Result<Self> {
        let pages = map.nr_clusters().div_ceil(PAGE_CLUSTERS);
        let mut page_ranks = Vec::new();
        let count = len_usize(pages.saturating_add(1));
        page_ranks
            .try_reserve_exact(count)
            .map_err(|_| Error::Memory {
                structure: Structure::Volume,
                len: len_u64(count).saturating_mul(8),
            })?;
        page_ranks.resize(count, 0);
        for extent in map.extents() {
            let mut start = extent.start.0;
            while start < extent.end().0 {
                let page = page_of(start);
                let page_end = start
                    .saturating_sub(start % PAGE_CLUSTERS)
                    .saturating_add(PAGE_CLUSTERS);
                let end = page_end.min(extent.end().0);
                if let Some(len) = page_ranks.get_mut(page.saturating_add(1)) {
                    let added: u64 = end.saturating_sub(start);
                    *len = added.saturating_add(*len);
                }
                start = end;
            }
        }
        let mut rank = 0_u64;
        for count in &mut page_ranks {
            rank = rank.saturating_add(*count);
            *count = rank;
        }
        Ok(Self { map, page_ranks })
    }

    pub(super) fn map(&self) -> &ClusterMap {
        &self.map
    }

    /// How many clusters are in the set.
    pub(super) fn len(&self) -> u64 {
        self.page_ranks.last().copied().unwrap_or(0)
    }

    /// How many clusters of the set are before `lcn`.
    pub(super) fn rank(&self, lcn: Lcn) -> u64 {
        let page = page_of(lcn.0);
        let Some(&rank) = self.page_ranks.get(page) else {
            return self.len();
        };
        let page_start = lcn.0.saturating_sub(lcn.0 % PAGE_CLUSTERS);
        let mut rank = rank;
        let mut position = page_start;
        while position < lcn.0 {
            let before = lcn.0.saturating_sub(position);
            let mut word = self.map.word(Lcn(position));
            if before < WORD_CLUSTERS {
                let shift = u32::try_from(before).unwrap_or(0);
                word &= !u64::MAX.checked_shl(shift).unwrap_or(0);
            }
            rank = rank.saturating_add(word.count_ones().into());
            position = position.saturating_add(WORD_CLUSTERS);
        }
        rank
    }

    /// The cluster of that rank.
    pub(super) fn select(&self, rank: u64) -> Option<Lcn> {
        let after = self.page_ranks.partition_point(|&first| first <= rank);
        let page = after.checked_sub(1)?;
        let mut left = rank.saturating_sub(self.page_ranks.get(page).copied()?);
        let mut position = len_u64(page).saturating_mul(PAGE_CLUSTERS);
        while position < self.map.nr_clusters() {
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

    /// How many clusters from `lcn` on are in the set, one after the other.
    pub(super) fn run_len(&self, lcn: Lcn) -> u64 {
        let next = self.map.extents_from(lcn).next();
        next.filter(|extent| extent.start == lcn)
            .map_or(0, |extent| extent.len)
    }

    /// See [`gap_len`].
    pub(super) fn gap_len(&self, lcn: Lcn) -> u64 {
        gap_len(&self.map, lcn)
    }
}

/// How many clusters from `lcn` on are not in the set, one after the other.
pub(super) fn gap_len(clusters: &ClusterMap, lcn: Lcn) -> u64 {
    let next = clusters.extents_from(lcn).next();
    let end = next.map_or(clusters.nr_clusters(), |extent| extent.start.0);
    end.saturating_sub(lcn.0)
}

fn page_of(lcn: u64) -> usize {
    len_usize(lcn.checked_div(PAGE_CLUSTERS).unwrap_or(0))
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
            prop_assert_eq!(set.len(), map.len());
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
