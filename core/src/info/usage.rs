//! How full a volume is.

use alloc::vec::Vec;

use crate::clusters::ClusterMap;
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// How full a volume is, by `$Bitmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Usage {
    /// Clusters in use.
    pub used: u64,
    /// Clusters that are free.
    pub free: u64,
    /// Runs of clusters in use.
    pub runs: u64,
    /// The largest runs of clusters in use, the largest first.
    pub largest_used: Vec<Run>,
    /// The largest runs of free clusters, the largest first.
    pub largest_free: Vec<Run>,
    /// The volume in equal parts, from its start: how many per mille of each
    /// part are in use, rounded up so that 0 is wholly free.
    pub map: Vec<u16>,
}

/// Consecutive clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Run {
    /// The first cluster.
    pub lcn: u64,
    /// How many clusters.
    pub clusters: u64,
}

/// Clusters that `$BadClus` names: Windows found sectors there that it could not
/// read. No file has them, and they are not copied.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct BadClusters {
    /// How many clusters.
    pub clusters: u64,
    /// Where they are: the first 100 runs, in order.
    pub runs: Vec<Run>,
}

/// How many runs of bad clusters are told.
const BAD_RUNS: usize = 100;

impl BadClusters {
    /// Of extents in order, as far as they lie on the volume.
    pub(super) fn of(bad: &[Extent], nr_clusters: u64) -> Self {
        let mut clusters: u64 = 0;
        let mut runs = Vec::new();
        for extent in bad.iter().filter_map(|extent| extent.before(nr_clusters)) {
            clusters = clusters.saturating_add(extent.len);
            if runs.len() < BAD_RUNS {
                runs.push(Run::of(&extent));
            }
        }
        Self { clusters, runs }
    }
}

impl Run {
    fn of(extent: &Extent) -> Self {
        Self {
            lcn: extent.start.0,
            clusters: extent.len,
        }
    }
}

impl Usage {
    /// Of the clusters in `used`, with a map of so many `parts`.
    pub fn of(used: &ClusterMap, parts: usize) -> Self {
        let nr_clusters = used.nr_clusters();
        let mut usage = Self {
            used: 0,
            free: nr_clusters,
            runs: 0,
            largest_used: Vec::new(),
            largest_free: Vec::new(),
            map: Vec::new(),
        };
        let parts = len_u64(parts).min(nr_clusters).max(1);
        let mut filling = alloc::vec![0_u64; len_usize(parts)];
        let mut end = Lcn(0);
        for extent in used.extents() {
            usage.used = usage.used.saturating_add(extent.len);
            usage.runs = usage.runs.saturating_add(1);
            keep_largest(&mut usage.largest_used, extent);
            keep_largest(&mut usage.largest_free, between(end, extent.start));
            end = extent.end();
            fill(&mut filling, extent, nr_clusters);
        }
        keep_largest(&mut usage.largest_free, between(end, Lcn(nr_clusters)));
        usage.free = nr_clusters.saturating_sub(usage.used);
        let starts = (0..parts).map(|part| part_start(part, parts, nr_clusters));
        let ends = (1..=parts).map(|part| part_start(part, parts, nr_clusters));
        let sizes = starts
            .zip(ends)
            .map(|(start, end)| end.saturating_sub(start));
        usage.map = filling
            .iter()
            .zip(sizes)
            .map(|(&used, size)| {
                let per_mille = u128::from(used)
                    .saturating_mul(1000)
                    .div_ceil(size.max(1).into());
                u16::try_from(per_mille).unwrap_or(1000)
            })
            .collect();
        usage
    }
}

fn between(start: Lcn, end: Lcn) -> Extent {
    Extent::new(start, end.0.saturating_sub(start.0))
}

/// How many runs are told.
const LARGEST: usize = 5;

fn keep_largest(largest: &mut Vec<Run>, extent: Extent) {
    if extent.len == 0 {
        return;
    }
    let place = largest.partition_point(|run| run.clusters >= extent.len);
    if place < LARGEST {
        largest.insert(place, Run::of(&extent));
        largest.truncate(LARGEST);
    }
}

/// The cluster with which a part of the volume begins.
fn part_start(part: u64, parts: u64, nr_clusters: u64) -> u64 {
    let start = u128::from(part).saturating_mul(nr_clusters.into());
    u64::try_from(start.checked_div(parts.into()).unwrap_or(0)).unwrap_or(nr_clusters)
}

/// Adds the clusters of an extent to the parts it lies in.
fn fill(filling: &mut [u64], extent: Extent, nr_clusters: u64) {
    let parts = len_u64(filling.len());
    let first = u128::from(extent.start.0).saturating_mul(parts.into());
    let first = first.checked_div(nr_clusters.into()).unwrap_or(0);
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    for (index, part) in filling.iter_mut().enumerate().skip(first) {
        let number = len_u64(index);
        let start = part_start(number, parts, nr_clusters).max(extent.start.0);
        if start >= extent.end().0 {
            break;
        }
        let end = part_start(number.saturating_add(1), parts, nr_clusters).min(extent.end().0);
        *part = part.saturating_add(end.saturating_sub(start));
    }
}
