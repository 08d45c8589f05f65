//! Times of NTFS as other systems count them.

use ntfsclone_core::tree::Times;

use crate::device::FileTime;

/// Seconds from 1601 to 1970, and units of NTFS times in a second.
const SECONDS_TO_1970: i64 = 11_644_473_600;
const UNITS: u64 = 10_000_000;

/// The times of the last access and of the last change.
pub fn times_of(times: &Times) -> [FileTime; 2] {
    [times.accessed, times.modified].map(|time| FileTime {
        seconds: (time / UNITS).cast_signed() - SECONDS_TO_1970,
        nanoseconds: (time % UNITS) as u32 * 100,
    })
}
