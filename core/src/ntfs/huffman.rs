//! Huffman codes, and the bits they are read from, as XPRESS and LZX have them.

use alloc::vec::Vec;

/// Bits of a symbol's length in a table; the symbol is above.
const LENGTH_BITS: u32 = 5;
const LENGTH_MASK: u16 = 0x1F;

/// A canonical code: shorter words come first, and symbols in their order.
#[derive(Debug)]
pub(super) struct Code {
    /// By the next bits of the stream; 0 where no word begins with them.
    table: Vec<u16>,
    bits: u32,
}

impl Code {
    /// From the length of each symbol's word, 0 for none. None is longer than
    /// `bits`, at most 16.
    pub(super) fn new(lengths: &[u8], bits: u32) -> Result<Self, &'static str> {
        let size = 1_usize.checked_shl(bits).unwrap_or(0);
        let mut table = Vec::with_capacity(size);
        for length in 1..=bits {
            let words = 1_usize
                .checked_shl(bits.saturating_sub(length))
                .unwrap_or(0);
            for (symbol, _) in (0_u16..)
                .zip(lengths)
                .filter(|&(_, &its)| u32::from(its) == length)
            {
                let end = table.len().saturating_add(words);
                if end > size {
                    return Err("a code has more words than there can be");
                }
                let symbol = symbol.checked_shl(LENGTH_BITS).unwrap_or(0);
                table.resize(end, symbol | u16::try_from(length).unwrap_or(0));
            }
        }
        table.resize(size, 0);
        Ok(Self { table, bits })
    }

    /// Reads a symbol.
    pub(super) fn read(&self, bits: &mut Bits<'_>) -> Result<usize, &'static str> {
        let entry = self.table.get(bits.peek(self.bits)).copied().unwrap_or(0);
        if entry == 0 {
            return Err("it has a word of no code");
        }
        bits.skip(u32::from(entry & LENGTH_MASK))?;
        Ok(usize::from(entry.checked_shr(LENGTH_BITS).unwrap_or(0)))
    }
}

/// Bits of words of 16 bits, little-endian, the highest one first. Bytes may
/// stand between the words, where these have been used.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The byte after the last word that was taken.
    position: usize,
    /// The bits that were taken and not used, `count` of them, in the lowest.
    buffer: u64,
    count: u32,
}

const CUT_SHORT: &str = "it ends before it should";

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            position: 0,
            buffer: 0,
            count: 0,
        }
    }

    /// Takes a word if there are fewer than 16 bits: no sooner, so that bytes
    /// between words are where they are looked for.
    fn refill(&mut self) {
        if self.count < 16
            && let Ok([low, high]) = self.array()
        {
            let word = u64::from(u16::from_le_bytes([low, high]));
            self.buffer = self.buffer.wrapping_shl(16) | word;
            self.count = self.count.saturating_add(16);
        }
    }

    /// The next bits, at most 16, without using them. Zeros follow the end.
    fn peek(&mut self, bits: u32) -> usize {
        self.refill();
        let value = match self.count.checked_sub(bits) {
            Some(rest) => self.buffer.wrapping_shr(rest),
            None => self.buffer.wrapping_shl(bits.saturating_sub(self.count)),
        };
        let mask = 1_u64.wrapping_shl(bits).wrapping_sub(1);
        usize::try_from(value & mask).unwrap_or(0)
    }

    fn skip(&mut self, bits: u32) -> Result<(), &'static str> {
        self.count = self.count.checked_sub(bits).ok_or(CUT_SHORT)?;
        Ok(())
    }

    /// Uses the next bits, at most 16.
    pub(super) fn take(&mut self, bits: u32) -> Result<usize, &'static str> {
        let value = self.peek(bits);
        self.skip(bits)?;
        Ok(value)
    }

    /// Uses up the word of the next bit: bytes follow.
    pub(super) fn end_word(&mut self) {
        self.refill();
        let unused = self.count.saturating_sub(1).checked_div(16).unwrap_or(0);
        let words = usize::try_from(unused).unwrap_or(0);
        self.position = self.position.saturating_sub(words.saturating_mul(2));
        self.count = 0;
    }

    /// Bytes after the last word that was taken.
    pub(super) fn take_bytes(&mut self, len: usize) -> Result<&'a [u8], &'static str> {
        let end = self.position.saturating_add(len);
        let bytes = self.bytes.get(self.position..end).ok_or(CUT_SHORT)?;
        self.position = end;
        Ok(bytes)
    }

    /// As [`Bits::take_bytes`].
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let bytes = self.take_bytes(N)?;
        bytes.try_into().map_err(|_| CUT_SHORT)
    }
}
