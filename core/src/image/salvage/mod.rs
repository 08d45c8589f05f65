//! Finds the clusters in a damaged image: the commands are followed from the
//! start to the end, and found again after each damaged place.

mod expected;
mod walk;
mod window;

use alloc::vec::Vec;
use core::ops::Range;

pub use self::expected::Expected;
use self::walk::{Shift, Walk};
use self::window::Window;
use super::index::{Index, Run};
use super::ntfsclone::Header;
use crate::error::{Error, Result};
use crate::io::{ReadAt, Source};
use crate::ranges::overlapping;
use crate::units::{Extent, Lcn};

/// How many of the counts are tried that may be wrong.
const SHIFTS: usize = 128;

/// Where the clusters of a damaged image are.
#[derive(Debug)]
pub struct Salvaged {
    /// The clusters that are there. The tail is there only if `has_tail`.
    pub index: Index,
    /// Whether the bytes after the last cluster are there, if the image has such.
    pub has_tail: bool,
    /// Clusters of which some may have been in the image, in order.
    pub unknown: Vec<Extent>,
    /// Clusters of the index whose command is damaged: their content may be,
    /// too. In the order of the image.
    pub doubtful: Vec<Extent>,
    /// Unreadable parts of the image, in order.
    pub absent: Vec<Range<u64>>,
    /// The first damaged commands.
    pub damages: Vec<Error>,
    /// Whether the clusters come in LCN order, and all that are in use.
    pub is_ordinary: bool,
    /// If a count is wrong, and nothing tells which.
    shift: Option<Shift>,
}

/// Where an image ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With what it is read from.
    WithSource,
    /// Before the end of that, as on a device.
    Anywhere,
}

impl Salvaged {
    /// Follows the commands of the image `source` with that header. `expected`
    /// helps where commands are lost. `progress` is called with the number of
    /// bytes read.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Memory`]. Damage is not an error.
    pub fn find(
        source: &Source,
        header: Header,
        ending: Ending,
        expected: Option<&Expected>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self> {
        Walk::new(source, header, ending, expected, progress).run()
    }

    /// Reads all of an image whose index is known, to find out what is absent.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn by_index(source: &Source, index: Index, progress: &mut dyn FnMut(u64)) -> Result<Self> {
        let mut window = Window::new(source, progress);
        window.cover(source.size())?;
        let mut absent = window.absent();
        let size = source.size();
        if index.stream_size() > size {
            absent.push(size..index.stream_size());
        }
        Ok(Self {
            has_tail: index.tail().is_some(),
            is_ordinary: index.is_ordinary(),
            index,
            unknown: Vec::new(),
            doubtful: Vec::new(),
            absent,
            damages: Vec::new(),
            shift: None,
        })
    }

    /// The same, where a count is wrong and nothing tells which, for several of
    /// those that it may be.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn shifted(&self) -> impl Iterator<Item = Result<Self>> {
        let (runs, clusters) = match self.shift {
            Some(shift) => (shift.runs, shift.clusters),
            None => (0, 0),
        };
        let step = runs.div_ceil(SHIFTS).max(1);
        (0..runs).step_by(step).map(move |first| {
            let stream = self.index.stream().iter().enumerate();
            let stream = stream.map(|(number, run)| {
                let start = match (first..runs).contains(&number) {
                    true => run.extent.start.0.saturating_add_signed(clusters),
                    false => run.extent.start.0,
                };
                Run {
                    extent: Extent::new(Lcn(start), run.extent.len),
                    offset: run.offset,
                }
            });
            let end = self.index.tail().unwrap_or_default();
            let index = Index::of_runs(*self.index.header(), stream.collect(), end)?;
            Ok(Self {
                index,
                unknown: Vec::new(),
                doubtful: Vec::new(),
                absent: self.absent.clone(),
                damages: Vec::new(),
                shift: None,
                has_tail: self.has_tail,
                is_ordinary: self.is_ordinary,
            })
        })
    }

    /// Whether a count is wrong.
    pub fn is_shifted(&self) -> bool {
        self.shift.is_some()
    }

    /// Whether nothing is missing or in doubt.
    pub fn is_whole(&self) -> bool {
        let has_tail = self.has_tail || !self.index.header().has_tail();
        has_tail
            && self.shift.is_none()
            && self.damages.is_empty()
            && self.absent.is_empty()
            && self.unknown.is_empty()
    }

    /// The parts of the volume whose bytes are in unreadable parts of the image,
    /// in order, in bytes.
    pub fn absent_of_volume(&self) -> Vec<Range<u64>> {
        let mut parts: Vec<Range<u64>> = Vec::new();
        let header = self.index.header();
        let size = u64::from(header.cluster_size);
        let tail = self
            .index
            .tail()
            .filter(|_| self.has_tail)
            .map(|offset| Run {
                extent: Extent::new(Lcn(header.nr_clusters), 1),
                offset,
            });
        for run in self.index.runs().iter().copied().chain(tail) {
            let start = run.offset;
            let end = start.saturating_add(run.extent.len.saturating_mul(size.saturating_add(1)));
            for of_run in overlapping(&self.absent, &(start..end)) {
                let part = volume_bytes(&run, size, &of_run);
                if part.start < part.end {
                    parts.push(part);
                }
            }
        }
        parts
    }
}

/// The bytes of the volume that lie in a part of the image within a run.
fn volume_bytes(run: &Run, cluster_size: u64, part: &Range<u64>) -> Range<u64> {
    let first = run.extent.start.0.saturating_mul(cluster_size);
    // A command belongs to no byte: the part then begins with the next one.
    let at = |offset: u64| {
        let within = offset.saturating_sub(run.offset);
        let stride = cluster_size.saturating_add(1);
        let cluster = within.checked_div(stride).unwrap_or(0);
        let byte = within.checked_rem(stride).unwrap_or(0).saturating_sub(1);
        let before = cluster.saturating_mul(cluster_size);
        first.saturating_add(before).saturating_add(byte)
    };
    at(part.start)..at(part.end)
}
