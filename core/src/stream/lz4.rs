//! Frames of lz4: `lz4_Frame_format.md` of its authors, version 1.6.

use alloc::vec::Vec;
use core::hash::Hasher;
use core::ops::Range;

use lz4_flex::block::decompress_into_with_dict;
use twox_hash::XxHash32;

use super::parts::{Collected, take_content};
use super::{Decoded, Decoder, Limits, Problem, Then};
use crate::units::len_usize;

/// The distance that a block may refer to those before it.
const HISTORY: usize = 64 << 10;

/// Without magic, flags and sizes, and the checksum at its end.
const LEAST_HEADER: usize = 7;

const CHECKSUM: usize = 4;

/// Decompresses a frame.
pub(super) struct Lz4 {
    /// The part of the frame that is read next.
    part: Part,
    collected: Collected,
    /// The content of the last block, after what linked blocks may refer to.
    window: Vec<u8>,
    /// Where in the window the content is that was not returned yet.
    waiting: Range<usize>,
    flags: Flags,
    checksum: XxHash32,
}

#[derive(Clone, Copy)]
enum Part {
    /// Of so many bytes.
    Header(usize),
    BlockSize,
    Block {
        len: usize,
        is_compressed: bool,
    },
    Checksum,
    End,
}

#[derive(Clone, Copy, Default)]
struct Flags {
    blocks_are_linked: bool,
    blocks_have_checksums: bool,
    has_checksum: bool,
    max_block: usize,
}

impl Lz4 {
    pub(super) fn new(_: Limits) -> Result<Self, Problem> {
        Ok(Self::start())
    }

    fn start() -> Self {
        Self {
            part: Part::Header(LEAST_HEADER),
            collected: Collected::default(),
            window: Vec::new(),
            waiting: 0..0,
            flags: Flags::default(),
            checksum: XxHash32::with_seed(0),
        }
    }

    /// At a block of a frame. `before` is the header of the frame, and the content before the block that
    /// it may refer to. The checksum of the frame does not match: that is an error after the last block.
    pub(super) fn of_block(before: &[u8]) -> Result<Self, Problem> {
        let mut lz4 = Self::start();
        let mut window = before;
        while let Part::Header(len) = lz4.part {
            let cut = Problem::Damaged("its header is cut short");
            let (header, rest) = before.split_at_checked(len).ok_or(cut)?;
            lz4.part = lz4.next(header)?;
            window = rest;
        }
        lz4.window = window.to_vec();
        lz4.waiting = window.len()..window.len();
        Ok(lz4)
    }

    /// Takes bytes of the part that is next, and reads it once all of it is there.
    fn take_part(&mut self, input: &[u8]) -> Result<usize, Problem> {
        let (taken, part) = self.collected.take(input, self.len())?;
        if let Some(bytes) = part {
            self.part = self.next(&bytes)?;
            let is_header = matches!(self.part, Part::Header(_));
            self.collected.begin(bytes, is_header);
        }
        Ok(taken)
    }

    /// The length of the part.
    fn len(&self) -> usize {
        match self.part {
            Part::Header(len) => len,
            Part::BlockSize | Part::Checksum => CHECKSUM,
            Part::Block { len, .. } if self.flags.blocks_have_checksums => {
                len.saturating_add(CHECKSUM)
            }
            Part::Block { len, .. } => len,
            Part::End => 0,
        }
    }

    /// Reads a part. Returns the one that follows it.
    fn next(&mut self, bytes: &[u8]) -> Result<Part, Problem> {
        match self.part {
            Part::Header(_) => self.header(bytes),
            Part::BlockSize => self.block_size(number(bytes)),
            Part::Block { len, is_compressed } => {
                let (block, checksum) = bytes.split_at_checked(len).unwrap_or_default();
                if self.flags.blocks_have_checksums && number(checksum) != hash(block) {
                    return Err(Problem::Damaged("a block has another checksum"));
                }
                self.block(block, is_compressed)?;
                Ok(Part::BlockSize)
            }
            Part::Checksum if number(bytes) != self.checksum.finish_32() => {
                Err(Problem::Damaged("its content has another checksum"))
            }
            Part::Checksum | Part::End => Ok(Part::End),
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<Part, Problem> {
        const MAGIC: u32 = 0x184D_2204;
        const INDEPENDENT: u8 = 1 << 5;

        let (magic, rest) = bytes.split_at_checked(4).unwrap_or_default();
        let (&[flags, sizes], _) = rest.split_first_chunk().unwrap_or((&[0, 0], &[]));
        if number(magic) != MAGIC {
            return Err(Problem::Damaged("it does not begin as a frame"));
        }
        if flags >> 6 != 1 || flags & 0b10 != 0 || sizes & 0b1000_1111 != 0 {
            return Err(Problem::Damaged("its header has flags that are not known"));
        }
        if flags & 1 != 0 {
            return Err(Problem::Damaged("it needs a dictionary"));
        }
        let size_len = if flags & (1 << 3) != 0 { 8 } else { 0 };
        let len = LEAST_HEADER.saturating_add(size_len);
        if bytes.len() < len {
            return Ok(Part::Header(len));
        }
        let (descriptor, checksum) = bytes
            .split_at_checked(len.saturating_sub(1))
            .unwrap_or_default();
        let descriptor = descriptor.get(4..).unwrap_or_default();
        let [_, found, ..] = hash(descriptor).to_le_bytes();
        if checksum != [found] {
            return Err(Problem::Damaged("its header has another checksum"));
        }
        self.flags = Flags {
            blocks_are_linked: flags & INDEPENDENT == 0,
            blocks_have_checksums: flags & (1 << 4) != 0,
            has_checksum: flags & (1 << 2) != 0,
            max_block: match sizes >> 4 {
                4 => 64 << 10,
                5 => 256 << 10,
                6 => 1 << 20,
                7 => 4 << 20,
                _ => return Err(Problem::Damaged("its blocks have a size that is not known")),
            },
        };
        Ok(Part::BlockSize)
    }

    fn block_size(&self, size: u32) -> Result<Part, Problem> {
        const IS_PLAIN: u32 = 1 << 31;
        if size == 0 {
            return Ok(if self.flags.has_checksum {
                Part::Checksum
            } else {
                Part::End
            });
        }
        let len = len_usize((size & !IS_PLAIN).into());
        if len > self.flags.max_block {
            return Err(Problem::Damaged("a block is larger than its header allows"));
        }
        Ok(Part::Block {
            len,
            is_compressed: size & IS_PLAIN == 0,
        })
    }

    fn block(&mut self, block: &[u8], is_compressed: bool) -> Result<(), Problem> {
        let history = self.keep_history();
        let len = history.saturating_add(self.flags.max_block);
        let missing = len.saturating_sub(self.window.len());
        self.window
            .try_reserve_exact(missing)
            .map_err(|_| Problem::NoMemory)?;
        self.window.resize(len, 0);
        let (history, content) = self.window.split_at_mut(history);
        let len = if is_compressed {
            decompress_into_with_dict(block, content, history)
                .map_err(|_| Problem::Damaged("a block breaks the rules of lz4"))?
        } else {
            if let Some(content) = content.get_mut(..block.len()) {
                content.copy_from_slice(block);
            }
            block.len()
        };
        if self.flags.has_checksum {
            self.checksum.write(content.get(..len).unwrap_or_default());
        }
        self.waiting = history.len()..history.len().saturating_add(len);
        Ok(())
    }

    /// Moves what the next block may refer to to the start of the window. Returns
    /// its length.
    fn keep_history(&mut self) -> usize {
        if !self.flags.blocks_are_linked {
            return 0;
        }
        let end = self.waiting.end;
        let start = end.saturating_sub(HISTORY);
        self.window.copy_within(start..end, 0);
        end.saturating_sub(start)
    }
}

impl Decoder for Lz4 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let mut decoded = Decoded {
            taken: 0,
            made: take_content(&self.window, &mut self.waiting, output),
            then: Then::More,
        };
        if decoded.made == 0 {
            match self.take_part(input) {
                Ok(taken) => decoded.taken = taken,
                Err(problem) => decoded.then = Then::Failed(problem),
            }
        }
        if matches!(self.part, Part::End) && self.waiting.is_empty() {
            decoded.then = Then::End;
        }
        decoded
    }

    fn restart(&mut self) -> Result<(), Problem> {
        self.part = Part::Header(LEAST_HEADER);
        self.waiting = 0..0;
        self.checksum = XxHash32::with_seed(0);
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn hash(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}
