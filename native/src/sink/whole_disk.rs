//! Whole disks: what is written there takes the place of all partitions.

use std::path::Path;

use ntfsclone_core::open::{Kind, PartitionTable};

use super::place::Place;
use crate::error::{Error, Result};
use crate::input::Files;
use crate::options::Output;

/// Refuses to write over a partition table, which is nearly always the wrong
/// device: `/dev/sdb` for `/dev/sdb1`.
pub fn refuse_partition_table(output: &Output, place: Place) -> Result<()> {
    let (Output::File { path, .. }, Place::BlockDevice) = (output, place) else {
        return Ok(());
    };
    let disk = Files::open(std::slice::from_ref(path))?;
    match PartitionTable::to_protect(&disk) {
        None => Ok(()),
        Some(table) => Err(refused(path, &table)),
    }
}

fn refused(path: &Path, table: &PartitionTable) -> Error {
    let kind = match table.kind {
        Kind::Mbr => "MBR",
        Kind::Gpt => "GPT",
    };
    let count = match table.partitions.len() {
        0 => "which would be lost".to_owned(),
        1 => "and the partition in it would be lost".to_owned(),
        count => format!("and the {count} partitions in it would be lost"),
    };
    Error::refused(
        path,
        format!("has a partition table ({kind}), {count}"),
        "name one of its partitions; or write over the whole disk with --force",
    )
}
