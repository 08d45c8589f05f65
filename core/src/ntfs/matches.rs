//! Matches of LZ77: bytes that are copied from what was decompressed before.

use alloc::vec::Vec;

/// Appends `length` bytes, those that stand `distance` before the end: the match
/// may go on into what it makes.
///
/// # Errors
///
/// It begins before the content, or leads past its `end`.
pub(super) fn copy(
    out: &mut Vec<u8>,
    distance: usize,
    length: usize,
    end: usize,
) -> Result<(), &'static str> {
    if length > end.saturating_sub(out.len()) {
        return Err("a match leads past the end");
    }
    let from = match out.len().checked_sub(distance) {
        Some(from) if distance > 0 => from,
        _ => return Err("a match begins before the content"),
    };
    let mut left = length;
    while left > 0 {
        let now = left.min(out.len().saturating_sub(from));
        out.extend_from_within(from..from.saturating_add(now));
        left = left.saturating_sub(now);
    }
    Ok(())
}
