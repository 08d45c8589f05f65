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
