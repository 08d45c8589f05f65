//! A stream of bzip2, from a block within it.

use alloc::vec::Vec;

use crate::stream::bzip2::Bzip2;
use crate::stream::{Decoded, Decoder, Limits, Problem, Then};

/// Compressed bytes that are shifted in one call.
const PIECE_BYTES: usize = 16 << 10;

/// Decodes blocks up to the end of their stream. Its checksum there is that of all blocks and does not
/// match: that is an error after the last block.
pub(super) struct ResumedBzip2 {
    decoder: Bzip2,
    /// Bits of each byte that are before the first bit of the block, and so belong to the byte before.
    skipped_bits: u32,
    /// The last byte, whose later bits are still to be decoded.
    last: Option<u8>,
    /// Shifted bytes that were not decoded yet, and how many of them were.
    shifted: Vec<u8>,
    decoded: usize,
}

impl ResumedBzip2 {
    /// At a block that begins `skipped_bits` after the start of the next byte, in a stream that begins
    /// with `header`.
    pub(super) fn new(header: &[u8], skipped_bits: u8) -> Result<Self, Problem> {
        let limits = Limits {
            memory: 0,
            threads: 0,
        };
        Ok(Self {
            decoder: Bzip2::new(limits)?,
            skipped_bits: skipped_bits.into(),
            last: None,
            shifted: header.to_vec(),
            decoded: 0,
        })
    }

    fn shift(&mut self, input: &[u8]) {
        for &byte in input {
            if let Some(last) = self.last.replace(byte) {
                let both = u16::from_be_bytes([last, byte]);
                let [aligned, _] = both
                    .checked_shl(self.skipped_bits)
                    .unwrap_or_default()
                    .to_be_bytes();
                self.shifted.push(aligned);
            }
        }
    }
}

impl Decoder for ResumedBzip2 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let mut taken = 0;
        loop {
            if self.decoded == self.shifted.len() {
                self.shifted.clear();
                self.decoded = 0;
                let rest = input.get(taken..).unwrap_or_default();
                let piece = rest.get(..PIECE_BYTES.min(rest.len())).unwrap_or_default();
                self.shift(piece);
                taken = taken.saturating_add(piece.len());
            }
            let waiting = self.shifted.get(self.decoded..).unwrap_or_default();
            let decoded = self.decoder.decode(waiting, output);
            self.decoded = self.decoded.saturating_add(decoded.taken);
            // What was shifted in an earlier call is progress that the caller does not see.
            if decoded.then != Then::More || decoded.made > 0 || decoded.taken == 0 {
                return Decoded { taken, ..decoded };
            }
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        // Streams after this one have points of their own.
        Err(Problem::Damaged("it ends before the next point"))
    }
}
