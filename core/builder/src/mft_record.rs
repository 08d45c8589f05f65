//! A record of `$MFT`.

use crate::attribute::{Attribute, attribute_type};
use crate::fixup::{array_count, redo_fixup};

pub(crate) const FLAG_IN_USE: u16 = 1;
pub(crate) const FLAG_DIRECTORY: u16 = 2;
pub(crate) const FLAG_VIEW_INDEX: u16 = 8;

/// The end marker and its padding.
const END_LEN: usize = 8;

#[derive(Clone, Debug)]
pub(crate) struct MftRecord {
    pub(crate) number: u64,
    pub(crate) sequence: u16,
    pub(crate) flags: u16,
    pub(crate) links: u16,
    /// Reference to the base record, 0 for a base record.
    pub(crate) base: u64,
    /// In the order of the record; the place of an attribute is its instance number.
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) magic: [u8; 4],
}

/// How the records of a volume are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordFormat {
    pub(crate) record_size: usize,
    /// Since NTFS 3.1 a record holds its own number.
    pub(crate) numbered: bool,
}

impl RecordFormat {
    /// Bytes for attributes in an empty record.
    pub(crate) fn capacity(&self) -> usize {
        self.record_size - self.attributes_offset() - END_LEN
    }

    fn array_offset(&self) -> usize {
        if self.numbered { 0x30 } else { 0x2a }
    }

    fn attributes_offset(&self) -> usize {
        (self.array_offset() + 2 * array_count(self.record_size)).next_multiple_of(8)
    }
}

impl MftRecord {
    /// A record that was never used.
    pub(crate) fn unused(number: u64) -> Self {
        let sequence = if (1..=0xffff).contains(&number) && number < 24 {
            number as u16
        } else {
            1
        };
        Self {
            number,
            sequence,
            flags: 0,
            links: 0,
            base: 0,
            attributes: Vec::new(),
            magic: *b"FILE",
        }
    }

    pub(crate) fn encode(&self, format: RecordFormat) -> Vec<u8> {
        let attributes: Vec<u8> = self
            .attributes
            .iter()
            .zip(0..)
            .flat_map(|(attribute, instance)| attribute.encode(instance))
            .collect();
        assert!(
            attributes.len() <= format.capacity(),
            "the attributes of record {} take {} bytes, there is room for {}",
            self.number,
            attributes.len(),
            format.capacity()
        );
        let mut record = vec![0; format.record_size];
        let mut put = |offset: usize, bytes: &[u8]| {
            record[offset..offset + bytes.len()].copy_from_slice(bytes)
        };
        let first = format.attributes_offset();
        let end = first + attributes.len();
        put(0x00, &self.magic);
        put(0x04, &(format.array_offset() as u16).to_le_bytes());
        put(
            0x06,
            &(array_count(format.record_size) as u16).to_le_bytes(),
        );
        put(0x10, &self.sequence.to_le_bytes());
        put(0x12, &self.links.to_le_bytes());
        put(0x14, &(first as u16).to_le_bytes());
        put(0x16, &self.flags.to_le_bytes());
        put(0x18, &((end + END_LEN) as u32).to_le_bytes());
        put(0x1c, &(format.record_size as u32).to_le_bytes());
        put(0x20, &self.base.to_le_bytes());
        put(0x28, &(self.attributes.len() as u16).to_le_bytes());
        if format.numbered {
            put(0x2c, &(self.number as u32).to_le_bytes());
        }
        // A different number for each record shows who mixes them up; 0 and 0xffff do not occur on disk.
        put(
            format.array_offset(),
            &((self.number % 0xfff0 + 2) as u16).to_le_bytes(),
        );
        put(first, &attributes);
        put(end, &attribute_type::END.to_le_bytes());
        redo_fixup(&mut record);
        record
    }
}
