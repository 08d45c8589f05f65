//! LZX as WOF has it: as [MS-PATCH] describes it, in independent
//! chunks of 32 KiB.

use alloc::vec::Vec;

use super::huffman::{Bits, Code};
use super::matches;

/// Bytes of a chunk, and of a block whose size is not told.
const CHUNK_BYTES: usize = 32 << 10;

const LITERALS: usize = 256;
/// Of distances, within a chunk.
const SLOTS: usize = 30;
/// Lengths of each slot: the last one is told by what follows.
const LENGTHS: usize = 8;
const MAIN_SYMBOLS: usize = LITERALS + SLOTS * LENGTHS;
const LENGTH_SYMBOLS: usize = 249;
const ALIGNED_SYMBOLS: usize = 8;
/// Of the code that the lengths of words are told in.
const PRE_SYMBOLS: usize = 20;

const MAX_WORD: u32 = 16;
const MAX_ALIGNED_WORD: u32 = 7;
const MAX_PRE_WORD: u32 = 15;
const SHORTEST_MATCH: usize = 2;
/// The lowest bits of a distance that a code of their own tells.
const ALIGNED_BITS: u32 = 3;

/// The size of a file that calls are translated for, whatever its size is.
const CALLS_FILE_SIZE: i32 = 12_000_000;
/// The instruction, and bytes at the end where none is looked for.
const CALL: u8 = 0xE8;
const CALLS_TAIL: usize = 10;

/// What goes on from block to block.
struct State {
    main: [u8; MAIN_SYMBOLS],
    lengths: [u8; LENGTH_SYMBOLS],
    /// The last distances, the latest first.
    recent: [usize; 3],
}

/// Decompresses a chunk to `len` bytes.
///
/// # Errors
///
/// What is wrong with it.
pub fn decompress(chunk: &[u8], len: usize) -> Result<Vec<u8>, &'static str> {
    let mut bits = Bits::new(chunk);
    let mut out = Vec::with_capacity(len);
    let mut state = State {
        main: [0; MAIN_SYMBOLS],
        lengths: [0; LENGTH_SYMBOLS],
        recent: [1; 3],
    };
    while out.len() < len {
        let kind = bits.take(3)?;
        let size = match bits.take(1)? {
            0 => bits.take(16)?,
            _ => CHUNK_BYTES,
        };
        let end = out.len().saturating_add(size);
        if size == 0 || end > len {
            return Err("a block has no size, or is longer than its chunk");
        }
        match kind {
            1 => state.block(&mut bits, None, &mut out, end)?,
            2 => {
                let mut aligned = [0; ALIGNED_SYMBOLS];
                for length in &mut aligned {
                    *length = u8::try_from(bits.take(3)?).unwrap_or(0);
                }
                let aligned = Code::new(&aligned, MAX_ALIGNED_WORD)?;
                state.block(&mut bits, Some(&aligned), &mut out, end)?;
            }
            3 => state.stored_block(&mut bits, &mut out, size)?,
            _ => return Err("a block is of no kind that there is"),
        }
    }
    restore_calls(&mut out);
    Ok(out)
}

impl State {
    /// Decompresses a block, up to `end`; with a code for the lowest bits of
    /// distances, if it has one.
    fn block(
        &mut self,
        bits: &mut Bits<'_>,
        aligned: Option<&Code>,
        out: &mut Vec<u8>,
        end: usize,
    ) -> Result<(), &'static str> {
        let (literals, matches) = self.main.split_at_mut(LITERALS);
        read_lengths(bits, literals)?;
        read_lengths(bits, matches)?;
        read_lengths(bits, &mut self.lengths)?;
        let main = Code::new(&self.main, MAX_WORD)?;
        let lengths = Code::new(&self.lengths, MAX_WORD)?;
        while out.len() < end {
            let symbol = main.read(bits)?;
            let Some(symbol) = symbol.checked_sub(LITERALS) else {
                out.push(u8::try_from(symbol).unwrap_or(0));
                continue;
            };
            let mut length = symbol & (LENGTHS - 1);
            if length == LENGTHS - 1 {
                length = length.saturating_add(lengths.read(bits)?);
            }
            let slot = symbol / LENGTHS;
            let distance = self.distance(slot, bits, aligned)?;
            let length = length.saturating_add(SHORTEST_MATCH);
            matches::copy(out, distance, length, end)?;
        }
        Ok(())
    }

    fn distance(
        &mut self,
        slot: usize,
        bits: &mut Bits<'_>,
        aligned: Option<&Code>,
    ) -> Result<usize, &'static str> {
        if slot < self.recent.len() {
            self.recent.swap(0, slot);
            let [latest, ..] = self.recent;
            return Ok(latest);
        }
        // Two slots for each power of two, from 4 on.
        let extra = u32::try_from(slot >> 1).unwrap_or(0).saturating_sub(1);
        let base = match extra {
            0 => slot,
            _ => (slot & 1 | 2).checked_shl(extra).unwrap_or(0),
        };
        let rest = match aligned {
            Some(aligned) if extra >= ALIGNED_BITS => {
                let high = bits.take(extra.saturating_sub(ALIGNED_BITS))?;
                high << ALIGNED_BITS | aligned.read(bits)?
            }
            _ => bits.take(extra)?,
        };
        // The first three stand for the latest ones, and 0 is none.
        let distance = base.saturating_add(rest).saturating_sub(2);
        let [first, second, _] = self.recent;
        self.recent = [distance, first, second];
        Ok(distance)
    }

    /// A block that is not compressed: the latest distances, and its bytes.
    fn stored_block(
        &mut self,
        bits: &mut Bits<'_>,
        out: &mut Vec<u8>,
        size: usize,
    ) -> Result<(), &'static str> {
        bits.end_word();
        for distance in &mut self.recent {
            let told = u32::from_le_bytes(bits.array()?);
            *distance = usize::try_from(told).unwrap_or(0);
        }
        out.extend_from_slice(bits.take_bytes(size)?);
        if size % 2 == 1 {
            // Words begin at even places; at the end, there may be no more.
            let _: Result<[u8; 1], _> = bits.array();
        }
        Ok(())
    }
}

/// Reads the lengths of words: as differences to those of the block before, and
/// zeros in runs.
fn read_lengths(bits: &mut Bits<'_>, lengths: &mut [u8]) -> Result<(), &'static str> {
    let mut pre = [0; PRE_SYMBOLS];
    for length in &mut pre {
        *length = u8::try_from(bits.take(4)?).unwrap_or(0);
    }
    let pre = Code::new(&pre, MAX_PRE_WORD)?;
    let mut rest = lengths;
    while let [next, ..] = rest {
        let before = *next;
        let (count, length) = match pre.read(bits)? {
            17 => (bits.take(4)?.saturating_add(4), 0),
            18 => (bits.take(5)?.saturating_add(20), 0),
            19 => {
                let count = bits.take(1)?.saturating_add(4);
                (count, less(before, pre.read(bits)?)?)
            }
            difference => (1, less(before, difference)?),
        };
        let (now, later) = rest.split_at_mut(count.min(rest.len()));
        now.fill(length);
        rest = later;
    }
    Ok(())
}

/// A length that is less than the one before by so much, of 17 that there are.
fn less(before: u8, difference: usize) -> Result<u8, &'static str> {
    let difference = u8::try_from(difference).ok().filter(|&by| by <= 16);
    let by = difference.ok_or("the length of a word is none that there is")?;
    Ok(before.saturating_add(17).saturating_sub(by) % 17)
}

/// The targets of calls in programs were made absolute, to be more alike.
fn restore_calls(bytes: &mut [u8]) {
    let last = bytes.len().saturating_sub(CALLS_TAIL);
    let mut position = 0;
    while position < last {
        let Some([instruction, target @ ..]) = bytes
            .get_mut(position..)
            .and_then(|rest| rest.first_chunk_mut::<5>())
        else {
            return;
        };
        if *instruction != CALL {
            position = position.saturating_add(1);
            continue;
        }
        let place = i32::try_from(position).unwrap_or(0);
        let absolute = i32::from_le_bytes(*target);
        if absolute >= place.saturating_neg() && absolute < CALLS_FILE_SIZE {
            let relative = match absolute {
                0.. => absolute.wrapping_sub(place),
                _ => absolute.wrapping_add(CALLS_FILE_SIZE),
            };
            *target = relative.to_le_bytes();
        }
        position = position.saturating_add(5);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// A block that is not compressed, of `size` bytes from `first` on.
    fn stored(size: u8, first: u8) -> Vec<u8> {
        // The kind in 3 bits, the size in 1 and 16, and what is left of the word.
        let bits = 0b0110_u32 << 28 | u32::from(size) << 12;
        let [a, b, c, d] = bits.to_be_bytes();
        let mut block = vec![b, a, d, c];
        for distance in [1_u32, 7, 9] {
            block.extend(distance.to_le_bytes());
        }
        block.extend((first..).take(size.into()));
        block.extend(vec![0; usize::from(size % 2)]);
        block
    }

    #[test]
    fn blocks_that_are_not_compressed_follow_each_other() {
        let mut chunk = stored(5, 10);
        chunk.extend(stored(4, 40));
        chunk.extend(stored(3, 90));
        let expected = vec![10, 11, 12, 13, 14, 40, 41, 42, 43, 90, 91, 92];
        assert_eq!(decompress(&chunk, 12), Ok(expected));
        assert!(decompress(&chunk, 11).is_err(), "longer than its chunk");
        assert!(decompress(&chunk, 20).is_err(), "cut short");
        assert!(decompress(&[0; 64], 20).is_err(), "no kind of block");
        assert!(decompress(&[0xFF; 64], 20).is_err(), "no kind of block");
    }

    #[test]
    fn calls_are_as_they_were() {
        let mut bytes = vec![0x90; 40];
        for (place, absolute) in [(3, 20_i32), (12, -12), (20, CALLS_FILE_SIZE), (32, 100)] {
            let call = bytes.get_mut(place..).unwrap_or_default();
            if let Some([instruction, target @ ..]) = call.first_chunk_mut::<5>() {
                *instruction = CALL;
                *target = absolute.to_le_bytes();
            }
        }
        restore_calls(&mut bytes);
        let target = |place: usize| {
            let call = bytes.get(place..).unwrap_or_default().first_chunk::<5>();
            call.map(|[_, target @ ..]| i32::from_le_bytes(*target))
        };
        assert_eq!(target(3), Some(17));
        assert_eq!(target(12), Some(CALLS_FILE_SIZE - 12));
        assert_eq!(target(20), Some(CALLS_FILE_SIZE), "of another file");
        assert_eq!(target(32), Some(100), "at the end");
    }
}
