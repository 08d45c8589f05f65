//! Disks that are converted as a whole: used clusters of NTFS, all else as it is.

use std::sync::Arc;

use ntfs_volume_builder::{Qcow2, VolumeBuilder, qcow2, vhd};
use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::jobs::{Arrival, Compression, Failure, OpenedDisk, Opening};
use ntfsclone_core::open::{Container, Content, PartitionTable, Probe};
use ntfsclone_core::stream;
use ntfsclone_core::write::{NTFSCLONE, PARTCLONE, RAW, WRITERS, Writer, ZstdCompressor};

use crate::copies::restored;
use crate::decompressing::compress;
use crate::driver::Driver;

const SECTOR: usize = 512;
const OTHER: usize = 1 << 20;

/// A volume, dirty or not, and what a copy of it is.
fn volume(is_dirty: bool) -> (Vec<u8>, Vec<u8>) {
    let builder = VolumeBuilder::new().clusters(700).fill_free(0xE5);
    let built = builder.dirty(is_dirty).build();
    let mut copy = restored(&built);
    copy.resize(built.bytes.len(), 0);
    (built.bytes, copy)
}

/// A disk with an MBR, with these partitions, one after the other.
fn disk(partitions: &[(u8, &[u8])]) -> Vec<u8> {
    let mut disk = vec![0; 64 * SECTOR];
    disk[..8].copy_from_slice(b"BOOTCODE");
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    for (number, (kind, bytes)) in partitions.iter().enumerate() {
        let (start, sectors) = (disk.len() / SECTOR, bytes.len().div_ceil(SECTOR));
        let entry = 446 + 16 * number;
        disk[entry + 4] = *kind;
        disk[entry + 8..entry + 12].copy_from_slice(&(start as u32).to_le_bytes());
        disk[entry + 12..entry + 16].copy_from_slice(&(sectors as u32).to_le_bytes());
        disk.extend(*bytes);
        // A gap, with something in it.
        disk.resize((start + sectors) * SECTOR + (1 << 20), 0);
        let end = disk.len();
        disk[end - 100_000..end - 99_995].copy_from_slice(b"a gap");
    }
    disk
}

/// A disk with two volumes and something else, and what a copy of it is.
fn disk_and_copy() -> (Vec<u8>, Vec<u8>) {
    let (volume, copy) = volume(false);
    let mut other = vec![0x11; OTHER];
    other[200_000..900_000].fill(0);
    let make = |volume: &[u8]| disk(&[(0x07, volume), (0x83, &other), (0x07, volume)]);
    (make(&volume), make(&copy))
}

type MemoryDriver = Driver<Arc<[u8]>>;

/// Opens the disk in `source`, decompressing what has to be.
fn open(source: &[u8]) -> Result<(OpenedDisk, MemoryDriver), Failure> {
    let mut driver = Driver::new(Arc::from(source));
    let mut opening = Opening::of_disk("source");
    loop {
        let stream = match driver.arrive(opening)? {
            Arrival::Disk(disk) => return Ok((*disk, driver)),
            Arrival::Stream(stream) => stream,
            Arrival::Opened(_) => panic!("no disk"),
        };
        let inner = driver.output(&mut stream.decompress(None)?)?;
        opening = stream.opening();
        driver = Driver::new(inner.into());
    }
}

fn converted(source: &[u8], writer: &'static Writer) -> Result<Vec<u8>, Failure> {
    let (disk, mut driver) = open(source)?;
    driver.output(&mut disk.convert(writer, None)?)
}

fn content_of(source: &[u8]) -> Content {
    Probe::new(&source).unwrap().content()
}

/// The disk that a virtual disk is.
fn disk_in(file: Vec<u8>) -> Vec<u8> {
    let file: Arc<[u8]> = file.into();
    let source: Source = Arc::new(file);
    let Content::Container(container @ Container::Disk(_)) = Probe::new(&source).unwrap().content()
    else {
        panic!("no virtual disk");
    };
    let opened = container.open(&source, &ntfsclone_core::disk::NoNeighbours);
    let inner = opened.unwrap().source;
    let mut bytes = vec![0; inner.size() as usize];
    inner.read_exact_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn every_format_of_disks_holds_the_same_disk() {
    let (disk, copy) = disk_and_copy();
    for writer in WRITERS {
        let made = converted(&disk, writer);
        match writer.id {
            "ntfsclone" | "metadata" | "partclone" => {
                assert_eq!(made.unwrap_err().code(), "target", "{}", writer.id);
            }
            "raw" => assert!(made.unwrap() == copy),
            // What it has as a disk begins with the disk: the format is known by the footer.
            "vhd-fixed" => assert!(made.unwrap()[..copy.len()] == copy),
            id => assert!(disk_in(made.unwrap())[..copy.len()] == copy, "{id}"),
        }
    }
}

#[test]
fn every_source_makes_the_same_disk() {
    let (disk, copy) = disk_and_copy();
    for source in [
        qcow2(&disk, 12, Qcow2::Zlib),
        vhd(&disk, Some(4096)),
        compress(stream::Compression::Gzip, &disk),
    ] {
        assert!(converted(&source, &RAW).unwrap() == copy);
    }
}

#[test]
fn what_is_compressed_is_the_disk() {
    let (disk, copy) = disk_and_copy();
    let (opened, mut driver) = open(&disk).unwrap();
    let compression = Compression {
        level: 1,
        compressor: Box::new(ZstdCompressor::new(1).unwrap()),
        time: None,
        note: None,
        source: None,
    };
    let mut job = opened.convert(&RAW, Some(compression)).unwrap();
    let file = driver.output(&mut job).unwrap();
    let frames = SeekableReader::open(file.as_slice()).unwrap().unwrap();
    let mut stream = vec![0; frames.size() as usize];
    frames.read_exact_at(0, &mut stream).unwrap();
    assert!(stream == copy);
    // It is opened at any place: no stream.
    let mut driver = Driver::new(file.as_slice());
    let arrival = driver.arrive(Opening::of_disk("source")).unwrap();
    let Arrival::Disk(again) = arrival else {
        panic!("not in frames");
    };
    let mut job = again.convert(&RAW, None).unwrap();
    assert!(driver.output(&mut job).unwrap() == copy);
}

#[test]
fn a_dirty_volume_is_named_by_its_partition() {
    let (volume, copy) = volume(true);
    let source = disk(&[(0x83, &[1; 4096]), (0x07, &volume)]);
    let failure = converted(&source, &RAW).unwrap_err();
    assert_eq!(failure.code(), "inconsistent");
    let text = failure.to_string();
    assert!(
        text.starts_with("partition 2: it is marked dirty"),
        "{text}"
    );
    let (opened, mut driver) = open(&source).unwrap();
    let mut job = opened.accepting_dirty().convert(&RAW, None).unwrap();
    let expected = disk(&[(0x83, &[1; 4096]), (0x07, &copy)]);
    assert!(driver.output(&mut job).unwrap() == expected);
}

/// Whose the clusters are is not known then.
#[test]
fn partitions_that_overlap_are_copied_as_they_are() {
    let (volume, _) = volume(false);
    let mut source = disk(&[(0x07, &volume), (0x83, &[1; 4096])]);
    // The second one begins within the first.
    source[462 + 8..462 + 12].copy_from_slice(&100_u32.to_le_bytes());
    assert_eq!(
        PartitionTable::read(source.as_slice())
            .unwrap()
            .partitions
            .len(),
        2
    );
    assert!(converted(&source, &RAW).unwrap() == source);
}

#[test]
fn what_is_no_disk_is_refused() {
    let (volume, _) = volume(false);
    let mut driver = Driver::new(volume.as_slice());
    let opened = driver.open().unwrap();
    let mut job = opened.convert(&PARTCLONE, None).unwrap();
    let partclone = driver.output(&mut job).unwrap();
    let mut job = opened.convert(&NTFSCLONE, None).unwrap();
    let image = driver.output(&mut job).unwrap();
    assert_eq!(content_of(&image), Content::Image);
    for source in [&volume, &image, &partclone, &vec![7; 100_000]] {
        let failure = open(source).unwrap_err();
        assert_eq!(failure.code(), "no-partition", "{failure}");
    }
}
