//! Where the clusters of a volume lie in an image.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

use super::ntfsclone::{Header, corrupt};
use crate::error::{Error, Result, Structure};
use crate::units::{Extent, Lcn, len_u64};

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

    /// Where cluster `lcn` lies, with those that follow it both on the volume
    /// and in the image; `None` if it is not stored.
    pub fn locate(&self, lcn: Lcn) -> Option<Run> {
        locate(&self.header, self.runs(), lcn)
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
        self.stream.starts_with(&builder.runs)
    }

    /// True if the clusters come in LCN order: false for images of metadata.
    pub fn is_ordinary(&self) -> bool {
        !self.jumps_back
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

/// Makes an [`Index`] of the commands of an image, in their order.
///
/// ```
/// # use ntfsclone_core::image::ntfsclone::Header;
/// # use ntfsclone_core::image::{Index, IndexBuilder};
/// # fn index(header: Header, commands: &[(i64, u64)]) -> ntfsclone_core::Result<Index> {
/// let mut builder = IndexBuilder::new(header);
/// for &(gap, clusters) in commands {
///     if gap != 0 {
///         builder.gap(gap)?;
///     }
///     builder.clusters(clusters)?;
/// }
/// builder.finish()
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct IndexBuilder {
    header: Header,
    /// The cluster that the next command would carry.
    position: u64,
    /// Where in the image that command is.
    offset: u64,
    /// One for each gap and what follows it.
    runs: Vec<Run>,
    jumps_back: bool,
}

impl IndexBuilder {
    /// A builder at the first command of an image.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            position: 0,
            offset: header.data_offset.into(),
            runs: Vec::new(),
            jumps_back: false,
        }
    }

    /// Takes a gap.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the byte position in the image: it is 0, leads
    /// out of the volume, or follows the end; [`Error::Memory`].
    pub fn gap(&mut self, count: i64) -> Result<()> {
        if self.position == self.header.end_position() {
            let expected = "nothing";
            return Err(corrupt(self.offset, "a gap after the end", 0, expected));
        }
        self.position = self.header.skip(self.position, count, self.offset)?;
        self.offset = self.after(self.offset.checked_add(GAP_BYTES))?;
        self.jumps_back |= count < 0;
        self.begin_run()
    }

    /// Takes so many clusters; however they are cut into calls, the index is
    /// the same.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the byte position in the image: they lead past
    /// the end of the volume; [`Error::Memory`].
    pub fn clusters(&mut self, count: u64) -> Result<()> {
        let left = self.header.nr_clusters.saturating_sub(self.position);
        if count > left {
            let first_past = left.saturating_mul(stride(&self.header));
            return Err(corrupt(
                self.offset.saturating_add(first_past),
                "the cluster to follow",
                self.header.nr_clusters,
                "one of the volume",
            ));
        }
        if count == 0 {
            return Ok(());
        }
        let bytes = count.checked_mul(stride(&self.header));
        let end = self.after(bytes.and_then(|bytes| self.offset.checked_add(bytes)))?;
        if self.runs.is_empty() {
            self.begin_run()?;
        }
        if let Some(run) = self.runs.last_mut() {
            run.extent.len = run.extent.len.saturating_add(count);
        }
        self.position = self.position.saturating_add(count);
        self.offset = end;
        Ok(())
    }

    /// The cluster that the next command would carry.
    pub fn position(&self) -> Lcn {
        Lcn(self.position)
    }

    /// Where the next command is, in bytes from the start of the image.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What was taken, in the order of the stream. A gap that another gap
    /// follows has a run of no clusters.
    pub(super) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// True if nothing but the tail can follow, or a gap that leads back.
    pub(super) fn is_at_tail(&self) -> bool {
        self.position == self.header.nr_clusters
    }

    /// Takes the gap to `lcn`, if there is one.
    pub(crate) fn seek(&mut self, lcn: Lcn) -> Result<()> {
        let position = self.position;
        match lcn.0.checked_sub(position) {
            Some(0) => Ok(()),
            Some(gap) => self.gap(i64::try_from(gap).unwrap_or(i64::MAX)),
            None => Err(corrupt(
                self.offset,
                "the cluster to follow",
                lcn.0,
                "one after those before",
            )),
        }
    }

    /// Ends the index: if the image has a tail, it is next.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the clusters up to the end of the volume were not
    /// all taken or passed over; [`Error::Memory`].
    pub fn finish(mut self) -> Result<Index> {
        if !self.is_at_tail() {
            let expected = "the end of the volume";
            return Err(corrupt(
                self.offset,
                "the last cluster",
                self.position,
                expected,
            ));
        }
        // The gap to the tail is known from where it leads.
        if self.runs.last().is_some_and(|run| run.extent.len == 0) {
            self.runs.pop();
        }
        let sorted = match is_sorted(&self.runs) {
            true => None,
            false => Some(latest(&self.header, &self.runs)?),
        };
        let counted = sorted.as_ref().unwrap_or(&self.runs);
        let len = counted
            .iter()
            .fold(0_u64, |sum, run| sum.saturating_add(run.extent.len));
        Ok(Index {
            header: self.header,
            stream: self.runs,
            sorted,
            end: self.offset,
            len,
            jumps_back: self.jumps_back,
        })
    }

    /// Ends the index of an image that goes on no further: without its last
    /// cluster, if that was cut in two. What was not taken counts as passed over.
    pub(super) fn cut(mut self, in_cluster: bool) -> Result<Index> {
        if in_cluster && let Some(run) = self.runs.last_mut() {
            run.extent.len = run.extent.len.saturating_sub(1);
            self.position = self.position.saturating_sub(1);
            self.offset = self.offset.saturating_sub(stride(&self.header));
        }
        if !self.is_at_tail() {
            self.seek(Lcn(self.header.nr_clusters))?;
        }
        self.finish()
    }

    fn begin_run(&mut self) -> Result<()> {
        let run = Run {
            extent: Extent::new(Lcn(self.position), 0),
            offset: self.offset,
        };
        push(&mut self.runs, run)
    }

    /// A position after the current one, if it is one: lists of commands can
    /// speak of more than any image holds.
    fn after(&self, offset: Option<u64>) -> Result<u64> {
        let expected = "an image of less than 2^63 bytes";
        offset
            .filter(|&offset| i64::try_from(offset).is_ok())
            .ok_or_else(|| corrupt(self.offset, "the end of its clusters", u64::MAX, expected))
    }
}

fn is_sorted(runs: &[Run]) -> bool {
    let mut end = Lcn(0);
    runs.iter().all(|run| {
        let is_after = run.extent.len > 0 && run.extent.start >= end;
        end = run.extent.end();
        is_after
    })
}

/// The runs in LCN order; where several hold a cluster, the last of them.
/// There are less than twice as many.
fn latest(header: &Header, stream: &[Run]) -> Result<Vec<Run>> {
    let mut by_start = Vec::new();
    reserve(&mut by_start, stream.len())?;
    by_start.extend(0..stream.len());
    by_start.sort_by_key(|&index| stream.get(index).map(|run| run.extent.start));
    let mut waiting = by_start.into_iter().peekable();

    let mut sorted: Vec<Run> = Vec::new();
    // Those that hold `position`, or did before it: the last one on top.
    let mut holders = BinaryHeap::new();
    let mut position = Lcn(0);
    let start_of = |index: &usize| stream.get(*index).map(|run| run.extent.start);
    loop {
        while let Some(index) = waiting.next_if(|next| start_of(next) <= Some(position)) {
            holders
                .try_reserve(1)
                .map_err(|_| no_memory(stream.len()))?;
            holders.push(index);
        }
        let next_start = waiting.peek().and_then(start_of);
        let Some(run) = holders.peek().and_then(|&index| stream.get(index)) else {
            match next_start {
                Some(start) => position = start,
                None => return Ok(sorted),
            }
            continue;
        };
        if run.extent.end() <= position {
            holders.pop();
            continue;
        }
        let end = next_start.map_or(run.extent.end(), |start| start.min(run.extent.end()));
        let mut piece = run.from(header, position);
        piece.extent.len = end.0.saturating_sub(position.0);
        match sorted.last_mut() {
            Some(last) if last.is_followed_by(header, &piece) => {
                last.extent.len = last.extent.len.saturating_add(piece.extent.len);
            }
            _ => push(&mut sorted, piece)?,
        }
        position = end;
    }
}

fn push(runs: &mut Vec<Run>, run: Run) -> Result<()> {
    if runs.len() == runs.capacity() {
        reserve(runs, 1)?;
    }
    runs.push(run);
    Ok(())
}

fn reserve<T>(list: &mut Vec<T>, additional: usize) -> Result<()> {
    list.try_reserve(additional)
        .map_err(|_| no_memory(list.len().saturating_add(additional)))
}

fn no_memory(runs: usize) -> Error {
    let size = len_u64(size_of::<Run>());
    Error::Memory {
        structure: Structure::ImageIndex,
        len: len_u64(runs).saturating_mul(size),
    }
}
