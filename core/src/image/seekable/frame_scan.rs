//! The frames of a file without a sound seek table, found one after the other:
//! each tells where it ends, and after a damaged one the next one is searched
//! for.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::frame_header::{BLOCK_HEADER, FrameHeader, MAX_FRAME_HEADER, block};
use super::reader::MAX_FRAME_SIZE;
use super::seek_table::{SEEKABLE_MAGIC, SKIPPABLE_MAGIC as TABLE_MAGIC, SeekTable};
use super::summary::{Head, MAGIC as SUMMARY_NAME};
use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::units::{len_u64, len_usize};

/// Bytes that are searched at once.
const SEARCHED_AT_ONCE: u64 = 256 << 10;

/// Our limit: blocks of frames that turn out to have no end. A damaged frame of
/// 4 MiB has some 32; a hostile file could have each of its bytes begin one.
const MAX_WASTED: u64 = 1 << 20;

/// A scan, step by step.
#[derive(Debug, Default)]
pub(super) struct FrameScan {
    /// Where the next frame begins, in bytes from the start of the file.
    position: u64,
    frames: Vec<FoundFrame>,
    /// Content of the frames, but for the last one.
    frame_size: Option<u64>,
    /// How far the frame after a damaged one was searched for.
    searched: Option<u64>,
    /// Blocks of damaged frames.
    wasted: u64,
    /// The frame of the seek table.
    table: Option<Range<u64>>,
}

#[derive(Debug, Clone, Copy)]
struct FoundFrame {
    compressed_size: u64,
    content: Content,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    Data {
        /// Bytes of the content, by its header; `None` if that is damaged.
        size: Option<u64>,
        /// More than one frame may be in its place.
        is_damaged: bool,
    },
    /// It is skipped. That of a summary has a name.
    Skipped { is_summary: bool },
}

/// What lies at a position.
enum Found {
    Frame(FoundFrame),
    /// The seek table, this long.
    Table(u64),
    Damaged,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scanned {
    Pending,
    Complete,
    /// The frames do not tell the size of their content.
    Foreign,
}

impl FrameScan {
    /// Looks at the next frame, or searches some more for it. Can be tried again
    /// after an error.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] only for what is [not there yet](Error::is_missing): what
    /// cannot be read is damaged. [`Error::Memory`].
    pub(super) fn step(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<Scanned> {
        if let Some(searched) = self.searched {
            return self.search(source, searched);
        }
        if self.position >= source.size() {
            return Ok(Scanned::Complete);
        }
        match self.look(source)? {
            Found::Frame(frame) => {
                self.push(frame)?;
                Ok(Scanned::Pending)
            }
            Found::Table(len) => {
                let end = self.position.saturating_add(len);
                self.table = Some(self.position..end);
                Ok(Scanned::Complete)
            }
            Found::Damaged => {
                // The frame before it may have led here by damage of its own.
                let start = self.last_sound().unwrap_or(self.position);
                self.searched = Some(start.saturating_add(1));
                Ok(Scanned::Pending)
            }
        }
    }

    /// How far it is, in bytes from the start of the file.
    pub(super) fn position(&self) -> u64 {
        self.searched.unwrap_or(self.position)
    }

    /// Where the frames end.
    pub(super) fn end(&self) -> u64 {
        self.position
    }

    /// The frame of the seek table, if it was found; its end may lie behind that
    /// of the file.
    pub(super) fn table(&self) -> Option<Range<u64>> {
        self.table.clone()
    }

    /// True if the last frame is a summary: nothing of the stream follows it.
    pub(super) fn ends_with_summary(&self) -> bool {
        let last = self.frames.last().map(|frame| frame.content);
        last == Some(Content::Skipped { is_summary: true })
    }

    /// A table of the frames that were found. With `head`, which tells how many
    /// there are and how long, those that are missing are in the first damaged
    /// place; without it, a frame of unknown size is as long as the others.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub(super) fn to_table(&self, head: Option<&Head>) -> Result<SeekTable> {
        let is_data = |frame: &&FoundFrame| matches!(frame.content, Content::Data { .. });
        let found = len_u64(self.frames.iter().filter(is_data).count());
        let expected = head.map(|head| head.stream_size.div_ceil(head.frame_size.into()));
        let missing = expected.and_then(|expected| expected.checked_sub(found));
        let head = head.filter(|_| missing.is_some());
        let mut missing = missing.unwrap_or(0);
        let mut left = head.map_or(0, |head| head.stream_size);

        let mut table = SeekTable::empty();
        for frame in &self.frames {
            let Content::Data { size, is_damaged } = frame.content else {
                table.push(frame.compressed_size, 0)?;
                continue;
            };
            let mut next_size = || match head {
                Some(head) => {
                    let size = left.min(head.frame_size.into());
                    left = left.saturating_sub(size);
                    size
                }
                None => size.or(self.frame_size).unwrap_or(0),
            };
            table.push(frame.compressed_size, next_size())?;
            while is_damaged && missing > 0 {
                table.push(0, next_size())?;
                missing = missing.saturating_sub(1);
            }
        }
        Ok(table)
    }

    /// The frame at the position.
    fn look(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<Found> {
        let left = source.size().saturating_sub(self.position);
        let mut start = vec![0; MAX_FRAME_HEADER.min(len_usize(left))];
        if !is_read(source.read_exact_at(self.position, &mut start))? {
            return Ok(Found::Damaged);
        }
        match FrameHeader::parse(&start) {
            Some(FrameHeader::Skippable { magic, len }) => {
                let may_be_table = magic == TABLE_MAGIC || self.ends_with_summary();
                if may_be_table && let Some(len) = self.table_len(source, len)? {
                    return Ok(Found::Table(len));
                }
                if len > left {
                    return Ok(Found::Damaged);
                }
                let is_summary = start.get(8..16) == Some(&SUMMARY_NAME);
                Ok(Found::Frame(FoundFrame {
                    compressed_size: len,
                    content: Content::Skipped { is_summary },
                }))
            }
            Some(FrameHeader::Data {
                len,
                content_size: Some(size @ 1..=MAX_FRAME_SIZE),
                trailer,
                ..
            }) => match self.end_of_blocks(source, len, size)? {
                Some(end) if end.saturating_add(trailer) <= left => {
                    self.frame_size = self.frame_size.max(Some(size));
                    Ok(Found::Frame(FoundFrame {
                        compressed_size: end.saturating_add(trailer),
                        content: Content::Data {
                            size: Some(size),
                            is_damaged: false,
                        },
                    }))
                }
                _ => Ok(Found::Damaged),
            },
            // Without its size, a frame cannot be found by its place in the stream.
            Some(FrameHeader::Data { .. }) | None => Ok(Found::Damaged),
        }
    }

    /// Bytes of the seek table at the position, by a header that says `len`: more
    /// than there are if it is cut. `None` if it is another skippable frame.
    fn table_len(&self, source: &(impl ReadAt + ?Sized), len: u64) -> Result<Option<u64>> {
        let end = self.position.saturating_add(len);
        if end >= source.size() {
            return Ok(Some(len));
        }
        let mut magic = [0; 4];
        let read = source.read_exact_at(end.saturating_sub(4), &mut magic);
        let is_table = is_read(read)? && u32::from_le_bytes(magic) == SEEKABLE_MAGIC;
        // Its length is damaged: nothing else follows a summary.
        let all = source.size().saturating_sub(self.position);
        Ok(match is_table {
            true => Some(len),
            false => self.ends_with_summary().then_some(all),
        })
    }

    /// Where the blocks of the frame at the position end, in bytes from its
    /// start; `None` if they do not end.
    fn end_of_blocks(
        &mut self,
        source: &(impl ReadAt + ?Sized),
        header: u64,
        size: u64,
    ) -> Result<Option<u64>> {
        let limit = len_u64(zstd_safe::compress_bound(len_usize(size)));
        let mut end = header;
        let mut blocks = 0_u64;
        while end <= limit {
            let mut bytes = [0; 3];
            let at = self.position.saturating_add(end);
            if !is_read(source.read_exact_at(at, &mut bytes))? {
                break;
            }
            let Some((len, is_last)) = block(bytes) else {
                break;
            };
            end = end.saturating_add(BLOCK_HEADER).saturating_add(len);
            if is_last {
                return Ok(Some(end));
            }
            blocks = blocks.saturating_add(1);
        }
        self.wasted = self.wasted.saturating_add(blocks);
        Ok(None)
    }

    /// Searches for the frame after the one at the position, which is damaged.
    fn search(&mut self, source: &(impl ReadAt + ?Sized), searched: u64) -> Result<Scanned> {
        let end = source.size();
        let len = SEARCHED_AT_ONCE.min(end.saturating_sub(searched));
        // Too short for any header that could be believed.
        if len < len_u64(MAX_FRAME_HEADER) || self.wasted > MAX_WASTED {
            if self.frames.is_empty() {
                return Ok(Scanned::Foreign);
            }
            self.end_damaged(source)?;
            return Ok(Scanned::Complete);
        }
        let mut bytes = vec![0; len_usize(len)];
        let found = match is_read(source.read_exact_at(searched, &mut bytes))? {
            true => (0..bytes.len()).find(|&at| {
                let position = searched.saturating_add(len_u64(at));
                position != self.position && self.begins_frame(bytes.get(at..))
            }),
            false => None,
        };
        match found {
            Some(at) => {
                let next = searched.saturating_add(len_u64(at));
                if let Some(start) = self.last_sound()
                    && next < self.position
                {
                    self.frames.pop();
                    self.position = start;
                }
                self.push_damaged(source, next)?;
                self.searched = None;
            }
            // The next search sees what a header at the end of this one has.
            None => {
                let seen = len.saturating_sub(len_u64(MAX_FRAME_HEADER)).max(1);
                self.searched = Some(searched.saturating_add(seen));
            }
        }
        Ok(Scanned::Pending)
    }

    /// Whether a frame seems to begin there, by more than its magic.
    fn begins_frame(&self, bytes: Option<&[u8]>) -> bool {
        let bytes = bytes.unwrap_or_default();
        // Almost everywhere.
        if !matches!(bytes, [0x28, 0xB5, ..] | [0x5D | 0x5E, 0x2A, ..]) {
            return false;
        }
        match FrameHeader::parse(bytes) {
            Some(FrameHeader::Skippable { magic, len }) => {
                let is_summary = bytes.get(8..16) == Some(&SUMMARY_NAME);
                // All frames so far, and one or more that are damaged.
                let entries = len_u64(self.frames.len()).saturating_add(1);
                let table = entries.saturating_mul(8).saturating_add(17);
                is_summary || magic == TABLE_MAGIC && len >= table
            }
            Some(FrameHeader::Data { content_size, .. }) => match self.frame_size {
                Some(frame_size) => {
                    content_size.is_some_and(|size| (1..=frame_size).contains(&size))
                }
                None => content_size.is_some_and(|size| (1..=MAX_FRAME_SIZE).contains(&size)),
            },
            None => false,
        }
    }

    /// Takes what lies between the position and `next` as a damaged frame.
    fn push_damaged(&mut self, source: &(impl ReadAt + ?Sized), next: u64) -> Result<()> {
        let left = source.size().saturating_sub(self.position);
        let mut start = vec![0; MAX_FRAME_HEADER.min(len_usize(left))];
        let mut name = [0; SUMMARY_NAME.len()];
        let name_at = next.saturating_sub(len_u64(name.len()));
        let start_is_read = is_read(source.read_exact_at(self.position, &mut start))?;
        let name_is_read = is_read(source.read_exact_at(name_at, &mut name))?;
        let content = match FrameHeader::parse(&start) {
            Some(FrameHeader::Data {
                content_size: Some(size @ 1..=MAX_FRAME_SIZE),
                ..
            }) if start_is_read => Content::Data {
                size: Some(size),
                is_damaged: true,
            },
            _ if name_is_read && name == SUMMARY_NAME => Content::Skipped { is_summary: true },
            _ => Content::Data {
                size: None,
                is_damaged: true,
            },
        };
        self.push(FoundFrame {
            compressed_size: next.saturating_sub(self.position),
            content,
        })
    }

    /// Where the last frame begins, if it holds data and seemed to be sound.
    fn last_sound(&self) -> Option<u64> {
        let last = self.frames.last()?;
        let is_sound = matches!(
            last.content,
            Content::Data {
                is_damaged: false,
                ..
            }
        );
        let start = self.position.saturating_sub(last.compressed_size);
        is_sound.then_some(start)
    }

    /// No frame follows the damaged one at the position.
    fn end_damaged(&mut self, source: &(impl ReadAt + ?Sized)) -> Result<()> {
        self.searched = None;
        let left = source.size().saturating_sub(self.position);
        let entries = len_u64(self.frames.len());
        let is_table = |entry: u64| left == entries.saturating_mul(entry).saturating_add(17);
        // After a summary, and where all that is left is as long as a table.
        if self.ends_with_summary() || is_table(8) || is_table(12) {
            return Ok(());
        }
        let mut data = self.frames.iter().rev().map(|frame| match frame.content {
            Content::Data { size, .. } => size,
            Content::Skipped { .. } => None,
        });
        // A frame that is shorter than the others is the last one.
        let data = data.find(Option::is_some).flatten();
        let mut start = vec![0; MAX_FRAME_HEADER.min(len_usize(left))];
        let start_is_read = is_read(source.read_exact_at(self.position, &mut start))?;
        let is_data = matches!(
            FrameHeader::parse(&start),
            Some(FrameHeader::Data { .. }) if start_is_read
        );
        match is_data || data == self.frame_size {
            true => self.push_damaged(source, source.size()),
            false => Ok(()),
        }
    }

    fn push(&mut self, frame: FoundFrame) -> Result<()> {
        self.position = self.position.saturating_add(frame.compressed_size);
        // Nothing but the last one of them is of interest.
        if let (Content::Skipped { is_summary: false }, Some(last)) =
            (frame.content, self.frames.last_mut())
            && let Content::Skipped { is_summary: false } = last.content
        {
            last.compressed_size = last.compressed_size.saturating_add(frame.compressed_size);
            return Ok(());
        }
        if self.frames.len() == self.frames.capacity() {
            let reserved = self.frames.try_reserve(self.frames.len().max(64));
            reserved.map_err(|_| Error::Memory {
                structure: Structure::SeekTable,
                len: len_u64(self.frames.len().saturating_mul(size_of::<FoundFrame>())),
            })?;
        }
        self.frames.push(frame);
        Ok(())
    }
}

/// Whether a read succeeded; the error is that it is to be tried again.
pub(super) fn is_read(read: Result<(), IoError>) -> Result<bool> {
    match read {
        Ok(()) => Ok(true),
        Err(source) if source.is_missing() => Err(Error::Io {
            structure: Structure::SeekTable,
            offset: 0,
            len: 0,
            source,
        }),
        Err(_) => Ok(false),
    }
}
