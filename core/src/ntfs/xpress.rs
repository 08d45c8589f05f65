//! XPRESS with Huffman codes, the compression of WOF, as [MS-XCA], section 2.1
//! and 2.2, describes it.

use alloc::vec::Vec;

use super::huffman::{Bits, Code};
use super::matches;

/// Literals, then matches: each of 16 lengths with each of 16 sizes of distances.
const SYMBOLS: usize = 512;
const LITERALS: usize = 256;

const MAX_WORD: u32 = 15;
const SHORTEST_MATCH: usize = 3;
/// The length is told by what follows.
const LONG: usize = 15;

/// Decompresses a chunk to `len` bytes.
///
/// # Errors
///
/// What is wrong with it.
pub fn decompress(chunk: &[u8], len: usize) -> Result<Vec<u8>, &'static str> {
    // The lengths of two words in each byte.
    let Some((lengths, stream)) = chunk.split_at_checked(SYMBOLS / 2) else {
        return Err("it is shorter than its code");
    };
    let lengths: Vec<u8> = lengths
        .iter()
        .flat_map(|&byte| [byte & 0x0F, byte >> 4])
        .collect();
    let code = Code::new(&lengths, MAX_WORD)?;
    let mut bits = Bits::new(stream);
    let mut out = Vec::with_capacity(len);
    while out.len() < len {
        let symbol = code.read(&mut bits)?;
        let Some(symbol) = symbol.checked_sub(LITERALS) else {
            out.push(u8::try_from(symbol).unwrap_or(0));
            continue;
        };
        let size = u32::try_from(symbol >> 4).unwrap_or(0);
        let distance = 1_usize.checked_shl(size).unwrap_or(0) | bits.take(size)?;
        let mut length = symbol & LONG;
        if length == LONG {
            let [more] = bits.array()?;
            length = match more {
                u8::MAX => usize::from(u16::from_le_bytes(bits.array()?)),
                _ => length.saturating_add(more.into()),
            };
        }
        let length = length.saturating_add(SHORTEST_MATCH);
        matches::copy(&mut out, distance, length, len)?;
    }
    Ok(out)
}
