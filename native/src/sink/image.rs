//! An image of the volume.

use ntfsclone_core::image::ntfsclone::{Encoder, Header};
use ntfsclone_core::units::Lcn;

use super::Sink;
use super::target::Target;
use crate::error::Result;
use crate::pipeline::Batch;

/// Encodes what it takes, and writes it.
pub struct ImageSink {
    target: Target,
    encoder: Encoder,
    header: Header,
    volume_size: u64,
    tail: Vec<u8>,
    encoded: Vec<u8>,
}

impl ImageSink {
    pub fn new(target: Target, header: Header) -> Self {
        let mut encoded = Vec::new();
        let encoder = Encoder::new(&header, &mut encoded);
        Self {
            target,
            encoder,
            header,
            volume_size: header.nr_clusters * u64::from(header.cluster_size),
            tail: Vec::new(),
            encoded,
        }
    }

    fn flush(&mut self) -> Result<()> {
        let written = self.target.write(&self.encoded);
        self.encoded.clear();
        written
    }
}

impl Sink for ImageSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for (piece, bytes) in batch.pieces() {
            // The tail joins the last cluster without a gap.
            let in_volume = self.volume_size.saturating_sub(piece.offset);
            let in_volume = usize::try_from(in_volume)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            let (clusters, tail) = bytes.split_at(in_volume);
            if !clusters.is_empty() {
                let start = Lcn(piece.offset / u64::from(self.header.cluster_size));
                self.encoder.clusters(start, clusters, &mut self.encoded);
            }
            self.tail.extend_from_slice(tail);
        }
        self.flush()
    }

    fn end(&mut self) -> Result<()> {
        self.encoder.tail(&self.tail, &mut self.encoded);
        self.flush()
    }

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}
