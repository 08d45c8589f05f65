//! The restart pages of `$LogFile`.

use crate::attribute::attribute_type;
use crate::fixup::{array_count, redo_fixup};
use crate::system_files::number;
use crate::volume::Volume;

const PAGE_BYTES: usize = 4096;
const ARRAY_OFFSET: usize = 0x1e;
const AREA_OFFSET: usize = 0x30;

impl Volume {
    /// Writes the two restart pages of a journal with one client, as Windows leaves them: clean after it unmounted the
    /// volume, or with changes that are not yet in place.
    pub fn write_restart_pages(&mut self, clean: bool) {
        for page in 0..2 {
            let bytes = restart_page(0x10_7ded + page, clean);
            let at = self.stream_offset(
                number::LOG_FILE,
                attribute_type::DATA,
                "",
                page * PAGE_BYTES as u64,
            );
            self.patch(at, &bytes);
        }
    }
}

fn restart_page(sequence_number: u64, clean: bool) -> Vec<u8> {
    let mut page = vec![0; PAGE_BYTES];
    let mut put = |offset: usize, bytes: &[u8]| {
        page[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0x00, b"RSTR");
    put(0x04, &(ARRAY_OFFSET as u16).to_le_bytes());
    put(0x06, &(array_count(PAGE_BYTES) as u16).to_le_bytes());
    put(0x10, &(PAGE_BYTES as u32).to_le_bytes());
    put(0x14, &(PAGE_BYTES as u32).to_le_bytes());
    put(0x18, &(AREA_OFFSET as u16).to_le_bytes());
    // Version 1.1.
    put(0x1a, &[1, 0, 1, 0]);
    put(ARRAY_OFFSET, &2u16.to_le_bytes());
    put(AREA_OFFSET, &sequence_number.to_le_bytes());
    put(AREA_OFFSET + 8, &1u16.to_le_bytes());
    put(AREA_OFFSET + 10, &u16::MAX.to_le_bytes());
    put(AREA_OFFSET + 12, &0u16.to_le_bytes());
    put(
        AREA_OFFSET + 14,
        &(if clean { 2u16 } else { 0 }).to_le_bytes(),
    );
    redo_fixup(&mut page);
    page
}
