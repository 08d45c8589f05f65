//! Damaged and hostile files: errors, and never wrong zeros.

use ntfs_volume_builder::{
    Qcow2, VHDX_TABLE, qcow2, redo_vhd_checksum, redo_vhdx_checksums, vdi, vhd, vhdx, vmdk,
};
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::io::{ByteExtent, IoError};

use crate::made::{disk, small};
use crate::read::{Open, QCOW2, VDI, VHD, VHDX, VMDK, read, source};

fn changed(file: &[u8], offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    file
}

/// The error of opening the file, or of reading all of it.
#[track_caller]
fn error(open: Open, file: Vec<u8>) -> Error {
    let disk = match open(&source(file)) {
        Ok(disk) => disk,
        Err(error) => return error,
    };
    let size = disk.size().min(1 << 20);
    let error = read(&disk, 0, size).expect_err("damaged");
    error.downcast().expect("an error of the core")
}

#[track_caller]
fn check_corrupt(open: Open, file: Vec<u8>, structure: Structure, field: &str) {
    match error(open, file) {
        Error::Corrupt {
            structure: found,
            field: found_field,
            ..
        }
        | Error::Unsupported {
            structure: found,
            field: found_field,
            ..
        } => assert_eq!((found, found_field), (structure, field)),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn check_beyond(open: Open, file: Vec<u8>) {
    let error = error(open, file);
    assert!(matches!(error, Error::BlockBeyondEnd { .. }), "{error:?}");
}

#[test]
fn truncation_anywhere_is_an_error_or_harmless() {
    for (name, open, file, disk) in small() {
        for len in 0..file.len() {
            let Ok(found) = open(&source(file[..len].to_vec())) else {
                continue;
            };
            for sector in 0..disk.len() / 512 {
                let offset = sector * 512;
                if let Ok(bytes) = read(&found, offset as u64, 512) {
                    assert!(
                        bytes == disk[offset..][..512],
                        "{name} of {len} at {offset}"
                    );
                }
            }
        }
    }
}

#[test]
fn changes_of_any_byte_do_not_panic() {
    for (_, open, file, _) in small() {
        for offset in 0..file.len() {
            for change in [0x01, 0x80, 0xFF] {
                let changed = changed(&file, offset, &[file[offset] ^ change]);
                if let Ok(disk) = open(&source(changed)) {
                    let _ = read(&disk, 0, disk.size().min(1 << 20));
                    let _ = disk.extent_at(disk.size() / 2);
                }
            }
        }
    }
}

#[test]
fn vhd_headers_are_checked() {
    let header = Structure::DiskHeader;
    let file = vhd(&disk(4096), Some(1024));
    let footer = file.len() - 512;
    // The copy at the start stands in for a damaged footer.
    let damaged = changed(&file, footer + 70, &[9]);
    let found = VHD(&source(damaged.clone())).unwrap();
    assert!(read(&found, 0, 4096).unwrap() == disk(4096));
    check_corrupt(VHD, changed(&damaged, 70, &[9]), header, "its checksum");
    check_corrupt(VHD, changed(&file, 512 + 50, &[9]), header, "its checksum");
    check_corrupt(VHD, changed(&file, 512, b"q"), header, "its cookie");
    check_corrupt(VHD, vec![0; 4096], header, "its cookie");
    let with_header = |offset: usize, bytes: &[u8]| {
        let mut file = changed(&file, 512 + offset, bytes);
        redo_vhd_checksum(&mut file[512..]);
        file
    };
    for size in [0, 256, 1025, u32::MAX] {
        let file = with_header(32, &size.to_be_bytes());
        check_corrupt(VHD, file, header, "its block size");
    }
    let few = with_header(28, &3_u32.to_be_bytes());
    check_corrupt(VHD, few, header, "its number of table entries");
    check_beyond(VHD, changed(&file, 1536, &0xFFFF_FFF0_u32.to_be_bytes()));
    for at in [u64::MAX, 1 << 63] {
        let error = error(VHD, with_header(16, &at.to_be_bytes()));
        assert!(matches!(
            error,
            Error::Io {
                structure: Structure::DiskTable,
                ..
            }
        ));
    }

    let mut fixed = vhd(&disk(4096), None);
    let size = (4097_u64).to_be_bytes();
    fixed[4096 + 48..4096 + 56].copy_from_slice(&size);
    redo_vhd_checksum(&mut fixed[4096..]);
    check_corrupt(VHD, fixed.clone(), header, "its disk size");
    fixed[4096 + 63] = 9;
    redo_vhd_checksum(&mut fixed[4096..]);
    check_corrupt(VHD, fixed, header, "type");
}

#[test]
fn vdi_headers_are_checked() {
    let header = Structure::DiskHeader;
    let file = vdi(&disk(4096), 1024);
    let with = |offset: usize, value: u32| changed(&file, offset, &value.to_le_bytes());
    check_corrupt(VDI, with(64, 7), header, "its signature");
    check_corrupt(VDI, with(68, 0x0002_0000), header, "version");
    check_corrupt(VDI, with(76, 7), header, "type");
    for size in [0, 256, 1025, u32::MAX] {
        check_corrupt(VDI, with(376, size), header, "its block size");
    }
    check_corrupt(VDI, with(384, 3), header, "its number of blocks");
    check_beyond(VDI, with(512, 0xFFFF_FFFD));
    check_beyond(VDI, with(344, u32::MAX));
}

#[test]
fn qcow2_headers_and_tables_are_checked() {
    let header = Structure::DiskHeader;
    let table = Structure::DiskTable;
    let file = qcow2(&disk(40 * 512), 9, Qcow2::Version3);
    let with = |offset: usize, value: u32| changed(&file, offset, &value.to_be_bytes());
    check_corrupt(QCOW2, with(0, 7), header, "its magic");
    for version in [0, 1, 4, u32::MAX] {
        check_corrupt(QCOW2, with(4, version), header, "version");
    }
    for bits in [0, 8, 22, 63, 64, u32::MAX] {
        check_corrupt(QCOW2, with(20, bits), header, "its block size");
    }
    check_corrupt(QCOW2, with(36, 0), header, "its number of L1 entries");
    check_corrupt(QCOW2, with(24, 1 << 31), header, "its number of L1 entries");
    check_corrupt(QCOW2, with(76, 0x20), header, "features");
    check_corrupt(QCOW2, with(72, 1), header, "features");
    // Dirty or corrupt by its own account, and read.
    assert!(QCOW2(&source(with(76, 3))).is_ok());
    let unknown = changed(&with(76, 8), 104, &[7]);
    check_corrupt(QCOW2, unknown, header, "compression");

    let l2 = u64::from_be_bytes(file[512..520].try_into().unwrap()) & !(1 << 63);
    check_beyond(
        QCOW2,
        changed(&file, l2 as usize, &(1_u64 << 50).to_be_bytes()),
    );
    let far = changed(&file, 512, &(1_u64 << 55).to_be_bytes());
    assert!(matches!(
        error(QCOW2, far),
        Error::Io {
            structure: Structure::DiskTable,
            ..
        }
    ));

    let file = qcow2(&disk(1 << 16), 14, Qcow2::Subclusters);
    let l2 = (file[(1 << 14) + 6] as usize) << 8;
    let unaligned = changed(&file, (1 << 14) + 6, &[0x82]);
    check_corrupt(QCOW2, unaligned, table, "the offset of a cluster");
    let both = changed(&file, l2 + 8, &u64::MAX.to_be_bytes());
    check_corrupt(QCOW2, both, table, "a bitmap");
    let nowhere = changed(&changed(&file, l2, &[0; 8]), l2 + 8, &1_u64.to_be_bytes());
    check_corrupt(QCOW2, nowhere, table, "a bitmap");
}

#[test]
fn damaged_compressed_clusters_are_errors() {
    for (form, first_content) in [(Qcow2::Zlib, 5), (Qcow2::Zstd, 10)] {
        let disk = disk(8 * 512);
        let file = qcow2(&disk, 9, form);
        let start = file
            .windows(8)
            .position(|bytes| bytes == &disk[100..108])
            .unwrap();
        let start = start - 100;
        for offset in start - first_content..start {
            let damaged = changed(&file, offset, &[file[offset] ^ 0x47]);
            match QCOW2(&source(damaged))
                .map(|disk| read(&disk, 0, 512))
                .unwrap()
            {
                Err(error) => {
                    let error: Error = error.downcast().unwrap();
                    let is_damage = matches!(error, Error::Compressed { .. } | Error::Limit { .. });
                    assert!(is_damage, "{form:?}: {error:?}");
                }
                // A bit that changes nothing.
                Ok(found) => assert!(found == disk[..512], "{form:?} {offset}"),
            }
        }
    }
}

#[test]
fn vmdk_headers_and_grains_are_checked() {
    let header = Structure::DiskHeader;
    let file = vmdk(&disk(40 * 512), 1024, true);
    let with = |offset: usize, value: u32| changed(&file, offset, &value.to_le_bytes());
    check_corrupt(VMDK, with(0, 7), header, "its magic");
    check_corrupt(VMDK, with(4, 4), header, "version");
    let footer = file.len() - 1024;
    check_corrupt(VMDK, with(footer, 7), header, "its magic");
    for size in [0, 3, 1 << 20] {
        check_corrupt(VMDK, with(footer + 20, size), header, "its block size");
    }
    for entries in [0, 3, 1 << 30] {
        let file = with(footer + 44, entries);
        check_corrupt(VMDK, file, header, "its entries per table");
    }
    check_corrupt(VMDK, with(footer + 16, u32::MAX), header, "its capacity");
    check_corrupt(VMDK, with(footer + 77, 2), header, "compression");
    check_corrupt(VMDK, with(footer + 8, 0x0001_0000), header, "flags");
    // The first grain follows the descriptor.
    let grain = 3 * 512;
    check_corrupt(VMDK, with(grain, 7), Structure::DiskBlock, "its sector");
    let limit = error(VMDK, with(grain + 8, 2049));
    assert!(matches!(limit, Error::Limit { .. }), "{limit:?}");
    for offset in grain + 12..grain + 12 + 7 + 1024 + 4 {
        let error = error(VMDK, changed(&file, offset, &[file[offset] ^ 0x55]));
        assert!(
            matches!(error, Error::Compressed { .. }),
            "{offset}: {error:?}"
        );
    }
}

#[test]
fn vhdx_headers_are_checked() {
    let header = Structure::DiskHeader;
    let file = vhdx(&disk(1 << 20));
    check_corrupt(VHDX, changed(&file, 0, b"q"), header, "its signature");
    // Of each pair one may be damaged.
    for pair in [[64 << 10, 128 << 10], [192 << 10, 256 << 10]] {
        for offset in pair {
            assert!(VHDX(&source(changed(&file, offset + 30, &[9]))).is_ok());
        }
        let both = changed(&changed(&file, pair[0] + 30, &[9]), pair[1] + 30, &[9]);
        let error = error(VHDX, both);
        assert!(matches!(error, Error::Corrupt { offset, .. } if offset == pair[0] as u64));
    }
    let both = |offset: usize, bytes: &[u8], pair: [usize; 2]| {
        let mut file = file.clone();
        for start in pair {
            file[start + offset..][..bytes.len()].copy_from_slice(bytes);
        }
        redo_vhdx_checksums(&mut file);
        file
    };
    check_corrupt(
        VHDX,
        both(66, &[2], [64 << 10, 128 << 10]),
        header,
        "version",
    );
    let regions = [192 << 10, 256 << 10];
    let many = both(8, &[0xFF; 4], regions);
    check_corrupt(VHDX, many, header, "its number of regions");
    let unknown = both(16, &[9], regions);
    check_corrupt(VHDX, unknown, header, "a region at byte");
    let short = both(16 + 24, &[0; 4], regions);
    check_corrupt(VHDX, short, Structure::DiskTable, "its length");

    let items = 2 << 20;
    let signature = "the signature of its metadata";
    check_corrupt(VHDX, changed(&file, items, b"q"), header, signature);
    let many = changed(&file, items + 10, &[0xFF; 2]);
    check_corrupt(VHDX, many, header, "its number of items");
    let unknown = changed(&file, items + 32 + 96, &[9]);
    check_corrupt(VHDX, unknown, header, "a required item");
    let none = changed(&file, items + 10, &[0; 2]);
    check_corrupt(VHDX, none, header, "its items");
    let values = items + (64 << 10);
    for size in [0, 512, (1 << 20) + 1, u32::MAX] {
        let file = changed(&file, values, &size.to_le_bytes());
        check_corrupt(VHDX, file, header, "its block size");
    }
    let huge = changed(&file, values + 16, &[0xFF; 8]);
    check_corrupt(VHDX, huge, header, "its disk size");
    let sectors = changed(&file, values + 32, &1024_u32.to_le_bytes());
    check_corrupt(VHDX, sectors, header, "its sector size");

    for entry in [4_u64, 5, 6, 7] {
        let file = changed(&file, VHDX_TABLE, &entry.to_le_bytes());
        check_corrupt(VHDX, file, Structure::DiskTable, "an entry");
    }
    check_beyond(
        VHDX,
        changed(&file, VHDX_TABLE, &[6, 0, 0, 0, 0, 0, 0, 0xFF]),
    );
}

#[test]
fn damage_of_the_file_is_a_loss_of_the_disk() {
    let file = vdi(&disk(4096), 1024);
    let damaged = changed(&file, 512, &0xFFFF_FFFD_u32.to_le_bytes());
    let disk = VDI(&source(damaged)).unwrap();
    let source: IoError = read(&disk, 0, 512).unwrap_err();
    let error = Error::Io {
        structure: Structure::BootSector,
        offset: 0,
        len: 512,
        source,
    };
    assert!(error.is_loss());
}

#[test]
fn extents_follow_each_other() {
    for (name, open, file, disk) in small() {
        let found = open(&source(file)).unwrap();
        let mut offset = 0;
        while offset < found.size() {
            match found.extent_at(offset).unwrap() {
                ByteExtent::Data { len } if len > 0 => offset += len,
                other => panic!("{name}: {other:?} at {offset}"),
            }
        }
        assert_eq!(offset, disk.len() as u64, "{name}");
    }
}

/// Zeros in their place would pass for the content.
#[test]
fn blocks_after_the_end_of_the_file_are_absent() {
    for (name, open, file, disk) in small() {
        if name == "fixed VHD" || name == "stream-optimised VMDK" {
            // What ends the file is needed to open it.
            continue;
        }
        let cut = file[..file.len() * 2 / 3].to_vec();
        let Ok(found) = open(&source(cut)) else {
            continue;
        };
        let (mut offset, mut absent) = (0, 0);
        while offset < disk.len() as u64 {
            match found.extent_at(offset) {
                Ok(ByteExtent::Data { len }) => {
                    // A compressed block that is cut is found when it is decompressed.
                    let is_compressed = name.starts_with("qcow2, ");
                    let is_read = read(&found, offset, len).is_ok();
                    assert!(is_read || is_compressed, "{name} at {offset}");
                    offset += len;
                }
                Ok(ByteExtent::Absent { len }) => {
                    assert!(read(&found, offset, len).is_err(), "{name} at {offset}");
                    absent += len;
                    offset += len;
                }
                // A table is missing.
                Err(_) => offset += 512,
            }
        }
        assert!(absent > 0 || name.starts_with("VMDK"), "{name}");
    }
}
