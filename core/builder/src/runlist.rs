//! Runs of clusters and the mapping pairs that encode them.

use std::ops::Range;

/// Consecutive clusters of an attribute: on the volume, or a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first cluster, or nothing for a hole.
    pub lcn: Option<u64>,
    /// How many clusters.
    pub length: u64,
}

impl Run {
    /// `length` clusters from `lcn` on.
    pub fn at(lcn: u64, length: u64) -> Self {
        Self {
            lcn: Some(lcn),
            length,
        }
    }

    /// `length` clusters that are not on the volume and read as zeros.
    pub fn hole(length: u64) -> Self {
        Self { lcn: None, length }
    }

    /// The clusters of the run, none for a hole.
    pub fn clusters(&self) -> Range<u64> {
        self.lcn.map_or(0..0, |lcn| lcn..lcn + self.length)
    }
}

pub(crate) fn total_length(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.length).sum()
}

pub(crate) fn mapped_length(runs: &[Run]) -> u64 {
    runs.iter()
        .filter(|run| run.lcn.is_some())
        .map(|run| run.length)
        .sum()
}

pub(crate) fn has_hole(runs: &[Run]) -> bool {
    runs.iter().any(|run| run.lcn.is_none())
}

/// The mapping pairs of `runs`, with the zero byte at their end.
pub(crate) fn encode_mapping_pairs(runs: &[Run]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut previous = 0;
    for run in runs {
        encode_pair(&mut out, run, &mut previous);
    }
    out.push(0);
    out
}

/// Cuts `runs` into extents of at most `most_runs` runs whose mapping pairs take at most `most_bytes` bytes.
pub(crate) fn split_runs(runs: &[Run], most_runs: usize, most_bytes: usize) -> Vec<Vec<Run>> {
    let mut extents = Vec::new();
    let mut extent: Vec<Run> = Vec::new();
    for run in runs {
        extent.push(*run);
        if extent.len() > most_runs || encode_mapping_pairs(&extent).len() > most_bytes {
            extent.pop();
            assert!(!extent.is_empty(), "no room for a single run");
            extents.push(std::mem::replace(&mut extent, vec![*run]));
        }
    }
    extents.push(extent);
    extents
}

fn encode_pair(out: &mut Vec<u8>, run: &Run, previous: &mut i64) {
    let length = shortest_signed(run.length as i64);
    let delta = match run.lcn {
        Some(lcn) => {
            let delta = shortest_signed(lcn as i64 - *previous);
            *previous = lcn as i64;
            delta
        }
        None => Vec::new(),
    };
    out.push((delta.len() << 4 | length.len()) as u8);
    out.extend(length);
    out.extend(delta);
}

fn shortest_signed(value: i64) -> Vec<u8> {
    let bytes = value.to_le_bytes();
    let length = (1..8)
        .find(|n| value << (64 - 8 * n) >> (64 - 8 * n) == value)
        .unwrap_or(8);
    bytes[..length].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(runs: &[Run], expected: &[u8]) {
        assert_eq!(encode_mapping_pairs(runs), expected, "{runs:?}");
    }

    #[test]
    fn mapping_pairs() {
        check(&[], &[0]);
        check(&[Run::at(5, 3)], &[0x11, 3, 5, 0]);
        check(&[Run::at(0, 2)], &[0x11, 2, 0, 0]);
        check(
            &[Run::at(200, 3), Run::hole(5), Run::at(190, 1)],
            &[0x21, 3, 200, 0, 0x01, 5, 0x11, 1, 0xf6, 0],
        );
        check(&[Run::at(1, 128)], &[0x12, 128, 0, 1, 0]);
    }

    #[test]
    fn split_keeps_every_run() {
        let runs: Vec<Run> = (0..10).map(|n| Run::at(1000 - 7 * n, 1 + n)).collect();
        let extents = split_runs(&runs, 3, 9);
        assert!(
            extents
                .iter()
                .all(|extent| extent.len() <= 3 && encode_mapping_pairs(extent).len() <= 9)
        );
        assert_eq!(extents.concat(), runs);
    }
}
