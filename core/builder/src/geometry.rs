//! The sizes that the boot sector declares.

/// Sizes of a volume and of the device that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a sector: 256 to 4096.
    pub bytes_per_sector: u32,
    /// Bytes of a cluster: 256 to 2 MiB, at least a sector.
    pub cluster_size: u32,
    /// Bytes of a record of `$MFT`: 512 to 4096, smaller or larger than a cluster.
    pub mft_record_size: u32,
    /// Bytes of a record of a directory index.
    pub index_record_size: u32,
    /// Clusters of the volume.
    pub clusters: u64,
    /// Sectors of the volume behind its last whole cluster.
    pub extra_sectors: u64,
    /// Bytes of the device behind the last whole cluster.
    pub device_tail: u64,
}

impl Geometry {
    /// The sectors that the boot sector counts.
    pub fn total_sectors(&self) -> u64 {
        self.clusters * u64::from(self.sectors_per_cluster()) + self.extra_sectors
    }

    /// Sectors in a cluster.
    pub fn sectors_per_cluster(&self) -> u32 {
        self.cluster_size / self.bytes_per_sector
    }

    /// Bytes of the whole clusters.
    pub fn volume_size(&self) -> u64 {
        self.clusters * u64::from(self.cluster_size)
    }

    /// Bytes of the device: the whole clusters and the tail.
    pub fn device_size(&self) -> u64 {
        self.volume_size() + self.device_tail
    }

    /// How many clusters hold `bytes` bytes.
    pub fn clusters_for(&self, bytes: u64) -> u64 {
        bytes.div_ceil(u64::from(self.cluster_size))
    }

    /// Where the backup boot sector stands on the device, or nothing when the tail has no room for it.
    pub fn backup_boot_sector_offset(&self) -> Option<u64> {
        let offset = self.total_sectors() * u64::from(self.bytes_per_sector);
        (offset + u64::from(self.bytes_per_sector) <= self.device_size()).then_some(offset)
    }

    /// The unit in which index blocks are numbered: a cluster, or 512 bytes when a cluster holds several blocks.
    pub(crate) fn index_vcn_size(&self) -> u32 {
        if self.index_record_size >= self.cluster_size {
            self.cluster_size
        } else {
            512
        }
    }

    /// The byte of the boot sector for sectors per cluster: a count up to 128, above that a negative power of two.
    pub(crate) fn sectors_per_cluster_byte(&self) -> u8 {
        let sectors = self.sectors_per_cluster();
        if sectors <= 128 {
            sectors as u8
        } else {
            (sectors.trailing_zeros() as u8).wrapping_neg()
        }
    }

    /// The byte of the boot sector for a record size: clusters when there is at least one, else a negative power of two.
    pub(crate) fn record_size_byte(&self, record_size: u32) -> u8 {
        if record_size >= self.cluster_size {
            (record_size / self.cluster_size) as u8
        } else {
            (record_size.trailing_zeros() as u8).wrapping_neg()
        }
    }

    pub(crate) fn check(&self) {
        for (what, value, low, high) in [
            ("bytes per sector", self.bytes_per_sector, 256, 4096),
            ("cluster size", self.cluster_size, 256, 2 << 20),
            ("MFT record size", self.mft_record_size, 512, 64 << 10),
            ("index record size", self.index_record_size, 512, 64 << 10),
        ] {
            assert!(
                value.is_power_of_two() && (low..=high).contains(&value),
                "{what} {value} is not a power of two from {low} to {high}"
            );
        }
        assert!(
            self.cluster_size >= self.bytes_per_sector,
            "a cluster is smaller than a sector"
        );
        assert!(
            self.extra_sectors * u64::from(self.bytes_per_sector) <= self.device_tail,
            "the extra sectors lie beyond the device: ask for a longer device_tail"
        );
        assert!(
            self.extra_sectors < u64::from(self.sectors_per_cluster()),
            "the extra sectors make up another cluster"
        );
    }
}
