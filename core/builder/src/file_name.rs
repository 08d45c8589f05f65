//! `FILE_NAME`: the value of the attribute and the key of a directory index.

use crate::standard_information::Times;

pub(crate) const NAMESPACE_WIN32: u8 = 1;
pub(crate) const NAMESPACE_WIN32_AND_DOS: u8 = 3;

pub(crate) const ATTRIBUTE_HIDDEN_SYSTEM: u32 = 0x06;
pub(crate) const ATTRIBUTE_ARCHIVE: u32 = 0x20;
pub(crate) const ATTRIBUTE_SPARSE: u32 = 0x200;
pub(crate) const ATTRIBUTE_COMPRESSED: u32 = 0x800;
pub(crate) const ATTRIBUTE_DIRECTORY: u32 = 0x1000_0000;
pub(crate) const ATTRIBUTE_VIEW_INDEX: u32 = 0x2000_0000;

#[derive(Clone, Debug)]
pub(crate) struct FileName {
    /// Record number and sequence number of the directory.
    pub(crate) parent: u64,
    pub(crate) times: Times,
    pub(crate) allocated: u64,
    pub(crate) size: u64,
    pub(crate) file_attributes: u32,
    pub(crate) namespace: u8,
    pub(crate) name: String,
}

impl FileName {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let units: Vec<u16> = self.name.encode_utf16().collect();
        assert!(
            (1..=255).contains(&units.len()),
            "a name has 1 to 255 UTF-16 units, {:?} has not",
            self.name
        );
        let mut out = self.parent.to_le_bytes().to_vec();
        out.extend(self.times.encode());
        out.extend(self.allocated.to_le_bytes());
        out.extend(self.size.to_le_bytes());
        out.extend(self.file_attributes.to_le_bytes());
        out.extend([0; 4]);
        out.extend([units.len() as u8, self.namespace]);
        out.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        out
    }
}

/// A reference to a record: its number, and its sequence number in the top 16 bits.
pub(crate) fn record_reference(number: u64, sequence: u16) -> u64 {
    number | u64::from(sequence) << 48
}
