//! `$UpCase`: the upper case of each UTF-16 unit, by which names are ordered.

use alloc::vec::Vec;
use core::cmp::Ordering;

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::mft::RECORD_UPCASE;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;

/// Bytes of a whole table: two for each UTF-16 unit.
pub(crate) const TABLE_BYTES: u64 = 128 << 10;

/// The table of a volume.
#[derive(Debug, Default)]
pub(crate) struct UpCase {
    units: Vec<u16>,
}

impl UpCase {
    /// Reads the table.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: there is no such file, or its data is
    /// damaged; [`Error::Limit`].
    pub(crate) fn read<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let file = FileRecord::salvage(volume, RECORD_UPCASE)?;
        let data = file.value(AttributeType::DATA, &[])?;
        let data = data.ok_or(Error::Corrupt {
            structure: Structure::UpCase,
            offset: file.base()?.offset(),
            field: "the number of its data attributes",
            found: 0,
            expected: "1",
        })?;
        let bytes = data.read_all(volume.source(), volume.geometry(), TABLE_BYTES)?;
        let (units, _) = bytes.as_chunks::<2>();
        Ok(Self {
            units: units.iter().map(|unit| u16::from_le_bytes(*unit)).collect(),
        })
    }

    /// The table of ASCII letters alone, in place of a damaged one.
    pub(crate) fn of_ascii() -> Self {
        Self {
            units: (0..128_u8)
                .map(|unit| u16::from(unit.to_ascii_uppercase()))
                .collect(),
        }
    }

    /// The upper case of each unit, from 0 on.
    pub(crate) fn units(&self) -> &[u16] {
        &self.units
    }

    /// The upper case of a unit; itself if the table does not have it.
    pub(crate) fn upper(&self, unit: u16) -> u16 {
        self.units.get(usize::from(unit)).copied().unwrap_or(unit)
    }

    /// The order of two names, UTF-16 in little-endian, without regard to case.
    pub(crate) fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        // What both begin with, 4 units at a time: neighbours have much in common.
        let (words, other_words) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
        let pairs = words.iter().zip(other_words);
        let common = pairs.take_while(|(a, b)| a == b).count().saturating_mul(4);
        let (one, _) = one.as_chunks::<2>();
        let (other, _) = other.as_chunks::<2>();
        let [one, other] = [one, other].map(|units| units.get(common..).unwrap_or_default());
        for (a, b) in one.iter().zip(other) {
            if a != b {
                let a = self.upper(u16::from_le_bytes(*a));
                let b = self.upper(u16::from_le_bytes(*b));
                if a != b {
                    return a.cmp(&b);
                }
            }
        }
        one.len().cmp(&other.len())
    }
}
