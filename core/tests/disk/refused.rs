//! Disks that need another file or a key are refused by name.

use ntfs_volume_builder::{Qcow2, qcow2, vhdx, vmdk};
use ntfsclone_core::Error;

use crate::made::disk;
use crate::read::{Open, QCOW2, VHDX, VMDK, source};

#[track_caller]
fn check(open: Open, file: Vec<u8>, expected: &str) {
    match open(&source(file)).map(|_| ()) {
        Err(Error::DiskNotRead { reason }) => assert_eq!(reason, expected),
        other => panic!("{other:?}"),
    }
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
    check(
        QCOW2,
        file,
        "has its data in another file, and does not name it",
    );

    let mut file = vhdx(&disk);
    file[(2 << 20) + (64 << 10) + 4] |= 2;
    check(VHDX, file, "is a difference to its parent, and names none");
}

#[test]
fn encryption_is_refused() {
    for method in [1, 2] {
        let mut file = qcow2(&disk(4096), 9, Qcow2::Version2);
        file[35] = method;
        check(QCOW2, file, "is encrypted");
    }
    let mut file = vmdk(&disk(4096), 1024, false);
    let id = file.windows(3).position(|bytes| bytes == b"CID").unwrap();
    file[id..id + 12].copy_from_slice(b"encryption.k");
    check(VMDK, file, "is encrypted");
}
