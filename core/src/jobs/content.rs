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
use super::tree::find_content;
use super::{Failure, Refusal, Step, read_error};
use crate::error::Error;
use crate::io::Source;
use crate::ntfs::content::{Content, ContentError};
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::{Volume, wof};
use crate::tree::{ContentReader, Details, Part, open_content, open_efs_raw};
use crate::units::{RecordNumber, len_usize};

/// Bytes of one step, about.
const BYTES_PER_STEP: usize = 1 << 20;

/// Shorter runs of zeros are written as bytes.
const SHORTEST_HOLE: u64 = 64 << 10;

/// Parts between two steps, at most: holes yield no bytes.
const PARTS_PER_STEP: usize = 4096;

/// The file whose content is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileId {
    /// By its base record.
    Record(RecordNumber),
    /// By its path, which may name a stream: see [`Tree::find`](crate::tree::Tree::find).
    Path(String),
}

impl Opened {
    /// Reads `range` of the content of a file, or of its stream named `stream` unless that is empty, up to the end of
    /// the content: [`Step::Bytes`] and [`Step::Hole`]. Content that an image does not store is an error.
    pub fn content(&self, file: FileId, stream: &str, range: Range<u64>) -> Job<()> {
        self.read_content(file, Some(stream.into()), range)
    }

    /// Reads `range` of an encrypted file as [`open_efs_raw`] has it, like [`Opened::content`].
    pub fn efs_raw(&self, file: FileId, range: Range<u64>) -> Job<()> {
        self.read_content(file, None, range)
    }

    /// Without a stream, as an encrypted file.
    fn read_content(&self, file: FileId, stream: Option<String>, range: Range<u64>) -> Job<()> {
        let opened = self.clone();
        Job::new(Arc::clone(&self.pages), move |co| async move {
            let inside = locate(&co, &opened).await?;
            let (volume, _) = co.read(|| inside.open_to_look()).await?;
            let is_raw = stream.is_none();
            let stream = stream.unwrap_or_default();
            let (record, stream) = match file {
                FileId::Record(record) => (record, stream),
                FileId::Path(path) => find_content(&co, &inside, &path, stream).await?,
            };
            let opened = co
                .attempt(|| match is_raw {
                    true => open_efs_raw(&volume, inside.index(), record),
                    false => open_content(&volume, inside.index(), record, &stream),
                })
                .await;
            let content = match opened {
                Err(ContentError::NoStream) if stream.is_empty() => {
                    return Err(without_content(&co, &volume, record).await);
                }
                opened => opened.map_err(|error| refused(error, record, &stream))?,
            };
            emit_content(&co, &volume, &content, range)
                .await
                .map_err(|error| not_stored(error, record))
        })
    }
}

/// Output that is not emitted yet: `bytes`, then `hole` zeros.
#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    hole: u64,
}

impl Pending {
    /// Takes the next bytes out of `bytes`, which may get another buffer for them.
    fn take_bytes(&mut self, co: &Co, bytes: &mut Vec<u8>) {
        self.end_hole(co);
        self.emit_full(co);
        match self.bytes.is_empty() {
            true => mem::swap(&mut self.bytes, bytes),
            false => self.bytes.append(bytes),
        }
        self.emit_full(co);
    }

    /// Emits bytes that are enough for a step.
    fn emit_full(&mut self, co: &Co) {
        if self.bytes.len() >= BYTES_PER_STEP {
            self.emit_bytes(co);
        }
    }

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

async fn emit_content(
    co: &Co,
    volume: &Volume<Source>,
    content: &Content,
    range: Range<u64>,
) -> Result<(), Error> {
    let end = range.end.min(content.size());
    let total = end.saturating_sub(range.start);
    let mut reader = ContentReader::new(volume, content);
    reader.seek(range.start);
    let mut pending = Pending::default();
    let mut bytes = Vec::new();
    let mut parts: usize = 0;
    while reader.position() < end {
        let position = reader.position();
        parts = parts.saturating_add(1);
        let done = position.saturating_sub(range.start);
        if parts.is_multiple_of(PARTS_PER_STEP) {
            co.progress(done, total);
            co.flushed().await;
        }
        co.set_progress(done, total);
        let left = end.saturating_sub(position);
        let space = BYTES_PER_STEP.saturating_sub(pending.bytes.len());
        let space = space.min(len_usize(left));
        // What is compressed comes as a whole unit, which may end after the range.
        match co.attempt(|| reader.next(space, &mut bytes)).await? {
            Some(Part::Bytes) => {
                bytes.truncate(len_usize(left));
                pending.take_bytes(co, &mut bytes);
            }
            Some(Part::Hole(len)) => {
                pending.hole = pending.hole.saturating_add(len.min(left));
            }
            None => break,
        }
    }
    co.set_progress(total, total);
    pending.end_hole(co);
    pending.emit_bytes(co);
    Ok(())
}

/// Why a file has no unnamed stream.
async fn without_content(co: &Co, volume: &Volume<Source>, record: RecordNumber) -> Failure {
    let reference = FileReference {
        record,
        sequence_number: 0,
    };
    match co.read(|| Details::read(volume, reference)).await {
        Ok(details) if details.kind.is_directory() => Failure::refused(
            Refusal::Directory,
            format!("has a directory in record {record}, which has no content"),
            "name a file in it",
        ),
        _ => refused(ContentError::NoStream, record, ""),
    }
}

/// Names the file whose content an image does not have.
fn not_stored(error: Error, record: RecordNumber) -> Failure {
    let (found, remedy) = match error {
        Error::NotStored { cluster } => (
            format!("does not hold cluster {cluster}, which is content of record {record}"),
            "take it from an image or volume that is whole, and not of metadata alone",
        ),
        Error::Wiped { record } => (
            format!("is an image of metadata: the content of record {record} was wiped"),
            "take it from an image that is not of metadata alone",
        ),
        Error::Io {
            offset,
            len,
            source,
            ..
        } => return read_error(offset, len_usize(len), source).into(),
        error => return error.into(),
    };
    Failure::refused(Refusal::NotStored, found, remedy)
}

fn refused(error: ContentError, record: RecordNumber, stream: &str) -> Failure {
    let (kind, found, remedy) = match error {
        ContentError::Error(error @ Error::Wiped { .. }) => return not_stored(error, record),
        ContentError::Error(error) => return error.into(),
        ContentError::NoFile => (
            Refusal::NoFile,
            format!("has no file with record {record}"),
            "ask a survey which there are",
        ),
        ContentError::NoStream if stream.is_empty() => (
            Refusal::NoStream,
            format!("has only named streams in record {record}"),
            "name one of them",
        ),
        ContentError::NoStream => (
            Refusal::NoStream,
            format!("has no stream {stream:?} in record {record}"),
            "ask a survey which there are",
        ),
        ContentError::Encrypted => (
            Refusal::Encrypted,
            format!("has the content of record {record} encrypted (EFS)"),
            "read it with efsRaw, as Windows backs it up; or restore it, and open the file in Windows as \
             someone who may",
        ),
        ContentError::NotEncrypted => (
            Refusal::NotEncrypted,
            format!("has the content of record {record} not encrypted (EFS)"),
            "read it without efsRaw",
        ),
        ContentError::NoKeys => (
            Refusal::Encrypted,
            format!(
                "has record {record} encrypted (EFS), and its keys are lost: it has no attribute $EFS"
            ),
            "take it from another image",
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
