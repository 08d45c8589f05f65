//! The disk that a volume in another size is for.

use alloc::vec::Vec;

use super::error::RelocateError;
use crate::units::{Extent, Geometry};

/// The disk that a volume in another size is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDisk {
    /// Bytes of a sector: a power of two, 256 to 4096.
    pub sector_size: u32,
    /// Clusters that stay marked as bad, in any order. Those past the end of the new volume are
    /// left out.
    pub bad: Vec<Extent>,
}

impl NewDisk {
    /// A sound disk, with the sectors that the volume has.
    pub fn like(geometry: &Geometry) -> Self {
        Self {
            sector_size: geometry.sector_size,
            bad: Vec::new(),
        }
    }

    /// Checks that clusters and index blocks have whole sectors of the disk.
    ///
    /// # Errors
    ///
    /// [`RelocateError::SmallerThanSector`].
    pub fn check(&self, geometry: &Geometry) -> Result<(), RelocateError> {
        let sector_size = self.sector_size;
        for (what, size) in [
            ("clusters", geometry.cluster_size),
            ("index blocks", geometry.index_record_size),
        ] {
            if size < sector_size {
                return Err(RelocateError::SmallerThanSector {
                    what,
                    size,
                    sector_size,
                });
            }
        }
        Ok(())
    }
}
