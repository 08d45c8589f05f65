//! LZNT1, the compression of NTFS files, as [MS-XCA] describes it.
//!
//! A compression unit consists of chunks, each of which has up to 4096 bytes
//! when it is decompressed and is independent of the others. A chunk is literals,
//! and matches of what came before in it.

use alloc::vec::Vec;

use super::matches;

/// Bytes of a chunk, decompressed; the last one may have fewer.
const CHUNK_BYTES: usize = 4096;

/// Marks a chunk that is compressed, in its header.
const COMPRESSED: u16 = 0x8000;
/// What bits 12 to 14 of every header are.
const SIGNATURE: u16 = 0x3000;
const SIGNATURE_MASK: u16 = 0x7000;
/// Bytes that follow the header, less one.
const LENGTH_MASK: u16 = 0x0FFF;

/// Bytes of the shortest match.
const SHORTEST_MATCH: usize = 3;

/// Decompresses a unit to `len` bytes. Where its chunks come to less, zeros
/// follow, as in Windows.
///
/// # Errors
///
/// What is wrong with it; also if it has no chunk at all, as where its clusters
/// were wiped.
pub fn decompress(unit: &[u8], len: usize) -> Result<Vec<u8>, &'static str> {
    let mut out = Vec::with_capacity(len);
    let mut rest = unit;
    while out.len() < len
        && let Some((header, body)) = rest.split_first_chunk()
        // Follows the last chunk, if there is room.
        && *header != [0, 0]
    {
        let header = u16::from_le_bytes(*header);
        if header & SIGNATURE_MASK != SIGNATURE {
            return Err("a chunk does not begin as one");
        }
        let size = usize::from(header & LENGTH_MASK).saturating_add(1);
        let Some((chunk, after)) = body.split_at_checked(size) else {
            return Err("a chunk is longer than what is left of its unit");
        };
        // Each chunk has its place, also after one of fewer bytes.
        out.resize(out.len().next_multiple_of(CHUNK_BYTES), 0);
        match header & COMPRESSED {
            0 => out.extend_from_slice(chunk),
            _ => decompress_chunk(chunk, &mut out)?,
        }
        rest = after;
    }
    if out.is_empty() {
        return Err("a unit has no chunk");
    }
    out.resize(len, 0);
    Ok(out)
}

/// Appends what the body of a compressed chunk says.
fn decompress_chunk(body: &[u8], out: &mut Vec<u8>) -> Result<(), &'static str> {
    let start = out.len();
    let mut rest = body;
    // Eight items for each byte of flags, but for the last.
    while let Some((&flags, mut items)) = rest.split_first() {
        for bit in 0..8 {
            let position = out.len().saturating_sub(start);
            if flags & (1 << bit) == 0 {
                let Some((&literal, after)) = items.split_first() else {
                    return Ok(());
                };
                if position >= CHUNK_BYTES {
                    return Err(TOO_LONG);
                }
                out.push(literal);
                items = after;
            } else {
                let Some((&token, after)) = items.split_first_chunk() else {
                    return match items {
                        [] => Ok(()),
                        _ => Err("a match is cut short"),
                    };
                };
                copy_match(u16::from_le_bytes(token), position, out)?;
                items = after;
            }
        }
        rest = items;
    }
    Ok(())
}

const TOO_LONG: &str = "a chunk comes to more than 4096 bytes";

/// Appends the match that a token says, `position` bytes into its chunk.
fn copy_match(token: u16, position: usize, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let Some(last) = position.checked_sub(1) else {
        return Err("a match begins before its chunk");
    };
    // The upper bits are the distance, the lower ones the length: the distance
    // has as many as it needs here, and four at least.
    let distance_bits = usize::BITS.saturating_sub(last.leading_zeros()).max(4);
    let length_bits = 16_u32.saturating_sub(distance_bits);
    let distance = usize::from(token.checked_shr(length_bits).unwrap_or(0)).saturating_add(1);
    let length_mask = u16::MAX.checked_shr(distance_bits).unwrap_or(0);
    let length = usize::from(token & length_mask).saturating_add(SHORTEST_MATCH);
    if distance > position {
        return Err("a match begins before its chunk");
    }
    let chunk_end = out
        .len()
        .saturating_sub(position)
        .saturating_add(CHUNK_BYTES);
    matches::copy(out, distance, length, chunk_end)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// The example of [MS-XCA], section 3.3.
    #[test]
    fn decompresses_the_published_example() {
        let compressed = [
            0x38, 0xb0, 0x88, 0x46, 0x23, 0x20, 0x00, 0x20, 0x47, 0x20, 0x41, 0x00, 0x10, 0xa2,
            0x47, 0x01, 0xa0, 0x45, 0x20, 0x44, 0x00, 0x08, 0x45, 0x01, 0x50, 0x79, 0x00, 0xc0,
            0x45, 0x20, 0x05, 0x24, 0x13, 0x88, 0x05, 0xb4, 0x02, 0x4a, 0x44, 0xef, 0x03, 0x58,
            0x02, 0x8c, 0x09, 0x16, 0x01, 0x48, 0x45, 0x00, 0xbe, 0x00, 0x9e, 0x00, 0x04, 0x01,
            0x18, 0x90, 0x00,
        ];
        let expected: &[u8] = b"F# F# G A A G F# E D D E F# F# E E F# F# G A A \
                                G F# E D D E F# E D D E E F# D E F# G F# D E F# \
                                G F# E D E A F# F# G A A G F# E D D E F# E D D\0";
        assert_eq!(
            decompress(&compressed, expected.len()),
            Ok(expected.to_vec())
        );
    }

    #[test]
    fn chunks_have_their_places() {
        // Literals, a run of one byte, a chunk of 2 bytes that is not
        // compressed, and the end.
        let unit = [
            0x05, 0xB0, 0b110, b'a', 0xFC, 0x0F, 0xFC, 0x01, // a, then 4095 of it: below
            0x01, 0x30, b'b', b'c', 0, 0, 9,
        ];
        let out = decompress(&unit, 4096 + 4096);
        // The second match of the first chunk is past the end.
        assert!(out.is_err(), "{out:?}");
        let unit = [
            0x03, 0xB0, 0b10, b'a', 0xFC, 0x0F, 0x01, 0x30, b'b', b'c', 0, 0, 9,
        ];
        let mut expected = vec![b'a'; 4096];
        expected.extend(b"bc");
        expected.resize(8192, 0);
        assert_eq!(decompress(&unit, 8192), Ok(expected));
    }

    #[test]
    fn refuses() {
        let table: [(&str, &[u8]); 7] = [
            ("nothing", &[]),
            ("wiped", &[0; 16]),
            ("no signature", &[0x00, 0x90, 0, 0]),
            ("cut", &[0x05, 0xB0, 0, 1]),
            ("a match first", &[0x02, 0xB0, 1, 0, 0]),
            ("a match too far back", &[0x03, 0xB0, 0b10, 1, 0, 0x10]),
            ("half a match", &[0x02, 0xB0, 0b10, 1, 0]),
        ];
        for (name, unit) in table {
            assert!(decompress(unit, 4096).is_err(), "{name}");
        }
    }
}
