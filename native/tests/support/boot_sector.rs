//! The few facts of an NTFS boot sector that the tests reckon with.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

#[derive(Clone, Copy, Debug)]
pub(crate) struct BootSector {
    pub(crate) sector_size: u64,
    pub(crate) cluster_size: u64,
    pub(crate) nr_clusters: u64,
}

impl BootSector {
    pub(crate) fn read(volume: &Path) -> Self {
        let mut bytes = [0; 512];
        File::open(volume)
            .and_then(|file| file.read_exact_at(&mut bytes, 0))
            .unwrap_or_else(|error| panic!("no boot sector in {}: {error}", volume.display()));
        let sector_size = u64::from(u16::from_le_bytes([bytes[11], bytes[12]]));
        // Above 0x80 the byte is the negative binary logarithm.
        let sectors_per_cluster = match bytes[13] {
            count @ 0..=0x80 => u64::from(count),
            exponent => 1 << (256 - u64::from(exponent)),
        };
        let sectors = u64::from_le_bytes(bytes[40..48].try_into().expect("eight bytes"));
        Self {
            sector_size,
            cluster_size: sector_size * sectors_per_cluster,
            nr_clusters: sectors / sectors_per_cluster,
        }
    }

    /// Bytes in the volume's clusters: what stands behind them is the tail of the device.
    pub(crate) fn clusters_size(&self) -> u64 {
        self.nr_clusters * self.cluster_size
    }
}
