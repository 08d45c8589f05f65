//! The frames of a zstd stream that is read once, from start to end. Each shows where the
//! next begins, so what follows them, the summary and the seek table, can be compared
//! with them at the end.

use alloc::vec::Vec;

use super::frame_header::{BLOCK_HEADER, FrameHeader, MAX_FRAME_HEADER, block};
use super::reader::header_error;
use super::seek_table::{EndDamage, Frame, SEEKABLE_MAGIC, SeekTable};
use super::summary::Summary;
use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::units::{len_u64, len_usize};

/// Our limit: bytes of the skippable frames at the end that are kept. A summary has some
/// 40 for each 4 MiB, and a map of at most 256 MiB.
const MAX_TAIL: usize = 512 << 20;

/// Follows the frames of a stream as its compressed bytes pass.
#[derive(Debug)]
pub struct PassingFrames {
    state: State,
    /// Where the current frame begins, and the next byte is, in bytes from the start of
    /// the stream.
    start: u64,
    position: u64,
    /// Bytes of the content of the current frame.
    content_size: u64,
    /// The frame before the current one, which may be the seek table.
    last: Option<(u64, u64)>,
    /// The frames before that.
    frames: SeekTable,
    /// What is wrong with the header of a frame, if it is one of a compressed image.
    header: Option<Error>,
    tail: Tail,
}

#[derive(Debug)]
enum State {
    /// The header of a frame, as far as it has come.
    Frame(Vec<u8>),
    /// The header of a block, as far as it has come, and the bytes after the last block.
    Block(Vec<u8>, u64),
    /// Bytes of a block, and what follows them.
    InBlock(u64, AfterBlock),
    /// Bytes of a skippable frame.
    Skippable(u64),
    /// The frames cannot be followed; decompression fails there, or memory is missing.
    Lost,
}

#[derive(Debug, Clone, Copy)]
enum AfterBlock {
    /// Another block; then so many bytes after the last one.
    Block(u64),
    Frame,
}

/// The skippable frames at the end of the stream so far.
#[derive(Debug, Default)]
struct Tail {
    start: u64,
    bytes: Vec<u8>,
}

/// What is around the content of the frames of a stream that has passed.
#[derive(Debug)]
pub struct PassedFrames {
    /// What is wrong with the header of a frame whose content is sound all the same.
    pub header: Option<Error>,
    /// What is wrong behind the frames.
    pub damage: EndDamage,
    /// The summary; `None` if there is none.
    pub summary: Result<Option<Summary>>,
}

impl PassingFrames {
    /// At the start of a stream.
    #[expect(clippy::new_without_default, reason = "a default stream is no idea")]
    pub fn new() -> Self {
        Self {
            state: State::Frame(Vec::new()),
            start: 0,
            position: 0,
            content_size: 0,
            last: None,
            frames: SeekTable::empty(),
            header: None,
            tail: Tail::default(),
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !matches!(self.state, State::Lost) {
            let taken = self.take(bytes).unwrap_or_else(|_| {
                self.state = State::Lost;
                bytes.len()
            });
            self.position = self.position.saturating_add(len_u64(taken));
            if self.is_at_end_of_frame() {
                self.end_frame();
            }
            bytes = bytes.get(taken..).unwrap_or_default();
        }
    }

    /// What is wrong at the end of the stream. `None` if it has no summary and no seek
    /// table, or was not followed to its end.
    pub fn finish(mut self) -> Option<PassedFrames> {
        let is_complete = matches!(&self.state, State::Frame(header) if header.is_empty());
        let (position, size) = self.last.filter(|_| is_complete)?;
        let end = self.position;
        let tail = &self.tail;
        let last = tail
            .bytes
            .get(len_usize(position.checked_sub(tail.start)?)..)?;
        if last.is_empty() {
            return None;
        }
        let table = match Summary::begins(last) {
            // The seek table is missing.
            true => {
                self.frames.push(end.saturating_sub(position), size).ok()?;
                Ok(None)
            }
            false => tail.read_table(end),
        };
        let frames = &self.frames;
        let summary = match tail.read_summary(frames, end) {
            Ok(Some(summary)) => summary.check(frames).map(|()| Some(summary)),
            summary => summary,
        };
        let has_summary = !matches!(summary, Ok(None));
        let table = match table {
            Ok(None) if !has_summary => return None,
            Ok(None) => Some(corrupt(
                Structure::SeekTable,
                frames.position(),
                "its magic",
                0,
                "0x184d2a5e, and 0x8f92eab1 at its end",
            )),
            Ok(Some(table)) => match table.check_frames(frames) {
                Ok(()) if has_summary => table.check_descriptor().err(),
                checked => checked.err(),
            },
            Err(error) => Some(error),
        };
        Some(PassedFrames {
            header: self.header.filter(|_| has_summary),
            damage: EndDamage {
                table,
                trailing: None,
            },
            summary,
        })
    }

    /// Takes some of `bytes`, at least one; returns how many.
    fn take(&mut self, bytes: &[u8]) -> Result<usize> {
        let first = bytes.get(..1).unwrap_or_default();
        match &mut self.state {
            State::Frame(header) => {
                header.extend_from_slice(first);
                match FrameHeader::parse(header) {
                    Some(FrameHeader::Skippable { len, .. }) => {
                        let left = len.saturating_sub(len_u64(header.len()));
                        self.content_size = 0;
                        self.tail.begin_frame(self.start);
                        self.tail.push(header)?;
                        self.state = State::Skippable(left);
                    }
                    Some(FrameHeader::Data {
                        content_size,
                        trailer,
                        has_unused_bit,
                        ..
                    }) => {
                        let error = header_error(self.start, content_size, has_unused_bit);
                        self.header = self.header.take().or(error);
                        self.content_size = content_size.unwrap_or(0);
                        self.tail.bytes.clear();
                        self.state = State::Block(Vec::new(), trailer);
                    }
                    None if header.len() >= MAX_FRAME_HEADER => self.state = State::Lost,
                    None => {}
                }
                Ok(1)
            }
            State::Block(header, trailer) => {
                header.extend_from_slice(first);
                if len_u64(header.len()) == BLOCK_HEADER {
                    let found = header.first_chunk().copied().and_then(block);
                    self.state = match found {
                        Some((len, false)) => State::InBlock(len, AfterBlock::Block(*trailer)),
                        Some((len, true)) => {
                            State::InBlock(len.saturating_add(*trailer), AfterBlock::Frame)
                        }
                        None => State::Lost,
                    };
                }
                Ok(1)
            }
            State::InBlock(0, AfterBlock::Block(trailer)) => {
                self.state = State::Block(Vec::new(), *trailer);
                Ok(0)
            }
            State::InBlock(left, _) => {
                let len = bytes.len().min(len_usize(*left));
                *left = left.saturating_sub(len_u64(len));
                Ok(len)
            }
            State::Skippable(left) => {
                let len = bytes.len().min(len_usize(*left));
                *left = left.saturating_sub(len_u64(len));
                self.tail.push(bytes.get(..len).unwrap_or_default())?;
                Ok(len)
            }
            State::Lost => Ok(bytes.len()),
        }
    }

    fn is_at_end_of_frame(&self) -> bool {
        matches!(
            self.state,
            State::InBlock(0, AfterBlock::Frame) | State::Skippable(0)
        )
    }

    fn end_frame(&mut self) {
        let pushed = match self.last.replace((self.start, self.content_size)) {
            Some((start, size)) => self.frames.push(self.start.saturating_sub(start), size),
            None => Ok(()),
        };
        self.start = self.position;
        self.state = match pushed {
            Ok(()) => State::Frame(Vec::new()),
            Err(_) => State::Lost,
        };
    }
}

impl Tail {
    /// A skippable frame begins at `start`: the first one, or one after another.
    fn begin_frame(&mut self, start: u64) {
        if self.bytes.is_empty() {
            self.start = start;
        }
    }

    fn push(&mut self, bytes: &[u8]) -> Result<()> {
        let len = self.bytes.len().saturating_add(bytes.len());
        let reserved = self.bytes.try_reserve(bytes.len());
        if len > MAX_TAIL || reserved.is_err() {
            return Err(Error::Memory {
                structure: Structure::Summary,
                len: len_u64(len),
            });
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// The seek table at the `end`; `None` if nothing there ends as one.
    fn read_table(&self, end: u64) -> Result<Option<SeekTable>> {
        if !self.bytes.ends_with(&SEEKABLE_MAGIC.to_le_bytes()) {
            return Ok(None);
        }
        SeekTable::read(&(self, end)).map_err(|error| match error {
            // It would begin before the frames that are skipped.
            Error::Io { offset, .. } => {
                let (structure, field) = (Structure::SeekTable, "its number of frames");
                corrupt(structure, offset, field, 0, "that of the frames before it")
            }
            error => error,
        })
    }

    /// The summary behind `frames`, which is the last of them; `None` if there is none.
    fn read_summary(&self, frames: &SeekTable, end: u64) -> Result<Option<Summary>> {
        let is_there = |frame: Frame| {
            frame.size == 0 && frame.compressed_size >= 16 && frame.position >= self.start
        };
        if !frames.frames().next_back().is_some_and(is_there) {
            return Ok(None);
        }
        Summary::read(&(self, end), frames).map_err(|error| match error {
            // It would begin before the frames that are skipped.
            Error::Io { offset, .. } => {
                let (structure, field) = (Structure::Summary, "its size");
                corrupt(structure, offset, field, 0, "that of its frame")
            }
            error => error,
        })
    }
}

/// The stream with this end and size, of which nothing before the end is there.
impl ReadAt for (&Tail, u64) {
    fn size(&self) -> u64 {
        self.1
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let start = offset.checked_sub(self.0.start).map(len_usize);
        let bytes = start.and_then(|start| self.0.bytes.get(start..)?.get(..buf.len()));
        buf.copy_from_slice(bytes.ok_or_else(IoError::end_of_input)?);
        Ok(())
    }
}

fn corrupt(
    structure: Structure,
    offset: u64,
    field: &'static str,
    found: u64,
    expected: &'static str,
) -> Error {
    Error::Corrupt {
        structure,
        offset,
        field,
        found,
        expected,
    }
}
