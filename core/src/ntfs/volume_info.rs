//! `$Volume`: label, version and flags.

use alloc::string::String;

use super::attribute::AttributeType;
use super::file_name::decode_utf16;
use super::file_record::FileRecord;
use super::mft::RECORD_VOLUME;
use super::record::u16_at;
use super::value::Value;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;

const FLAG_DIRTY: u16 = 1;

/// What `$Volume` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Version of NTFS, 3.1 since Windows XP.
    pub major_version: u8,
    /// Version of NTFS, 3.1 since Windows XP.
    pub minor_version: u8,
    /// The flags as they stand on disk.
    pub flags: u16,
    /// The label; unpaired surrogates are replaced.
    pub label: String,
}

/// As messages say it of a volume that is [dirty](VolumeInfo::is_dirty).
pub const DIRTY: &str = "is marked dirty: it was not unmounted cleanly, or has errors";

impl VolumeInfo {
    /// Windows marked the volume: it was not unmounted cleanly, or has errors.
    pub fn is_dirty(&self) -> bool {
        self.flags & FLAG_DIRTY != 0
    }

    /// Reads it from record 3.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]; [`Error::Unsupported`] for a version
    /// of NTFS other than 1.x to 3.1.
    pub fn read<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let file = FileRecord::salvage(volume, RECORD_VOLUME)?;
        let offset = file.base()?.offset();
        let value = file.value(AttributeType::VOLUME_INFORMATION, &[])?;
        // 8 bytes reserved, major, minor, 2 bytes of flags.
        let fields = match &value {
            Some(Value::Resident(bytes)) => bytes.get(8..12).and_then(|found| found.first_chunk()),
            _ => None,
        };
        let Some(&[major_version, minor_version, flags @ ..]) = fields.map(|f: &[u8; 4]| f) else {
            return Err(Error::Corrupt {
                structure: Structure::VolumeInformation,
                offset,
                field: "the length of the volume information",
                found: value.map_or(0, |value| value.size()),
                expected: "at least 12, in the record",
            });
        };
        let known = matches!((major_version, minor_version), (1, _) | (2, _) | (3, 0 | 1));
        if !known {
            return Err(Error::Unsupported {
                structure: Structure::VolumeInformation,
                offset,
                field: "NTFS version (major, minor)",
                found: u64::from(u16::from_be_bytes([major_version, minor_version])),
                expected: "1.x to 3.1",
            });
        }
        let label = match file.value(AttributeType::VOLUME_NAME, &[])? {
            Some(Value::Resident(name)) => decode_utf16(&name),
            _ => String::new(),
        };
        Ok(Self {
            major_version,
            minor_version,
            flags: u16_at(&flags, 0).unwrap_or(0),
            label,
        })
    }
}
