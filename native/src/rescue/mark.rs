//! The marks that stand for sectors that could not be read.

/// What an unreadable sector begins with in the copy, as in the original.
const MARK: &[u8] = b"BadSectoR\0";
/// What the rest of it is filled with.
const FILL: u8 = b'?';

/// Fills the bytes at a position with the marks of sectors of a size.
pub fn write_marks(sector: u64, position: u64, bytes: &mut [u8]) {
    for (position, byte) in (position..).zip(bytes) {
        let within = (position % sector) as usize;
        *byte = MARK.get(within).copied().unwrap_or(FILL);
    }
}
