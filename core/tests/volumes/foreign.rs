//! What stands where a volume of NTFS was expected.

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::ntfs::Foreign;
use ntfsclone_core::ntfs::foreign::identify;

/// A sector with these texts at these places and the mark of a boot sector.
fn sector(texts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut sector = vec![0; 4096];
    sector[510..512].copy_from_slice(&[0x55, 0xAA]);
    for (offset, text) in texts {
        sector[*offset..offset + text.len()].copy_from_slice(text);
    }
    sector
}

#[test]
fn is_identified() {
    let to_go = [
        0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0,
        0x01,
    ];
    let image = Header::new(4096, 4096, 1, 1).to_bytes().to_vec();
    let table = [
        (sector(&[(3, b"-FVE-FS-")]), Foreign::BitLocker),
        (
            sector(&[(3, b"MSWIN4.1"), (0x52, b"FAT32   "), (0x1A8, &to_go)]),
            Foreign::BitLocker,
        ),
        (sector(&[(3, b"ReFS\0\0\0\0")]), Foreign::Refs),
        (sector(&[(3, b"EXFAT   ")]), Foreign::ExFat),
        (sector(&[(0x36, b"FAT12   ")]), Foreign::Fat),
        (
            sector(&[(3, b"mkfs.fat"), (0x36, b"FAT16   ")]),
            Foreign::Fat,
        ),
        (sector(&[(0x52, b"FAT32   ")]), Foreign::Fat),
        (image, Foreign::NtfscloneImage),
        (b"partclone-image0001".to_vec(), Foreign::PartcloneImage),
        (vec![0; 512], Foreign::Zeros),
        (vec![0; 1 << 20], Foreign::Zeros),
        (Vec::new(), Foreign::TooShort),
        (vec![0; 511], Foreign::TooShort),
        (vec![7; 511], Foreign::TooShort),
        (vec![7; 4096], Foreign::Unknown),
        (sector(&[]), Foreign::Unknown),
    ];
    for (bytes, expected) in table {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        assert_eq!(identify(bytes.as_slice()), expected, "{start:?}");
    }
}

/// The code in a boot sector stands where a disk has its partition table.
#[test]
fn code_is_no_partition_table() {
    let mut built = VolumeBuilder::new().build();
    built.patch(3, b"BROKEN  ");
    for seed in 0..20 {
        built.patch(0x54, &ntfs_volume_builder::pattern(seed, 510 - 0x54));
        // Small numbers, as long as the device is.
        for entry in 0..4 {
            built.patch(
                0x1BE + entry * 16 + 4,
                &[7, 1, 2, 3, 1, 0, 0, 0, 9, 0, 0, 0],
            );
        }
        let found = identify(built.bytes.as_slice());
        assert_eq!(found, Foreign::Unknown, "{seed}");
    }
}
