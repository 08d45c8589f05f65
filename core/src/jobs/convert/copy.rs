//! Copying the clusters that a plan lists, or an image stores.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::super::Failure;
use super::super::job::Co;
use super::super::read_at;
use super::super::scan::piece_len;
use super::super::used::Counted;
use super::output::Output;
use crate::image::Index;
use crate::io::{ReadAt, Source};
use crate::plan::{CopyStep, Plan};
use crate::relocate::Relocated;
use crate::units::len_u64;
use crate::wipe::Times;
use crate::write::{Conversion, RecordChunk, Shape, WipeReport};

/// A volume that is ready to be copied.
pub(super) struct Copy {
    pub(super) source: Source,
    pub(super) plan: Plan,
    /// Of the volume.
    pub(super) serial_number: u64,
    /// What `source` is, if the volume gets another size.
    pub(super) relocated: Option<Arc<Relocated<Source>>>,
}

impl Copy {
    /// A copy of the clusters in use; of a volume in another size, with what is its source.
    pub(super) fn of_clusters(counted: Counted, relocated: Option<Arc<Relocated<Source>>>) -> Self {
        let geometry = *counted.volume.geometry();
        Self {
            plan: Plan::new(geometry, counted.inside.device_size(), counted.map),
            source: counted.inside.source,
            serial_number: counted.volume.boot().serial_number,
            relocated,
        }
    }

    /// Writes the copy. Returns what was wiped and the size of the output.
    pub(super) async fn write(
        &self,
        co: &Co,
        conversion: Conversion,
        mut output: Output<'_>,
    ) -> Result<(WipeReport, u64), Failure> {
        let (plan, source) = (&self.plan, &self.source);
        let relocated = self.relocated.as_deref();
        // Its serial number makes the identifiers of its disk.
        let layout = conversion.layout(plan, self.serial_number)?;
        let disk = layout.as_ref();
        output.encode(conversion.writer, &Shape::Volume { plan, disk })?;
        let mut report = WipeReport::default();
        let mut done = 0_u64;
        for step in plan.steps() {
            match step {
                CopyStep::Bytes { offset, len } => {
                    let progress = (&mut done, plan.bytes());
                    let input = (source, relocated);
                    copy_range(co, input, (offset, len), progress, &mut output).await?;
                }
                CopyStep::Records(kind, stream) => {
                    for chunk in RecordChunk::all(plan.geometry(), kind, stream) {
                        let mut bytes = Vec::new();
                        co.read(|| {
                            chunk.read_wiped(&mut bytes, Times::Reset, &mut report, |at, buf| {
                                read_at(source, at, buf)
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
            .finish(conversion.writer, &plan.header(), plan.extents())
            .await?;
        Ok((report, size))
    }
}

/// Copies all clusters of an image, which may store them in any order, in LCN
/// order.
pub(super) async fn copy_stored(
    co: &Co,
    source: &Source,
    index: &Index,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let header = index.header();
    let cluster_size = u64::from(header.cluster_size);
    let bytes = |clusters: u64| clusters.saturating_mul(cluster_size);
    let (volume_size, end) = (header.volume_size(), source.size());
    output.set_size(Some(volume_size.max(end)));
    let extents = index.extents();
    let ranges = extents.map(|extent| (bytes(extent.start.0), bytes(extent.len)));
    let mut done = 0;
    for range in ranges.chain([(volume_size, end.saturating_sub(volume_size))]) {
        copy_range(co, (source, None), range, (&mut done, end), output).await?;
    }
    Ok(())
}

/// Copies `len` bytes at `offset`; `relocated` is the source, if the volume gets another size.
/// `progress` is what is done, and the total.
pub(super) async fn copy_range(
    co: &Co,
    (source, relocated): (&Source, Option<&Relocated<Source>>),
    (mut offset, len): (u64, u64),
    (done, total): (&mut u64, u64),
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let end = offset.saturating_add(len);
    while offset < end {
        let len = piece_len(offset, end);
        // What is elsewhere on the volume is a piece of its own: where several bytes are missing,
        // all of a piece is read again for each.
        let len = relocated.map_or(len, |relocated| relocated.part_at(offset).1.min(len).max(1));
        let piece = co.piece(source, offset, len).await?;
        *done = done.saturating_add(len);
        output.set_progress(*done, total);
        output.data(offset, piece).await?;
        offset = offset.saturating_add(len);
    }
    Ok(())
}
