//! The marks that stand for sectors that could not be read.

use std::ops::Range;

use ntfsclone_core::io::{ByteExtent, IoError, ReadAt};

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

/// The least that is marked.
const LEAST_SECTOR: usize = 512;

/// Bytes read at once: whole sectors of any size.
const READ_BYTES: u64 = 1 << 20;

/// Looks through all of `source` for marks of sectors of up to 4096 bytes, and
/// returns these sectors, in order. Calls `advance` with the position.
///
/// # Errors
///
/// Those of a read.
pub fn find_marks(
    source: &impl ReadAt,
    mut advance: impl FnMut(u64),
) -> Result<Vec<Range<u64>>, IoError> {
    let size = source.size();
    let mut found: Vec<Range<u64>> = Vec::new();
    let mut buffer = vec![0; READ_BYTES as usize];
    let mut position = 0;
    while position < size {
        advance(position);
        let end = (position - position % READ_BYTES + READ_BYTES).min(size);
        // What is not stored has no marks; sectors are looked at as a whole.
        if let ByteExtent::Absent { len } = source.extent_at(position)?
            && position + len >= end
        {
            let skipped = position + len;
            position = (skipped - skipped % READ_BYTES).clamp(end, size);
            continue;
        }
        let bytes = &mut buffer[..(end - position) as usize];
        source.read_exact_at(position, bytes)?;
        for sectors in marks_in(bytes) {
            let range = position + sectors.start as u64..position + sectors.end as u64;
            match found.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => found.push(range),
            }
        }
        position = end;
    }
    Ok(found)
}

/// The marked sectors in `bytes`, which begin with a sector of any size.
fn marks_in(bytes: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let starts = (0..bytes.len()).step_by(LEAST_SECTOR);
    starts.filter_map(|start| {
        let is_filled = |range: Range<usize>| {
            let filled = bytes.get(range);
            filled.is_some_and(|bytes| bytes.iter().all(|byte| *byte == FILL))
        };
        let is_mark =
            bytes[start..].starts_with(MARK) && is_filled(start + MARK.len()..start + LEAST_SECTOR);
        // The rest of a larger sector is filled, and nothing else in it.
        let sizes = [8, 4, 2, 1].map(|sectors| sectors * LEAST_SECTOR);
        let size = sizes.into_iter().find(|size| {
            start.is_multiple_of(*size) && is_filled(start + MARK.len()..start + size)
        });
        size.filter(|_| is_mark).map(|size| start..start + size)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sectors of every size, marked as a rescue does, among other content.
    #[test]
    fn marks_are_found_as_they_are_written() {
        for sector in [512, 1024, 2048, 4096_u64] {
            let mut bytes = vec![b'?'; 3 << 20];
            bytes[..4096].fill(7);
            let mut expected = Vec::new();
            for start in [sector * 3, READ_BYTES - sector, READ_BYTES * 2] {
                let range = start..start + sector;
                let place = range.start as usize..range.end as usize;
                write_marks(sector, start, &mut bytes[place.clone()]);
                // What follows is not filled.
                bytes[place.end..place.end + 8].fill(7);
                expected.push(range);
            }
            let found = find_marks(&&bytes[..], |_| {}).unwrap();
            assert_eq!(found, expected, "{sector}");
        }
    }

    #[test]
    fn text_about_marks_is_not_a_mark() {
        let mut bytes = vec![0; 8192];
        bytes[512..522].copy_from_slice(MARK);
        bytes[1025..1035].copy_from_slice(MARK);
        assert_eq!(find_marks(&&bytes[..], |_| {}).unwrap(), []);
    }
}
