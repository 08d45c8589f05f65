//! LZNT1, the compression of NTFS files, as [MS-XCA] describes it.

use std::collections::HashMap;

/// Bytes that are compressed on their own.
const CHUNK: usize = 4096;
/// Shortest match that a token can express.
const SHORTEST_MATCH: usize = 3;

/// Compresses one compression unit.
pub(crate) fn compress(unit: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in unit.chunks(CHUNK) {
        let body = compress_chunk(chunk);
        let (mark, body) = if body.len() < CHUNK {
            (0xb000, body.as_slice())
        } else {
            (0x3000, chunk)
        };
        out.extend((mark | (body.len() - 1) as u16).to_le_bytes());
        out.extend(body);
    }
    // A chunk header of zero ends the unit.
    out.extend([0, 0]);
    out
}

fn compress_chunk(chunk: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut seen: HashMap<&[u8], usize> = HashMap::new();
    let mut position = 0;
    while position < chunk.len() {
        let flags_at = out.len();
        out.push(0);
        for bit in 0..8 {
            if position == chunk.len() {
                break;
            }
            let length = match find_match(chunk, position, &seen) {
                Some((distance, length)) => {
                    out[flags_at] |= 1 << bit;
                    out.extend(token(position, distance, length).to_le_bytes());
                    length
                }
                None => {
                    out.push(chunk[position]);
                    1
                }
            };
            for at in position..position + length {
                if let Some(key) = chunk.get(at..at + SHORTEST_MATCH) {
                    seen.insert(key, at);
                }
            }
            position += length;
        }
    }
    out
}

fn find_match(
    chunk: &[u8],
    position: usize,
    seen: &HashMap<&[u8], usize>,
) -> Option<(usize, usize)> {
    let key = chunk.get(position..position + SHORTEST_MATCH)?;
    let start = *seen.get(key)?;
    let most = (0xfff >> distance_shift(position)) + SHORTEST_MATCH;
    let same = chunk[start..]
        .iter()
        .zip(&chunk[position..])
        .take(most)
        .take_while(|(a, b)| a == b)
        .count();
    Some((position - start, same))
}

fn token(position: usize, distance: usize, length: usize) -> u16 {
    ((distance - 1) << (12 - distance_shift(position)) | (length - SHORTEST_MATCH)) as u16
}

/// The further into the chunk, the more of a token's 16 bits hold the distance: 4 and this many.
fn distance_shift(position: usize) -> u32 {
    (usize::BITS - (position - 1).leading_zeros()).saturating_sub(4)
}
