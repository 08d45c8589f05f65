//! Which clusters are taken while a volume is laid out.

use std::ops::Range;

use crate::runlist::Run;

pub(crate) struct ClusterAllocator {
    taken: Vec<bool>,
}

impl ClusterAllocator {
    pub(crate) fn new(clusters: u64) -> Self {
        Self {
            taken: vec![false; clusters as usize],
        }
    }

    /// Keeps clusters from being handed out. They may be taken already, or lie behind the volume: a caller who names
    /// clusters may want an inconsistent volume.
    pub(crate) fn reserve(&mut self, clusters: Range<u64>) {
        for lcn in clusters {
            if let Some(taken) = self.taken.get_mut(lcn as usize) {
                *taken = true;
            }
        }
    }

    /// Hands out `length` clusters in a row, from `hint` on if there is room there.
    pub(crate) fn allocate(&mut self, length: u64, hint: u64) -> Run {
        let hint = hint as usize % self.taken.len();
        let first = self
            .find(length as usize, hint)
            .or_else(|| self.find(length as usize, 0))
            .unwrap_or_else(|| {
                panic!("no {length} free clusters in a row: ask for more with clusters()")
            });
        self.reserve(first..first + length);
        Run::at(first, length)
    }

    /// Hands out `length` clusters in `pieces` runs that do not touch, each a multiple of `granule` clusters, except
    /// for the last.
    pub(crate) fn allocate_pieces(
        &mut self,
        length: u64,
        pieces: u64,
        granule: u64,
        hint: u64,
    ) -> Vec<Run> {
        if length == 0 {
            return Vec::new();
        }
        let granules = length.div_ceil(granule);
        assert!(
            (1..=granules).contains(&pieces),
            "{length} clusters do not make {pieces} pieces"
        );
        let mut runs: Vec<Run> = Vec::new();
        let mut left = length;
        for n in 0..pieces {
            let piece = (granules / pieces + u64::from(n < granules % pieces)) * granule;
            let piece = piece.min(left);
            left -= piece;
            // One cluster more, given back below, keeps the next piece away.
            let gap = u64::from(n + 1 < pieces);
            let from = runs.last().map_or(hint, |run| run.clusters().end + 1);
            let run = self.allocate(piece + gap, from);
            runs.push(Run {
                length: piece,
                ..run
            });
        }
        for run in &runs[..runs.len() - 1] {
            self.release(run.clusters().end);
        }
        runs
    }

    /// Gives a cluster back.
    pub(crate) fn release(&mut self, lcn: u64) {
        self.taken[lcn as usize] = false;
    }

    fn find(&self, length: usize, from: usize) -> Option<u64> {
        let mut free = 0;
        for (lcn, taken) in self.taken.iter().enumerate().skip(from) {
            free = if *taken { 0 } else { free + 1 };
            if free == length {
                return Some((lcn + 1 - length) as u64);
            }
        }
        None
    }
}

/// The set bits of a cluster map as ranges in ascending order.
pub(crate) fn ranges(map: &[bool]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for (lcn, _) in map.iter().enumerate().filter(|(_, set)| **set) {
        let lcn = lcn as u64;
        match ranges.last_mut() {
            Some(range) if range.end == lcn => range.end += 1,
            _ => ranges.push(lcn..lcn + 1),
        }
    }
    ranges
}

/// A bitmap in its on-disk form, a multiple of 8 bytes; the bits behind the last are `padding`.
pub(crate) fn encode_bitmap(map: &[bool], padding: bool) -> Vec<u8> {
    let mut bytes = vec![0; map.len().div_ceil(64).max(1) * 8];
    for bit in 0..bytes.len() * 8 {
        if map.get(bit).copied().unwrap_or(padding) {
            bytes[bit / 8] |= 1 << (bit % 8);
        }
    }
    bytes
}
