//! A partition of a whole disk.

use std::path::Path;

use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::open::{Content, Damage, Nesting, Partition, PartitionTable};

use super::files::Files;
use crate::device;
use crate::error::Result;
use crate::report::{self, Reports};

/// The device of the partition with this number, where the kernel has one: others
/// that use it are known there, too.
pub(super) fn device_of(disk: &Files, number: u32) -> Result<Option<Files>> {
    let metadata = disk.metadata();
    let node = metadata
        .first()
        .and_then(|metadata| device::partition_node(metadata, number));
    node.map(|node| Files::open(&[node])).transpose()
}

/// Enters the partition of a disk that `only` finds, and reports it, if none is named and none was entered.
pub(super) fn choose(
    name: &Path,
    nesting: &mut Nesting,
    content: &Content,
    only: fn(&PartitionTable) -> Option<&Partition>,
) {
    if let Content::Disk(table) = content
        && !nesting.has_partition()
        && let Some(partition) = only(table)
    {
        // Of a stream, that is not known yet.
        let with_ntfs = if partition.is_ntfs { " with NTFS" } else { "" };
        Reports::TO_STDERR.line(format_args!(
            "{}: is a whole disk; partition {} is taken, the only one{with_ntfs}",
            name.display(),
            partition.number
        ));
        nesting.choose_partition(partition.number);
    }
}

/// The only partition of a disk, of which no more than the table is read.
pub(super) fn only_one(table: &PartitionTable) -> Option<&Partition> {
    match &table.partitions[..] {
        [partition] => Some(partition),
        _ => None,
    }
}

/// Warns of a table that is damaged: what is taken for the partition may be
/// another part of the disk.
pub fn warn_of(name: &Path, damage: Option<Damage>) {
    let Some(damage) = damage else {
        return;
    };
    report::warning(format_args!("{}: {damage}", name.display()));
}

/// The first bytes of something long.
pub(super) struct Start<'a>(pub(super) &'a [u8]);

impl ReadAt for Start<'_> {
    fn size(&self) -> u64 {
        u64::MAX
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.read_exact_at(offset, buf)
    }
}
