//! Blocks that are compressed or have a checksum, each by itself.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::header::Place;
use crate::error::{Error, Result, Structure};
use crate::io::Source;
use crate::stream::Deflate;
use crate::stream::{Decoded, Decoder, Problem, Then};
#[cfg(feature = "zstd")]
use crate::stream::{Limits, Zstd};
use crate::units::len_usize;

/// The largest block: that of qcow2, ours of VMDK.
pub(super) const MAX_BLOCK: u64 = 2 << 20;

/// A compressed block, and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CompressedBlock {
    /// Where it begins in the file.
    pub(super) offset: u64,
    /// Compressed bytes, at most `2 * size`; other bytes may follow in them.
    pub(super) len: u64,
    /// Bytes of the content, at most [`MAX_BLOCK`] in most formats.
    pub(super) size: u64,
    /// Bytes of the content that are of the disk: fewer in its last block, whose content may end
    /// there.
    pub(super) needed: u64,
    pub(super) method: Method,
}

/// How a block is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    /// Deflate, without a header (RFC 1951).
    Deflate,
    /// Deflate in the zlib format (RFC 1950).
    Zlib,
    /// A frame of zstd (RFC 8878).
    Zstd,
    /// As they are, followed by their Adler-32.
    Stored,
}

impl CompressedBlock {
    /// Reads the block, and decompresses it.
    pub(super) fn read(self, source: &Source) -> Result<Vec<u8>> {
        let mut input = vec![0; len_usize(self.len)];
        let place = Place {
            structure: Structure::DiskBlock,
            offset: self.offset,
        };
        place.read_into(source, &mut input)?;
        let mut content = vec![0; len_usize(self.size)];
        let made = match self.method {
            Method::Zlib => self.decompress_zlib(&input, &mut content)?,
            Method::Stored => return self.check_stored(input),
            Method::Deflate | Method::Zstd => {
                let mut decoder = self.decoder()?;
                self.fill(&mut *decoder, &input, &mut content)?.made
            }
        };
        content.truncate(made);
        Ok(content)
    }

    /// Takes the checksum off.
    fn check_stored(self, mut input: Vec<u8>) -> Result<Vec<u8>> {
        let Some((content, checksum)) = input.split_last_chunk() else {
            return Err(self.damaged("it is truncated"));
        };
        if u32::from_le_bytes(*checksum) != adler32(content) {
            return Err(self.damaged("its content has another checksum"));
        }
        input.truncate(content.len());
        Ok(input)
    }

    /// Decompresses a header of two bytes, the data, and its checksum. Returns the bytes of the
    /// content.
    fn decompress_zlib(self, input: &[u8], content: &mut [u8]) -> Result<usize> {
        const METHOD: u8 = 8;
        const DICTIONARY: u8 = 0x20;
        let (header, data) = match *input {
            [cmf, flags, ref data @ ..] => ([cmf, flags], data),
            _ => return Err(self.damaged("it has no zlib header")),
        };
        let [cmf, flags] = header;
        let is_valid = u16::from_be_bytes(header).is_multiple_of(31);
        if !is_valid || cmf & 0xF != METHOD || flags & DICTIONARY != 0 {
            return Err(self.damaged("its zlib header is damaged"));
        }
        let mut decoder = self.decoder()?;
        let filled = self.fill(&mut *decoder, data, content)?;
        let mut taken = filled.taken;
        if filled.then != Then::End {
            // The end of the data may need a call of its own.
            let rest = data.get(taken..).unwrap_or_default();
            let end = decoder.decode(rest, &mut [0]);
            if end.then != Then::End || end.made > 0 {
                return Err(self.damaged("its content is longer than a block"));
            }
            taken = taken.saturating_add(end.taken);
        }
        let checksum = data.get(taken..).and_then(<[u8]>::first_chunk);
        let content = content.get(..filled.made).unwrap_or_default();
        if checksum != Some(&adler32(content).to_be_bytes()) {
            return Err(self.damaged("its content has another checksum"));
        }
        Ok(filled.made)
    }

    /// Decompresses until `content` is full, or the data ends. Returns what all calls of the
    /// decoder did.
    fn fill(self, decoder: &mut dyn Decoder, input: &[u8], content: &mut [u8]) -> Result<Decoded> {
        let (mut taken, mut made) = (0_usize, 0_usize);
        loop {
            let rest = input.get(taken..).unwrap_or_default();
            let space = content.get_mut(made..).unwrap_or_default();
            let decoded = decoder.decode(rest, space);
            taken = taken.saturating_add(decoded.taken);
            made = made.saturating_add(decoded.made);
            let is_full = made >= content.len();
            let all = Decoded {
                taken,
                made,
                then: decoded.then,
            };
            match decoded.then {
                Then::Failed(problem) => return Err(self.problem(problem)),
                Then::End if made >= len_usize(self.needed) => return Ok(all),
                Then::End => return Err(self.damaged("its content is shorter than a block")),
                Then::More if is_full => return Ok(all),
                Then::More if decoded.taken == 0 && decoded.made == 0 => {
                    return Err(self.damaged("it is truncated"));
                }
                Then::More => {}
            }
        }
    }

    fn decoder(self) -> Result<Box<dyn Decoder>> {
        match self.method {
            // It is not compressed.
            Method::Stored => Err(self.damaged("it is not compressed")),
            Method::Deflate | Method::Zlib => {
                let decoder = Deflate::new().map_err(|problem| self.problem(problem))?;
                Ok(Box::new(decoder))
            }
            #[cfg(feature = "zstd")]
            Method::Zstd => {
                // A frame of one block needs no larger window.
                let limits = Limits {
                    memory: 4 * MAX_BLOCK,
                    threads: 0,
                };
                let decoder = Zstd::new(limits).map_err(|problem| self.problem(problem))?;
                Ok(Box::new(decoder))
            }
            #[cfg(not(feature = "zstd"))]
            Method::Zstd => Err(super::header::not_read(
                "has compressed blocks, which are not decompressed here",
            )),
        }
    }

    fn problem(self, problem: Problem) -> Error {
        match problem {
            Problem::Damaged(reason) => self.damaged(reason),
            Problem::Limit(limit) => Error::Limit {
                structure: Structure::DiskBlock,
                offset: self.offset,
                found: self.size,
                limit,
            },
            Problem::NoMemory => Error::Memory {
                structure: Structure::DiskBlock,
                len: self.size,
            },
        }
    }

    fn damaged(self, reason: &'static str) -> Error {
        Error::Compressed {
            offset: self.offset,
            reason,
        }
    }
}

/// The checksum of RFC 1950.
pub(super) fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    /// The sums of so many bytes fit in 32 bits.
    const CHUNK: usize = 5552;
    let (mut a, mut b) = (1_u32, 0_u32);
    for chunk in bytes.chunks(CHUNK) {
        for &byte in chunk {
            a = a.wrapping_add(u32::from(byte));
            b = b.wrapping_add(a);
        }
        a %= MODULUS;
        b %= MODULUS;
    }
    b.wrapping_shl(16) | a
}
