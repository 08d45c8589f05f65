//! `STANDARD_INFORMATION` and the four times that it shares with `FILE_NAME`.

/// 2020-01-01 in units of 100 ns since 1601. All times of a volume lie at or a little after it, so none of them is
/// equal to the epoch that a metadata clone writes.
pub const BASE_TIME: u64 = 132_223_104_000_000_000;

/// The four times of a file, in NTFS units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// Creation of the file.
    pub created: u64,
    /// Last change of its data.
    pub modified: u64,
    /// Last change of its record.
    pub record_changed: u64,
    /// Last access.
    pub accessed: u64,
}

impl Times {
    /// The times that the builder gives to the file of a record: all different, and different for each record.
    pub fn of_record(number: u64) -> Self {
        let created = BASE_TIME + number * 600_000_000;
        Self {
            created,
            modified: created + 1,
            record_changed: created + 2,
            accessed: created + 3,
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        [
            self.created,
            self.modified,
            self.record_changed,
            self.accessed,
        ]
        .iter()
        .flat_map(|t| t.to_le_bytes())
        .collect()
    }
}

pub(crate) struct StandardInformation {
    pub(crate) times: Times,
    pub(crate) file_attributes: u32,
    /// Key into `$Secure`; without it the value has the short form of NTFS 1.2.
    pub(crate) security_id: Option<u32>,
}

impl StandardInformation {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = self.times.encode();
        out.extend(self.file_attributes.to_le_bytes());
        out.resize(48, 0);
        if let Some(id) = self.security_id {
            out.extend([0; 4]);
            out.extend(id.to_le_bytes());
            out.resize(72, 0);
        }
        out
    }
}
