//! An image of the volume.

use super::Sink;
use super::target::Target;
use crate::bulk::pipeline::Batch;
use crate::error::Result;
use crate::report;

/// Writes an image that comes in batches, one after the other.
pub struct ImageSink {
    target: Target,
}

impl ImageSink {
    pub fn new(target: Target) -> Self {
        Self { target }
    }
}

impl Sink for ImageSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        batch
            .pieces()
            .try_for_each(|(_, bytes)| self.target.write(bytes))
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }

    fn remark(&self) -> String {
        in_pieces(&self.target)
    }

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}

/// How many pieces it is in, as a part of a report.
pub fn in_pieces(target: &Target) -> String {
    match target.pieces() {
        Some(count) => format!(" in {}", report::count(count as u64, "piece", "pieces")),
        None => String::new(),
    }
}
