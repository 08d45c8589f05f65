//! Clusters and attributes for the content that a test gave.

use crate::attribute::{Attribute, FLAG_COMPRESSED, FLAG_SPARSE, Sizes};
use crate::cluster_allocator::ClusterAllocator;
use crate::compression::compress;
use crate::content::{pattern, write_to_runs};
use crate::file::FileData;
use crate::runlist::{Run, has_hole, mapped_length, total_length};

/// A compression unit has 2 to the power of this many clusters.
const UNIT_SHIFT: u8 = 4;
const UNIT_CLUSTERS: u64 = 1 << UNIT_SHIFT;

/// Puts content onto the volume.
pub(crate) struct StreamPlacement<'a> {
    pub(crate) volume: &'a mut [u8],
    pub(crate) allocator: &'a mut ClusterAllocator,
    pub(crate) cluster_size: u32,
    /// Where the search for free clusters begins.
    pub(crate) hint: u64,
}

impl StreamPlacement<'_> {
    /// Stores `data` and returns its attribute. `seed` makes the pattern of content that was not given.
    pub(crate) fn place(&mut self, kind: u32, name: &str, data: &FileData, seed: u64) -> Attribute {
        match data {
            FileData::Resident(bytes) => Attribute::resident(kind, name, bytes.clone()),
            FileData::Bytes(bytes) => self.place_pieces(kind, name, bytes, 1, 1),
            FileData::Fragmented { bytes, pieces } => {
                self.place_pieces(kind, name, bytes, *pieces, 1)
            }
            FileData::Runs(runs) => {
                let bytes = pattern(
                    seed,
                    total_length(runs) as usize * self.cluster_size as usize,
                );
                self.place_in(kind, name, runs, &bytes)
            }
            FileData::Placed { runs, bytes } => self.place_in(kind, name, runs, bytes),
            FileData::Sparse(bytes) => self.place_units(kind, name, bytes, FLAG_SPARSE),
            FileData::Compressed(bytes) => {
                assert!(
                    self.cluster_size <= 4096,
                    "NTFS compresses only with clusters of at most 4096 bytes"
                );
                self.place_units(kind, name, bytes, FLAG_COMPRESSED)
            }
        }
    }

    /// Stores `bytes` in so many runs, each a multiple of `granule` clusters.
    pub(crate) fn place_pieces(
        &mut self,
        kind: u32,
        name: &str,
        bytes: &[u8],
        pieces: u64,
        granule: u64,
    ) -> Attribute {
        let clusters = (bytes.len() as u64).div_ceil(u64::from(self.cluster_size));
        let runs = self
            .allocator
            .allocate_pieces(clusters, pieces, granule, self.hint);
        self.place_in(kind, name, &runs, bytes)
    }

    fn place_in(&mut self, kind: u32, name: &str, runs: &[Run], bytes: &[u8]) -> Attribute {
        self.write(runs, bytes);
        let flags = if has_hole(runs) { FLAG_SPARSE } else { 0 };
        self.attribute(kind, name, flags, runs.to_vec(), 0, bytes.len() as u64)
    }

    fn place_units(&mut self, kind: u32, name: &str, bytes: &[u8], flag: u16) -> Attribute {
        let cluster_size = self.cluster_size as usize;
        let mut runs = Vec::new();
        for unit in bytes.chunks(UNIT_CLUSTERS as usize * cluster_size) {
            let stored = stored_unit(unit, flag, cluster_size);
            let mut clusters = stored.len().div_ceil(cluster_size) as u64;
            // Compressed or not is read off the clusters: a unit that is stored as it is has all of them.
            if flag == FLAG_COMPRESSED && stored == unit {
                clusters = UNIT_CLUSTERS;
            }
            if clusters > 0 {
                let run = self.allocator.allocate(clusters, self.hint);
                self.write(&[run], &stored);
                push_run(&mut runs, run);
            }
            if clusters < UNIT_CLUSTERS {
                push_run(&mut runs, Run::hole(UNIT_CLUSTERS - clusters));
            }
        }
        let unit = if flag == FLAG_COMPRESSED {
            UNIT_SHIFT
        } else {
            0
        };
        self.attribute(kind, name, flag, runs, unit, bytes.len() as u64)
    }

    fn attribute(
        &self,
        kind: u32,
        name: &str,
        flags: u16,
        runs: Vec<Run>,
        unit: u8,
        data: u64,
    ) -> Attribute {
        let cluster_size = u64::from(self.cluster_size);
        let allocated = total_length(&runs) * cluster_size;
        assert!(
            data <= allocated,
            "{data} bytes do not fit in the runs given for them"
        );
        let sizes = Sizes {
            allocated,
            data,
            initialized: data,
            mapped: mapped_length(&runs) * cluster_size,
        };
        Attribute::non_resident(kind, name, flags, runs, unit, sizes)
    }

    fn write(&mut self, runs: &[Run], bytes: &[u8]) {
        write_to_runs(self.volume, runs, self.cluster_size as usize, bytes);
    }
}

/// What of a unit stands on clusters: nothing of zeros, less if compression saves a cluster.
fn stored_unit(unit: &[u8], flag: u16, cluster_size: usize) -> Vec<u8> {
    if unit.iter().all(|byte| *byte == 0) {
        return Vec::new();
    }
    if flag == FLAG_COMPRESSED {
        let compressed = compress(unit);
        if compressed.len() <= (UNIT_CLUSTERS as usize - 1) * cluster_size {
            return compressed;
        }
    }
    unit.to_vec()
}

fn push_run(runs: &mut Vec<Run>, run: Run) {
    if let Some(last) = runs.last_mut() {
        let follows = match (last.lcn, run.lcn) {
            (Some(last_lcn), Some(lcn)) => last_lcn + last.length == lcn,
            (None, None) => true,
            _ => false,
        };
        if follows {
            last.length += run.length;
            return;
        }
    }
    runs.push(run);
}
