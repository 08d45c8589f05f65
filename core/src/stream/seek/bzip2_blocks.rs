//! The blocks of bzip2 streams: each begins with a mark, at any bit, and can be decoded alone.

use alloc::vec::Vec;

use crate::units::{len_u64, len_usize};

/// Bytes of the header of a stream.
pub const STREAM_HEADER_BYTES: usize = 4;

/// Bits of a mark, and of the checksum after it.
const MARK_BITS: u64 = 48;
const CHECKSUM_BITS: u64 = 32;

const BLOCK: u64 = 0x3141_5926_5359;
const END: u64 = 0x1772_4538_5090;

/// Where a block or the end of a stream is, in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bzip2Mark {
    /// A block begins.
    Block(u64),
    /// The last block has ended.
    End(u64),
}

impl Bzip2Mark {
    /// The first bit.
    pub fn bit(self) -> u64 {
        let (Self::Block(bit) | Self::End(bit)) = self;
        bit
    }
}

/// Finds marks while the bytes of a file pass. What looks like one may be a part of a block.
#[derive(Debug, Default)]
pub struct Bzip2Marks {
    /// The last 64 bits.
    bits: u64,
    /// Bytes that have passed.
    position: u64,
}

impl Bzip2Marks {
    /// At the start of a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes. Adds the marks that end in them to `found`.
    pub fn push(&mut self, bytes: &[u8], found: &mut Vec<Bzip2Mark>) {
        for &byte in bytes {
            self.bits = self.bits << 8 | u64::from(byte);
            self.position = self.position.saturating_add(1);
            for shift in (0..8_u32).rev() {
                let mark = self.bits.checked_shr(shift).unwrap_or_default() & 0xFFFF_FFFF_FFFF;
                if mark != BLOCK && mark != END {
                    continue;
                }
                let end = self.position.saturating_mul(8).checked_sub(shift.into());
                match end.and_then(|end| end.checked_sub(MARK_BITS)) {
                    Some(bit) if mark == BLOCK => found.push(Bzip2Mark::Block(bit)),
                    Some(bit) => found.push(Bzip2Mark::End(bit)),
                    None => {}
                }
            }
        }
    }
}

/// A stream of bzip2 whose blocks are taken out of it one by one.
#[derive(Debug, Clone, Copy)]
pub struct Bzip2Stream {
    header: [u8; STREAM_HEADER_BYTES],
    /// That of all blocks so far.
    checksum: u32,
}

impl Bzip2Stream {
    /// A stream with this header; `None` if it is not one of bzip2.
    pub fn new(header: [u8; STREAM_HEADER_BYTES]) -> Option<Self> {
        matches!(header, [b'B', b'Z', b'h', b'1'..=b'9']).then_some(Self {
            header,
            checksum: 0,
        })
    }

    /// The header, which the decoder of a block has to know.
    pub fn header(&self) -> &[u8; STREAM_HEADER_BYTES] {
        &self.header
    }

    /// The next block as a stream of its own. It has `len` bits, and begins `skipped_bits` after the
    /// start of `bytes`. `None` if they are too few.
    pub fn take_block(&mut self, bytes: &[u8], skipped_bits: u32, len: u64) -> Option<Vec<u8>> {
        let checksum = checksum_at(bytes, u64::from(skipped_bits).checked_add(MARK_BITS)?)?;
        self.checksum = self.checksum.rotate_left(1) ^ checksum;
        let mut stream = Vec::new();
        stream
            .try_reserve_exact(bytes.len().checked_add(24)?)
            .ok()?;
        stream.extend_from_slice(&self.header);
        let whole = len_usize(len / 8);
        let last_bits = u32::try_from(len % 8).ok()?;
        let byte_at = |at: usize| {
            let first = bytes.get(at).copied()?;
            let second = at.checked_add(1).and_then(|next| bytes.get(next).copied());
            let both = u16::from_be_bytes([first, second.unwrap_or(0)]);
            both.checked_shl(skipped_bits)?
                .to_be_bytes()
                .first()
                .copied()
        };
        for at in 0..whole {
            stream.push(byte_at(at)?);
        }
        // What follows the last whole byte: bits of the block, the mark of the end, the checksum.
        let end = u128::from(END) << CHECKSUM_BITS | u128::from(checksum);
        let mut tail = end << 40;
        if last_bits > 0 {
            let kept = byte_at(whole)? & !0xFF_u8.checked_shr(last_bits)?;
            tail = tail.checked_shr(last_bits)?;
            // The end has 80 bits, 8 of which were made space for at most.
            tail |= u128::from(kept) << 112;
        }
        stream.extend(tail.to_be_bytes().into_iter().skip(1).take(12));
        Some(stream)
    }

    /// Whether the blocks so far are all of the stream, whose end begins `skipped_bits` after the start
    /// of `bytes`.
    pub fn is_complete(&self, bytes: &[u8], skipped_bits: u32) -> bool {
        let at = u64::from(skipped_bits).checked_add(MARK_BITS);
        at.and_then(|at| checksum_at(bytes, at)) == Some(self.checksum)
    }

    /// The first byte after a stream whose end is at `bit`.
    pub fn end_of(bit: u64) -> u64 {
        bit.saturating_add(MARK_BITS)
            .saturating_add(CHECKSUM_BITS)
            .div_ceil(8)
    }
}

/// The 32 bits at `bit`.
fn checksum_at(bytes: &[u8], bit: u64) -> Option<u32> {
    let start = len_usize(bit / 8);
    let end = len_usize(bit.checked_add(CHECKSUM_BITS)?.div_ceil(8));
    let found = bytes.get(start..end)?;
    // Four bytes, or five.
    let number = found
        .iter()
        .fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let after = len_u64(end)
        .checked_mul(8)?
        .checked_sub(bit.checked_add(CHECKSUM_BITS)?)?;
    let number = number.checked_shr(u32::try_from(after).ok()?)?;
    u32::try_from(number & 0xFFFF_FFFF).ok()
}
