//! Reading the content of a file, or of one of its streams.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use super::job::{Co, Job};
use super::locate::locate;
use super::opened::Opened;
use super::{Failure, Refusal, Step, first_absent_in};
use crate::error::Error;
use crate::ntfs::content::{self, ContentError, Span};
use crate::ntfs::mft::LAST_SYSTEM_RECORD;
use crate::ntfs::{lznt1, wof};
use crate::open::Inside;
use crate::piece::Piece;
use crate::units::{Extent, Geometry, Lcn, RecordNumber, len_u64, len_usize};

/// Bytes of one step, about.
const BYTES_PER_STEP: u64 = 1 << 20;

/// Shorter runs of zeros are written as bytes.
const SHORTEST_HOLE: u64 = 64 << 10;

/// Spans between two steps, at most: holes yield no bytes.
const SPANS_PER_STEP: usize = 4096;

impl Opened {
    /// Reads the content of the file with base record `record`, or its stream
    /// named `stream` unless that is empty: [`Step::Bytes`] and [`Step::Hole`].
    /// Content that an image does not store is an error.
    pub fn content(&self, record: RecordNumber, stream: &str) -> Job<()> {
        let (opened, stream) = (self.clone(), String::from(stream));
        Job::new(Arc::clone(&self.pages), move |co| async move {
            let inside = locate(&co, &opened).await?;
            let volume = co.read(|| inside.open_volume()).await?;
            let content = co
                .attempt(|| content::Content::open(&volume, record, &stream))
                .await
                .map_err(|error| refused(error, record, &stream))?;
            if content.is_resident() && content.size() > 0 {
                check_not_wiped(&inside, record)?;
            }
            let geometry = *volume.geometry();
            let reading = Reading {
                co,
                inside,
                record,
                geometry,
                content,
            };
            reading.run().await
        })
    }
}

/// The content of a file that is being read.
struct Reading {
    co: Co,
    inside: Inside,
    record: RecordNumber,
    geometry: Geometry,
    content: content::Content,
}

/// Output that is not emitted yet: `bytes`, then `hole` zeros.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    hole: u64,
}

impl Pending {
    fn emit_bytes(&mut self, co: &Co) {
        if !self.bytes.is_empty() {
            co.emit(Step::Bytes(mem::take(&mut self.bytes).into()));
        }
    }

    /// Ends a hole: a long one is emitted, a short one becomes zeros.
    fn end_hole(&mut self, co: &Co) {
        let hole = mem::take(&mut self.hole);
        if hole < SHORTEST_HOLE {
            let len = self.bytes.len().saturating_add(len_usize(hole));
            self.bytes.resize(len, 0);
        } else {
            self.emit_bytes(co);
            co.emit(Step::Hole(hole));
        }
    }
}

impl Reading {
    async fn run(self) -> Result<(), Failure> {
        let co = &self.co;
        let mut pending = Pending::default();
        let (mut position, size) = (0_u64, self.content.size());
        let mut spans: usize = 0;
        while let Some(span) = self.content.span_at(position)? {
            spans = spans.saturating_add(1);
            if spans.is_multiple_of(SPANS_PER_STEP) {
                co.progress(position, size);
                co.flushed().await;
            }
            co.set_progress(position, size);
            if let Span::Hole(len) = span {
                pending.hole = pending.hole.saturating_add(len);
                position = position.saturating_add(len);
                continue;
            }
            pending.end_hole(co);
            if len_u64(pending.bytes.len()) >= BYTES_PER_STEP {
                pending.emit_bytes(co);
            }
            let space = BYTES_PER_STEP.saturating_sub(len_u64(pending.bytes.len()));
            let bytes = match span {
                Span::Stored { offset, len } => self.read(offset, len.min(space)).await?,
                Span::Compressed { extents, len } => self.decompress(&extents, len).await?.into(),
                Span::Resident(bytes) => bytes.to_vec().into(),
                Span::Wof { chunk, len } => self.read_wof_chunk(chunk, len).await?.into(),
                Span::Hole(_) => Vec::new().into(),
            };
            position = position.saturating_add(len_u64(bytes.len()));
            pending.bytes.extend_from_slice(&bytes);
        }
        co.set_progress(position, size);
        pending.end_hole(co);
        pending.emit_bytes(co);
        Ok(())
    }

    /// Bytes of the volume, which must be stored.
    async fn read(&self, offset: u64, len: u64) -> Result<Piece, Failure> {
        let source = &self.inside.source;
        // All of the last cluster must be stored.
        let end = offset.saturating_add(len);
        let end = end.checked_next_multiple_of(self.geometry.bytes(1));
        let clusters = offset..end.unwrap_or(u64::MAX);
        let absent = self.co.read(|| first_absent_in(source, clusters.clone()));
        if let Some(absent) = absent.await? {
            return Err(self.not_stored(absent.start));
        }
        self.co.piece(source, offset, len).await
    }

    /// A unit that NTFS compressed.
    async fn decompress(&self, extents: &[Extent], len: usize) -> Result<Vec<u8>, Failure> {
        let mut unit = Vec::new();
        for extent in extents {
            let offset = self.geometry.offset(extent.start);
            let len = self.geometry.bytes(extent.len);
            unit.extend_from_slice(&self.read(offset, len).await?);
        }
        let first = extents.first().map_or(Lcn(0), |extent| extent.start);
        let offset = self.geometry.offset(first);
        let bytes = lznt1::decompress(&unit, len);
        Ok(bytes.map_err(|reason| Error::Compressed { offset, reason })?)
    }

    /// A chunk that WOF compressed.
    async fn read_wof_chunk(&self, chunk: u64, len: usize) -> Result<Vec<u8>, Failure> {
        let Some((wof, stream_size)) = self.content.wof() else {
            return Ok(Vec::new());
        };
        let damaged = |position| {
            let offset = self.offset_of_value(position);
            move |reason| Error::Compressed { offset, reason }
        };
        let entries = wof.entries(chunk);
        let table = self.read_value(entries.clone()).await?;
        let place = wof.place(chunk, &table, stream_size);
        let place = place.map_err(damaged(entries.start))?;
        let packed = self.read_value(place.clone()).await?;
        Ok(wof.decompress(packed, len).map_err(damaged(place.start))?)
    }

    /// Bytes of the stream that WOF compressed.
    async fn read_value(&self, range: Range<u64>) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let left = range.end.saturating_sub(position);
            match self.content.value_at(position)? {
                Some(Span::Stored { offset, len }) => {
                    bytes.extend_from_slice(&self.read(offset, len.min(left)).await?);
                }
                Some(Span::Resident(rest)) => {
                    let len = rest.len().min(len_usize(left));
                    bytes.extend_from_slice(rest.get(..len).unwrap_or_default());
                }
                _ => {
                    let reason = "its stream ends, or has a hole";
                    let offset = self.offset_of_value(range.start);
                    return Err(Error::Compressed { offset, reason }.into());
                }
            }
            position = range.start.saturating_add(len_u64(bytes.len()));
        }
        Ok(bytes)
    }

    /// Byte position on the volume of a byte of the stream; 0 if unknown.
    fn offset_of_value(&self, position: u64) -> u64 {
        match self.content.value_at(position) {
            Ok(Some(Span::Stored { offset, .. })) => offset,
            _ => 0,
        }
    }

    fn not_stored(&self, offset: u64) -> Failure {
        let (cluster, _) = self.geometry.vcn_at(offset);
        Failure::refused(
            Refusal::NotStored,
            format!(
                "does not hold cluster {cluster}, which is content of record {}",
                self.record
            ),
            "take it from an image or volume that is whole, and not of metadata alone",
        )
    }
}

/// Refuses content kept in the record of a file in a metadata image: it was wiped.
fn check_not_wiped(inside: &Inside, record: RecordNumber) -> Result<(), Failure> {
    let is_metadata = inside.index().is_some_and(|index| !index.is_ordinary());
    match is_metadata && record > LAST_SYSTEM_RECORD {
        false => Ok(()),
        true => Err(Failure::refused(
            Refusal::NotStored,
            format!("is an image of metadata: the content of record {record} was wiped"),
            "take it from an image that is not of metadata alone",
        )),
    }
}

fn refused(error: ContentError, record: RecordNumber, stream: &str) -> Failure {
    let (kind, found, remedy) = match error {
        ContentError::Error(error) => return error.into(),
        ContentError::NoFile => (
            Refusal::NoFile,
            format!("has no file with record {record}"),
            "ask a survey which there are",
        ),
        ContentError::NoStream if stream.is_empty() => (
            Refusal::NoFile,
            format!("has no content of its own in record {record}, like a directory"),
            "ask a survey which files there are",
        ),
        ContentError::NoStream => (
            Refusal::NoFile,
            format!("has no stream {stream:?} in record {record}"),
            "ask a survey which there are",
        ),
        ContentError::Encrypted => (
            Refusal::Encrypted,
            format!("has the content of record {record} encrypted (EFS)"),
            "restore it, and open the file in Windows as someone who may",
        ),
        ContentError::Elsewhere(tag) => (
            Refusal::Elsewhere,
            format!(
                "has the content of record {record} not as a file, but {}",
                place_of(tag)
            ),
            "restore it, and open the file in Windows",
        ),
    };
    Failure::refused(kind, found, remedy)
}

/// Where the driver of a reparse tag keeps the content of files. Tags of [MS-FSCC],
/// section 2.1.2.1.
fn place_of(tag: u32) -> String {
    match tag {
        wof::TAG => "as WOF has it, in an image of Windows or in a way that is not known".into(),
        0x8000_0013 => "deduplicated".into(),
        // One for each of sixteen providers.
        tag if tag & 0xFFFF_0FFF == 0x9000_001A => "in a cloud (a placeholder)".into(),
        tag => format!("where the driver of reparse tag {tag:#010x} keeps it"),
    }
}
