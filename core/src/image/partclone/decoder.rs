//! A decoder for an image that comes in pieces.

use alloc::vec::Vec;
use core::ops::Range;

use super::block_map::BlockMap;
use super::checksum::{Algorithm, Checksum, Crc32};
use super::cursor::Cursor;
use super::layout::{BITMAP_END, BitmapForm, FileSystems, Header, START_SIZE, Version};
use crate::error::{EndPlace, Error, Result, Structure};
use crate::image::ntfsclone::Event;
use crate::units::{len_u64, len_usize};

/// Bytes that the builds of version 1 that add some add after each checksum.
const PADDING_SIZE: u64 = 4;

/// Decodes an image that comes in pieces of any size, and checks all its checksums.
///
/// The blocks of a checksum are returned before it is read: a mismatch is
/// [`Error::BlockChecksum`], after which decoding can continue.
#[derive(Debug, Clone)]
pub struct Decoder {
    accepted: FileSystems,
    cursor: Cursor,
    /// From the first bytes on.
    version: Option<Version>,
    /// From the header on.
    body: Option<Body>,
}

/// What is decoded after the header.
#[derive(Debug, Clone)]
struct Body {
    header: Header,
    phase: Phase,
    blocks: BlockMap,
    /// Of the bitmap.
    bitmap_checksum: Crc32,
    /// Of the blocks since the last checksum, or of all.
    checksum: Checksum,
    /// The block that is decoded, or the next.
    block: u64,
    /// Its rank.
    rank: u64,
    /// The first block since the last checksum.
    strip_start: u64,
    /// Bytes after each checksum; `None` as long as that is unknown.
    padding: Option<u64>,
    /// The second block of an image of version 1: see [`Phase::SecondBlock`].
    second: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Between header and bitmap, `left` bytes to come.
    Unused { left: u64 },
    /// In the bitmap, `left` bytes to come.
    Bitmap { left: u64 },
    /// In what follows the bitmap.
    BitmapEnd,
    /// In a block, `left` bytes to come.
    Block { left: u64 },
    /// In a checksum.
    Checksum,
    /// After the first checksum of version 1. Whether padding follows is known when the second
    /// checksum fits the block before it, at one place or the other. So the second block is
    /// collected.
    SecondBlock,
    /// After a checksum, `left` bytes to come.
    Padding { left: u64 },
    /// The end was reached. Up to `padding` bytes may follow: after the only block of
    /// version 1 it is not known whether there is padding.
    Ended { padding: u64 },
}

/// The outcome of a step.
enum Parsed<'i> {
    Continue,
    NeedInput,
    Data { offset: u64, bytes: &'i [u8] },
    SecondBlock { offset: u64, range: Range<usize> },
    End,
}

impl Decoder {
    /// A decoder at the start of an image.
    #[expect(clippy::new_without_default, reason = "a default image is no idea")]
    pub fn new() -> Self {
        Self::of(FileSystems::Ntfs)
    }

    /// A decoder at the start of an image of one of these file systems.
    pub fn of(accepted: FileSystems) -> Self {
        Self {
            accepted,
            cursor: Cursor::new(),
            version: None,
            body: None,
        }
    }

    /// Takes bytes from the start of `input` until there is an event. Data is a part of a block,
    /// or a whole one.
    ///
    /// # Errors
    ///
    /// Those of [`Header::parse`]; [`Error::Corrupt`], [`Error::BlockChecksum`],
    /// [`Error::Memory`].
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i [u8]) -> Result<Event<'a, Header>> {
        let (offset, range) = loop {
            let Some(body) = &mut self.body else {
                let Some(header) = self.read_header(input)? else {
                    return Ok(Event::NeedInput);
                };
                self.body = Some(Body::new(header));
                return Ok(Event::Header(header));
            };
            match body.step(&mut self.cursor, input)? {
                Parsed::Continue => {}
                Parsed::NeedInput => return Ok(Event::NeedInput),
                Parsed::Data { offset, bytes } => return Ok(Event::Data { offset, bytes }),
                Parsed::SecondBlock { offset, range } => break (offset, range),
                Parsed::End => return Ok(Event::End),
            }
        };
        let second = self.body.as_ref().and_then(|body| body.second.get(range));
        let bytes = second.unwrap_or_default();
        Ok(Event::Data { offset, bytes })
    }

    /// To be called when there is no more input.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`].
    pub fn end_of_input(&mut self) -> Result<()> {
        let (mut place, mut ended) = (EndPlace::Header, false);
        if let Some(body) = &self.body {
            match body.phase {
                Phase::Ended { .. } => ended = true,
                Phase::Unused { .. } | Phase::Bitmap { .. } | Phase::BitmapEnd => {}
                _ => place = EndPlace::BeforeBlock(body.block),
            }
        }
        let offset = self.taken();
        if ended {
            return Ok(());
        }
        Err(Error::Truncated { offset, place })
    }

    /// Bytes of the image taken so far.
    pub fn taken(&self) -> u64 {
        self.cursor.position()
    }

    /// The blocks that the image has; `None` before the end of the bitmap.
    pub fn blocks(&self) -> Option<&BlockMap> {
        let body = self.body.as_ref()?;
        match body.phase {
            Phase::Unused { .. } | Phase::Bitmap { .. } | Phase::BitmapEnd => None,
            _ => Some(&body.blocks),
        }
    }

    /// Whether [`Decoder::into_layout`] is known.
    pub(super) fn has_layout(&self) -> bool {
        self.blocks().is_some()
            && self.body.as_ref().is_some_and(|body| {
                matches!(body.phase, Phase::Ended { .. }) || body.padding.is_some()
            })
    }

    /// The header, the bitmap, and bytes of padding after each checksum; `None`
    /// before the end of the bitmap.
    pub(super) fn into_layout(self) -> Option<(Header, BlockMap, u64)> {
        self.blocks()?;
        let body = self.body?;
        Some((body.header, body.blocks, body.padding.unwrap_or(0)))
    }

    /// `None` if the input ends before.
    fn read_header(&mut self, input: &mut &[u8]) -> Result<Option<Header>> {
        let version = match self.version {
            Some(version) => version,
            None => {
                let Some(start) = self.cursor.collect(START_SIZE, input) else {
                    return Ok(None);
                };
                let start = start.first_chunk().unwrap_or(&[0; START_SIZE]);
                *self.version.insert(Header::version(start)?)
            }
        };
        let len = Header::fields_size(version);
        if self.cursor.collect(len, input).is_none() {
            return Ok(None);
        }
        let header = Header::parse(self.cursor.pending(), self.accepted)?;
        self.cursor.clear();
        Ok(Some(header))
    }
}

impl Body {
    fn new(header: Header) -> Self {
        let blocks = match header.bitmap {
            BitmapForm::None => BlockMap::full(header.nr_blocks),
            BitmapForm::Bits | BitmapForm::Bytes => BlockMap::empty(header.nr_blocks),
        };
        let fields = len_u64(Header::fields_size(header.version));
        Self {
            phase: Phase::Unused {
                left: header.bitmap_offset().saturating_sub(fields),
            },
            blocks,
            bitmap_checksum: Crc32::new(),
            checksum: Checksum::new(header.checksums.map(|checksums| checksums.algorithm)),
            block: 0,
            rank: 0,
            strip_start: 0,
            padding: match header.version {
                Version::One => None,
                Version::Two => Some(0),
            },
            second: Vec::new(),
            header,
        }
    }

    /// Each step takes input, or continues with a phase that does.
    fn step<'i>(&mut self, cursor: &mut Cursor, input: &mut &'i [u8]) -> Result<Parsed<'i>> {
        match self.phase {
            Phase::Unused { left: 0 } => {
                let left = self.header.bitmap_size();
                self.phase = Phase::Bitmap { left };
            }
            Phase::Unused { left } => {
                let Some(left) = cursor.skip(left, input) else {
                    return Ok(Parsed::NeedInput);
                };
                self.phase = Phase::Unused { left };
            }
            Phase::Bitmap { left: 0 } => self.phase = Phase::BitmapEnd,
            Phase::Bitmap { left } => {
                let offset = cursor.position();
                let bytes = cursor.take(left, input);
                if bytes.is_empty() {
                    return Ok(Parsed::NeedInput);
                }
                self.read_bitmap(bytes, offset)?;
                let left = left.saturating_sub(len_u64(bytes.len()));
                self.phase = Phase::Bitmap { left };
            }
            Phase::BitmapEnd => {
                let size = self.header.bitmap_end_size();
                let Some(end) = cursor.collect(size, input) else {
                    return Ok(Parsed::NeedInput);
                };
                let offset = self.header.data_offset().saturating_sub(len_u64(size));
                self.check_bitmap(end, offset)?;
                cursor.clear();
                self.begin_block(0);
                self.strip_start = self.block;
            }
            Phase::Block { left: 0 } => self.end_block(),
            Phase::Block { left } => {
                let bytes = cursor.take(left, input);
                let Some(&first) = bytes.first() else {
                    return Ok(Parsed::NeedInput);
                };
                let block_size = self.header.block_size;
                let done = u64::from(block_size).saturating_sub(left);
                match self.header.version {
                    Version::One if done == 0 => self.checksum.update_repeated(first, block_size),
                    Version::One => {}
                    Version::Two => self.checksum.update(bytes),
                }
                let left = left.saturating_sub(len_u64(bytes.len()));
                self.phase = Phase::Block { left };
                let offset = self.header.offset_of(self.block).saturating_add(done);
                return Ok(Parsed::Data { offset, bytes });
            }
            Phase::Checksum => {
                let size = self.checksum_size();
                let Some(stored) = cursor.collect(size, input) else {
                    return Ok(Parsed::NeedInput);
                };
                let matches = self.checksum.is_stored_as(stored);
                cursor.clear();
                let offset = cursor.position().saturating_sub(len_u64(size));
                let checked = self.checked(matches, offset);
                self.end_strip();
                checked?;
            }
            Phase::SecondBlock => return self.collect_second_block(cursor, input),
            Phase::Padding { left: 0 } => self.begin_block(self.block),
            Phase::Padding { left } => {
                let Some(left) = cursor.skip(left, input) else {
                    return Ok(Parsed::NeedInput);
                };
                self.phase = Phase::Padding { left };
            }
            Phase::Ended { padding } => {
                let Some(&found) = input.first() else {
                    return Ok(Parsed::End);
                };
                if let Some(padding) = cursor.skip(padding, input) {
                    self.phase = Phase::Ended { padding };
                    return Ok(Parsed::Continue);
                }
                return Err(Error::Corrupt {
                    structure: Structure::ImageBlock,
                    offset: cursor.position(),
                    field: "the byte after the last one",
                    found: found.into(),
                    expected: "nothing",
                });
            }
        }
        // Once, as soon as the end is reached: what follows it is an error.
        match self.phase {
            Phase::Ended { .. } => Ok(Parsed::End),
            _ => Ok(Parsed::Continue),
        }
    }

    fn read_bitmap(&mut self, bytes: &[u8], offset: u64) -> Result<()> {
        match self.header.bitmap {
            BitmapForm::None => Ok(()),
            BitmapForm::Bits => {
                self.bitmap_checksum.update(bytes);
                self.blocks.push_bits(bytes)
            }
            BitmapForm::Bytes => self.blocks.push_bytes(bytes, offset),
        }
    }

    fn check_bitmap(&self, end: &[u8], offset: u64) -> Result<()> {
        let (field, expected, matches) = match self.header.bitmap {
            BitmapForm::None => return Ok(()),
            BitmapForm::Bits => (
                "its checksum",
                "the CRC-32 of its bytes",
                end == self.bitmap_checksum.to_bytes(),
            ),
            BitmapForm::Bytes => (
                "its end",
                "0x4269546d41674963 (BiTmAgIc)",
                end == BITMAP_END,
            ),
        };
        if matches {
            return Ok(());
        }
        let found = match end.first_chunk::<8>() {
            Some(text) => u64::from_be_bytes(*text),
            None => u32::from_le_bytes(end.first_chunk().copied().unwrap_or_default()).into(),
        };
        Err(Error::Corrupt {
            structure: Structure::BlockBitmap,
            offset,
            field,
            found,
            expected,
        })
    }

    /// Continues with the first block from `from` on that the image has.
    fn begin_block(&mut self, from: u64) {
        self.block = self.blocks.next(from, true, u64::MAX);
        self.phase = match self.rank < self.blocks.len() {
            true => Phase::Block {
                left: self.header.block_size.into(),
            },
            false => Phase::Ended { padding: 0 },
        };
    }

    /// Continues with the checksum, if one follows the block that was decoded.
    fn end_block(&mut self) {
        self.rank = self.rank.saturating_add(1);
        let is_last = self.rank == self.blocks.len();
        let is_covered = self.header.checksums.is_some_and(|checksums| {
            let blocks = u64::from(checksums.blocks.get());
            is_last || self.rank.is_multiple_of(blocks)
        });
        match is_covered {
            true => self.phase = Phase::Checksum,
            false => self.begin_block(self.block.saturating_add(1)),
        }
    }

    /// Continues after a checksum.
    fn end_strip(&mut self) {
        if self
            .header
            .checksums
            .is_some_and(|checksums| checksums.reseed)
        {
            self.checksum.restart();
        }
        let next = self.block.saturating_add(1);
        self.block = self.blocks.next(next, true, u64::MAX);
        self.strip_start = self.block;
        self.phase = match self.padding {
            Some(left) => Phase::Padding { left },
            None if self.rank == self.blocks.len() => Phase::Ended {
                padding: PADDING_SIZE,
            },
            None => Phase::SecondBlock,
        };
    }

    /// The result of comparing the checksum at `offset`.
    fn checked(&self, matches: bool, offset: u64) -> Result<()> {
        match matches {
            true => Ok(()),
            false => Err(Error::BlockChecksum {
                offset,
                first: self.strip_start,
                last: self.block,
            }),
        }
    }

    /// Collects the second block of version 1 with its checksum: without padding before it, and
    /// if the checksum does not fit, with padding.
    fn collect_second_block<'i>(
        &mut self,
        cursor: &mut Cursor,
        input: &mut &'i [u8],
    ) -> Result<Parsed<'i>> {
        let block_size = u64::from(self.header.block_size);
        let checksum_size = len_u64(self.checksum_size());
        let start = cursor.position().saturating_sub(len_u64(self.second.len()));
        for padding in [0, PADDING_SIZE] {
            let end = padding.saturating_add(block_size);
            let wanted = end.saturating_add(checksum_size);
            let missing = wanted.saturating_sub(len_u64(self.second.len()));
            let bytes = cursor.take(missing, input);
            self.second
                .try_reserve(bytes.len())
                .map_err(|_| Error::Memory {
                    structure: Structure::ImageBlock,
                    len: wanted,
                })?;
            self.second.extend_from_slice(bytes);
            if len_u64(self.second.len()) < wanted {
                return Ok(Parsed::NeedInput);
            }
            let range = len_usize(padding)..len_usize(end);
            let (block, stored) = self.second.split_at_checked(range.end).unwrap_or_default();
            let first = block.get(range.start).copied().unwrap_or(0);
            let mut checksum = self.checksum.clone();
            checksum.update_repeated(first, self.header.block_size);
            if checksum.is_stored_as(stored) {
                self.checksum = checksum;
                self.padding = Some(padding);
                self.rank = self.rank.saturating_add(1);
                let offset = self.header.offset_of(self.block);
                self.end_strip();
                return Ok(Parsed::SecondBlock { offset, range });
            }
        }
        self.checked(false, start.saturating_add(block_size))
            .map(|()| Parsed::Continue)
    }

    fn checksum_size(&self) -> usize {
        let algorithm = self.header.checksums.map(|checksums| checksums.algorithm);
        algorithm.map_or(0, Algorithm::size)
    }
}
