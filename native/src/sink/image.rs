//! An image of the volume.

use std::io::IoSlice;

use ntfsclone_core::image::ntfsclone::{Encoder, GapCommand, Header, NEXT_COMMAND};
use ntfsclone_core::units::Lcn;

use super::Sink;
use super::target::Target;
use crate::error::Result;
use crate::pipeline::Batch;

/// Writes what it takes, with the commands of the image between.
pub struct ImageSink {
    target: Target,
    encoder: Encoder,
    header: Header,
    volume_size: u64,
    tail: Vec<u8>,
    /// The header of the image, until it is written.
    start: Vec<u8>,
}

/// Clusters that follow each other, and what stands before the first.
struct Run<'a> {
    gap: Option<GapCommand>,
    clusters: &'a [u8],
}

impl ImageSink {
    pub fn new(target: Target, header: Header) -> Self {
        let mut start = Vec::new();
        let encoder = Encoder::new(&header, &mut start);
        Self {
            target,
            encoder,
            header,
            volume_size: header.nr_clusters * u64::from(header.cluster_size),
            tail: Vec::new(),
            start,
        }
    }

    /// The runs in `batch`; what of it is the tail is kept for later.
    fn runs<'a>(&mut self, batch: &'a Batch) -> Vec<Run<'a>> {
        let cluster_size = u64::from(self.header.cluster_size);
        let mut runs = Vec::new();
        for (piece, bytes) in batch.pieces() {
            // The tail joins the last cluster without a gap.
            let in_volume = self.volume_size.saturating_sub(piece.offset);
            let in_volume = usize::try_from(in_volume)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (clusters, tail) = bytes.split_at(in_volume);
            if !clusters.is_empty() {
                let gap = self.encoder.seek(Lcn(piece.offset / cluster_size));
                self.encoder.pass(clusters.len() as u64 / cluster_size);
                runs.push(Run { gap, clusters });
            }
            self.tail.extend_from_slice(tail);
        }
        runs
    }
}

impl Sink for ImageSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        let runs = self.runs(batch);
        let start = std::mem::take(&mut self.start);
        let cluster_size = self.header.cluster_size as usize;
        let mut slices = Vec::with_capacity(2 * (batch.len() / cluster_size + runs.len()) + 1);
        slices.push(IoSlice::new(&start));
        for run in &runs {
            slices.extend(run.gap.as_ref().map(|gap| IoSlice::new(gap)));
            for cluster in run.clusters.chunks(cluster_size) {
                slices.push(IoSlice::new(&NEXT_COMMAND));
                slices.push(IoSlice::new(cluster));
            }
        }
        self.target.write_vectored(&mut slices)
    }

    fn end(&mut self) -> Result<()> {
        let mut end = std::mem::take(&mut self.start);
        self.encoder.tail(&self.tail, &mut end);
        self.target.write(&end)
    }

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}
