//! Writing an image of the metadata of a volume.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::super::job::Co;
use super::super::opened::Inside;
use super::super::scan::piece_len;
use super::super::used::Counted;
use super::super::{Failure, Refusal, STEP_BYTES, read_at};
use super::compressed::Content;
use super::image::ImageWriter;
use super::output::Output;
use crate::clusters::metadata::{Collection, LogFile, MetadataStep, RecordKind, Sensitive};
use crate::clusters::{DamagedSystemFile, damaged_system_files};
use crate::error::{Result, with_causes};
use crate::image::ntfsclone::Header;
use crate::ntfs::value::Stream;
use crate::plan::MetadataPlan;
use crate::units::{Geometry, Lcn, RecordNumber, Vcn, len_usize};
use crate::wipe::{self, Times, Wiped};

/// Metadata of a volume that is ready to be written.
#[derive(Debug)]
pub(super) struct MetadataCopy {
    inside: Inside,
    plan: MetadataPlan,
    /// What the compressed file says of it.
    pub(super) content: Content,
    /// What in it identifies people.
    pub(super) sensitive: Sensitive,
}

/// What wiping did.
#[derive(Debug, Default)]
pub(super) struct WipeCount {
    pub(super) wiped: Wiped,
    /// Records that were not wiped, or not completely: they are damaged.
    pub(super) damaged_records: u64,
}

impl MetadataCopy {
    /// Collects the metadata of a volume.
    pub(super) async fn collect(co: &Co, counted: Counted) -> Result<Self, Failure> {
        // Where the owner of each cluster is known, nothing can be missing.
        if !counted.agree {
            let damaged = co.read(|| damaged_system_files(&counted.volume)).await?;
            refuse_damaged(&damaged)?;
        }
        let mut collection = Collection::new(&counted.volume, LogFile::Start);
        co.walk(&counted.volume, |walk, rest| {
            walk.metadata_of_some(rest, &mut collection)
        })
        .await?;
        let content = Content::of_volume(&counted, true);
        let geometry = *counted.volume.geometry();
        let inside = counted.volume.into_source();
        let metadata = collection.finish();
        let device_size = inside.device_size();
        Ok(Self {
            plan: MetadataPlan::new(geometry, device_size, metadata.steps, metadata.inuse),
            inside,
            content,
            sensitive: metadata.sensitive,
        })
    }

    pub(super) fn header(&self) -> Header {
        self.plan.header()
    }

    /// Writes the image, wiped.
    pub(super) async fn write(
        &self,
        co: &Co,
        output: &mut Output<'_>,
    ) -> Result<WipeCount, Failure> {
        let geometry = self.plan.geometry();
        let cluster_size = u64::from(geometry.cluster_size).max(1);
        let mut writer = ImageWriter::new(&self.plan.header());
        let mut count = WipeCount::default();
        let (mut done, total) = (0_u64, self.plan.bytes());
        for step in self.plan.steps() {
            match step {
                MetadataStep::Clusters(extent) => {
                    let mut start = extent.start;
                    while start < extent.end() {
                        let offset = geometry.offset(start);
                        let len = piece_len(offset, geometry.offset(extent.end()));
                        let piece = co.read(|| self.inside.piece(offset, len)).await?;
                        done = done.saturating_add(len);
                        output.set_progress(done, total);
                        writer.add(start, &piece, output)?;
                        start = start.plus(len.div_ceil(cluster_size));
                    }
                }
                MetadataStep::Records(kind, stream) => {
                    let mut start = Vcn(0);
                    while start < stream.end() {
                        let chunk = Chunk::new(geometry, stream, start);
                        let mut bytes = co.read(|| chunk.read(&self.inside)).await?;
                        chunk.wipe(*kind, &mut bytes, &mut count);
                        done = done.saturating_add(geometry.bytes(chunk.clusters()));
                        output.set_progress(done, total);
                        for (start, piece) in chunk.pieces(&bytes) {
                            writer.add(start, piece, output)?;
                        }
                        start = chunk.end;
                    }
                }
            }
        }
        let (offset, len) = self.plan.tail();
        let piece = co.read(|| self.inside.piece(offset, len)).await?;
        writer.finish(&piece, output)?;
        Ok(count)
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

/// Some clusters of a stream of records. They hold whole records: both sizes are
/// powers of two, and no record is larger than a chunk.
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

    /// The stored parts of the chunk: their range in it, and their first cluster.
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

    /// Reads the stored parts; holes stay zeros.
    fn read(&self, source: &Inside) -> Result<Vec<u8>> {
        let mut bytes = vec![0; len_usize(self.geometry.bytes(self.clusters()))];
        for (place, start) in self.places() {
            let piece = bytes.get_mut(place).unwrap_or_default();
            read_at(source, self.geometry.offset(start), piece)?;
        }
        Ok(bytes)
    }

    /// Wipes the records. What does not read as a record stays as it is.
    fn wipe(&self, kind: RecordKind, bytes: &mut [u8], count: &mut WipeCount) {
        let record_size = match kind {
            RecordKind::Mft => self.geometry.mft_record_size,
            RecordKind::Index => self.geometry.index_record_size,
        };
        let position = self.geometry.bytes(self.start.0);
        let first = position.checked_div(record_size.into()).unwrap_or(0);
        let records = bytes.chunks_exact_mut(len_usize(record_size.into()));
        for (number, record) in (first..).map(RecordNumber).zip(records) {
            let wiped = &mut count.wiped;
            let result = match kind {
                RecordKind::Mft => wipe::wipe_mft_record(record, number, Times::Reset, wiped),
                RecordKind::Index => wipe::wipe_index_record(record, Times::Reset, wiped),
            };
            // A record of zeros was never used.
            if result.is_err() && record.iter().any(|&byte| byte != 0) {
                count.damaged_records = count.damaged_records.saturating_add(1);
            }
        }
    }

    fn pieces<'b>(&'b self, bytes: &'b [u8]) -> impl Iterator<Item = (Lcn, &'b [u8])> {
        self.places()
            .map(|(place, start)| (start, bytes.get(place).unwrap_or_default()))
    }
}
