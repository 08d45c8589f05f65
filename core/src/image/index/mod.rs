//! Where the clusters of a volume lie in an image.

mod builder;

use alloc::vec::Vec;
use core::ops::Range;

pub use self::builder::IndexBuilder;
use super::ntfsclone::Header;
use crate::error::Result;
use crate::units::{Extent, Lcn};

/// Bytes of a gap in an image: its command and its count.
const GAP_BYTES: u64 = 9;

/// Where each cluster of a volume lies in an image.
///
/// Offsets are bytes from the start of the image as a stream, not as the file
/// that may hold it compressed.
///
/// Made by an [`IndexBuilder`], by an [`super::Indexer`] while an image is
/// decoded, by [`Index::scan`] or [`Index::discover`], or for an image that is
/// yet to be written by [`Index::of_extents`].
///
/// Takes 24 bytes of memory for each gap, twice to three times that if the
/// image jumps back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    header: Header,
    /// In the order of the stream, one for each gap and what follows it.
    stream: Vec<Run>,
    /// In LCN order, without overlaps; `None` where that is `stream`.
    sorted: Option<Vec<Run>>,
    /// Of the command of the tail, which ends the image; where there is none,
    /// of the end.
    end: u64,
    /// Clusters that are stored, each counted once.
    len: u64,
    jumps_back: bool,
    /// See [`Index::lost_from`].
    lost_from: Option<Lcn>,
}

/// Consecutive clusters that lie one after the other in an image, each after
/// its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The clusters.
    pub extent: Extent,
    /// Where in the image the command before the first cluster is, in bytes.
    /// Cluster `i` of the run has its bytes at `offset + i * (cluster_size + 1)
    /// + 1`.
    pub offset: u64,
}

impl Index {
    /// The index of an ordinary image that holds these clusters, in LCN order,
    /// and the tail.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the extents are not in order, or lead past the end
    /// of the volume; [`Error::Memory`].
    pub fn of_extents(header: Header, extents: impl IntoIterator<Item = Extent>) -> Result<Self> {
        let mut builder = IndexBuilder::new(header);
        for extent in extents {
            builder.seek(extent.start)?;
            builder.clusters(extent.len)?;
        }
        builder.seek(Lcn(header.nr_clusters))?;
        builder.finish()
    }

    /// The index of a damaged image, in which other bytes than commands may lie
    /// between the runs; `end` is where its tail is, or its end.
    pub(super) fn of_runs(header: Header, stream: Vec<Run>, end: u64) -> Result<Self> {
        builder::index(header, stream, end)
    }

    /// The header of the image.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The clusters stored, in LCN order, and where they lie. Of a cluster that
    /// the image holds twice, the later one counts, as when it is restored.
    pub fn runs(&self) -> &[Run] {
        self.sorted.as_ref().unwrap_or(&self.stream)
    }

    /// The clusters stored, in LCN order. Extents that touch are clusters of
    /// an image that jumps.
    pub fn extents(&self) -> impl Iterator<Item = Extent> {
        self.runs().iter().map(|run| run.extent)
    }

    /// The clusters in the order of the image, which may hold one twice.
    #[cfg(feature = "jobs")]
    pub(crate) fn stored_extents(&self) -> impl Iterator<Item = Extent> {
        self.stream.iter().map(|run| run.extent)
    }

    /// Where cluster `lcn` lies, with those that follow it both on the volume
    /// and in the image; `None` if it is not stored.
    pub fn locate(&self, lcn: Lcn) -> Option<Run> {
        locate(&self.header, self.runs(), lcn)
    }

    /// Offset in the image of a byte of the volume; `None` if it is not stored.
    pub fn stored_at(&self, offset: u64) -> Option<u64> {
        let size = u64::from(self.header.cluster_size);
        let lcn = offset.checked_div(size)?;
        let (command, within) = if lcn < self.header.nr_clusters {
            let run = self.locate(Lcn(lcn))?;
            (run.offset, offset.checked_rem(size)?)
        } else {
            let clusters = self.header.nr_clusters.saturating_mul(size);
            let within = offset.checked_sub(clusters)?;
            (
                self.tail().filter(|_| within < self.header.tail_size())?,
                within,
            )
        };
        Some(command.saturating_add(1).saturating_add(within))
    }

    /// How many clusters of `extent` are not stored.
    pub fn clusters_not_stored(&self, extent: Extent) -> u64 {
        let runs = self.runs();
        let (mut next, mut lacks) = (extent.start, 0_u64);
        while next < extent.end() {
            let at = runs.partition_point(|run| run.extent.end() <= next);
            let run = runs.get(at).map(|run| run.extent);
            let start = run.map_or(extent.end(), |run| run.start.min(extent.end()));
            lacks = lacks.saturating_add(start.0.saturating_sub(next.0));
            next = run.map_or(extent.end(), Extent::end);
        }
        lacks
    }

    /// How many clusters are stored, each counted once.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if no cluster is stored.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the image.
    pub fn stream_size(&self) -> u64 {
        match self.tail() {
            Some(tail) => tail
                .saturating_add(1)
                .saturating_add(self.header.tail_size()),
            None => self.end,
        }
    }

    /// Bytes of the volume as it is restored: all clusters, and the tail.
    pub fn restored_size(&self) -> u64 {
        super::reader::restored_size(&self.header)
    }

    /// Where the command of the tail lies, if the image has a tail.
    pub fn tail(&self) -> Option<u64> {
        self.header.has_tail().then_some(self.end)
    }

    /// Whether the image begins with what this builder has taken.
    pub(crate) fn begins_with(&self, builder: &IndexBuilder) -> bool {
        self.stream.starts_with(builder.runs())
    }

    /// True if the clusters come in LCN order: false for images of metadata.
    pub fn is_ordinary(&self) -> bool {
        !self.jumps_back
    }

    /// Of an image that is cut short or damaged: from this cluster on, those that
    /// are not stored may have been in what is missing. `None` of a whole image.
    pub fn lost_from(&self) -> Option<Lcn> {
        self.lost_from
    }

    /// The clusters that have bytes, or their command, in this part of the image.
    pub fn extents_in(&self, range: &Range<u64>) -> Vec<Extent> {
        let stride = stride(&self.header);
        let mut extents = Vec::new();
        for run in &self.stream {
            let end = run
                .offset
                .saturating_add(run.extent.len.saturating_mul(stride));
            if end <= range.start || run.offset >= range.end {
                continue;
            }
            let before = range.start.saturating_sub(run.offset);
            let first = before.checked_div(stride).unwrap_or(0);
            let after = range.end.saturating_sub(run.offset).div_ceil(stride);
            let count = after.min(run.extent.len).saturating_sub(first);
            extents.push(Extent::new(run.extent.start.plus(first), count));
        }
        extents
    }

    /// In the order of the stream, each with the one gap before it.
    pub(super) fn stream(&self) -> &[Run] {
        &self.stream
    }

    /// Where the clusters end, with the gap that may follow them.
    pub(super) fn end(&self) -> Run {
        Run {
            extent: Extent::new(Lcn(self.header.nr_clusters), 0),
            offset: self.end,
        }
    }

    /// What an [`IndexBuilder`] makes this index of: a gap, 0 if there is none,
    /// and how many clusters follow it, which may be 0. Command for command what
    /// the image holds, up to its tail.
    pub fn commands(&self) -> impl Iterator<Item = (i64, u64)> {
        let mut position = 0_u64;
        let with_end = self.stream.iter().copied().chain([self.end()]);
        with_end
            .map(move |run| {
                // A jump back wraps to the negative number that it is.
                let gap = run.extent.start.0.wrapping_sub(position).cast_signed();
                position = run.extent.end().0;
                (gap, run.extent.len)
            })
            .filter(|&command| command != (0, 0))
    }
}

impl Run {
    /// What is left of the run from `lcn` on.
    pub(super) fn from(self, header: &Header, lcn: Lcn) -> Self {
        let skipped = lcn.0.saturating_sub(self.extent.start.0);
        Self {
            extent: Extent::new(lcn, self.extent.len.saturating_sub(skipped)),
            offset: self
                .offset
                .saturating_add(skipped.saturating_mul(stride(header))),
        }
    }

    /// Whether `next` goes on where this one ends, on the volume and in the
    /// image.
    fn is_followed_by(&self, header: &Header, next: &Self) -> bool {
        let end = self.extent.end();
        next.extent.start == end && next.offset == self.from(header, end).offset
    }
}

/// Bytes of a cluster in an image, with its command.
pub(super) fn stride(header: &Header) -> u64 {
    u64::from(header.cluster_size).saturating_add(1)
}

/// See [`Index::locate`]; `runs` are in LCN order.
pub(super) fn locate(header: &Header, runs: &[Run], lcn: Lcn) -> Option<Run> {
    let after = runs.partition_point(|run| run.extent.start <= lcn);
    let run = runs.get(after.checked_sub(1)?)?;
    (lcn < run.extent.end()).then(|| run.from(header, lcn))
}
