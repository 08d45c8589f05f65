//! Writing a volume raw: the clusters in use in order, holes between them.

use super::super::Failure;
use super::super::job::Co;
use super::super::opened::{Bytes, Inside};
use super::super::scan::piece_len;
use super::output::Output;
use crate::image::Reader;
use crate::io::ReadAt;
use crate::plan::Plan;
use crate::units::{Extent, Lcn};

/// Writes the clusters of a volume that are in use.
pub(super) async fn write_volume(
    co: &Co,
    inside: &Inside,
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
    shape.write(co, inside, plan.map().extents(), output).await
}

/// Writes all clusters of an image, which may store them in any order.
pub(super) async fn write_stored(
    co: &Co,
    reader: &Reader<Bytes>,
    inside: &Inside,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let header = reader.index().header();
    let cluster_size = u64::from(header.cluster_size);
    let shape = Shape {
        cluster_size,
        volume_size: header.nr_clusters.saturating_mul(cluster_size),
        end: reader.size(),
    };
    let extents = reader.index().runs().iter().map(|run| run.extent);
    shape.write(co, inside, extents, output).await
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
        inside: &Inside,
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
                let piece = co.read(|| inside.piece(position, len)).await?;
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
