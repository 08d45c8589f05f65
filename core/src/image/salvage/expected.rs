//! Which clusters an image holds, as the volume in it reports.

use alloc::vec::Vec;

use crate::image::Index;
use crate::image::ntfsclone::Header;
use crate::units::{Extent, Lcn};

/// The clusters that an ordinary image of a volume holds, and those of which
/// that is unknown.
#[derive(Debug, Clone)]
pub struct Expected {
    nr_clusters: u64,
    /// In order; none touches another.
    used: Vec<Extent>,
    /// In order.
    unknown: Vec<Extent>,
}

/// The command that an image has for a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Clusters up to this one follow.
    Clusters(u64),
    /// A gap to this cluster.
    Gap(u64),
}

impl Expected {
    /// `used` and `unknown` are in order, and no extent of a list touches
    /// another one of it.
    pub fn new(nr_clusters: u64, used: Vec<Extent>, unknown: Vec<Extent>) -> Self {
        Self {
            nr_clusters,
            used,
            unknown,
        }
    }

    /// The clusters of an image with this index; `None` if it jumps back.
    pub fn of_index(index: &Index) -> Option<Self> {
        let used = index.extents().collect();
        let nr_clusters = index.header().nr_clusters;
        index
            .is_ordinary()
            .then(|| Self::new(nr_clusters, used, Vec::new()))
    }

    /// Whether a cluster is in use, `None` if that is unknown; and a cluster up
    /// to which that holds for all.
    pub fn state_at(&self, lcn: u64) -> (Option<bool>, u64) {
        let after = |extents: &[Extent]| {
            let next = extents.partition_point(|extent| extent.end() <= Lcn(lcn));
            extents.get(next).copied()
        };
        let (used, unknown) = (after(&self.used), after(&self.unknown));
        let mut end = self.nr_clusters;
        match unknown {
            Some(extent) if extent.start.0 <= lcn => return (None, extent.end().0),
            Some(extent) => end = extent.start.0,
            None => {}
        }
        match used {
            Some(extent) if extent.start.0 <= lcn => (Some(true), extent.end().0.min(end)),
            Some(extent) => (Some(false), extent.start.0.min(end)),
            None => (Some(false), end),
        }
    }

    /// The command for cluster `position`; `None` if it is unknown.
    pub(super) fn at(&self, position: u64) -> Option<Next> {
        if position >= self.nr_clusters {
            return None;
        }
        let limit = self.next_unknown(position);
        if limit <= position {
            return None;
        }
        let next = self
            .used
            .partition_point(|extent| extent.end() <= Lcn(position));
        match self.used.get(next) {
            Some(extent) if extent.start.0 <= position => {
                Some(Next::Clusters(extent.end().0.min(limit)))
            }
            Some(extent) if extent.start.0 <= limit => Some(Next::Gap(extent.start.0)),
            None if limit == self.nr_clusters => Some(Next::Gap(self.nr_clusters)),
            _ => None,
        }
    }

    /// The starts of the gaps after `position`: where the clusters before end,
    /// and how long the gap is.
    pub(super) fn gaps_after(&self, position: u64) -> impl Iterator<Item = (Extent, u64)> {
        let first = self
            .used
            .partition_point(|extent| extent.end() <= Lcn(position));
        let used = self.used.get(first..).unwrap_or_default();
        let starts = used.iter().skip(1).map(|extent| extent.start.0);
        let starts = starts.chain([self.nr_clusters]);
        used.iter()
            .zip(starts)
            .map(|(extent, next)| (*extent, next.saturating_sub(extent.end().0)))
    }

    /// Whether this is what the image holds: as many clusters as its header
    /// counts; or else, in all but an eighth of what was found. Nothing was found
    /// of `unknown`.
    pub fn agrees_with(&self, header: &Header, stored: &[Extent], unknown: &[Extent]) -> bool {
        if self.unknown.is_empty() && len(&self.used) == header.inuse {
            return true;
        }
        let same = common(&self.used, stored);
        let not_in_use = len(stored)
            .saturating_sub(same)
            .saturating_sub(common(&self.unknown, stored));
        let not_stored = len(&self.used)
            .saturating_sub(same)
            .saturating_sub(common(&self.used, unknown));
        same > 0 && same / 8 >= not_in_use.saturating_add(not_stored)
    }

    /// The first cluster from `position` on of which nothing is known.
    fn next_unknown(&self, position: u64) -> u64 {
        let next = self
            .unknown
            .partition_point(|extent| extent.end() <= Lcn(position));
        let next = self.unknown.get(next);
        next.map_or(self.nr_clusters, |extent| extent.start.0)
    }
}

fn len(extents: &[Extent]) -> u64 {
    let lens = extents.iter().map(|extent| extent.len);
    lens.fold(0, u64::saturating_add)
}

/// How many clusters are in both lists, which are in order.
fn common(a: &[Extent], b: &[Extent]) -> u64 {
    let mut count = 0_u64;
    for extent in a {
        let first = b.partition_point(|other| other.end() <= extent.start);
        let others = b.get(first..).unwrap_or_default().iter();
        for other in others.take_while(|other| other.start < extent.end()) {
            let start = extent.start.max(other.start);
            let end = extent.end().min(other.end());
            count = count.saturating_add(end.0.saturating_sub(start.0));
        }
    }
    count
}
