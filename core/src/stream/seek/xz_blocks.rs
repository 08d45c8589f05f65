//! The blocks of an xz file, by the indexes at the ends of its streams: `xz-file-format.txt` of its
//! authors, version 1.2.

use alloc::vec;
use alloc::vec::Vec;

use crate::io::{ReadAt, Source};
use crate::units::len_usize;

/// Bytes of the header of a stream, and of its footer.
const HEADER_BYTES: u64 = 12;

const MAGIC: [u8; 6] = *b"\xFD7zXZ\0";
const FOOTER_MAGIC: [u8; 2] = *b"YZ";

/// Ours: the index of an exabyte in blocks of 1 TiB is smaller, and so is that of 1 TiB in blocks of 1 MiB.
const MAX_INDEX: u64 = 16 << 20;

/// Ours: bytes of zeros after a stream, as on a tape.
const MAX_PADDING: u64 = 1 << 20;

/// A block of an xz file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XzBlock {
    /// Offset in the file.
    pub position: u64,
    /// Bytes of its content.
    pub size: u64,
    /// The header of its stream.
    pub header: [u8; 12],
    /// Where its stream begins, if it is the first block of that.
    pub stream_position: Option<u64>,
}

/// The blocks of all streams, in order. `None` if the indexes do not lead to the start of the file;
/// decompression tells why.
pub fn xz_blocks(file: &Source) -> Option<Vec<XzBlock>> {
    let mut end = file.size();
    // From the last stream to the first.
    let mut streams: Vec<Vec<XzBlock>> = Vec::new();
    while end > 0 {
        end = skip_padding(file, end)?;
        let (start, blocks) = stream_before(file, end)?;
        end = start;
        streams.push(blocks);
    }
    Some(streams.into_iter().rev().flatten().collect())
}

/// The end of the stream that ends at `end` or before zeros there.
fn skip_padding(file: &Source, mut end: u64) -> Option<u64> {
    let least = end.saturating_sub(MAX_PADDING);
    while end > least {
        let mut word = [0; 4];
        file.read_exact_at(end.checked_sub(4)?, &mut word).ok()?;
        if word != [0; 4] {
            return Some(end);
        }
        end = end.checked_sub(4)?;
    }
    None
}

/// Where the stream that ends at `end` begins, and its blocks.
fn stream_before(file: &Source, end: u64) -> Option<(u64, Vec<XzBlock>)> {
    let footer_start = end.checked_sub(HEADER_BYTES)?;
    let mut footer = [0; 12];
    file.read_exact_at(footer_start, &mut footer).ok()?;
    let [_, _, _, _, size @ .., _, _, y, z] = footer;
    if [y, z] != FOOTER_MAGIC {
        return None;
    }
    let index_len = u64::from(u32::from_le_bytes(size))
        .checked_add(1)?
        .checked_mul(4)
        .filter(|&len| len <= MAX_INDEX)?;
    let index_start = footer_start.checked_sub(index_len)?;
    let mut index = vec![0; len_usize(index_len)];
    file.read_exact_at(index_start, &mut index).ok()?;
    let records = records_in(&index)?;
    let blocks_len = records.iter().try_fold(0_u64, |sum, (unpadded, _)| {
        sum.checked_add(unpadded.checked_next_multiple_of(4)?)
    })?;
    let first = index_start.checked_sub(blocks_len)?;
    let start = first.checked_sub(HEADER_BYTES)?;
    let mut header = [0; 12];
    file.read_exact_at(start, &mut header).ok()?;
    if !header.starts_with(&MAGIC) {
        return None;
    }
    let mut position = first;
    let mut blocks = Vec::new();
    for (unpadded, size) in records {
        blocks.push(XzBlock {
            position,
            size,
            header,
            stream_position: (position == first).then_some(start),
        });
        position = position.checked_add(unpadded.checked_next_multiple_of(4)?)?;
    }
    Some((start, blocks))
}

/// The records of an index: bytes of a block without its padding, and of its content.
fn records_in(index: &[u8]) -> Option<Vec<(u64, u64)>> {
    let (&0, mut rest) = index.split_first()? else {
        return None;
    };
    let count = take_number(&mut rest)?;
    let mut records = Vec::new();
    for _ in 0..count {
        // Ends where the index does, whatever the count says.
        records.push((take_number(&mut rest)?, take_number(&mut rest)?));
    }
    Some(records)
}

/// Takes a number of 7 bits a byte, the lowest first (section 1.2).
fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..63).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
