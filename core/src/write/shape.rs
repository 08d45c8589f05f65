//! What is encoded: a volume, or a disk as it is.

use alloc::boxed::Box;

use super::DiskLayout;
use crate::plan::Plan;

/// What is encoded.
#[derive(Clone, Copy)]
pub enum Shape<'a> {
    /// A volume.
    Volume {
        /// Its clusters.
        plan: &'a Plan,
        /// The disk that it is written into; `None` if the output is of the volume alone.
        disk: Option<&'a DiskLayout>,
    },
    /// A disk as it is.
    Disk(&'a dyn DiskContent),
}

/// A disk that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes: whole sectors.
    pub size: u64,
    /// Bytes of a sector, 512 or 4096.
    pub sector_size: u32,
    /// The number that the identifiers in the file of a virtual disk are made from: the same disk
    /// always makes the same file.
    pub serial_number: u64,
}

/// A disk and where it has content: all that formats need to know before its first byte, as their
/// tables precede the content.
pub trait DiskContent {
    /// The disk.
    fn disk(&self) -> Disk;

    /// The parts of the disk that are written, in order: offset and length in bytes. All others
    /// are zeros.
    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_>;
}

impl<'a> Shape<'a> {
    /// The volume alone.
    pub fn of_volume(plan: &'a Plan) -> Self {
        Self::Volume { plan, disk: None }
    }
}
