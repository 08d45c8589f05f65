//! Files that Windows compressed by WOF, as `compact /exe` and CompactOS do: the
//! content is in chunks in a stream of its own, and the file itself a hole.

use alloc::vec::Vec;
use core::ops::Range;

use super::record::u32_at;
use super::{lzx, xpress};
use crate::units::len_usize;

/// The reparse tag of these files.
pub const TAG: u32 = 0x8000_0017;

/// The stream that has the content.
pub const STREAM: &str = "WofCompressedData";

/// Where it stands in the value of the reparse point who has the content: this,
/// a stream of the file; another one, an image of Windows elsewhere.
const PROVIDER: usize = 12;
const PROVIDER_FILE: u32 = 2;
/// Where the algorithm stands.
const ALGORITHM: usize = 20;

/// From this size on, places in the stream have 8 bytes instead of 4.
const LARGE: u64 = 1 << 32;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wof {
    algorithm: Algorithm,
    /// Bytes of the content.
    size: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    /// In chunks of so many bytes.
    Xpress(u32),
    Lzx,
}

impl Wof {
    /// By the value of the reparse point, of a file of so many bytes; none if it
    /// is compressed as nobody knows.
    pub fn new(reparse_point: &[u8], size: u64) -> Option<Self> {
        if u32_at(reparse_point, 0)? != TAG || u32_at(reparse_point, PROVIDER)? != PROVIDER_FILE {
            return None;
        }
        let algorithm = match u32_at(reparse_point, ALGORITHM)? {
            0 => Algorithm::Xpress(4096),
            1 => Algorithm::Lzx,
            2 => Algorithm::Xpress(8192),
            3 => Algorithm::Xpress(16_384),
            _ => return None,
        };
        Some(Self { algorithm, size })
    }

    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The chunk that a byte of the content is in, and how many bytes that has;
    /// none past the end.
    pub fn chunk_at(&self, position: u64) -> Option<(u64, usize)> {
        if position >= self.size {
            return None;
        }
        let chunk = position.checked_div(self.chunk_size())?;
        let start = chunk.saturating_mul(self.chunk_size());
        let left = self.size.saturating_sub(start);
        Some((chunk, len_usize(left.min(self.chunk_size()))))
    }

    /// Where in the stream it stands where a chunk ends, and before that, but for
    /// the first one, where it begins.
    pub fn entries(&self, chunk: u64) -> Range<u64> {
        let start = chunk.saturating_sub(1).min(self.entry_count());
        let end = chunk.saturating_add(1).min(self.entry_count());
        start.saturating_mul(self.entry_size())..end.saturating_mul(self.entry_size())
    }

    /// Where in the stream a chunk is, by its [entries](Self::entries) and the
    /// size of the stream.
    ///
    /// # Errors
    ///
    /// It is nowhere, or longer than its content.
    pub fn place(
        &self,
        chunk: u64,
        entries: &[u8],
        stream_size: u64,
    ) -> Result<Range<u64>, &'static str> {
        let table = self.entry_count().saturating_mul(self.entry_size());
        let entry = |index: usize| {
            let entry = entries.chunks_exact(self.entry_len()).nth(index)?;
            let number = entry.iter().rev().fold(0_u64, |number, &byte| {
                number.wrapping_shl(8) | u64::from(byte)
            });
            number.checked_add(table)
        };
        let (start, end) = match chunk {
            0 => (Some(table), entry(0)),
            _ => (entry(0), entry(1)),
        };
        let is_last = chunk == self.entry_count();
        let end = if is_last { Some(stream_size) } else { end };
        match start.zip(end) {
            Some((start, end)) if start < end && end.saturating_sub(start) <= self.chunk_size() => {
                Ok(start..end)
            }
            _ => Err("the place of a chunk is none that there can be"),
        }
    }

    /// What a chunk comes to: `len` bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn decompress(&self, chunk: Vec<u8>, len: usize) -> Result<Vec<u8>, &'static str> {
        match self.algorithm {
            // It is as it was.
            _ if chunk.len() == len => Ok(chunk),
            Algorithm::Xpress(_) => xpress::decompress(&chunk, len),
            Algorithm::Lzx => lzx::decompress(&chunk, len),
        }
    }

    pub(super) fn chunk_size(&self) -> u64 {
        match self.algorithm {
            Algorithm::Xpress(size) => size.into(),
            Algorithm::Lzx => 32 << 10,
        }
    }

    /// For each chunk but the first one, where it begins.
    fn entry_count(&self) -> u64 {
        self.size.div_ceil(self.chunk_size()).saturating_sub(1)
    }

    fn entry_len(&self) -> usize {
        match self.size < LARGE {
            true => 4,
            false => 8,
        }
    }

    fn entry_size(&self) -> u64 {
        match self.size < LARGE {
            true => 4,
            false => 8,
        }
    }
}
