//! File content that tells one place from another, and its way onto the clusters.

use crate::runlist::Run;

/// `length` bytes of a linear congruential generator, a different sequence for each seed.
pub fn pattern(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(0x1234_5678_9abc_def1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// Writes `content` to the clusters of `runs`. What falls in a hole or behind the last cluster is dropped.
pub(crate) fn write_to_runs(volume: &mut [u8], runs: &[Run], cluster_size: usize, content: &[u8]) {
    let mut rest = content;
    for run in runs {
        let (now, later) = rest.split_at(rest.len().min(run.length as usize * cluster_size));
        rest = later;
        let Some(lcn) = run.lcn else { continue };
        let start = (lcn as usize)
            .saturating_mul(cluster_size)
            .min(volume.len());
        let end = start.saturating_add(now.len()).min(volume.len());
        volume[start..end].copy_from_slice(&now[..end - start]);
    }
}

/// Reads `length` bytes of the clusters of `runs`; holes and clusters beyond the device read as zeros.
pub(crate) fn read_from_runs(
    volume: &[u8],
    runs: &[Run],
    cluster_size: usize,
    length: usize,
) -> Vec<u8> {
    let mut content = Vec::with_capacity(length);
    for run in runs {
        let wanted = (length - content.len()).min(run.length as usize * cluster_size);
        let end = content.len() + wanted;
        if let Some(lcn) = run.lcn {
            let start = (lcn as usize)
                .saturating_mul(cluster_size)
                .min(volume.len());
            content.extend(&volume[start..start.saturating_add(wanted).min(volume.len())]);
        }
        content.resize(end, 0);
    }
    content.resize(length, 0);
    content
}
