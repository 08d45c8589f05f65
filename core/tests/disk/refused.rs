//! Disks that need another file or a key are refused by name.

use ntfs_volume_builder::{Qcow2, qcow2, redo_vhd_checksum, vdi, vhd, vhdx, vmdk};
use ntfsclone_core::Error;

use crate::made::disk;
use crate::read::{Open, QCOW2, VDI, VHD, VHDX, VMDK, source};

#[track_caller]
fn check(open: Open, file: Vec<u8>, expected: &str) {
    match open(&source(file)).map(|_| ()) {
        Err(Error::DiskNotRead { reason }) => assert_eq!(reason, expected),
        other => panic!("{other:?}"),
    }
}

const DIFFERENCE: &str = "is a difference to its parent";

#[test]
fn differences_are_refused() {
    let disk = disk(4096);
    let mut file = vhd(&disk, Some(1024));
    let footer = file.len() - 512;
    for start in [0, footer] {
        file[start + 63] = 4;
        redo_vhd_checksum(&mut file[start..]);
    }
    check(VHD, file, DIFFERENCE);

    for kind in [3, 4] {
        let mut file = vdi(&disk, 1024);
        file[76] = kind;
        check(VDI, file, DIFFERENCE);
    }

    let mut file = vhdx(&disk);
    file[(2 << 20) + (64 << 10) + 4] |= 2;
    check(VHDX, file, DIFFERENCE);

    let text = |from: &str, to: &str| {
        let mut file = vmdk(&disk, 1024, false);
        let at = file
            .windows(from.len())
            .position(|bytes| bytes == from.as_bytes());
        file[at.unwrap()..][..to.len()].copy_from_slice(to.as_bytes());
        file
    };
    check(
        VMDK,
        text("parentCID=ffffffff", "parentCID=12345678"),
        DIFFERENCE,
    );
    check(VMDK, text("CID=12345678", "encryption.k"), "is encrypted");

    let mut file = qcow2(&disk, 9, Qcow2::Version3);
    file[15] = 200;
    file[19] = 9;
    check(QCOW2, file, "is a difference to its backing file");
}

#[test]
fn disks_of_several_files_are_refused() {
    let disk = disk(4096);
    let mut file = vmdk(&disk, 1024, false);
    // There is no descriptor in it.
    file[28..44].fill(0);
    check(
        VMDK,
        file,
        "is one of several files, described by another one",
    );

    // Or an empty one.
    let mut file = vmdk(&disk, 1024, false);
    file[512..1536].fill(0);
    check(
        VMDK,
        file,
        "is one of several files, described by another one",
    );

    let mut file = vmdk(&disk, 1024, false);
    let end = file[512..].iter().position(|&byte| byte == 0).unwrap() + 512;
    let line = b"RW 8 SPARSE \"disk-2.vmdk\"\n";
    file[end..end + line.len()].copy_from_slice(line);
    check(VMDK, file, "has its data in several files");

    let mut file = qcow2(&disk, 9, Qcow2::Version3);
    file[79] = 4;
    check(QCOW2, file, "has its data in another file");
}

#[test]
fn encryption_is_refused() {
    for method in [1, 2] {
        let mut file = qcow2(&disk(4096), 9, Qcow2::Version2);
        file[35] = method;
        check(QCOW2, file, "is encrypted");
    }
}
