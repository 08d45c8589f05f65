//! Volumes in virtual disks: all that is made of them is what is made of the volume itself.

use std::sync::Arc;

use ntfs_volume_builder::{Qcow2, VolumeBuilder, qcow2, vdi, vhd, vhdx, vmdk};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Failure, Opening, Step, open};
use ntfsclone_core::write::{NTFSCLONE, RAW, Writer};

use crate::driver::Driver;

fn converted(source: &(impl ReadAt + ?Sized), writer: &'static Writer) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open()?;
    driver.output(&mut opened.convert(writer, None)?)
}

fn volume() -> Vec<u8> {
    VolumeBuilder::new()
        .clusters(2000)
        .label("DISK")
        .build()
        .bytes
}

fn disks(volume: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("VHD", vhd(volume, Some(4096))),
        ("VDI", vdi(volume, 4096)),
        ("qcow2", qcow2(volume, 12, Qcow2::Version3)),
        ("qcow2", qcow2(volume, 12, Qcow2::Zlib)),
        ("qcow2", qcow2(volume, 12, Qcow2::Zstd)),
        ("qcow2", qcow2(volume, 14, Qcow2::Subclusters)),
        ("VMDK", vmdk(volume, 4096, false)),
        ("VMDK", vmdk(volume, 4096, true)),
        ("VHDX", vhdx(volume)),
    ]
}

#[test]
fn conversions_equal_those_of_the_volume() {
    let volume = volume();
    for writer in [&RAW, &NTFSCLONE] {
        let expected = converted(volume.as_slice(), writer).unwrap();
        for (name, disk) in disks(&volume) {
            let made = converted(disk.as_slice(), writer).unwrap();
            assert!(made == expected, "{name}");
        }
    }
}

#[test]
fn a_driver_learns_of_a_disk_before_it_is_opened() {
    let volume = volume();
    for (name, disk) in disks(&volume) {
        let mut driver = Driver::new(disk.as_slice());
        let mut job = open(Opening::new(name, None), Arc::clone(&driver.pages));
        let mut opens = 0;
        driver
            .run(&mut job, |step| {
                opens += u32::from(step == Step::OpensContainer)
            })
            .unwrap();
        assert_eq!(opens, 1, "{name}");
    }
    let mut driver = Driver::new(volume.as_slice());
    let mut job = open(Opening::new("volume", None), Arc::clone(&driver.pages));
    driver
        .run(&mut job, |step| assert_ne!(step, Step::OpensContainer))
        .unwrap();
}

#[test]
fn info_is_that_of_the_volume() {
    let volume = volume();
    let mut driver = Driver::new(volume.as_slice());
    let opened = driver.open().unwrap();
    let expected = driver.info(&opened).unwrap();
    for (name, disk) in disks(&volume) {
        let mut driver = Driver::new(disk.as_slice());
        let opened = driver.open().unwrap();
        let info = driver.info(&opened).unwrap();
        assert_eq!(info.layers, [name]);
        assert_eq!(info.size, Some(disk.len() as u64), "{name}");
        assert_eq!(info.volume, expected.volume, "{name}");
    }
}

#[test]
fn disks_that_need_another_file_are_refused() {
    let mut disk = vdi(&volume(), 4096);
    // A difference.
    disk[76] = 4;
    let failure = Driver::new(disk.as_slice()).open().unwrap_err();
    assert_eq!(failure.code(), "needs-file");
}

#[test]
fn damage_is_told_where_it_is_read() {
    let mut disk = vdi(&volume(), 4096);
    // The entry of the first block.
    disk[512..516].copy_from_slice(&0x7000_0000_u32.to_le_bytes());
    let failure = converted(disk.as_slice(), &RAW).unwrap_err();
    assert!(failure.to_string().contains("truncated"), "{failure}");
}
