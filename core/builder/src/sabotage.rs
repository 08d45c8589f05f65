//! Ways to break a finished volume.

use std::ops::Range;

use crate::attribute::attribute_type;
use crate::fixup::{redo_fixup, undo_fixup};
use crate::volume::Volume;

impl Volume {
    /// Replaces bytes anywhere on the device.
    pub fn patch(&mut self, offset: u64, bytes: &[u8]) {
        self.bytes[offset as usize..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Changes a record of `$MFT`, and its copy in `$MFTMirr` if there is one. `change` sees the record with its fixup
    /// undone; it is redone with the number that `change` leaves.
    pub fn patch_record(&mut self, number: u64, change: impl FnOnce(&mut [u8])) {
        let mut record = self.raw_record(number);
        undo_fixup(&mut record);
        change(&mut record);
        redo_fixup(&mut record);
        self.replace_record(number, &record);
    }

    /// Replaces bytes of an attribute, `at` bytes into it, in `$MFT` and in `$MFTMirr`. Panics when there is no such
    /// attribute.
    pub fn patch_attribute(&mut self, number: u64, kind: u32, name: &str, at: usize, bytes: &[u8]) {
        let attribute = self
            .attribute_offset(number, kind, name)
            .expect("the record has no such attribute");
        self.patch_record(number, |record| {
            record[attribute + at..][..bytes.len()].copy_from_slice(bytes);
        });
    }

    /// Replaces bytes of a record as they stand on disk, without redoing its fixup, in `$MFT` and in `$MFTMirr`.
    pub fn patch_raw_record(&mut self, number: u64, at: usize, bytes: &[u8]) {
        let mut record = self.raw_record(number);
        record[at..][..bytes.len()].copy_from_slice(bytes);
        self.replace_record(number, &record);
    }

    /// Replaces the bytes of a record of `$MFT` as they stand on disk, and of its copy in `$MFTMirr` if there is one.
    pub fn replace_record(&mut self, number: u64, record: &[u8]) {
        for file in [0, 1] {
            let size = self.geometry.mft_record_size as usize;
            let mut content = self.read_stream(file, attribute_type::DATA, "");
            if let Some(place) =
                content.get_mut(number as usize * size..(number as usize + 1) * size)
            {
                place.copy_from_slice(record);
                self.write_stream(file, attribute_type::DATA, "", &content);
            }
        }
    }

    /// Changes a record of `$MFTMirr` alone, so that it differs from that of `$MFT`.
    pub fn patch_mirror_record(&mut self, number: u64, change: impl FnOnce(&mut [u8])) {
        let offset = self.mirror_record_offset(number) as usize;
        let size = self.geometry.mft_record_size as usize;
        let record = &mut self.bytes[offset..offset + size];
        undo_fixup(record);
        change(record);
        redo_fixup(record);
    }

    /// Changes a block of a directory's `INDEX_ALLOCATION`, with the fixup undone.
    pub fn patch_index_block(&mut self, record: u64, block: u64, change: impl FnOnce(&mut [u8])) {
        let size = self.geometry.index_record_size as usize;
        let mut content = self.read_stream(record, attribute_type::INDEX_ALLOCATION, "$I30");
        let place = &mut content[block as usize * size..][..size];
        undo_fixup(place);
        change(place);
        redo_fixup(place);
        self.write_stream(record, attribute_type::INDEX_ALLOCATION, "$I30", &content);
    }

    /// Changes the entry of a name in a directory, wherever it stands. `change` gets the whole entry; the key begins at
    /// 0x10. Panics when there is none.
    pub fn patch_entry(&mut self, directory: u64, name: &str, change: impl FnOnce(&mut [u8])) {
        self.patch_node(directory, name, |node, entry| change(&mut node[entry]));
    }

    /// Takes the entry of a name out of a directory. Panics when there is none, or when it leads to a block.
    pub fn remove_entry(&mut self, directory: u64, name: &str) {
        self.patch_node(directory, name, |node, entry| {
            assert_eq!(node[entry.start + 12] & 1, 0, "{name:?} leads to a block");
            let end = long(node, 4);
            let len = entry.len();
            node.copy_within(entry.end..end, entry.start);
            node[4..8].copy_from_slice(&((end - len) as u32).to_le_bytes());
        });
    }

    /// Takes an attribute out of a record. Panics when there is none.
    pub fn remove_attribute(&mut self, number: u64, kind: u32, name: &str) {
        let attribute = self
            .attribute_offset(number, kind, name)
            .expect("the record has no such attribute");
        self.patch_record(number, |record| {
            let (len, end) = (long(record, attribute + 4), long(record, 0x18));
            record.copy_within(attribute + len..end, attribute);
            record[0x18..0x1c].copy_from_slice(&((end - len) as u32).to_le_bytes());
        });
    }

    /// Changes the node of a directory that has an entry of a name, given where in the node that is.
    fn patch_node(
        &mut self,
        directory: u64,
        name: &str,
        change: impl FnOnce(&mut [u8], Range<usize>),
    ) {
        let root = self
            .attribute_offset(directory, attribute_type::INDEX_ROOT, "$I30")
            .expect("not a directory");
        let node = root + 0x30;
        if let Some(entry) = find_entry(&self.record(directory)[node..], name) {
            return self.patch_record(directory, |record| change(&mut record[node..], entry));
        }
        let size = self.geometry.index_record_size as usize;
        for block in 0..self.index_blocks(directory) {
            let start = self.index_block_offset(directory, block) as usize;
            let mut bytes = self.bytes[start..start + size].to_vec();
            undo_fixup(&mut bytes);
            if let Some(entry) = find_entry(&bytes[0x18..], name) {
                return self.patch_index_block(directory, block, |block| {
                    change(&mut block[0x18..], entry);
                });
            }
        }
        panic!("the directory has no entry {name:?}");
    }

    /// Breaks the fixup of a record of `$MFT`, as an unfinished write does. The copy in `$MFTMirr` stays.
    pub fn tear_record(&mut self, number: u64) {
        let size = self.geometry.mft_record_size as usize;
        let mut content = self.read_stream(0, attribute_type::DATA, "");
        let end = (number as usize + 1) * size;
        content[end - 2] ^= 0xff;
        self.write_stream(0, attribute_type::DATA, "", &content);
    }

    /// Writes bits of `$Bitmap`.
    pub fn set_in_bitmap(&mut self, clusters: Range<u64>, used: bool) {
        let mut bitmap = self.read_stream(6, attribute_type::DATA, "");
        for lcn in clusters {
            let mask = 1 << (lcn % 8);
            let byte = &mut bitmap[(lcn / 8) as usize];
            *byte = if used { *byte | mask } else { *byte & !mask };
        }
        self.write_stream(6, attribute_type::DATA, "", &bitmap);
    }

    /// Fills the first boot sector with garbage; the backup stays.
    pub fn damage_boot_sector(&mut self) {
        self.bytes[..512].fill(0x5a);
    }

    /// Fills the backup boot sector with garbage. Panics when there is none.
    pub fn damage_backup_boot_sector(&mut self) {
        let offset = self
            .geometry
            .backup_boot_sector_offset()
            .expect("the device has no room for a backup") as usize;
        let end = (offset + 512).min(self.bytes.len());
        self.bytes[offset..end].fill(0xa5);
    }
}

/// Where in a node the entry of a name is.
fn find_entry(node: &[u8], name: &str) -> Option<Range<usize>> {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let (mut start, end) = (long(node, 0), long(node, 4));
    while start < end {
        let len = usize::from(u16::from_le_bytes([node[start + 8], node[start + 9]]));
        if node[start + 12] & 2 != 0 {
            return None;
        }
        let length = usize::from(node[start + 0x50]) * 2;
        if node[start + 0x52..][..length] == units {
            return Some(start..start + len);
        }
        start += len;
    }
    None
}

fn long(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes")) as usize
}
