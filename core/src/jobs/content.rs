//! Reading the content of a file, or of one of its streams.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::job::{Co, Job};
use super::locate::locate;
use super::opened::Opened;
use super::{Failure, Refusal, Step, read_error};
use crate::error::Error;
use crate::io::Source;
use crate::ntfs::content::{Content, ContentError};
use crate::ntfs::{Volume, wof};
use crate::tree::{ContentReader, Part, open_content};
use crate::units::{RecordNumber, len_usize};

/// Bytes of one step, about.
const BYTES_PER_STEP: usize = 1 << 20;

/// Shorter runs of zeros are written as bytes.
const SHORTEST_HOLE: u64 = 64 << 10;

/// Parts between two steps, at most: holes yield no bytes.
const PARTS_PER_STEP: usize = 4096;

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
                .attempt(|| open_content(&volume, inside.index(), record, &stream))
                .await
                .map_err(|error| refused(error, record, &stream))?;
            emit_content(&co, &volume, &content)
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

async fn emit_content(co: &Co, volume: &Volume<Source>, content: &Content) -> Result<(), Error> {
    let mut reader = ContentReader::new(volume, content);
    let mut pending = Pending::default();
    let mut bytes = Vec::new();
    let mut parts: usize = 0;
    loop {
        let position = reader.position();
        parts = parts.saturating_add(1);
        if parts.is_multiple_of(PARTS_PER_STEP) {
            co.progress(position, content.size());
            co.flushed().await;
        }
        co.set_progress(position, content.size());
        let space = BYTES_PER_STEP.saturating_sub(pending.bytes.len());
        match co.attempt(|| reader.next(space, &mut bytes)).await? {
            Some(Part::Bytes) => pending.take_bytes(co, &mut bytes),
            Some(Part::Hole(len)) => pending.hole = pending.hole.saturating_add(len),
            None => break,
        }
    }
    pending.end_hole(co);
    pending.emit_bytes(co);
    Ok(())
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
