//! Which clusters `$Bitmap` marks as in use, to count them in any extent.

use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::bitmap::Chunks;
use crate::units::{Extent, Lcn, len_usize};

/// Clusters between two sums.
const CLUSTERS_PER_SUM: u64 = 4096;

/// The clusters that `$Bitmap` marks as in use. What it does not tell of counts as in use.
#[derive(Debug)]
pub struct UsedClusters {
    map: ClusterMap,
    /// Clusters in use before each multiple of [`CLUSTERS_PER_SUM`].
    sums: Vec<u64>,
}

impl UsedClusters {
    /// Reads `$Bitmap`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Memory`].
    pub fn read<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let clusters = volume.geometry().nr_clusters();
        let memory = |_| Error::Memory {
            structure: Structure::Bitmap,
            len: ClusterMap::least_memory(clusters),
        };
        let mut map = ClusterMap::new(clusters).map_err(memory)?;
        let mut chunks = Chunks::new(volume)?;
        while let Some((first, words)) = chunks.next(volume)? {
            for (start, word) in (first.0..).step_by(64).zip(words) {
                insert_word(&mut map, Lcn(start), *word);
            }
        }
        if let Some(unknown) = chunks.unknown() {
            map.insert(unknown.extent);
        }
        let mut used = Self {
            map,
            sums: Vec::new(),
        };
        let mut sum = 0_u64;
        for start in (0..=clusters).step_by(len_usize(CLUSTERS_PER_SUM)) {
            used.sums.push(sum);
            let end = start.saturating_add(CLUSTERS_PER_SUM);
            sum = sum.saturating_add(used.count_words(start, end));
        }
        Ok(used)
    }

    /// How many clusters of `extent` are in use.
    pub fn count(&self, extent: Extent) -> u64 {
        let before = |lcn: u64| {
            let index = lcn.checked_div(CLUSTERS_PER_SUM).unwrap_or(0);
            let start = index.saturating_mul(CLUSTERS_PER_SUM);
            let sum = self.sums.get(len_usize(index)).copied().unwrap_or(0);
            sum.saturating_add(self.count_words(start, lcn))
        };
        let end = extent.end().0.min(self.map.nr_clusters());
        before(end).saturating_sub(before(extent.start.0.min(end)))
    }

    /// The first cluster of `extent` that is in use.
    pub fn first_in(&self, extent: Extent) -> Option<Lcn> {
        if self.count(extent) == 0 {
            return None;
        }
        // Clusters that are known to be free, from the start on.
        let (mut free, mut end) = (0_u64, extent.len);
        while free.saturating_add(1) < end {
            let middle = free.midpoint(end);
            match self.count(Extent::new(extent.start, middle)) {
                0 => free = middle,
                _ => end = middle,
            }
        }
        Some(extent.start.plus(free))
    }

    /// How many clusters from `start`, a multiple of 64, to before `end` are in use.
    fn count_words(&self, start: u64, end: u64) -> u64 {
        let end = end.min(self.map.nr_clusters());
        let mut count = 0_u64;
        let mut lcn = start;
        while lcn < end {
            let bits = u32::try_from(end.saturating_sub(lcn)).unwrap_or(64).min(64);
            let mask = u64::MAX
                .checked_shr(64_u32.saturating_sub(bits))
                .unwrap_or(0);
            let word = self.map.word(Lcn(lcn)) & mask;
            count = count.saturating_add(word.count_ones().into());
            lcn = lcn.saturating_add(64);
        }
        count
    }
}

/// Inserts the runs of set bits of a word.
fn insert_word(map: &mut ClusterMap, first: Lcn, word: u64) {
    let mut rest = word;
    let mut position = 0_u32;
    while rest != 0 {
        let zeros = rest.trailing_zeros();
        position = position.saturating_add(zeros);
        rest = rest.checked_shr(zeros).unwrap_or(0);
        let ones = rest.trailing_ones();
        map.insert(Extent::new(first.plus(position.into()), ones.into()));
        position = position.saturating_add(ones);
        rest = rest.checked_shr(ones).unwrap_or(0);
    }
}
