//! The boot sector and its code area, 8 KiB at LCN 0 (`$Boot`).

use crate::geometry::Geometry;

/// Bytes of `$Boot`.
pub(crate) const BOOT_FILE_SIZE: usize = 8192;

/// What the boot sector says besides the geometry.
pub(crate) struct BootSector<'a> {
    pub(crate) geometry: &'a Geometry,
    pub(crate) mft_lcn: u64,
    pub(crate) mft_mirror_lcn: u64,
    pub(crate) serial: u64,
}

impl BootSector<'_> {
    /// The content of `$Boot`; the rest of the 8 KiB stands in for the boot code.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut boot = vec![0; BOOT_FILE_SIZE];
        let mut put =
            |offset: usize, bytes: &[u8]| boot[offset..offset + bytes.len()].copy_from_slice(bytes);
        put(0x00, &[0xeb, 0x52, 0x90]);
        put(0x03, b"NTFS    ");
        put(0x0b, &(self.geometry.bytes_per_sector as u16).to_le_bytes());
        put(0x0d, &[self.geometry.sectors_per_cluster_byte()]);
        put(0x15, &[0xf8]);
        put(0x18, &63u16.to_le_bytes());
        put(0x1a, &255u16.to_le_bytes());
        put(0x24, &[0x80, 0x00, 0x80, 0x00]);
        put(0x28, &self.geometry.total_sectors().to_le_bytes());
        put(0x30, &self.mft_lcn.to_le_bytes());
        put(0x38, &self.mft_mirror_lcn.to_le_bytes());
        put(
            0x40,
            &[self
                .geometry
                .record_size_byte(self.geometry.mft_record_size)],
        );
        put(
            0x44,
            &[self
                .geometry
                .record_size_byte(self.geometry.index_record_size)],
        );
        put(0x48, &self.serial.to_le_bytes());
        put(0x1fe, &[0x55, 0xaa]);
        boot
    }
}
