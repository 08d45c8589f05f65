//! Multi-sector records and their fixup.
//!
//! The last two bytes of each 512-byte block of a record are replaced on disk
//! by an update sequence number (USN), the originals kept in the update
//! sequence array of the record, so that a torn write shows.

use crate::units::len_u64;

/// The block that a fixup protects. 512 bytes whatever the sector size, also
/// on 4096-byte sectors.
pub const FIXUP_STRIDE: usize = 512;

/// Why the fixup of a record cannot be undone. The record is unchanged then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FixupError {
    /// The record does not begin with its magic.
    #[error("its magic is {0:#x}")]
    Magic(u32),
    /// Position or length of the update sequence array make no sense.
    #[error("its update sequence array is at {offset:#x} with {count} entries")]
    Array {
        /// Where the array is said to be, in bytes into the record.
        offset: u16,
        /// How many entries it is said to have.
        count: u16,
    },
    /// A block does not end with the update sequence number: the record was
    /// not wholly written.
    #[error("its block {block} was not written (torn write)")]
    Torn {
        /// The first such block, from 0.
        block: u64,
    },
}

/// Undoes the fixup of a record in place.
///
/// # Errors
///
/// [`FixupError`]: this is no whole record of that magic.
pub fn undo_fixup(record: &mut [u8], magic: &[u8; 4]) -> Result<(), FixupError> {
    let found = record.first_chunk::<4>().copied().unwrap_or_default();
    if &found != magic {
        return Err(FixupError::Magic(u32::from_be_bytes(found)));
    }
    let offset = u16_at(record, 4).unwrap_or(0);
    let count = u16_at(record, 6).unwrap_or(0);
    let malformed = FixupError::Array { offset, count };

    let blocks = record.len().checked_div(FIXUP_STRIDE).unwrap_or(0);
    let array_start = usize::from(offset);
    let array_len = usize::from(count).saturating_mul(2);
    if !offset.is_multiple_of(2)
        || blocks == 0
        || usize::from(count) != blocks.saturating_add(1)
        // The array must not reach the two bytes that it protects.
        || array_start.saturating_add(array_len) > FIXUP_STRIDE.saturating_sub(2)
    {
        return Err(malformed);
    }

    let usn = u16_at(record, array_start).ok_or(malformed)?.to_le_bytes();
    let mut blocks = record.chunks_exact(FIXUP_STRIDE);
    if let Some(torn) = blocks.position(|block| !block.ends_with(&usn)) {
        let block = len_u64(torn);
        return Err(FixupError::Torn { block });
    }
    let mut entry = array_start;
    let mut end = FIXUP_STRIDE.saturating_sub(2);
    for _ in 1..count {
        entry = entry.saturating_add(2);
        let original = u16_at(record, entry).unwrap_or(0);
        put_u16(record, end, original);
        end = end.saturating_add(FIXUP_STRIDE);
    }
    Ok(())
}

/// Does a fixup again that [`undo_fixup`] undid, with the same update sequence
/// number; with 1 where that is 0 or 0xFFFF, which stand for none.
pub fn redo_fixup(record: &mut [u8]) {
    let array_start = usize::from(u16_at(record, 4).unwrap_or(0));
    let usn = match u16_at(record, array_start) {
        None | Some(0 | u16::MAX) => 1,
        Some(usn) => usn,
    };
    put_u16(record, array_start, usn);
    let originals = array_start.saturating_add(2)..;
    for (end, entry) in block_ends(record).zip(originals.step_by(2)) {
        let original = u16_at(record, end).unwrap_or(0);
        put_u16(record, entry, original);
        put_u16(record, end, usn);
    }
}

/// Where the two bytes are that a fixup replaces, for each block.
fn block_ends(record: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let last = FIXUP_STRIDE.saturating_sub(2);
    (last..record.len().saturating_sub(1)).step_by(FIXUP_STRIDE)
}

fn put_u16(bytes: &mut [u8], offset: usize, value: u16) {
    let end = offset.saturating_add(2);
    if let Some(place) = bytes.get_mut(offset..end) {
        place.copy_from_slice(&value.to_le_bytes());
    }
}

/// The little-endian number at `offset`.
pub(crate) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let found = bytes.get(offset..)?.first_chunk()?;
    Some(u16::from_le_bytes(*found))
}

/// The little-endian number at `offset`.
pub(crate) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let found = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*found))
}
