//! A partition of a whole disk, by its number.

use std::path::Path;

use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::partition_table::{self, Partition};

use super::files::Files;
use crate::device;
use crate::error::{Error, Result};
use crate::report;

/// The partition with this number, of the disk `name`.
pub fn select(name: &Path, disk: Files, number: u32) -> Result<Files> {
    let node = disk
        .metadata()
        .first()
        .and_then(|metadata| device::partition_node(metadata, number));
    // Where the kernel knows it, others that use it are known, too.
    if let Some(node) = node {
        return Files::open(&[node]);
    }
    let partition = find(name, partition_table::read(&disk), number)?;
    Ok(disk.part(partition.offset, partition.size))
}

/// The partition with this number, of a disk of which only the `start` is read
/// so far.
pub fn find_in_stream(name: &Path, start: &[u8], number: u32) -> Result<Partition> {
    find(name, partition_table::read(&Start(start)), number)
}

fn find(name: &Path, partitions: Vec<Partition>, number: u32) -> Result<Partition> {
    if partitions.is_empty() {
        return Err(Error::refused(
            name,
            "has no partition table",
            "leave out --partition, if it is a volume or an image",
        ));
    }
    let numbers: Vec<String> = partitions
        .iter()
        .map(|partition| partition.number.to_string())
        .collect();
    let mut partitions = partitions.into_iter();
    let found = partitions.find(|partition| partition.number == number);
    found.ok_or_else(|| {
        Error::refused(
            name,
            format!("has no partition {number}; it has {}", numbers.join(", ")),
            "name one of these with --partition",
        )
    })
}

/// The error for a whole disk.
pub fn refuse_disk(name: &Path, partitions: &[Partition]) -> Error {
    let mut ntfs = partitions.iter().filter(|partition| partition.is_ntfs);
    let list: Vec<String> = ntfs.clone().map(describe).collect();
    let (found, remedy) = match ntfs.next() {
        None => (
            format!(
                "is a whole disk with {} partitions, none of them NTFS",
                partitions.len()
            ),
            "is it the right disk?".to_owned(),
        ),
        Some(first) => (
            format!("is a whole disk; NTFS is in{}", list.concat()),
            format!("name the partition: --partition {}", first.number),
        ),
    };
    Error::refused(name, found, remedy)
}

fn describe(partition: &Partition) -> String {
    format!(
        "{}partition {}: at byte {}, {}",
        report::NEXT_ITEM,
        partition.number,
        partition.offset,
        report::size(partition.size)
    )
}

/// The error for a whole disk in a stream, of which only the start is read.
pub fn refuse_disk_stream(name: &Path, partitions: &[Partition]) -> Error {
    let list: Vec<String> = partitions.iter().map(describe).collect();
    Error::refused(
        name,
        format!("is a whole disk, with{}", list.concat()),
        "name the partition with NTFS: --partition N",
    )
}

/// The first bytes of something long.
pub struct Start<'a>(pub &'a [u8]);

impl ReadAt for Start<'_> {
    fn size(&self) -> u64 {
        u64::MAX
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.read_exact_at(offset, buf)
    }
}
