//! Multi-sector records and their fixup.
//!
//! The last two bytes of each 512-byte block of a record are replaced on disk
//! by an update sequence number (USN), the originals kept in the update
//! sequence array of the record, so that a torn write shows.

use crate::units::len_u64;

/// The block that a fixup protects. 512 bytes whatever the sector size, also
/// on 4096-byte sectors.
pub const FIXUP_STRIDE: usize = 512;

/// Why the fixup of a record cannot be undone. The record is unchanged then,
/// except after [`FixupError::Torn`].
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

    let usn = u16_at(record, array_start).ok_or(malformed)?;
    for block in 0..blocks {
        let entry = array_start
            .saturating_add(2)
            .saturating_add(block.saturating_mul(2));
        let original = u16_at(record, entry).ok_or(malformed)?;
        let end = block.saturating_add(1).saturating_mul(FIXUP_STRIDE);
        let last = record
            .get_mut(end.saturating_sub(2)..end)
            .ok_or(malformed)?;
        if last != usn.to_le_bytes() {
            let block = len_u64(block);
            return Err(FixupError::Torn { block });
        }
        last.copy_from_slice(&original.to_le_bytes());
    }
    Ok(())
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
