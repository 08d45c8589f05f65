//! Reads the first clusters of the volume in an image without an index.

use core::cell::RefCell;

use super::index::{IndexBuilder, locate, stride};
use super::ntfsclone::{COMMAND_GAP, COMMAND_NEXT, Header, corrupt, cut_short};
use super::reader::{Stored, restored_size};
use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::units::{Lcn, len_u64};

/// How many commands are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Some commands of a long run.
    Leaps,
    /// All commands up to the cluster that is wanted: for an image in which data
    /// looks like commands.
    Steps,
}

/// Commands that are looked at one after the other.
///
/// A gap moves all that follows it by 9 bytes. Where so many bytes in a row, a
/// cluster and a command apart, are what commands would be, they almost surely
/// are, and no gap is before them: data would have to have the same byte there
/// in as many clusters.
const WINDOW: u64 = 8;

/// The volume in an image, as [`super::Reader`] gives it, but by a look at some
/// of the commands: as few as lead to the clusters that are asked for.
///
/// With [`Pace::Leaps`], what it reads may be wrong, where data looks like
/// commands, and is for those who can check it. Every error that it gives is an
/// [`Error`]: of the source, or what stands in the way. Clusters that are not
/// stored are refused, and so is the tail.
#[derive(Debug)]
pub(crate) struct Prefix<S> {
    source: S,
    header: Header,
    pace: Pace,
    /// What was found so far.
    builder: RefCell<IndexBuilder>,
}

impl<S: ReadAt> Prefix<S> {
    pub(crate) fn new(source: S, header: Header, pace: Pace) -> Self {
        Self {
            source,
            header,
            pace,
            builder: RefCell::new(IndexBuilder::new(header)),
        }
    }

    /// The commands found.
    pub(crate) fn builder(&self) -> IndexBuilder {
        self.builder.borrow().clone()
    }

    /// Finds the clusters up to `lcn`.
    fn walk_to(&self, lcn: Lcn) -> Result<()> {
        let mut builder = self.builder.borrow_mut();
        while builder.position() <= lcn {
            let offset = builder.offset();
            let mut command = [0];
            self.read(offset, &mut command)?;
            match command {
                [COMMAND_NEXT] => {
                    let count = self.run_length(&builder)?;
                    builder.clusters(count)?;
                    if builder.offset() > self.source.size() {
                        return Err(cut_short(self.source.size()));
                    }
                }
                [COMMAND_GAP] => {
                    let mut count = [0; 8];
                    self.read(offset.saturating_add(1), &mut count)?;
                    match self.header.gap_count(count) {
                        count @ ..0 => {
                            let expected = "one that does not lead back";
                            let found = count.cast_unsigned();
                            return Err(corrupt(offset, "a gap's count", found, expected));
                        }
                        count => builder.gap(count)?,
                    }
                }
                [other] => return Err(corrupt(offset, "a command", other.into(), "0 or 1")),
            }
        }
        Ok(())
    }

    /// How many clusters follow one another from the next command on, which is
    /// one that carries a cluster: at least one, and no more than are there.
    fn run_length(&self, builder: &IndexBuilder) -> Result<u64> {
        let offset = builder.offset();
        let left = self.header.nr_clusters.saturating_sub(builder.position().0);
        let there = self.source.size().saturating_sub(offset);
        let there = there.checked_div(stride(&self.header)).unwrap_or(0);
        let limit = left.min(there).max(1);

        if self.pace == Pace::Steps {
            // What was looked at stays known, if the next one is not there yet.
            return Ok(1);
        }
        // Commands before `low` carry clusters, that at `high` does not.
        let (mut low, mut high) = (0_u64, limit);
        let mut distance = 0_u64;
        while low.saturating_add(distance) < limit {
            let from = low.saturating_add(distance);
            let to = from.saturating_add(WINDOW).min(limit);
            match self.first_other(offset, from, to)? {
                Some(other) if distance == 0 => return Ok(other),
                Some(other) => {
                    high = other;
                    break;
                }
                None => low = to,
            }
            distance = distance.saturating_mul(2).max(WINDOW);
        }
        while low.saturating_add(WINDOW) < high {
            let middle = low.midpoint(high);
            let to = middle.saturating_add(WINDOW).min(high);
            match self.first_other(offset, middle, to)? {
                Some(other) => high = other,
                None => low = to,
            }
        }
        Ok(self.first_other(offset, low, high)?.unwrap_or(high))
    }

    /// The first of the places `from` to `to`, counted from that at `offset`,
    /// where no command stands that carries a cluster.
    fn first_other(&self, offset: u64, from: u64, to: u64) -> Result<Option<u64>> {
        for index in from..to {
            let skipped = index.saturating_mul(stride(&self.header));
            let mut command = [0];
            self.read(offset.saturating_add(skipped), &mut command)?;
            if command != [COMMAND_NEXT] {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn read(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let size = self.source.size();
        if offset.saturating_add(len_u64(buf.len())) > size {
            return Err(cut_short(size));
        }
        self.source
            .read_exact_at(offset, buf)
            .map_err(|error| Error::Io {
                structure: Structure::ImageCommand,
                offset,
                len: len_u64(buf.len()),
                source: error,
            })
    }

    fn refuse(&self, lcn: u64, expected: &'static str) -> Error {
        Error::Corrupt {
            structure: Structure::Volume,
            offset: lcn.saturating_mul(self.header.cluster_size.into()),
            field: "a cluster that is needed",
            found: lcn,
            expected,
        }
    }

    /// As [`ReadAt::read_exact_at`].
    fn read_clusters(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let cluster_size = u64::from(self.header.cluster_size);
        let end = offset.saturating_add(len_u64(buf.len()));
        let first = Lcn(offset.checked_div(cluster_size).unwrap_or(0));
        let end = Lcn(end.div_ceil(cluster_size));
        if end.0 > self.header.nr_clusters {
            let expected = "one of the volume";
            return Err(self.refuse(end.0.saturating_sub(1), expected));
        }
        if let Some(last) = end.0.checked_sub(1) {
            self.walk_to(Lcn(last))?;
        }
        let builder = self.builder.borrow();
        let mut lcn = first;
        while lcn < end {
            let run = locate(&self.header, builder.runs(), lcn);
            let Some(run) = run else {
                return Err(self.refuse(lcn.0, "one that is in the image"));
            };
            lcn = run.extent.end();
        }
        let stored = Stored {
            source: &self.source,
            header: &self.header,
            runs: builder.runs(),
            tail: None,
            checks_commands: true,
            lost_from: None,
        };
        stored
            .read_exact_at(offset, buf)
            .map_err(|error| match error.downcast::<Error>() {
                Ok(error) => error,
                Err(error) => Error::Io {
                    structure: Structure::Volume,
                    offset,
                    len: len_u64(buf.len()),
                    source: error,
                },
            })
    }
}

impl<S: ReadAt> ReadAt for Prefix<S> {
    fn size(&self) -> u64 {
        restored_size(&self.header)
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.read_clusters(offset, buf).map_err(IoError::new)
    }
}
