//! `$UpCase`: the order of all names depends on it.

use super::code::Code;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::mft::RECORD_UPCASE;
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};

/// Units of a whole table.
const UNITS: usize = 1 << 16;

/// Ours: Windows makes no volumes so small; those of tests have short tables.
const LEAST_VOLUME: u64 = 1 << 20;

/// Small letters of ASCII and of Latin-1, whose capital letters are 0x20 before
/// them.
const LETTERS: [core::ops::RangeInclusive<u16>; 3] = [0x61..=0x7A, 0xE0..=0xF6, 0xF8..=0xFE];

/// The stream of `$UpCase` that has the checksum of the table, `$Info` in UTF-16,
/// since Windows 8, and where the checksum is in it.
const INFO: &[u8] = b"$\0I\0n\0f\0o\0";
const INFO_CHECKSUM_OFFSET: usize = 8;
const MAX_INFO: u64 = 64;

/// The checksums of the tables of Windows XP and of Windows 7 to 10. mkntfs writes
/// the latter.
const KNOWN_TABLES: [u64; 2] = [0xA845_0DE9_DDB7_EA69, 0xDADC_7E77_6B1B_690C];

/// The polynomial of the checksum, CRC-64/NVME, its lowest bit first.
const POLYNOMIAL: u64 = 0x9A6C_9329_AC4B_C9B5;

/// What is wrong with the table of a volume.
pub(super) fn check<R: ReadAt>(
    volume: &Volume<R>,
    table: &UpCase,
) -> Result<Option<(Code, &'static str)>> {
    if let Some(what) = check_shape(volume, table) {
        return Ok(Some((Code::Upcase, what)));
    }
    let found = checksum(table);
    if KNOWN_TABLES.contains(&found) {
        return Ok(None);
    }
    let info = FileRecord::salvage(volume, RECORD_UPCASE)
        .and_then(|file| file.value(AttributeType::DATA, INFO))
        .and_then(|info| {
            let read = |info: Value| info.read_all(volume.source(), volume.geometry(), MAX_INFO);
            info.map(read).transpose()
        });
    let info = match info {
        Err(error) if error.is_missing() => return Err(error),
        info => info.ok().flatten().unwrap_or_default(),
    };
    let expected = info
        .get(INFO_CHECKSUM_OFFSET..)
        .and_then(<[u8]>::first_chunk);
    Ok(
        match expected.map(|expected| u64::from_le_bytes(*expected)) {
            Some(expected) if expected == found => None,
            Some(_) => Some((Code::Upcase, "its checksum is not that of its characters")),
            None => Some((Code::UpcaseUnknown, "it is not one of those of Windows")),
        },
    )
}

/// The checksum of a table, as Windows has it in `$Info`.
fn checksum(table: &UpCase) -> u64 {
    let bytes = table.units().iter().flat_map(|unit| unit.to_le_bytes());
    !bytes.fold(!0, |sum: u64, byte| {
        (0..8).fold(sum ^ u64::from(byte), |sum, _| match sum & 1 {
            0 => sum >> 1,
            _ => sum >> 1 ^ POLYNOMIAL,
        })
    })
}

/// What is wrong with the characters of a table.
fn check_shape<R: ReadAt>(volume: &Volume<R>, table: &UpCase) -> Option<&'static str> {
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
