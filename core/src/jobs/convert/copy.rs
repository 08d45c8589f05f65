//! Copying the clusters that a plan lists, or an image stores.

use alloc::vec::Vec;

use super::super::Failure;
use super::super::job::Co;
use super::super::opened::{Bytes, Inside};
use super::super::read_at;
use super::super::scan::piece_len;
use super::super::used::Counted;
use super::output::Output;
use crate::image::Reader;
use crate::io::ReadAt;
use crate::plan::{Plan, Step};
use crate::units::len_u64;
use crate::wipe::Times;
use crate::write::{RecordChunk, WipeReport, Writer};

/// A volume that is ready to be copied.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) inside: Inside,
    pub(super) plan: Plan,
}

impl Copy {
    /// A copy of the clusters in use.
    pub(super) fn of_clusters(counted: Counted) -> Self {
        let geometry = *counted.volume.geometry();
        let inside = counted.volume.into_source();
        Self {
            plan: Plan::new(geometry, inside.device_size(), counted.map),
            inside,
        }
    }

    /// Writes the copy. Returns what was wiped and the size of the output.
    pub(super) async fn write(
        &self,
        co: &Co,
        writer: &Writer,
        mut output: Output<'_>,
    ) -> Result<(WipeReport, u64), Failure> {
        let (plan, inside) = (&self.plan, &self.inside);
        output.encode(writer, &plan.header());
        let mut report = WipeReport::default();
        let mut done = 0_u64;
        for step in plan.steps() {
            match step {
                Step::Bytes { offset, len } => {
                    let progress = (&mut done, plan.bytes());
                    copy_range(co, inside, (offset, len), progress, &mut output).await?;
                }
                Step::Records(kind, stream) => {
                    for chunk in RecordChunk::all(plan.geometry(), kind, stream) {
                        let mut bytes = Vec::new();
                        co.read(|| {
                            chunk.read_wiped(&mut bytes, Times::Reset, &mut report, |at, buf| {
                                read_at(inside, at, buf)
                            })
                        })
                        .await?;
                        done = done.saturating_add(len_u64(bytes.len()));
                        output.set_progress(done, plan.bytes());
                        for (offset, piece) in chunk.pieces(&bytes) {
                            output.data(offset, piece.to_vec().into()).await?;
                        }
                    }
                }
            }
        }
        let size = output
            .finish(writer, &plan.header(), plan.extents())
            .await?;
        Ok((report, size))
    }
}

/// Copies all clusters of an image, which may store them in any order, in LCN
/// order.
pub(super) async fn copy_stored(
    co: &Co,
    reader: &Reader<Bytes>,
    inside: &Inside,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let header = reader.index().header();
    let cluster_size = u64::from(header.cluster_size);
    let bytes = |clusters: u64| clusters.saturating_mul(cluster_size);
    let (volume_size, end) = (header.volume_size(), reader.size());
    let extents = reader.index().extents();
    let ranges = extents.map(|extent| (bytes(extent.start.0), bytes(extent.len)));
    let mut done = 0;
    for range in ranges.chain([(volume_size, end.saturating_sub(volume_size))]) {
        copy_range(co, inside, range, (&mut done, end), output).await?;
    }
    Ok(())
}

/// Copies `len` bytes at `offset`. `progress` is what is done, and the total.
async fn copy_range(
    co: &Co,
    inside: &Inside,
    (mut offset, len): (u64, u64),
    (done, total): (&mut u64, u64),
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let end = offset.saturating_add(len);
    while offset < end {
        let len = piece_len(offset, end);
        let piece = co.read(|| inside.piece(offset, len)).await?;
        *done = done.saturating_add(len);
        output.set_progress(*done, total);
        output.data(offset, piece).await?;
        offset = offset.saturating_add(len);
    }
    Ok(())
}
