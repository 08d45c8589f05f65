//! Images and volumes within partitions and compressed streams.

use std::sync::Arc;

use ntfs_volume_builder::{Qcow2, VolumeBuilder, qcow2, vdi, vhd};
use ntfsclone_core::jobs::{Arrival, Failure, Opened, Opening};
use ntfsclone_core::open::NotOpened;
use ntfsclone_core::stream::Compression;

use crate::decompressing::compress;
use crate::driver::Driver;

const START: usize = 1 << 20;

fn volume() -> Vec<u8> {
    VolumeBuilder::new().build().bytes
}

/// A disk with an MBR; `content` is its second partition, in which
/// `after` follows it.
fn disk(content: &[u8], after: &[u8]) -> Vec<u8> {
    let mut disk = vec![0; START];
    let sectors = (content.len() + after.len()).div_ceil(512);
    for (entry, kind, start, sectors) in [(446, 0x83, 64, 64), (462, 0x07, START / 512, sectors)] {
        disk[entry + 4] = kind;
        disk[entry + 8..entry + 12].copy_from_slice(&(start as u32).to_le_bytes());
        disk[entry + 12..entry + 16].copy_from_slice(&(sectors as u32).to_le_bytes());
    }
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    disk.extend(content);
    disk.extend(after);
    disk.resize(START + sectors * 512, 0);
    disk
}

type MemoryDriver = Driver<Arc<[u8]>>;

fn open(source: &[u8], partition: Option<u32>) -> Result<(Opened, MemoryDriver), Failure> {
    open_by(Opening::new("source", partition), source)
}

/// Opens what is in `source`, decompressing what has to be.
fn open_by(mut opening: Opening, source: &[u8]) -> Result<(Opened, MemoryDriver), Failure> {
    let mut driver = Driver::new(Arc::from(source));
    loop {
        let stream = match driver.arrive(opening)? {
            Arrival::Opened(opened) => return Ok((*opened, driver)),
            Arrival::Stream(stream) => stream,
            Arrival::Disk(_) => panic!("a whole disk"),
        };
        let inner = driver.output(&mut stream.decompress(None)?)?;
        opening = stream.opening();
        driver = Driver::new(inner.into());
    }
}

#[track_caller]
fn check(source: &[u8], partition: Option<u32>, size: usize, layers: &[&str]) {
    let volume = volume();
    let (opened, mut driver) = open(source, partition).unwrap();
    let info = driver.info(&opened).unwrap();
    assert_eq!(info.size, Some(size as u64));
    assert_eq!(info.layers, layers);
    assert_eq!(info.warnings, [""; 0]);
    let read = driver.output(&mut opened.read(0..u64::MAX)).unwrap();
    assert!(read == volume);
}

#[test]
fn partitions_and_streams_in_any_order() {
    let volume = volume();
    let gzip = |bytes: &[u8]| compress(Compression::Gzip, bytes);
    let size = volume.len();

    let plain = disk(&volume, &[]);
    check(&plain, Some(2), size, &["partition 2"]);

    let outside = gzip(&plain);
    check(&outside, Some(2), outside.len(), &["gzip", "partition 2"]);

    let stream = gzip(&volume);
    let inside = disk(&stream, &[0xEE; 3000]);
    let partition = inside.len() - START;
    check(&inside, Some(2), partition, &["partition 2", "gzip"]);

    let lz4 = compress(Compression::Lz4, &inside);
    check(&lz4, Some(2), lz4.len(), &["lz4", "partition 2", "gzip"]);
}

#[test]
fn partitions_of_virtual_disks_are_entered() {
    let plain = disk(&volume(), &[]);
    let check_disk = |name: &str, disk: &[u8]| {
        check(disk, Some(2), disk.len(), &[name, "partition 2"]);
        let stream = compress(Compression::Gzip, disk);
        let layers = ["gzip", name, "partition 2"];
        check(&stream, Some(2), stream.len(), &layers);
    };
    check_disk("VHD", &vhd(&plain, None));
    check_disk("VDI", &vdi(&plain, 4096));
    let image = qcow2(&plain, 12, Qcow2::Version3);
    check_disk("qcow2", &image);
    let within = vdi(&image, 4096);
    let layers = ["VDI", "qcow2", "partition 2"];
    check(&within, Some(2), within.len(), &layers);
    let thrice = vdi(&within, 4096);
    let Err(Failure::NotOpened(found)) = open(&thrice, Some(2)) else {
        panic!("there is no limit");
    };
    assert_eq!(found, NotOpened::Containers);
}

#[test]
fn the_only_partition_with_ntfs_is_entered_with_a_warning() {
    let plain = disk(&volume(), &[]);
    let image = qcow2(&plain, 12, Qcow2::Version3);
    let stream = compress(Compression::Gzip, &plain);
    for (source, outer) in [
        (&plain, None),
        (&image, Some("qcow2")),
        (&stream, Some("gzip")),
    ] {
        let (opened, mut driver) = open(source, None).unwrap();
        let info = driver.info(&opened).unwrap();
        let layers: Vec<_> = outer.into_iter().chain(["partition 2"]).collect();
        assert_eq!(info.layers, layers);
        let [warning] = &info.warnings[..] else {
            panic!("{:?}", info.warnings);
        };
        assert!(warning.starts_with("partition 2 of the disk is opened, the only one with NTFS"));
        let read = driver.output(&mut opened.read(0..u64::MAX)).unwrap();
        assert!(read == volume());
    }
}

#[test]
fn partitions_are_listed_if_none_or_several_have_ntfs() {
    let plain = disk(&volume(), &[]);
    let mut none = plain.clone();
    none[START + 3..START + 11].fill(0);
    let mut several = plain.clone();
    several[64 * 512 + 3..64 * 512 + 11].copy_from_slice(b"NTFS    ");
    let listing = || Opening::new("source", None).listing_partitions();
    let by_default = || Opening::new("source", None);
    for (opening, source) in [
        (listing(), &plain),
        (listing(), &qcow2(&plain, 12, Qcow2::Version3)),
        (listing(), &compress(Compression::Gzip, &plain)),
        (by_default(), &none),
        (by_default(), &several),
    ] {
        let Err(Failure::NotOpened(NotOpened::Disk(table))) = open_by(opening, source) else {
            panic!("a partition was entered");
        };
        assert_eq!(table.partitions.len(), 2);
    }
}

#[test]
fn a_partition_ends_where_its_disk_does() {
    let volume = volume();
    let mut disk = disk(&volume, &[]);
    disk.truncate(START + volume.len() / 2);
    let (opened, mut driver) = open(&disk, Some(2)).unwrap();
    let info = driver.info(&opened).unwrap();
    assert_eq!(info.size, Some(volume.len() as u64 / 2));
}

#[test]
fn streams_in_streams_have_a_limit() {
    let volume = volume();
    let gzip = |bytes: &[u8]| compress(Compression::Gzip, bytes);
    let twice = gzip(&gzip(&volume));
    check(&twice, None, twice.len(), &["gzip", "gzip"]);
    let failure = open(&gzip(&twice), None).unwrap_err();
    assert_eq!(failure.code(), "not-seekable");
    let expected = NotOpened::Compressions(Compression::Gzip);
    assert!(matches!(failure, Failure::NotOpened(found) if found == expected));
}

#[test]
fn without_that_partition_nothing_is_opened() {
    let volume = volume();
    let disk = disk(&volume, &[]);
    for (source, partition, code) in [
        (&disk, Some(0), "no-partition"),
        (&disk, Some(3), "no-partition"),
        (&disk, Some(1), "not-ntfs"),
        (&volume, Some(1), "no-partition"),
    ] {
        let failure = open(source, partition).unwrap_err();
        assert_eq!(failure.code(), code, "{partition:?}: {failure}");
    }
}
