//! What a volume is converted to: a form, and the partition table of the disk that it describes.

use super::{DiskLayout, DiskSupport, Partitioning, Writer};
use crate::error::Result;
use crate::plan::Plan;

/// A form in which a volume is written, perhaps as a part of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// The form.
    pub writer: &'static Writer,
    /// The partition table of the disk.
    pub partitioning: Partitioning,
}

impl Conversion {
    /// A conversion to the form of `writer`. Without a request, a virtual disk has a GUID
    /// partition table, and a raw volume has none. `None` if a partition table is requested of a
    /// form that holds a volume without a disk.
    pub fn new(writer: &'static Writer, partitioning: Option<Partitioning>) -> Option<Self> {
        let partitioning = match (partitioning, writer.disk) {
            (Some(Partitioning::Gpt | Partitioning::Mbr), DiskSupport::None) => return None,
            (Some(requested), _) => requested,
            (None, _) => default_partitioning(writer),
        };
        Some(Self {
            writer,
            partitioning,
        })
    }

    /// Whether the output is the bytes of the volume.
    pub fn is_raw_volume(&self) -> bool {
        self.writer.disk == DiskSupport::Bytes && self.partitioning == Partitioning::None
    }

    /// The disk around the volume of `plan`; `None` if the output is of the volume alone.
    ///
    /// # Errors
    ///
    /// [`Error::DiskTooLarge`](crate::Error::DiskTooLarge).
    pub fn layout(&self, plan: &Plan, serial_number: u64) -> Result<Option<DiskLayout>> {
        let support = self.writer.disk;
        if support == DiskSupport::None || self.is_raw_volume() {
            return Ok(None);
        }
        let has_large_sectors = support == DiskSupport::DiskWithLargeSectors;
        DiskLayout::new(self.partitioning, plan, serial_number, has_large_sectors).map(Some)
    }
}

/// Without a request for a partition table.
impl From<&'static Writer> for Conversion {
    fn from(writer: &'static Writer) -> Self {
        Self {
            writer,
            partitioning: default_partitioning(writer),
        }
    }
}

fn default_partitioning(writer: &Writer) -> Partitioning {
    match writer.disk {
        DiskSupport::Disk | DiskSupport::DiskWithLargeSectors => Partitioning::Gpt,
        DiskSupport::None | DiskSupport::Bytes => Partitioning::None,
    }
}
