//! Disks made here, with blocks of all sizes.

use ntfs_volume_builder::{Qcow2, pattern, qcow2, vdi, vhd, vhdx, vmdk};

use crate::read::{Open, QCOW2, VDI, VHD, VHDX, VMDK, check, source};

/// A disk of `size` bytes, with data here and there.
pub(crate) fn disk(size: usize) -> Vec<u8> {
    let mut disk = vec![0; size];
    let data = pattern(7, size / 3);
    for (index, piece) in data.chunks(1 + size / 17).enumerate() {
        let offset = (index * size / 6 + 100).min(size - piece.len());
        disk[offset..offset + piece.len()].copy_from_slice(piece);
    }
    disk[size - 1] = 0xFE;
    disk
}

/// Every format, with blocks as small as it has them.
pub(crate) fn small() -> Vec<(&'static str, Open, Vec<u8>, Vec<u8>)> {
    let disk = &disk(18 * 512);
    let row = |name, open, file| (name, open, file, disk.clone());
    vec![
        row("fixed VHD", VHD, vhd(disk, None)),
        row("dynamic VHD", VHD, vhd(disk, Some(1024))),
        row("VDI", VDI, vdi(disk, 1024)),
        row("qcow2 2", QCOW2, qcow2(disk, 9, Qcow2::Version2)),
        row("qcow2 3", QCOW2, qcow2(disk, 9, Qcow2::Version3)),
        row("qcow2, zlib", QCOW2, qcow2(disk, 9, Qcow2::Zlib)),
        row("qcow2, zstd", QCOW2, qcow2(disk, 9, Qcow2::Zstd)),
        row("VMDK", VMDK, vmdk(disk, 1024, false)),
        row("stream-optimised VMDK", VMDK, vmdk(disk, 1024, true)),
    ]
}

#[track_caller]
fn check_file(open: Open, file: Vec<u8>, disk: &[u8], name: &str) {
    check(&open(&source(file)).unwrap(), disk, name);
}

#[test]
fn small_disks_are_read() {
    for (name, open, file, disk) in small() {
        check_file(open, file, &disk, name);
    }
}

#[test]
fn blocks_of_all_sizes_are_read() {
    for size in [512, 4096 * 3 + 512, 700 * 512, 4 << 20] {
        let disk = disk(size);
        for bits in [9, 10, 12, 16] {
            let block = 1 << bits;
            for form in [Qcow2::Version2, Qcow2::Version3, Qcow2::Zlib, Qcow2::Zstd] {
                let is_compressed = matches!(form, Qcow2::Zlib | Qcow2::Zstd);
                // Stored data of a block has a length of 16 bits.
                if !is_compressed || bits < 16 {
                    let name = format!("{form:?} {bits} {size}");
                    check_file(QCOW2, qcow2(&disk, bits, form), &disk, &name);
                }
            }
            check_file(VHD, vhd(&disk, Some(block)), &disk, "VHD");
            check_file(VDI, vdi(&disk, block), &disk, "VDI");
            check_file(VMDK, vmdk(&disk, block, false), &disk, "VMDK");
            if bits < 16 {
                check_file(VMDK, vmdk(&disk, block, true), &disk, "compressed VMDK");
            }
        }
        for bits in [14, 16, 21] {
            let file = qcow2(&disk, bits, Qcow2::Subclusters);
            check_file(QCOW2, file, &disk, "subclusters");
        }
        check_file(VHDX, vhdx(&disk), &disk, "VHDX");
    }
}

/// An entry of a sector bitmap, which is unused, follows the entries of 4096 blocks of 1 MiB.
#[test]
fn entries_of_sector_bitmaps_are_skipped() {
    use ntfs_volume_builder::{VHDX_TABLE, redo_vhdx_checksums};

    let disk = disk(1 << 20);
    let mut file = vhdx(&disk);
    let size = (4097_u64 << 20).to_le_bytes();
    file[(2 << 20) + (64 << 10) + 16..][..8].copy_from_slice(&size);
    let entry: [u8; 8] = file[VHDX_TABLE..][..8].try_into().unwrap();
    file[VHDX_TABLE..][..8].fill(0);
    file[VHDX_TABLE + 8 * 4096..][..8].fill(0xFF);
    file[VHDX_TABLE + 8 * 4097..][..8].copy_from_slice(&entry);
    redo_vhdx_checksums(&mut file);
    let found = VHDX(&source(file)).unwrap();
    assert_eq!(found.size(), 4097 << 20);
    let last = crate::read::read(&found, 4096 << 20, 1 << 20).unwrap();
    assert!(last == disk);
}
