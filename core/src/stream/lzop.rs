//! Files of lzop: blocks of LZO1X, as lzop 1.04 writes them.

use alloc::vec::Vec;
use core::ops::Range;

use adler2::Adler32;
use crc::{CRC_32_ISO_HDLC, Crc};
use lzokay::decompress::decompress;

use super::parts::{Collected, take_content};
use super::{Decoded, Decoder, Limits, Problem, Then};
use crate::units::{len_u64, len_usize};

const MAGIC_BYTES: usize = 9;
/// Version, library, version needed to extract, method, level, flags, mode, two
/// halves of a time, and the length of the name.
const HEADER_BYTES: usize = 25;
/// The first version with this header, of 1997.
const LEAST_VERSION: u16 = 0x0940;
/// LZO1X-1, LZO1X-1(15) and LZO1X-999, which one decoder reads.
const METHODS: core::ops::RangeInclusive<u8> = 1..=3;
const FIELD: usize = 4;
/// The format's limit.
const MAX_BLOCK: usize = 64 << 20;

static CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Decompresses a file.
pub(super) struct Lzop {
    /// The part of the file that is read next.
    part: Part,
    collected: Collected,
    flags: u32,
    /// The content of the last block.
    content: Vec<u8>,
    /// Where in it the content is that was not returned yet.
    waiting: Range<usize>,
    max_block: usize,
}

#[derive(Clone, Copy)]
enum Part {
    Magic,
    Header,
    /// The name, and the checksum of the header, whose other bytes are kept.
    Name(usize),
    /// The length of the extra field.
    ExtraSize,
    /// The extra field and its checksum.
    Extra(usize),
    /// The size of the content of a block; 0 at the end.
    ContentSize,
    BlockSize {
        content: usize,
    },
    Block {
        content: usize,
        block: usize,
    },
    End,
}

/// Flags of the header. A checksum is of the content of a block (`_D`) or of what
/// it is compressed to (`_C`).
mod flag {
    pub(super) const ADLER32_D: u32 = 0x1;
    pub(super) const ADLER32_C: u32 = 0x2;
    pub(super) const EXTRA_FIELD: u32 = 0x40;
    pub(super) const CRC32_D: u32 = 0x100;
    pub(super) const CRC32_C: u32 = 0x200;
    pub(super) const MULTIPART: u32 = 0x400;
    pub(super) const FILTER: u32 = 0x800;
    pub(super) const HEADER_CRC32: u32 = 0x1000;
}

/// The checksums before a block, in this order.
const CONTENT_CHECKSUMS: [(u32, Checksum); 2] =
    [(flag::ADLER32_D, adler32), (flag::CRC32_D, crc32)];
const BLOCK_CHECKSUMS: [(u32, Checksum); 2] = [(flag::ADLER32_C, adler32), (flag::CRC32_C, crc32)];

type Checksum = fn(&[u8]) -> u32;

impl Lzop {
    pub(super) fn new(limits: Limits) -> Result<Self, Problem> {
        Ok(Self {
            part: Part::Magic,
            collected: Collected::default(),
            flags: 0,
            content: Vec::new(),
            waiting: 0..0,
            // A block, and what it is compressed to.
            max_block: MAX_BLOCK.min(len_usize(limits.memory >> 1)),
        })
    }

    /// Takes bytes of the part that is next, and reads it once all of it is there.
    fn take_part(&mut self, input: &[u8]) -> Result<usize, Problem> {
        let (taken, part) = self.collected.take(input, self.len())?;
        if let Some(bytes) = part {
            self.part = self.next(&bytes)?;
            // The checksum of the header is of all its parts.
            let is_header = matches!(self.part, Part::Name(_));
            self.collected.begin(bytes, is_header);
        }
        Ok(taken)
    }

    /// The length of the part.
    fn len(&self) -> usize {
        match self.part {
            Part::Magic => MAGIC_BYTES,
            Part::Header => HEADER_BYTES,
            Part::Name(len) => HEADER_BYTES.saturating_add(len).saturating_add(FIELD),
            Part::ExtraSize | Part::ContentSize | Part::BlockSize { .. } => FIELD,
            Part::Extra(len) => len.saturating_add(FIELD),
            Part::Block { content, block } => {
                let checksums = self.checksums(content, block).count();
                block.saturating_add(checksums.saturating_mul(FIELD))
            }
            Part::End => 0,
        }
    }

    /// Reads a part. Returns the one that follows it.
    fn next(&mut self, bytes: &[u8]) -> Result<Part, Problem> {
        match self.part {
            Part::Magic => Ok(Part::Header),
            Part::Header => self.header(bytes),
            Part::Name(_) => {
                self.check_header(bytes)?;
                Ok(match self.flags & flag::EXTRA_FIELD {
                    0 => Part::ContentSize,
                    _ => Part::ExtraSize,
                })
            }
            Part::ExtraSize => {
                let len = len_usize(number(bytes).into());
                if len > self.max_block {
                    return Err(Problem::Damaged("its header is too large"));
                }
                Ok(Part::Extra(len))
            }
            Part::Extra(_) => {
                self.check_header(bytes)?;
                Ok(Part::ContentSize)
            }
            Part::ContentSize => match len_usize(number(bytes).into()) {
                0 => Ok(Part::End),
                content if content > MAX_BLOCK => {
                    Err(Problem::Damaged("a block is larger than the format allows"))
                }
                content if content > self.max_block => {
                    Err(Problem::Limit(len_u64(self.max_block) << 1))
                }
                content => Ok(Part::BlockSize { content }),
            },
            Part::BlockSize { content } => {
                let block = len_usize(number(bytes).into());
                if block == 0 || block > content {
                    return Err(Problem::Damaged("a block is larger than its content"));
                }
                Ok(Part::Block { content, block })
            }
            Part::Block { content, block } => {
                self.block(bytes, content, block)?;
                Ok(Part::ContentSize)
            }
            Part::End => Ok(Part::End),
        }
    }

    fn header(&mut self, bytes: &[u8]) -> Result<Part, Problem> {
        const UNKNOWN: Problem = Problem::Damaged("its header has options that are unknown");
        let &[v0, v1, _, _, _, _, method, _, f0, f1, f2, f3, .., name] = bytes else {
            return Err(UNKNOWN);
        };
        self.flags = u32::from_be_bytes([f0, f1, f2, f3]);
        let is_known = u16::from_be_bytes([v0, v1]) >= LEAST_VERSION
            && METHODS.contains(&method)
            && self.flags & (flag::FILTER | flag::MULTIPART) == 0;
        if !is_known {
            return Err(UNKNOWN);
        }
        Ok(Part::Name(usize::from(name)))
    }

    /// Compares what ends with its checksum.
    fn check_header(&self, bytes: &[u8]) -> Result<(), Problem> {
        let (header, checksum) = bytes
            .split_last_chunk::<FIELD>()
            .unwrap_or((&[], &[0; FIELD]));
        let found = match self.flags & flag::HEADER_CRC32 {
            0 => adler32(header),
            _ => crc32(header),
        };
        if found != u32::from_be_bytes(*checksum) {
            return Err(Problem::Damaged("its header has another checksum"));
        }
        Ok(())
    }

    /// The checksums before a block: whether each is of its content. A block that
    /// is stored as it is has none beside those of its content.
    fn checksums(&self, content: usize, block: usize) -> impl Iterator<Item = (bool, Checksum)> {
        let flags = self.flags;
        let is_compressed = block < content;
        let of_content = CONTENT_CHECKSUMS.map(|(flag, sum)| (flag, true, sum));
        let of_block = BLOCK_CHECKSUMS.map(|(flag, sum)| (flag, false, sum));
        let all = of_content.into_iter().chain(of_block);
        all.filter(move |(flag, of_content, _)| flags & flag != 0 && (*of_content || is_compressed))
            .map(|(_, of_content, sum)| (of_content, sum))
    }

    /// Decompresses a block, which follows its checksums.
    fn block(&mut self, bytes: &[u8], content: usize, block: usize) -> Result<(), Problem> {
        let start = bytes.len().saturating_sub(block);
        let (checksums, bytes) = bytes.split_at_checked(start).unwrap_or_default();
        self.content.clear();
        self.content
            .try_reserve(content)
            .map_err(|_| Problem::NoMemory)?;
        if block < content {
            self.content.resize(content, 0);
            let made = decompress(bytes, &mut self.content);
            if made != Ok(content) {
                return Err(Problem::Damaged("a block cannot be decoded"));
            }
        } else {
            self.content.extend_from_slice(bytes);
        }
        let (stored, _) = checksums.as_chunks::<FIELD>();
        for ((of_content, sum), stored) in self.checksums(content, block).zip(stored) {
            let found = if of_content {
                sum(&self.content)
            } else {
                sum(bytes)
            };
            if found != u32::from_be_bytes(*stored) {
                return Err(Problem::Damaged("a block has another checksum"));
            }
        }
        self.waiting = 0..content;
        Ok(())
    }
}

impl Decoder for Lzop {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let made = take_content(&self.content, &mut self.waiting, output);
        if made > 0 {
            return Decoded {
                taken: 0,
                made,
                then: Then::More,
            };
        }
        let (taken, then) = match self.take_part(input) {
            Ok(taken) if matches!(self.part, Part::End) => (taken, Then::End),
            Ok(taken) => (taken, Then::More),
            Err(problem) => (0, Then::Failed(problem)),
        };
        Decoded {
            taken,
            made: 0,
            then,
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        self.part = Part::Magic;
        self.collected.clear();
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

fn adler32(bytes: &[u8]) -> u32 {
    let mut sum = Adler32::new();
    sum.write_slice(bytes);
    sum.checksum()
}

fn crc32(bytes: &[u8]) -> u32 {
    CRC.checksum(bytes)
}
