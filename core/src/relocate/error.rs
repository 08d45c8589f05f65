//! Why a volume cannot get another size.

use crate::error::Error;
use crate::units::{Extent, RecordNumber};

/// Why a volume cannot get another size.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelocateError {
    /// Its files do not fit.
    #[error("its files need a volume of at least {least} bytes")]
    TooSmall {
        /// Bytes of the least volume, with its backup boot sector.
        least: u64,
    },

    /// NTFS cannot describe so many clusters.
    #[error("a volume of {clusters} clusters is too large: the limit of NTFS is {limit}")]
    TooLarge {
        /// How many clusters.
        clusters: u64,
        /// The most that there may be.
        limit: u64,
    },

    /// A structure would be smaller than a sector.
    #[error("its {what} have {size} bytes, and cannot be on sectors of {sector_size}")]
    SmallerThanSector {
        /// Clusters or index blocks.
        what: &'static str,
        /// Bytes of one.
        size: u32,
        /// Bytes of a sector of the new volume.
        sector_size: u32,
    },

    /// The place of the boot sector would be taken by other clusters.
    #[error("cluster 0, which has the boot sector, counts as free or bad")]
    BootSectorFree,

    /// A record is damaged, so that its runlists cannot be changed.
    #[error("MFT record {record} is damaged")]
    Record {
        /// The record.
        record: RecordNumber,
        /// What is wrong with it.
        source: Error,
    },

    /// A runlist names clusters that are not in use by the account of the volume.
    #[error("MFT record {record} names {extent}, which count as free")]
    FreeClusters {
        /// The record.
        record: RecordNumber,
        /// The clusters.
        extent: Extent,
    },

    /// A runlist gets longer, and its record has no space for that.
    #[error("MFT record {record} has no space for a longer runlist")]
    RecordFull {
        /// The record.
        record: RecordNumber,
    },

    /// A file whose length changes is described by more than one record.
    #[error("{file} is too fragmented: more than one MFT record describes it")]
    Fragmented {
        /// `$Bitmap` or `$BadClus`.
        file: &'static str,
    },

    /// The volume could not be read, or is damaged.
    #[error(transparent)]
    Volume(#[from] Error),
}
