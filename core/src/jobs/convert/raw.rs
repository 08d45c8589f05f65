//! Writing a volume raw: the clusters in use in order, holes between them.

use super::super::Failure;
use super::super::job::Co;
use super::super::scan::piece_len;
use super::output::Output;
use crate::image::Index;
use crate::io::{ReadAt, Source};
use crate::plan::Plan;
use crate::units::{Extent, Lcn};

/// Writes the clusters of a volume that are in use.
pub(super) async fn write_volume(
    co: &Co,
    volume: &Source,
    plan: &Plan,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let geometry = plan.geometry();
    let volume_size = geometry.bytes(geometry.nr_clusters());
    let shape = Shape {
        cluster_size: geometry.cluster_size.into(),
        volume_size,
        end: volume_size.saturating_add(plan.header().tail_size()),
    };
    shape.write(co, volume, plan.map().extents(), output).await
}

/// Writes all clusters of an image, which may store them in any order.
pub(super) async fn write_stored(
    co: &Co,
    volume: &Source,
    index: &Index,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let header = index.header();
    let cluster_size = u64::from(header.cluster_size);
    let shape = Shape {
        cluster_size,
        volume_size: header.nr_clusters.saturating_mul(cluster_size),
        end: volume.size(),
    };
    let extents = index.runs().iter().map(|run| run.extent);
    shape.write(co, volume, extents, output).await
}

/// The layout of a raw volume, in bytes.
struct Shape {
    cluster_size: u64,
    /// Whole clusters.
    volume_size: u64,
    /// With what follows the last whole cluster.
    end: u64,
}

impl Shape {
    /// Writes `extents`, which are in order, then what follows the clusters.
    async fn write(
        &self,
        co: &Co,
        volume: &Source,
        extents: impl Iterator<Item = Extent>,
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let bytes = |lcn: Lcn| lcn.0.saturating_mul(self.cluster_size);
        let clusters = extents
            .map(|extent| (bytes(extent.start), bytes(extent.end())))
            .take_while(|(start, _)| *start < self.volume_size);
        let mut position = 0;
        for (start, end) in clusters.chain([(self.volume_size, self.end)]) {
            if position < start {
                output.set_progress(start, self.end);
                output.hole(start.saturating_sub(position)).await?;
                position = start;
            }
            while position < end {
                let len = piece_len(position, end);
                let piece = co.piece(volume, position, len).await?;
                // The tail may be less than a cluster.
                let first = Lcn(position.checked_div(self.cluster_size).unwrap_or(0));
                output.note_clusters(first, len.div_ceil(self.cluster_size.max(1)));
                position = position.saturating_add(len);
                output.set_progress(position, self.end);
                output.bytes(piece)?;
            }
        }
        Ok(())
    }
}
