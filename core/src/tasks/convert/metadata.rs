//! An image of the metadata of a volume.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::opened::Inside;
use super::super::scan::piece_len;
use super::super::used::Counted;
use super::super::{Failure, Halt, Refusal, STEP_BYTES, Step, attempt, read_at};
use super::compressed::Content;
use super::image::ImageWriter;
use crate::clusters::metadata::{Collection, LogFile, MetadataStep, RecordKind, Sensitive};
use crate::clusters::{DamagedSystemFile, Part, Walk, damaged_system_files};
use crate::error::{Result, with_causes};
use crate::image::ntfsclone::Header;
use crate::image::seekable::MapBuilder;
use crate::ntfs::value::Stream;
use crate::pages::Pages;
use crate::plan::MetadataPlan;
use crate::units::{Geometry, Lcn, RecordNumber, Vcn, len_usize};
use crate::wipe::{self, Times, Wiped};

/// Looks for the metadata of a volume.
#[derive(Debug)]
pub(super) struct Collecting {
    counted: Counted,
    collection: Collection,
    rest: Part,
    /// Nothing that the file system needs is missing.
    is_checked: bool,
}

impl Collecting {
    pub(super) fn new(counted: Counted) -> Self {
        let collection = Collection::new(&counted.volume, LogFile::Start);
        Self {
            collection,
            rest: Part::all(&counted.volume),
            // Where the owner of each cluster is known, nothing can be missing.
            is_checked: counted.agree,
            counted,
        }
    }

    /// False at the end.
    pub(super) fn step(&mut self, pages: &Pages) -> Result<bool, Halt> {
        if !self.is_checked {
            let damaged = attempt(pages, || damaged_system_files(&self.counted.volume))?;
            refuse_damaged(&damaged)?;
            self.is_checked = true;
        }
        if self.rest.is_empty() {
            return Ok(false);
        }
        attempt(pages, || {
            let mut walk = Walk::new(&self.counted.volume);
            walk.metadata_of_some(&mut self.rest, &mut self.collection)
        })?;
        Ok(true)
    }

    pub(super) fn progress(&self) -> Step {
        Step::Progress {
            done: self.rest.start().0,
            total: self.rest.end().0,
        }
    }

    /// What makes the image, what is known of it, and what in it tells of people.
    pub(super) fn finish(self) -> (MetadataCopy, Content, Sensitive) {
        let content = Content::of_volume(&self.counted, true);
        let geometry = *self.counted.volume.geometry();
        let inside = self.counted.volume.into_source();
        let metadata = self.collection.finish();
        let device_size = inside.device_size();
        let plan = MetadataPlan::new(geometry, device_size, metadata.steps, metadata.inuse);
        let copy = MetadataCopy {
            inside,
            writer: ImageWriter::new(&plan.header()),
            plan,
            step: 0,
            within: 0,
            done: 0,
            wiped: Wiped::default(),
            damaged_records: 0,
            ended: false,
        };
        (copy, content, metadata.sensitive)
    }
}

/// Refuses metadata that would lack some of the file system's own: it could not
/// be read as a volume.
fn refuse_damaged(damaged: &[DamagedSystemFile]) -> Result<(), Failure> {
    let Some(file) = damaged.first() else {
        return Ok(());
    };
    Err(Failure::refused(
        Refusal::Inconsistent,
        format!(
            "has metadata that cannot be found: MFT record {} is damaged: {}",
            file.record,
            with_causes(&file.source)
        ),
        "run chkdsk /f on the volume in Windows; or make an image of all that is in use",
    ))
}

/// Makes an image of metadata, wiped on its way.
#[derive(Debug)]
pub(super) struct MetadataCopy {
    inside: Inside,
    plan: MetadataPlan,
    writer: ImageWriter,
    /// The step that is being done, and how many clusters of it were.
    step: usize,
    within: u64,
    done: u64,
    wiped: Wiped,
    damaged_records: u64,
    ended: bool,
}

impl MetadataCopy {
    pub(super) fn header(&self) -> Header {
        self.plan.header()
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.plan.bytes())
    }

    /// What was wiped up to now, and how many records were not, or not all of
    /// them, since they are damaged.
    pub(super) fn wiped(&self) -> (Wiped, u64) {
        (self.wiped, self.damaged_records)
    }

    pub(super) fn step(
        &mut self,
        pages: &Pages,
        map: &mut Option<&mut MapBuilder>,
    ) -> Result<Step, Halt> {
        let made = self.fill(pages, map);
        self.writer.step(made)
    }

    /// Makes enough to be given out; false at the end.
    fn fill(&mut self, pages: &Pages, map: &mut Option<&mut MapBuilder>) -> Result<bool, Halt> {
        let geometry = *self.plan.geometry();
        while !self.writer.is_full() {
            if self.ended {
                return Ok(false);
            }
            let (clusters, is_over) = match self.plan.steps().get(self.step) {
                Some(MetadataStep::Clusters(extent)) => {
                    let start = extent.start.plus(self.within);
                    let offset = geometry.offset(start);
                    let len = piece_len(offset, geometry.offset(extent.end()));
                    let piece = attempt(pages, || self.inside.piece(offset, len))?;
                    self.writer.add(start, &piece, map);
                    let clusters = len.div_ceil(u64::from(geometry.cluster_size).max(1));
                    let within = self.within.saturating_add(clusters);
                    (clusters, within >= extent.len)
                }
                Some(MetadataStep::Records(kind, stream)) => {
                    let chunk = Chunk::new(&geometry, stream, Vcn(self.within));
                    let mut bytes = attempt(pages, || chunk.read(&self.inside))?;
                    let damaged = chunk.wipe(*kind, &mut bytes, &mut self.wiped);
                    self.damaged_records = self.damaged_records.saturating_add(damaged);
                    for (start, piece) in chunk.pieces(&bytes) {
                        self.writer.add(start, piece, map);
                    }
                    (chunk.clusters(), chunk.end >= stream.end())
                }
                None => {
                    let (offset, len) = self.plan.tail();
                    let piece = attempt(pages, || self.inside.piece(offset, len))?;
                    self.writer.tail(&piece, map);
                    self.ended = true;
                    continue;
                }
            };
            self.done = self.done.saturating_add(geometry.bytes(clusters));
            self.within = self.within.saturating_add(clusters);
            if is_over {
                self.within = 0;
                self.step = self.step.saturating_add(1);
            }
        }
        Ok(true)
    }
}

/// Clusters of a value that consists of records: whole records, since the sizes
/// of both are powers of two, and all of them smaller than a chunk.
struct Chunk<'a> {
    geometry: &'a Geometry,
    stream: &'a Stream,
    start: Vcn,
    end: Vcn,
}

impl<'a> Chunk<'a> {
    fn new(geometry: &'a Geometry, stream: &'a Stream, start: Vcn) -> Self {
        let cluster_size = u64::from(geometry.cluster_size);
        let clusters = STEP_BYTES.checked_div(cluster_size).unwrap_or(1).max(1);
        let end = start.plus(clusters).min(stream.end());
        Self {
            geometry,
            stream,
            start,
            end,
        }
    }

    fn clusters(&self) -> u64 {
        self.end.0.saturating_sub(self.start.0)
    }

    /// What of the chunk is on the volume: where in the chunk, and where.
    fn places(&self) -> impl Iterator<Item = (Range<usize>, Lcn)> {
        self.stream
            .extents(self.start, self.end)
            .map(|(vcn, extent)| {
                let skipped = vcn.0.saturating_sub(self.start.0);
                let at = len_usize(self.geometry.bytes(skipped));
                let len = len_usize(self.geometry.bytes(extent.len));
                (at..at.saturating_add(len), extent.start)
            })
    }

    /// Holes are not read, and are no old records.
    fn read(&self, source: &Inside) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len_usize(self.geometry.bytes(self.clusters()))];
        for (place, start) in self.places() {
            let piece = bytes.get_mut(place).unwrap_or_default();
            read_at(source, self.geometry.offset(start), piece)?;
        }
        Ok(bytes)
    }

    /// What does not read as a record is copied as it is. Returns how many such
    /// records there are, but for those that were never used.
    fn wipe(&self, kind: RecordKind, bytes: &mut [u8], wiped: &mut Wiped) -> u64 {
        let record_size = match kind {
            RecordKind::Mft => self.geometry.mft_record_size,
            RecordKind::Index => self.geometry.index_record_size,
        };
        let position = self.geometry.bytes(self.start.0);
        let first = position.checked_div(record_size.into()).unwrap_or(0);
        let records = bytes.chunks_exact_mut(len_usize(record_size.into()));
        let mut damaged = 0_u64;
        for (number, record) in (first..).map(RecordNumber).zip(records) {
            let result = match kind {
                RecordKind::Mft => wipe::wipe_mft_record(record, number, Times::Reset, wiped),
                RecordKind::Index => wipe::wipe_index_record(record, Times::Reset, wiped),
            };
            if result.is_err() && record.iter().any(|&byte| byte != 0) {
                damaged = damaged.saturating_add(1);
            }
        }
        damaged
    }

    fn pieces<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = (Lcn, &'b [u8])> {
        self.places()
            .map(|(place, start)| (start, bytes.get(place).unwrap_or_default()))
    }
}
