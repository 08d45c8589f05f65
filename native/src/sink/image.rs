//! An image of the volume.

use super::Sink;
use super::target::Target;
use crate::bulk::pipeline::Batch;
use crate::error::Result;

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

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}
