//! The seek table: where each frame of a zstd file is. The public format
//! (`zstd_seekable_compression_format.md` of zstd, version 0.1.0).

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{len_u64, len_usize};

/// The most frames that the implementation of the format's authors reads.
pub const MAX_FRAMES: u32 = 0x0800_0000;

/// Begins the frame of the table; not of the table alone.
pub(super) const SKIPPABLE_MAGIC: u32 = 0x184D_2A5E;
/// Ends the file.
pub(super) const SEEKABLE_MAGIC: u32 = 0x8F92_EAB1;

/// Magic and size of a skippable frame.
const FRAME_HEADER_SIZE: u64 = 8;
/// Number of frames, descriptor, magic.
const FOOTER_SIZE: usize = 9;
const ENTRY_SIZE: usize = 8;
const ENTRY_WITH_CHECKSUM_SIZE: usize = 12;

/// Bits of the descriptor.
const CHECKSUM_FLAG: u8 = 0x80;
const RESERVED_BITS: u8 = 0x7C;

/// Entries read at once.
const ENTRIES_AT_ONCE: u64 = 8192;

/// A table whose sizes add up to the bytes before it.
#[derive(Debug, Clone)]
pub struct SeekTable {
    /// Where each frame begins; the last one is where a further one would.
    starts: Vec<Start>,
    /// As it was read; 0 of a table that was made.
    descriptor: u8,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    /// In bytes from the start of the file.
    position: u64,
    /// In bytes from the start of the stream.
    offset: u64,
}

/// A frame and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Where it lies, in bytes from the start of the file.
    pub position: u64,
    /// Its bytes in the file.
    pub compressed_size: u64,
    /// Where its content lies, in bytes from the start of the stream.
    pub offset: u64,
    /// Bytes of its content; 0 of a frame that is skipped.
    pub size: u64,
}

impl SeekTable {
    /// Reads the table at the end of `source`. `None` if there is none. Takes
    /// twice as much memory as the table has bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`] where its sizes contradict each other or
    /// those of the file; [`Error::Unsupported`]; [`Error::Memory`].
    pub fn read(source: &(impl ReadAt + ?Sized)) -> Result<Option<Self>> {
        Self::read_before(source, source.size())
    }

    /// Like [`SeekTable::read`], for a table that ends at byte `size` of `source`.
    pub(super) fn read_before(source: &(impl ReadAt + ?Sized), size: u64) -> Result<Option<Self>> {
        let mut footer = [0; FOOTER_SIZE];
        let Some(footer_at) = size.checked_sub(len_u64(FOOTER_SIZE)) else {
            return Ok(None);
        };
        read(source, footer_at, &mut footer)?;
        let [a, b, c, d, descriptor, magic @ ..] = footer;
        if u32::from_le_bytes(magic) != SEEKABLE_MAGIC {
            return Ok(None);
        }
        let frames = u32::from_le_bytes([a, b, c, d]);
        if descriptor & RESERVED_BITS != 0 {
            return Err(Error::Unsupported {
                structure: Structure::SeekTable,
                offset: footer_at,
                field: "the reserved bits of its descriptor",
                found: u64::from(descriptor & RESERVED_BITS),
                expected: "0",
            });
        }
        let entry_size = match descriptor & CHECKSUM_FLAG {
            0 => ENTRY_SIZE,
            _ => ENTRY_WITH_CHECKSUM_SIZE,
        };
        // Less than 2^36.
        let entries_size = u64::from(frames).saturating_mul(len_u64(entry_size));
        let content_size = entries_size.saturating_add(len_u64(FOOTER_SIZE));
        let table_size = content_size.saturating_add(FRAME_HEADER_SIZE);
        let Some(position) = size.checked_sub(table_size) else {
            let expected = "as many as have room in the file";
            let found = u64::from(frames);
            return Err(corrupt(footer_at, "its number of frames", found, expected));
        };
        let mut header = [0; 8];
        read(source, position, &mut header)?;
        let [magic @ .., e, f, g, h] = header;
        if u32::from_le_bytes(magic) != SKIPPABLE_MAGIC {
            let found = u64::from(u32::from_le_bytes(magic));
            return Err(corrupt(position, "its magic", found, "0x184d2a5e"));
        }
        let found = u64::from(u32::from_le_bytes([e, f, g, h]));
        if found != content_size {
            let expected = "that of the frames it counts";
            return Err(corrupt(position, "its size", found, expected));
        }

        let entries_at = position.saturating_add(FRAME_HEADER_SIZE);
        let starts = Self::read_entries(source, entries_at, frames.into(), entry_size)?;
        let table = Self { starts, descriptor };
        let end = table.end();
        if end.position != position {
            let expected = "where the table begins";
            return Err(corrupt(
                position,
                "the end of its frames",
                end.position,
                expected,
            ));
        }
        Ok(Some(table))
    }

    /// A table without frames.
    pub(super) fn empty() -> Self {
        let start = Start {
            position: 0,
            offset: 0,
        };
        Self {
            starts: vec![start],
            descriptor: 0,
        }
    }

    /// Adds a frame after those in the table.
    pub(super) fn push(&mut self, compressed_size: u64, size: u64) -> Result<()> {
        if self.starts.len() == self.starts.capacity() {
            let reserved = self.starts.try_reserve(self.starts.len());
            reserved.map_err(|_| no_memory(len_u64(self.starts.len())))?;
        }
        let end = self.end();
        self.starts.push(Start {
            position: end.position.saturating_add(compressed_size),
            offset: end.offset.saturating_add(size),
        });
        Ok(())
    }

    /// The same frames, with the content that those of a stream of `stream_size`
    /// bytes have if each but the last has `frame_size`. `None` if there are more
    /// or fewer of them. The last frame is skipped.
    pub(super) fn with_sizes(&self, frame_size: u64, stream_size: u64) -> Option<Self> {
        let mut table = self.clone();
        let data = table.len().checked_sub(1)?;
        for (number, start) in (0_u64..).zip(&mut table.starts) {
            start.offset = number.saturating_mul(frame_size).min(stream_size);
        }
        let before_last = data.checked_sub(1);
        let last = before_last.map_or(0, |number| len_u64(number).saturating_mul(frame_size));
        let is_right = table.stream_size() == stream_size
            && (data == 0 && stream_size == 0 || last < stream_size)
            && table.frame(data).is_some_and(|frame| frame.size == 0);
        is_right.then_some(table)
    }

    fn read_entries(
        source: &(impl ReadAt + ?Sized),
        position: u64,
        frames: u64,
        entry_size: usize,
    ) -> Result<Vec<Start>> {
        let mut start = Start {
            position: 0,
            offset: 0,
        };
        let mut starts = vec![start];
        let mut buffer = Vec::new();
        let (mut at, mut left) = (position, frames);
        while left > 0 {
            let now = left.min(ENTRIES_AT_ONCE);
            buffer.resize(len_usize(now).saturating_mul(entry_size), 0);
            read(source, at, &mut buffer)?;
            // By what was really read, whatever the table claims.
            let reserved = starts.try_reserve(len_usize(now));
            reserved.map_err(|_| no_memory(frames))?;
            for entry in buffer.chunks_exact(entry_size) {
                let [a, b, c, d, e, f, g, h] = *entry.first_chunk().unwrap_or(&[0; ENTRY_SIZE]);
                // At most 2^32 times 2^32 less something.
                start = Start {
                    position: start
                        .position
                        .saturating_add(u32::from_le_bytes([a, b, c, d]).into()),
                    offset: start
                        .offset
                        .saturating_add(u32::from_le_bytes([e, f, g, h]).into()),
                };
                starts.push(start);
            }
            at = at.saturating_add(len_u64(buffer.len()));
            left = left.saturating_sub(now);
        }
        Ok(starts)
    }

    /// Checks what a table of another program may have and one before which there is a
    /// summary has not: bits of the descriptor.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`].
    pub(super) fn check_descriptor(&self) -> Result<()> {
        if self.descriptor == 0 {
            return Ok(());
        }
        let found = u64::from(self.descriptor);
        Err(corrupt(self.position(), "its descriptor", found, "0"))
    }

    /// Compares it with the frames that are in the file.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the first that differs.
    pub(super) fn check_frames(&self, frames: &Self) -> Result<()> {
        let (found, expected) = (self.frames(), frames.frames());
        if let Some((found, expected)) = found.zip(expected).find(|(a, b)| a != b) {
            let (field, found) = if found.compressed_size == expected.compressed_size {
                ("the content size of a frame", found.size)
            } else {
                ("the compressed size of a frame", found.compressed_size)
            };
            let position = self.position();
            return Err(corrupt(position, field, found, "that of the frame itself"));
        }
        if self.len() == frames.len() {
            return Ok(());
        }
        let found = len_u64(self.len());
        let expected = "that of the frames before it";
        Err(corrupt(
            self.position(),
            "its number of frames",
            found,
            expected,
        ))
    }

    /// How many frames there are, those that are skipped among them.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// True if there is no frame.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the stream.
    pub fn stream_size(&self) -> u64 {
        self.end().offset
    }

    /// Where the table lies, in bytes from the start of the file: after all
    /// frames.
    pub fn position(&self) -> u64 {
        self.end().position
    }

    /// A frame by its number.
    pub fn frame(&self, number: usize) -> Option<Frame> {
        let [start, end] = self.starts.get(number..)?.first_chunk()?;
        Some(Frame {
            position: start.position,
            compressed_size: end.position.saturating_sub(start.position),
            offset: start.offset,
            size: end.offset.saturating_sub(start.offset),
        })
    }

    /// All frames, in the order of the file.
    pub fn frames(&self) -> impl DoubleEndedIterator<Item = Frame> + ExactSizeIterator {
        (0..self.len()).map(|number| self.frame(number).unwrap_or(Frame::EMPTY))
    }

    /// The number of the frame with the byte at `offset` of the stream. `None`
    /// past the end.
    pub fn frame_at(&self, offset: u64) -> Option<usize> {
        if offset >= self.stream_size() {
            return None;
        }
        // Of those that begin in one place, the last one is not empty.
        let after = self.starts.partition_point(|start| start.offset <= offset);
        after.checked_sub(1)
    }

    fn end(&self) -> Start {
        // Never empty.
        self.starts.last().copied().unwrap_or(Start {
            position: 0,
            offset: 0,
        })
    }
}

impl Frame {
    const EMPTY: Self = Self {
        position: 0,
        compressed_size: 0,
        offset: 0,
        size: 0,
    };
}

/// Makes a table of frames, as they are written.
#[derive(Debug)]
pub struct SeekTableBuilder {
    /// The table, but for its size and its end.
    bytes: Vec<u8>,
    frames: u32,
}

impl SeekTableBuilder {
    /// A table without frames.
    #[expect(clippy::new_without_default, reason = "a default table is no idea")]
    pub fn new() -> Self {
        let mut bytes = SKIPPABLE_MAGIC.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[0; 4]);
        Self { bytes, frames: 0 }
    }

    /// Adds the next frame, of so many bytes in the file, and so many of the
    /// stream: 0 if it is skipped.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] beyond [`MAX_FRAMES`].
    pub fn push(&mut self, compressed_size: u32, size: u32) -> Result<()> {
        if self.frames >= MAX_FRAMES {
            return Err(Error::Limit {
                structure: Structure::SeekTable,
                offset: 0,
                found: len_u64(self.bytes.len()),
                limit: u64::from(MAX_FRAMES).saturating_mul(len_u64(ENTRY_SIZE)),
            });
        }
        self.frames = self.frames.saturating_add(1);
        self.bytes.extend_from_slice(&compressed_size.to_le_bytes());
        self.bytes.extend_from_slice(&size.to_le_bytes());
        Ok(())
    }

    /// The table as it stands at the end of a file.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&self.frames.to_le_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(&SEEKABLE_MAGIC.to_le_bytes());
        // Fits: less than MAX_FRAMES entries.
        let content = len_u64(self.bytes.len()).saturating_sub(FRAME_HEADER_SIZE);
        let content = u32::try_from(content).unwrap_or(u32::MAX);
        for (byte, value) in self.bytes.iter_mut().skip(4).zip(content.to_le_bytes()) {
            *byte = value;
        }
        self.bytes
    }
}

fn no_memory(frames: u64) -> Error {
    Error::Memory {
        structure: Structure::SeekTable,
        len: frames.saturating_mul(len_u64(size_of::<Start>())),
    }
}

fn read(source: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> Result<()> {
    let len = len_u64(buf.len());
    source
        .read_exact_at(offset, buf)
        .map_err(|source| Error::Io {
            structure: Structure::SeekTable,
            offset,
            len,
            source,
        })
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::SeekTable,
        offset,
        field,
        found,
        expected,
    }
}

/// What is wrong at the end of a file of which all frames were found.
#[derive(Debug, Default)]
pub struct EndDamage {
    /// What is wrong with the seek table: it was not used, or not all of it.
    pub table: Option<Error>,
    /// Bytes after the seek table, which do not belong to the file.
    pub trailing: Option<Range<u64>>,
}
