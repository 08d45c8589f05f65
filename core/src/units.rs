//! Units of an NTFS volume, and the checked conversions between them.
//!
//! Arithmetic saturates: a saturated position lies beyond every device, so
//! that reading there fails cleanly instead of wrapping to a wrong place.

use core::fmt;

/// Logical cluster number: a cluster's place on the volume, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Lcn(pub u64);

/// Virtual cluster number: a cluster's place within one attribute, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Vcn(pub u64);

/// Number of a record in `$MFT`, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RecordNumber(pub u64);

impl Lcn {
    /// The cluster `count` clusters on.
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl Vcn {
    /// The cluster `count` clusters on.
    pub fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl fmt::Display for Lcn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Vcn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for RecordNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Consecutive clusters of the volume: `len` of them from `start`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Extent {
    /// The first cluster.
    pub start: Lcn,
    /// How many clusters.
    pub len: u64,
}

impl Extent {
    /// `len` clusters from `start`.
    pub fn new(start: Lcn, len: u64) -> Self {
        Self { start, len }
    }

    /// The cluster after the last one.
    pub fn end(self) -> Lcn {
        self.start.plus(self.len)
    }

    /// What of it lies before cluster `end`; `None` if nothing does.
    pub fn before(self, end: u64) -> Option<Self> {
        let len = self.end().0.min(end).checked_sub(self.start.0)?;
        (len > 0).then(|| Self::new(self.start, len))
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            1 => write!(f, "cluster {}", self.start),
            _ => write!(
                f,
                "clusters {} to {}",
                self.start,
                self.end().0.saturating_sub(1)
            ),
        }
    }
}

/// The sizes of a volume, each checked when the boot sector was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes in a sector: a power of two, 256 to 4096.
    pub sector_size: u32,
    /// Bytes in a cluster: a power of two, 256 B to 2 MiB, at least a sector.
    pub cluster_size: u32,
    /// Bytes in a record of `$MFT`: a power of two, 512 B to 64 KiB.
    pub mft_record_size: u32,
    /// Bytes in a block of a directory index: a power of two, 512 B to 2 MiB.
    pub index_record_size: u32,
    /// Sectors of the volume, without the one after it that holds the backup
    /// boot sector.
    pub total_sectors: u64,
}

impl Geometry {
    /// Whole clusters of the volume; sectors after the last whole cluster
    /// belong to none.
    pub fn nr_clusters(&self) -> u64 {
        let sectors_per_cluster = self.cluster_size.checked_div(self.sector_size);
        self.total_sectors
            .checked_div(u64::from(sectors_per_cluster.unwrap_or(0)))
            .unwrap_or(0)
    }

    /// Where a cluster starts, in bytes from the start of the volume.
    pub fn offset(&self, lcn: Lcn) -> u64 {
        lcn.0.saturating_mul(u64::from(self.cluster_size))
    }

    /// How many bytes a number of clusters has.
    pub fn bytes(&self, clusters: u64) -> u64 {
        clusters.saturating_mul(u64::from(self.cluster_size))
    }

    /// Where the backup boot sector lies: in the sector after the last one.
    pub fn backup_boot_sector(&self) -> u64 {
        self.total_sectors
            .saturating_mul(u64::from(self.sector_size))
    }

    /// Splits a byte position within an attribute into its cluster and the
    /// position inside that cluster.
    pub fn vcn_at(&self, position: u64) -> (Vcn, u64) {
        let size = u64::from(self.cluster_size);
        (
            Vcn(position.checked_div(size).unwrap_or(0)),
            position.checked_rem(size).unwrap_or(0),
        )
    }
}

/// A length in memory as a byte count. Never fails: no supported target has
/// a `usize` of more than 64 bits.
pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// A byte count as a length in memory, saturating on 32-bit targets: an
/// allocation or slice of such a length then fails and is handled there.
pub(crate) fn len_usize(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}
