//! The places of clusters on a volume of another size: in the same order, and as far up as they
//! fit, but not above where they were. No extent is split.

use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::error::{Error, Structure};
use crate::units::{Extent, Lcn, len_u64};

/// The places of `clusters` in a volume of `nr_clusters`, all before `end`.
///
/// # Errors
///
/// [`Error::Memory`].
pub(super) fn places(
    clusters: &ClusterMap,
    nr_clusters: u64,
    end: u64,
) -> Result<ClusterMap, Error> {
    let mut places = set_of(&[], nr_clusters)?;
    let mut left = clusters.len();
    for extent in clusters.extents() {
        // All that are left must fit before the end. Within an extent, both grow by one.
        let limit = end.saturating_sub(left);
        let start = extent.start.0.min(limit);
        places.insert(Extent::new(Lcn(start), extent.len));
        left = left.saturating_sub(extent.len);
    }
    Ok(places)
}

/// Like [`places`], and none of them is in `bad`, with space left for `added` clusters. `None` if
/// they do not fit.
///
/// # Errors
///
/// [`Error::Memory`].
pub(super) fn places_around(
    bad: &ClusterMap,
    clusters: &ClusterMap,
    nr_clusters: u64,
    added: u64,
) -> Result<Option<ClusterMap>, Error> {
    let mut places = set_of(&[], nr_clusters)?;
    let bad = listed(bad)?;
    let extents = listed(clusters)?;
    let mut descent = Descent {
        end: nr_clusters,
        bad: &bad,
    };
    if descent.place(nr_clusters, added).is_none() {
        return Ok(None);
    }
    for extent in extents.iter().rev() {
        let Some(start) = descent.place(extent.end().0, extent.len) else {
            return Ok(None);
        };
        places.insert(Extent::new(start, extent.len));
    }
    Ok(Some(places))
}

/// Where extents of those lengths end if they are as far down as possible, in their order, and
/// none of them has clusters of `bad`.
pub(super) fn lowest_end(lens: impl Iterator<Item = u64>, bad: &ClusterMap) -> u64 {
    let mut bad = bad.extents().peekable();
    let mut end = 0_u64;
    for len in lens.filter(|&len| len > 0) {
        while let Some(next) = bad.next_if(|bad| bad.start.0 < end.saturating_add(len)) {
            end = end.max(next.end().0);
        }
        end = end.saturating_add(len);
    }
    end
}

/// A set of `extents` on a volume of `nr_clusters`.
///
/// # Errors
///
/// [`Error::Memory`].
pub(super) fn set_of(extents: &[Extent], nr_clusters: u64) -> Result<ClusterMap, Error> {
    let set = ClusterMap::new(nr_clusters);
    let mut set = set.map_err(|_| memory(ClusterMap::least_memory(nr_clusters)))?;
    for &extent in extents {
        set.insert(extent);
    }
    Ok(set)
}

/// Finds places from the end of a volume to its start.
struct Descent<'a> {
    /// All before it is free.
    end: u64,
    /// Bad clusters before it, in order; some after it too.
    bad: &'a [Extent],
}

impl Descent<'_> {
    /// The last place for `len` clusters that ends at `limit` or before it. `None` if they do not
    /// fit.
    fn place(&mut self, limit: u64, len: u64) -> Option<Lcn> {
        let mut end = self.end.min(limit);
        while let Some((last, before)) = self.bad.split_last() {
            if last.end().0 <= end.checked_sub(len)? {
                break;
            }
            end = end.min(last.start.0);
            self.bad = before;
        }
        self.end = end.checked_sub(len)?;
        Some(Lcn(self.end))
    }
}

fn listed(clusters: &ClusterMap) -> Result<Vec<Extent>, Error> {
    let mut extents = Vec::new();
    for extent in clusters.extents() {
        if extents.try_reserve(1).is_err() {
            let len = len_u64(extents.len()).saturating_mul(len_u64(size_of::<Extent>()));
            return Err(memory(len.saturating_mul(2)));
        }
        extents.push(extent);
    }
    Ok(extents)
}

fn memory(len: u64) -> Error {
    Error::Memory {
        structure: Structure::Volume,
        len,
    }
}
