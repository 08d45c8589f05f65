//! Where the clusters of an image are, if that was not known when it was opened.

use alloc::boxed::Box;

use super::opened::{Inside, Opened};
use super::scan::Scan;
use super::{Halt, Step};

/// Gets at the volume: at once, or by reading all of an image.
#[derive(Debug, Default)]
pub(super) struct Locate {
    scan: Box<Scan>,
}

impl Locate {
    /// Goes on: to the volume, or to how far it is.
    pub(super) fn step(&mut self, opened: &Opened) -> Result<Result<Inside, Step>, Halt> {
        if let Some(inside) = &opened.inside {
            return Ok(Ok(inside.clone()));
        }
        if !self.scan.step(&opened.pages, &opened.bytes)? {
            return Ok(Err(self.scan.progress(&opened.bytes)));
        }
        let index = core::mem::take(&mut *self.scan).finish()?;
        Ok(Ok(Inside::of_image(opened.bytes.clone(), index)))
    }
}
