//! Lists of byte ranges in ascending order.

use alloc::vec::Vec;
use core::ops::Range;

/// The same bytes in ascending ranges that do not touch.
pub fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| range.start < range.end);
    ranges.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<u64>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The parts of ascending ranges that lie in `range`.
pub fn overlapping<'a>(
    ranges: &'a [Range<u64>],
    range: &Range<u64>,
) -> impl Iterator<Item = Range<u64>> + use<'a> {
    let (start, end) = (range.start, range.end);
    let first = ranges.partition_point(|part| part.end <= start);
    let rest = ranges.get(first..).unwrap_or_default();
    rest.iter()
        .take_while(move |part| part.start < end)
        .map(move |part| part.start.max(start)..part.end.min(end))
}

/// Whether `range` begins within one of ascending ranges, and how many bytes of it
/// from there on are alike.
pub fn stretch(ranges: &[Range<u64>], range: &Range<u64>) -> (bool, u64) {
    let (is_within, end) = match overlapping(ranges, range).next() {
        Some(part) if part.start <= range.start => (true, part.end),
        Some(part) => (false, part.start),
        None => (false, range.end),
    };
    (is_within, end.saturating_sub(range.start))
}
