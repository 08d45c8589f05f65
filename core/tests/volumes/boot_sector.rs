//! Boot sectors with one field out of its limits.

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::ntfs::{BootSector, OpenedFrom};

/// Where, which bytes, and the field that the error names.
const REFUSED: &[(usize, &[u8], &str)] = &[
    (0x03, b"MSWIN4.1", "the system name"),
    (0x0B, &[0x00, 0x00], "bytes per sector"),
    (0x0B, &[0x80, 0x00], "bytes per sector"),
    (0x0B, &[0x01, 0x02], "bytes per sector"),
    (0x0B, &[0x00, 0x20], "bytes per sector"),
    (0x0D, &[0], "sectors per cluster"),
    (0x0D, &[3], "sectors per cluster"),
    (0x0D, &[0x81], "sectors per cluster"),
    (0x0D, &[0xF3], "sectors per cluster"),
    // 4096 sectors of 4096 bytes
    (0x0B, &[0x00, 0x10, 0xF4], "sectors per cluster"),
    (0x28, &[0; 8], "the number of sectors"),
    (0x28, &[7, 0, 0, 0, 0, 0, 0, 0], "the number of sectors"),
    (0x28, &[0xFF; 8], "the number of sectors"),
    // 2^54 sectors of 512 bytes are 2^63 bytes
    (0x28, &[0, 0, 0, 0, 0, 0, 0x40, 0], "the number of sectors"),
    (0x30, &[0, 2, 0, 0, 0, 0, 0, 0], "the cluster of $MFT"),
    (0x30, &[0xFF; 8], "the cluster of $MFT"),
    (0x38, &[0, 2, 0, 0, 0, 0, 0, 0], "the cluster of $MFTMirr"),
    (0x40, &[0], "clusters per MFT record"),
    (0x40, &[3], "clusters per MFT record"),
    (0x40, &[32], "clusters per MFT record"),
    (0x40, &[0xF8], "clusters per MFT record"),
    (0x40, &[0x80], "clusters per MFT record"),
    (0x44, &[0], "clusters per index record"),
    (0x44, &[3], "clusters per index record"),
    (0x44, &[0xF8], "clusters per index record"),
];

#[test]
fn each_field_is_checked() {
    for (offset, bytes, expected) in REFUSED {
        let mut built = VolumeBuilder::new().build();
        built.patch(*offset as u64, bytes);

        // The backup stands in.
        let (_, from) = BootSector::read(built.bytes.as_slice()).unwrap();
        assert!(matches!(from, OpenedFrom::Backup { .. }), "{expected}");

        built.damage_backup_boot_sector();
        let error = BootSector::read(built.bytes.as_slice()).unwrap_err();
        let Error::Corrupt {
            structure: Structure::BootSector,
            offset: 0,
            field,
            ..
        } = error
        else {
            panic!("{offset:#x}: {error}");
        };
        assert_eq!(field, *expected, "{offset:#x} {bytes:x?}");
    }
}

#[test]
fn other_fields_are_not() {
    // Code, FAT fields, drive and checksum; and the mark that BIOSes look for.
    for (offset, len) in [(0, 3), (0x0E, 0x1A), (0x50, 4), (0x54, 0x1AC)] {
        let mut built = VolumeBuilder::new().build();
        built.patch(offset, &vec![0xA5; len]);
        let (_, from) = BootSector::read(built.bytes.as_slice()).unwrap();
        assert_eq!(from, OpenedFrom::First, "{offset:#x}");
    }
}

#[test]
fn fields_are_read() {
    let built = VolumeBuilder::new().serial(0x1122_3344_5566_7788).build();
    let (boot, _) = BootSector::read(built.bytes.as_slice()).unwrap();
    assert_eq!(boot.serial_number, 0x1122_3344_5566_7788);
    assert_eq!(boot.mft.0 * 4096, built.record_offset(0));
    assert_eq!(boot.mft_mirror.0 * 4096, built.mirror_record_offset(0));
}

#[test]
fn a_backup_that_says_it_lies_elsewhere_is_not_believed() {
    let mut built = VolumeBuilder::new().build();
    built.damage_boot_sector();
    built.bytes.extend([0; 512]);
    let backup = built.geometry.backup_boot_sector_offset().unwrap() as usize;
    built.bytes.copy_within(backup..backup + 512, backup + 512);
    assert!(BootSector::read(built.bytes.as_slice()).is_err());
}
