//! What is written is read again here.

use std::sync::Arc;

use ntfsclone_core::disk::{DiskFormat, NoNeighbours};
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::Container;
use ntfsclone_core::open::{Kind, PartitionTable};
use ntfsclone_core::write::{Out, Partitioning, Stopped, Writer};

use crate::encoding::{DISKS, encode, encode_into, expected, volumes};

struct Bytes(Vec<u8>);

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.as_slice().read_exact_at(offset, buf)
    }
}

/// The disk in a file.
pub(crate) fn open(writer: &Writer, file: Vec<u8>) -> Source {
    let format = match writer.id {
        "qcow2" => DiskFormat::Qcow2,
        "vdi" => DiskFormat::Vdi,
        "vhd" | "vhd-fixed" => DiskFormat::Vhd,
        "vhdx" => DiskFormat::Vhdx,
        "vmdk" => DiskFormat::Vmdk,
        other => panic!("{other}"),
    };
    let source: Source = Arc::new(Bytes(file));
    let opened = Container::Disk(format).open(&source, &NoNeighbours);
    opened.unwrap().source
}

pub(crate) fn read(disk: &Source, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xEE; len];
    disk.read_exact_at(offset, &mut bytes).unwrap();
    bytes
}

#[test]
fn volumes_are_the_same_on_every_disk() {
    for (name, built) in volumes() {
        for writer in DISKS {
            let case = format!("{name}, {}", writer.id);
            let at_once = 1 << 20;
            let file = encode(writer, &built, Partitioning::None, at_once);
            let disk = open(writer, file);
            let volume = expected(&built, 0);
            assert_eq!(
                disk.size(),
                (volume.len() as u64).next_multiple_of(512),
                "{case}"
            );
            assert!(read(&disk, 0, volume.len()) == volume, "{case}");

            for (partitioning, kind) in [
                (Partitioning::Gpt, Kind::Gpt),
                (Partitioning::Mbr, Kind::Mbr),
            ] {
                let file = encode(writer, &built, partitioning, at_once);
                let disk = open(writer, file);
                let table = PartitionTable::read(&disk).unwrap();
                assert_eq!((table.kind, table.damage), (kind, None), "{case}");
                let [partition] = &table.partitions[..] else {
                    panic!("{case}: {table:?}");
                };
                assert!(partition.is_ntfs, "{case}");
                assert_eq!(partition.offset, 1 << 20, "{case}");
                let volume = expected(&built, partition.offset);
                let len = (volume.len() as u64).next_multiple_of(512);
                assert_eq!(partition.size, len, "{case}");
                let found = read(&disk, partition.offset, volume.len());
                assert!(found == volume, "{case}");
                assert_eq!(disk.size() % (1 << 20), 0, "{case}");
            }
        }
    }
}

#[test]
fn the_output_does_not_depend_on_the_pieces_in_which_data_comes() {
    let (_, built) = volumes().remove(1);
    for writer in DISKS {
        let whole = encode(writer, &built, Partitioning::Gpt, usize::MAX >> 1);
        for at_once in [4096, 512 * 77] {
            let other = encode(writer, &built, Partitioning::Gpt, at_once);
            assert!(other == whole, "{} {at_once}", writer.id);
        }
    }
}

/// A host that works on several blocks at once.
struct InBlocks {
    output: Vec<u8>,
    at_once: usize,
}

impl Out for InBlocks {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        self.output.put(bytes)
    }

    fn zeros(&mut self, len: u64) -> Result<(), Stopped> {
        self.output.zeros(len)
    }

    fn blocks_at_once(&self) -> usize {
        self.at_once
    }

    fn for_each_block(&mut self, blocks: &mut [Vec<u8>], work: fn(&mut Vec<u8>)) {
        assert!(blocks.len() <= self.at_once);
        blocks.iter_mut().rev().for_each(work);
    }
}

#[test]
fn the_output_does_not_depend_on_how_many_blocks_are_worked_on_at_once() {
    for (name, built) in volumes() {
        for writer in DISKS {
            let expected = encode(writer, &built, Partitioning::Gpt, 1 << 20);
            for at_once in [3, 1000] {
                let mut out = InBlocks {
                    output: Vec::new(),
                    at_once,
                };
                encode_into(&mut out, writer, &built, Partitioning::Gpt, 1 << 20);
                assert!(out.output == expected, "{name} {} {at_once}", writer.id);
            }
        }
    }
}
