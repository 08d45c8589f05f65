//! Turning clusters into an image.

use alloc::vec::Vec;

use super::layout::{COMMAND_GAP, COMMAND_NEXT, HEADER_SIZE, Header};
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Encodes an image: first what [`Encoder::new`] writes, then the clusters in
/// the order of the plan, then the tail.
///
/// Gaps are written when the next cluster is known, so that however the
/// clusters are cut into calls, two runs have one gap between them.
///
/// [`Encoder::clusters`] appends to a vector. A caller that fills buffers of its
/// own asks with [`Encoder::seek`] for the gap, tells with [`Encoder::pass`] what
/// it writes, and puts a [`NEXT_COMMAND`] before each cluster.
#[derive(Debug)]
pub struct Encoder {
    cluster_size: usize,
    nr_clusters: u64,
    /// The cluster that a `next` command would carry.
    position: u64,
}

/// A `gap` command with its count.
pub type GapCommand = [u8; 9];

/// The command before the bytes of a cluster.
pub const NEXT_COMMAND: [u8; 1] = [COMMAND_NEXT];

impl Encoder {
    /// Begins an image: appends the header to `out`.
    pub fn new(header: &Header, out: &mut Vec<u8>) -> Self {
        out.extend_from_slice(&header.to_bytes());
        Self {
            cluster_size: len_usize(header.cluster_size.into()),
            nr_clusters: header.nr_clusters,
            position: 0,
        }
    }

    /// Appends whole clusters, `data`, the first of which is `start`. `out`
    /// grows by the data, one byte for each cluster, and 9 where there is a
    /// gap before.
    pub fn clusters(&mut self, start: Lcn, data: &[u8], out: &mut Vec<u8>) {
        out.extend(self.seek(start).iter().flatten());
        let clusters = data.chunks(self.cluster_size);
        self.pass(len_u64(clusters.len()));
        for cluster in clusters {
            out.extend_from_slice(&NEXT_COMMAND);
            out.extend_from_slice(cluster);
        }
    }

    /// Appends the tail, which ends the image; it may be empty.
    pub fn tail(&mut self, data: &[u8], out: &mut Vec<u8>) {
        out.extend(self.seek(Lcn(self.nr_clusters)).iter().flatten());
        out.extend_from_slice(&NEXT_COMMAND);
        out.extend_from_slice(data);
        self.pass(1);
    }

    /// The command that stands before cluster `lcn`, unless it follows the one
    /// before.
    pub fn seek(&mut self, lcn: Lcn) -> Option<GapCommand> {
        // Wraps to the two's complement of a negative gap, as the format
        // wants: metadata images jump back.
        let gap = lcn.0.wrapping_sub(self.position);
        self.position = lcn.0;
        let [a, b, c, d, e, f, g, h] = gap.to_le_bytes();
        (gap != 0).then_some([COMMAND_GAP, a, b, c, d, e, f, g, h])
    }

    /// Takes so many clusters as written, each after a [`NEXT_COMMAND`].
    pub fn pass(&mut self, clusters: u64) {
        self.position = self.position.saturating_add(clusters);
    }
}

/// Bytes of an image with these extents, in LCN order, and that tail.
pub fn encoded_size(
    header: &Header,
    extents: impl IntoIterator<Item = Extent>,
    tail_size: u64,
) -> u64 {
    let mut size = len_u64(HEADER_SIZE);
    let mut position = 0_u64;
    let a_cluster = u64::from(header.cluster_size).saturating_add(1);
    for extent in extents {
        if extent.start.0 != position {
            size = size.saturating_add(9);
        }
        size = size.saturating_add(extent.len.saturating_mul(a_cluster));
        position = extent.end().0;
    }
    if position != header.nr_clusters {
        size = size.saturating_add(9);
    }
    size.saturating_add(1).saturating_add(tail_size)
}
