//! `$UpCase`: the order of all names depends on it.

use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::ntfs::upcase::UpCase;

/// Units of a whole table.
const UNITS: usize = 1 << 16;

/// Ours: Windows makes no volumes so small; those of tests have short tables.
const LEAST_VOLUME: u64 = 1 << 20;

/// Small letters of ASCII and of Latin-1, whose capital letters are 0x20 before
/// them.
const LETTERS: [core::ops::RangeInclusive<u16>; 3] = [0x61..=0x7A, 0xE0..=0xF6, 0xF8..=0xFE];

/// What is wrong with the table of a volume.
pub(super) fn check<R: ReadAt>(volume: &Volume<R>, table: &UpCase) -> Option<&'static str> {
    let units = table.units();
    let geometry = volume.geometry();
    let is_small = geometry.bytes(geometry.nr_clusters()) < LEAST_VOLUME;
    if units.len() != UNITS && !(is_small && units.len() > 0x7F) {
        return Some("it does not have 65536 characters");
    }
    for (unit, &upper) in (0..=u16::MAX).zip(units) {
        let is_letter = LETTERS.iter().any(|letters| letters.contains(&unit));
        // An upper case of the upper case would put names in another order.
        let is_right = match (is_letter, unit) {
            (true, _) => upper == unit & !0x20,
            (false, ..=0x7F) => upper == unit,
            (false, _) => table.upper(upper) == upper,
        };
        if !is_right {
            return Some("the upper case of a character is wrong");
        }
    }
    None
}
