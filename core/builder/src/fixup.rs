//! The update sequence array, which guards every 512 bytes of a record.

/// The fixup works in units of 512 bytes, whatever the sector size of the volume.
const STRIDE: usize = 512;

/// Puts back the bytes that the fixup replaced. Panics on a record without a valid fixup.
pub fn undo_fixup(record: &mut [u8]) {
    let (offset, count) = array_place(record);
    let number = [record[offset], record[offset + 1]];
    for n in 1..count {
        let (saved, guarded) = (offset + 2 * n, n * STRIDE - 2);
        assert_eq!(
            record[guarded..guarded + 2],
            number,
            "sector {n} of the record has no valid fixup"
        );
        record.copy_within(saved..saved + 2, guarded);
    }
}

/// Replaces the last two bytes of every 512 by the update sequence number that stands in the record.
pub fn redo_fixup(record: &mut [u8]) {
    let (offset, count) = array_place(record);
    for n in 1..count {
        let (saved, guarded) = (offset + 2 * n, n * STRIDE - 2);
        record.copy_within(guarded..guarded + 2, saved);
        record.copy_within(offset..offset + 2, guarded);
    }
}

/// Numbers in the array of a record of `record_size` bytes: the sequence number and one for each stride.
pub(crate) fn array_count(record_size: usize) -> usize {
    record_size / STRIDE + 1
}

fn array_place(record: &[u8]) -> (usize, usize) {
    let word = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    (word(4), word(6))
}
