//! Writing an ntfsclone image of a volume.

use alloc::vec::Vec;
use core::mem;

use super::super::Failure;
use super::super::job::Co;
use super::super::opened::Inside;
use super::super::scan::piece_len;
use super::output::Output;
use crate::image::ntfsclone::{Encoder, Header};
use crate::plan::{self, Plan};
use crate::units::{Lcn, len_u64, len_usize};

/// Bytes of the image that are written in one call, or more.
const BATCH: usize = 1 << 20;

/// Encodes clusters in batches.
#[derive(Debug)]
pub(super) struct ImageWriter {
    encoder: Encoder,
    cluster_size: usize,
    nr_clusters: u64,
    batch: Vec<u8>,
}

impl ImageWriter {
    pub(super) fn new(header: &Header) -> Self {
        let mut batch = Vec::new();
        Self {
            encoder: Encoder::new(header, &mut batch),
            cluster_size: len_usize(header.cluster_size.into()),
            nr_clusters: header.nr_clusters,
            batch,
        }
    }

    /// Adds whole clusters.
    pub(super) fn add(
        &mut self,
        start: Lcn,
        bytes: &[u8],
        output: &mut Output<'_>,
    ) -> Result<(), Failure> {
        let count = bytes.chunks(self.cluster_size).len();
        self.batch
            .reserve(bytes.len().saturating_add(count).saturating_add(9));
        self.encoder.clusters(start, bytes, &mut self.batch);
        output.note_clusters(start, len_u64(count));
        if self.batch.len() < BATCH {
            return Ok(());
        }
        output.bytes(mem::take(&mut self.batch).into())
    }

    /// Adds the tail, which ends the image.
    pub(super) fn finish(mut self, tail: &[u8], output: &mut Output<'_>) -> Result<(), Failure> {
        self.encoder.tail(tail, &mut self.batch);
        output.note_clusters(Lcn(self.nr_clusters), 1);
        output.bytes(self.batch.into())
    }
}

/// Writes an image of the clusters in use.
pub(super) async fn write_image(
    co: &Co,
    inside: &Inside,
    plan: &Plan,
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    let geometry = plan.geometry();
    let cluster_size = u64::from(geometry.cluster_size).max(1);
    let mut writer = ImageWriter::new(&plan.header());
    let (mut done, total) = (0_u64, plan.bytes());
    for extent in plan.map().extents() {
        let mut start = extent.start;
        while start < extent.end() {
            let offset = geometry.offset(start);
            let len = piece_len(offset, geometry.offset(extent.end()));
            let piece = co.read(|| inside.piece(offset, len)).await?;
            done = done.saturating_add(len);
            output.set_progress(done, total);
            writer.add(start, &piece, output)?;
            start = start.plus(len.div_ceil(cluster_size));
        }
    }
    let tail = plan::Step::Tail(plan.header().tail_size());
    let (offset, len) = plan.bytes_of(tail);
    let piece = co.read(|| inside.piece(offset, len)).await?;
    output.set_progress(done.saturating_add(len), total);
    writer.finish(&piece, output)
}
