//! The content of a file, or of one of its streams.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::locate::Locate;
use super::opened::{Inside, Opened};
use super::{Failure, Halt, Refusal, Step, Task, attempt, read_at};
use crate::error::{Error, Result};
use crate::ntfs::content::{self, ContentError, Span};
use crate::ntfs::mft::LAST_SYSTEM_RECORD;
use crate::ntfs::{Volume, lznt1, wof};
use crate::pages::Pages;
use crate::units::{Extent, Geometry, Lcn, RecordNumber, len_u64, len_usize};

/// Bytes in one step, about.
const AT_ONCE: u64 = 1 << 20;

/// Fewer zeros are bytes like others.
const SHORTEST_HOLE: u64 = 64 << 10;

/// Spans of one step, at most: all may be holes.
const SPANS_AT_ONCE: usize = 4096;

/// Reads the content of a file or of one of its streams: [`Step::Bytes`] and
/// [`Step::Hole`], one after the other. What an image does not hold is an error.
#[derive(Debug)]
pub struct Content {
    opened: Opened,
    record: RecordNumber,
    stream: String,
    state: State,
}

#[derive(Debug)]
enum State {
    Locate(Locate),
    /// The volume is to be opened.
    Open(Inside),
    Find(Box<Volume<Inside>>),
    Read(Box<Reading>),
    Done,
}

/// Content that is being read.
#[derive(Debug)]
struct Reading {
    inside: Inside,
    record: RecordNumber,
    geometry: Geometry,
    content: content::Content,
    /// Up to where it was read.
    position: u64,
    next: Next,
}

/// What is yet to be given out: these bytes, then so many zeros.
#[derive(Debug, Default)]
struct Next {
    bytes: Vec<u8>,
    hole: u64,
}

impl Opened {
    /// Reads the content of the file with that base record, or its stream of
    /// that name, if that is not empty.
    pub fn content(&self, record: RecordNumber, stream: &str) -> Content {
        Content {
            opened: self.clone(),
            record,
            stream: stream.into(),
            state: State::Locate(Locate::default()),
        }
    }
}

impl Content {
    /// Bytes read, and how many there are; 0 where that is not known yet.
    pub fn progress(&self) -> (u64, u64) {
        match &self.state {
            State::Read(reading) => (reading.position, reading.content.size()),
            _ => (0, 0),
        }
    }
}

impl Task for Content {
    fn advance(&mut self) -> Result<Step, Halt> {
        let pages = &self.opened.pages;
        match &mut self.state {
            State::Locate(locate) => match locate.step(&self.opened)? {
                Ok(inside) => self.state = State::Open(inside),
                Err(progress) => return Ok(progress),
            },
            State::Open(inside) => {
                let volume = attempt(pages, || inside.open_volume())?;
                self.state = State::Find(Box::new(volume));
            }
            State::Find(volume) => {
                let found =
                    pages.attempt(|| content::Content::open(volume, self.record, &self.stream));
                let content = found
                    .map_err(Halt::Missing)?
                    .map_err(|error| refused(error, self.record, &self.stream))?;
                let inside = volume.source().clone();
                if content.is_resident() && content.size() > 0 {
                    check_not_wiped(&inside, self.record)?;
                }
                self.state = State::Read(Box::new(Reading {
                    geometry: *volume.geometry(),
                    inside,
                    record: self.record,
                    content,
                    position: 0,
                    next: Next::default(),
                }));
            }
            State::Read(reading) => {
                let step = reading.step(pages)?;
                if step == Step::Done {
                    self.state = State::Done;
                }
                return Ok(step);
            }
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}

impl Next {
    /// The bytes so far; the end, if there are none.
    fn give(&mut self) -> Step {
        match core::mem::take(&mut self.bytes) {
            bytes if bytes.is_empty() => Step::Done,
            bytes => Step::Bytes(bytes.into()),
        }
    }

    /// A hole that is long enough is given, after what comes before it.
    fn settle(&mut self) -> Option<Step> {
        if self.hole < SHORTEST_HOLE {
            let len = self.bytes.len().saturating_add(len_usize(self.hole));
            self.bytes.resize(len, 0);
            self.hole = 0;
            return None;
        }
        Some(match self.bytes.is_empty() {
            true => Step::Hole(core::mem::take(&mut self.hole)),
            false => self.give(),
        })
    }
}

impl Reading {
    fn step(&mut self, pages: &Pages) -> Result<Step, Halt> {
        for _ in 0..SPANS_AT_ONCE {
            let span = self.content.span_at(self.position)?;
            if let Some(Span::Hole(len)) = span {
                self.next.hole = self.next.hole.saturating_add(len);
                self.position = self.position.saturating_add(len);
                continue;
            }
            if let Some(step) = self.next.settle() {
                return Ok(step);
            }
            let room = AT_ONCE.saturating_sub(len_u64(self.next.bytes.len()));
            if room == 0 || span.is_none() {
                return Ok(self.next.give());
            }
            let bytes = match span {
                Some(Span::Stored { offset, len }) => self.read(pages, offset, len.min(room))?,
                Some(Span::Compressed { extents, len }) => self.decompress(pages, &extents, len)?,
                Some(Span::Resident(bytes)) => bytes.to_vec(),
                Some(Span::Wof { chunk, len }) => self.unpack(pages, chunk, len)?,
                Some(Span::Hole(_)) | None => Vec::new(),
            };
            self.position = self.position.saturating_add(len_u64(bytes.len()));
            self.next.bytes.extend(bytes);
        }
        Ok(Step::Progress {
            done: self.position,
            total: self.content.size(),
        })
    }

    fn read(&self, pages: &Pages, offset: u64, len: u64) -> Result<Vec<u8>, Halt> {
        let (first, within) = self.geometry.vcn_at(offset);
        let (count, _) = self.geometry.vcn_at(
            within
                .saturating_add(len)
                .next_multiple_of(self.geometry.bytes(1).max(1)),
        );
        self.check_stored(Extent::new(Lcn(first.0), count.0))?;
        let mut bytes = vec![0; len_usize(len)];
        attempt(pages, || read_at(&self.inside, offset, &mut bytes))?;
        Ok(bytes)
    }

    fn decompress(&self, pages: &Pages, extents: &[Extent], len: usize) -> Result<Vec<u8>, Halt> {
        let mut unit = Vec::new();
        for extent in extents {
            let offset = self.geometry.offset(extent.start);
            unit.extend(self.read(pages, offset, self.geometry.bytes(extent.len))?);
        }
        let offset = extents
            .first()
            .map(|extent| extent.start)
            .unwrap_or_default();
        let offset = self.geometry.offset(offset);
        let bytes = lznt1::decompress(&unit, len);
        Ok(bytes.map_err(|reason| Error::Compressed { offset, reason })?)
    }

    /// Reads a chunk that WOF compressed.
    fn unpack(&self, pages: &Pages, chunk: u64, len: usize) -> Result<Vec<u8>, Halt> {
        let Some((wof, stream_size)) = self.content.wof() else {
            return Ok(Vec::new());
        };
        let entries = wof.entries(chunk);
        let damaged = |reason| Error::Compressed {
            offset: self.place_of_value(entries.start),
            reason,
        };
        let told = self.value(pages, entries.clone())?;
        let place = wof.place(chunk, &told, stream_size).map_err(damaged)?;
        let damaged = |reason| Error::Compressed {
            offset: self.place_of_value(place.start),
            reason,
        };
        let packed = self.value(pages, place.clone())?;
        Ok(wof.decompress(packed, len).map_err(damaged)?)
    }

    /// Bytes of the stream that WOF compressed.
    fn value(&self, pages: &Pages, range: Range<u64>) -> Result<Vec<u8>, Halt> {
        let mut bytes = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let left = range.end.saturating_sub(position);
            match self.content.value_at(position)? {
                Some(Span::Stored { offset, len }) => {
                    bytes.extend(self.read(pages, offset, len.min(left))?);
                }
                Some(Span::Resident(rest)) => {
                    let len = rest.len().min(len_usize(left));
                    bytes.extend_from_slice(rest.get(..len).unwrap_or_default());
                }
                _ => {
                    let reason = "its stream ends, or has a hole";
                    let offset = self.place_of_value(range.start);
                    return Err(Error::Compressed { offset, reason }.into());
                }
            }
            position = range.start.saturating_add(len_u64(bytes.len()));
        }
        Ok(bytes)
    }

    /// Where a byte of the stream is on the volume, as far as that is known.
    fn place_of_value(&self, position: u64) -> u64 {
        match self.content.value_at(position) {
            Ok(Some(Span::Stored { offset, .. })) => offset,
            _ => 0,
        }
    }

    fn check_stored(&self, extent: Extent) -> Result<(), Failure> {
        match self.inside.first_not_stored(extent, self.geometry.bytes(1)) {
            None => Ok(()),
            Some(lcn) => Err(Failure::refused(
                Refusal::NotStored,
                alloc::format!(
                    "does not hold cluster {lcn}, which is content of record {}",
                    self.record
                ),
                "take it from an image or volume that is whole, and not of metadata alone",
            )),
        }
    }
}

/// In an image of metadata, what stands in the records of files was wiped.
fn check_not_wiped(inside: &Inside, record: RecordNumber) -> Result<(), Failure> {
    let is_metadata = inside.index().is_some_and(|index| !index.is_ordinary());
    match is_metadata && record > LAST_SYSTEM_RECORD {
        false => Ok(()),
        true => Err(Failure::refused(
            Refusal::NotStored,
            alloc::format!("is an image of metadata: the content of record {record} was wiped"),
            "take it from an image that is not of metadata alone",
        )),
    }
}

fn refused(error: ContentError, record: RecordNumber, stream: &str) -> Failure {
    let (kind, found, remedy) = match error {
        ContentError::Error(error) => return error.into(),
        ContentError::NoFile => (
            Refusal::NoFile,
            alloc::format!("has no file with record {record}"),
            "ask a survey which there are",
        ),
        ContentError::NoStream if stream.is_empty() => (
            Refusal::NoFile,
            alloc::format!("has no content of its own in record {record}, like a directory"),
            "ask a survey which files there are",
        ),
        ContentError::NoStream => (
            Refusal::NoFile,
            alloc::format!("has no stream {stream:?} in record {record}"),
            "ask a survey which there are",
        ),
        ContentError::Encrypted => (
            Refusal::Encrypted,
            alloc::format!("has the content of record {record} encrypted (EFS)"),
            "restore it, and open the file in Windows as someone who may",
        ),
        ContentError::Elsewhere(tag) => (
            Refusal::Elsewhere,
            alloc::format!(
                "has the content of record {record} not as a file, but {}",
                place_of(tag)
            ),
            "restore it, and open the file in Windows",
        ),
    };
    Failure::refused(kind, found, remedy)
}

/// Where the driver of a reparse tag has the content of files: tags of [MS-FSCC],
/// section 2.1.2.1.
fn place_of(tag: u32) -> String {
    match tag {
        wof::TAG => "as WOF has it, in an image of Windows or in a way that is not known".into(),
        0x8000_0013 => "deduplicated".into(),
        // One for each of sixteen providers.
        tag if tag & 0xFFFF_0FFF == 0x9000_001A => "in a cloud (a placeholder)".into(),
        tag => alloc::format!("where the driver of reparse tag {tag:#010x} keeps it"),
    }
}
