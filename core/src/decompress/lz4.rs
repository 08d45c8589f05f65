//! A frame of lz4: `lz4_Frame_format.md` of its authors, version 1.6.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hasher;
use core::mem;

use lz4_flex::block::decompress_into_with_dict;
use twox_hash::XxHash32;

use super::{Decoded, Problem};
use crate::units::len_usize;

/// How far back a block may refer to those before it.
const HISTORY: usize = 64 << 10;

/// Without magic, flags and sizes, and the checksum at its end.
const LEAST_HEADER: usize = 7;

const CHECKSUM: usize = 4;

/// Decompresses a frame.
pub(crate) struct Lz4 {
    /// What is read next, and how many bytes that takes.
    part: Part,
    /// What there is of it.
    bytes: Vec<u8>,
    /// What was decompressed last, after what blocks may still refer to.
    content: Vec<u8>,
    /// What of that was given on, or was before.
    given: usize,
    flags: Flags,
    checksum: XxHash32,
}

#[derive(Clone, Copy)]
enum Part {
    /// So many bytes long.
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

impl Default for Lz4 {
    fn default() -> Self {
        Self {
            part: Part::Header(LEAST_HEADER),
            bytes: Vec::new(),
            content: Vec::new(),
            given: 0,
            flags: Flags::default(),
            checksum: XxHash32::with_seed(0),
        }
    }
}

impl Lz4 {
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        let waiting = self.content.get(self.given..).unwrap_or_default();
        if !waiting.is_empty() {
            let made = waiting.len().min(output.len());
            for (to, from) in output.iter_mut().zip(waiting) {
                *to = *from;
            }
            self.given = self.given.saturating_add(made);
            return Ok(self.decoded(0, made));
        }
        let missing = self.len().saturating_sub(self.bytes.len());
        let taken = missing.min(input.len());
        self.bytes
            .extend_from_slice(input.get(..taken).unwrap_or_default());
        if taken == missing {
            let bytes = mem::take(&mut self.bytes);
            self.part = self.next(&bytes)?;
            if let Part::Header(_) = self.part {
                self.bytes = bytes;
            }
        }
        Ok(self.decoded(taken, 0))
    }

    fn decoded(&self, taken: usize, made: usize) -> Decoded {
        Decoded {
            taken,
            made,
            has_ended: matches!(self.part, Part::End) && self.given == self.content.len(),
        }
    }

    /// How many bytes the part has.
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

    /// Takes all of a part. Returns what follows it.
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
            return Ok(match self.flags.has_checksum {
                true => Part::Checksum,
                false => Part::End,
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
        let old = match self.flags.blocks_are_linked {
            true => self.content.len().saturating_sub(HISTORY),
            false => self.content.len(),
        };
        self.content.drain(..old);
        self.given = self.content.len();
        if is_compressed {
            let mut made = vec![0; self.flags.max_block];
            let len = decompress_into_with_dict(block, &mut made, &self.content)
                .map_err(|_| Problem::Damaged("a block breaks the rules of lz4"))?;
            self.content
                .extend_from_slice(made.get(..len).unwrap_or_default());
        } else {
            self.content.extend_from_slice(block);
        }
        if self.flags.has_checksum {
            let made = self.content.get(self.given..).unwrap_or_default();
            self.checksum.write(made);
        }
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

impl fmt::Debug for Lz4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lz4")
    }
}
