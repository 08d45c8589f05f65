//! A partition of a whole disk.

use std::path::Path;

use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::open::Damage;

use super::files::Files;
use crate::device;
use crate::error::Result;
use crate::report;

/// The device of the partition with this number, where the kernel has one: others
/// that use it are known there, too.
pub(super) fn device_of(disk: &Files, number: u32) -> Result<Option<Files>> {
    let metadata = disk.metadata();
    let node = metadata
        .first()
        .and_then(|metadata| device::partition_node(metadata, number));
    node.map(|node| Files::open(&[node])).transpose()
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
