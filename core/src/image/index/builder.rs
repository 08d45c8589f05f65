//! Builds an index from the commands of an image.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;

use super::{GAP_BYTES, Index, Run, stride};
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::{Header, corrupt};
use crate::sorted::sorted;
use crate::units::{Extent, Lcn, len_u64};

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
    pub(in crate::image) fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// True if nothing but the tail can follow, or a gap that leads back.
    pub(in crate::image) fn is_at_tail(&self) -> bool {
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
        let index = index(self.header, self.runs, self.offset)?;
        Ok(Index {
            jumps_back: self.jumps_back,
            ..index
        })
    }

    /// Ends the index of an image that goes on no further: without its last
    /// cluster, if that was cut in two. What was not taken counts as passed over.
    pub(in crate::image) fn cut(mut self, in_cluster: bool) -> Result<Index> {
        if in_cluster && let Some(run) = self.runs.last_mut() {
            run.extent.len = run.extent.len.saturating_sub(1);
            self.position = self.position.saturating_sub(1);
            self.offset = self.offset.saturating_sub(stride(&self.header));
        }
        let lost_from = match self.jumps_back {
            // Any cluster may have come later.
            true => Lcn(0),
            false => Lcn(self.position),
        };
        if !self.is_at_tail() {
            self.seek(Lcn(self.header.nr_clusters))?;
        }
        Ok(Index {
            lost_from: Some(lost_from),
            ..self.finish()?
        })
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

/// The index of these runs, in the order of the stream.
pub(super) fn index(header: Header, stream: Vec<Run>, end: u64) -> Result<Index> {
    let is_sorted = is_sorted(&stream);
    let sorted = match is_sorted {
        true => None,
        false => Some(latest(&header, &stream)?),
    };
    let counted = sorted.as_ref().unwrap_or(&stream);
    let len = counted
        .iter()
        .fold(0_u64, |sum, run| sum.saturating_add(run.extent.len));
    Ok(Index {
        header,
        stream,
        sorted,
        end,
        len,
        jumps_back: !is_sorted,
        lost_from: None,
    })
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
    let starts = stream.iter().map(|run| run.extent.start);
    by_start.extend(starts.zip(0..));
    let mut waiting = sorted(by_start).into_iter().peekable();

    let mut latest: Vec<Run> = Vec::new();
    // Those that hold `position`, or did before it: the last one on top.
    let mut holders = BinaryHeap::new();
    let mut position = Lcn(0);
    loop {
        while let Some((_, index)) = waiting.next_if(|(start, _)| *start <= position) {
            holders
                .try_reserve(1)
                .map_err(|_| no_memory(stream.len()))?;
            holders.push(index);
        }
        let next_start = waiting.peek().map(|(start, _)| *start);
        let Some(run) = holders.peek().and_then(|&index| stream.get(index)) else {
            match next_start {
                Some(start) => position = start,
                None => return Ok(latest),
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
        match latest.last_mut() {
            Some(last) if last.is_followed_by(header, &piece) => {
                last.extent.len = last.extent.len.saturating_add(piece.extent.len);
            }
            _ => push(&mut latest, piece)?,
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
