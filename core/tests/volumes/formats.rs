//! What a source is, by its first sector and its end.

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::open::{Content, Probe};

/// A sector with these texts at these places and the mark of a boot sector.
fn sector(texts: &[(usize, &[u8])]) -> Vec<u8> {
    let mut sector = vec![0; 4096];
    sector[510..512].copy_from_slice(&[0x55, 0xAA]);
    for (offset, text) in texts {
        sector[*offset..offset + text.len()].copy_from_slice(text);
    }
    sector
}

/// What messages say that it is.
fn name_of(bytes: &[u8]) -> &'static str {
    let probe = Probe::new(&bytes).expect("all of it can be read");
    match probe.content() {
        Content::Image => "image",
        Content::Volume => "volume",
        Content::Compressed(compression) => compression.name(),
        Content::Disk(_) => "disk",
        Content::Container(container) => container.layer.to_string().leak(),
        Content::Refused(format) => format.name,
        Content::Unknown => "unknown",
    }
}

/// A footer of a VHD of that type, after other bytes.
fn vhd(kind: u8) -> Vec<u8> {
    let mut bytes = vec![7; 4096];
    bytes.extend(b"conectix");
    bytes.resize(4096 + 60, 0);
    bytes.extend([0, 0, 0, kind]);
    bytes.resize(4096 + 512, 0);
    bytes
}

#[test]
fn is_identified() {
    let to_go = [
        0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0,
        0x01,
    ];
    let image = Header::new(4096, 4096, 1, 1).to_bytes().to_vec();
    const ZEROS: &str =
        "begins with zeros: there is no boot sector of NTFS, nor a backup at its end";
    let bitlocker = "is encrypted by BitLocker";
    let fat = "is a FAT volume, not NTFS";
    let mut only_backup = VolumeBuilder::new().build();
    only_backup.damage_boot_sector();
    let mut no_backup = VolumeBuilder::new().build();
    no_backup.damage_backup_boot_sector();
    let table = [
        (sector(&[(3, b"-FVE-FS-")]), bitlocker),
        (
            sector(&[(3, b"MSWIN4.1"), (0x52, b"FAT32   "), (0x1A8, &to_go)]),
            bitlocker,
        ),
        (
            sector(&[(3, b"ReFS\0\0\0\0")]),
            "is a ReFS volume, not NTFS",
        ),
        (sector(&[(3, b"EXFAT   ")]), "is an exFAT volume, not NTFS"),
        (sector(&[(0x36, b"FAT12   ")]), fat),
        (sector(&[(3, b"mkfs.fat"), (0x36, b"FAT16   ")]), fat),
        (sector(&[(0x52, b"FAT32   ")]), fat),
        (image, "image"),
        (b"partclone-image0001".to_vec(), "partclone"),
        (b"\xEB\x52\x90NTFS    \0\x02\x08\0\0".to_vec(), "volume"),
        (b"\xE9\x00\x90NTFS    \0\x02\x08\0\0".to_vec(), "volume"),
        (no_backup.bytes, "volume"),
        (only_backup.bytes, "volume"),
        (b"\x1F\x8B\x08".to_vec(), "gzip"),
        (b"conectix".to_vec(), "is a virtual disk (VHD)"),
        (vhd(3), "is a virtual disk (VHD)"),
        (vhd(2), "unknown"),
        (vec![0; 512], ZEROS),
        (vec![0; 1 << 20], ZEROS),
        (b"NTFS".to_vec(), "unknown"),
        (Vec::new(), "unknown"),
        (vec![0; 511], "unknown"),
        (vec![7; 511], "unknown"),
        (vec![7; 4096], "unknown"),
        (sector(&[]), "unknown"),
    ];
    for (bytes, expected) in table {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(16)]).into_owned();
        assert_eq!(name_of(&bytes), expected, "{start:?}");
    }
    // Marked by a rescue, as long as something can still be told.
    let begins = |bytes: &[u8], name: &str| assert!(name_of(bytes).starts_with(name));
    begins(
        b"BadSectoR\0??",
        "begins with a sector that could not be read",
    );
    begins(b"BadSectoR??", "unknown");
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
        built.damage_backup_boot_sector();
        assert_eq!(name_of(&built.bytes), "unknown", "{seed}");
    }
}
