//! Where the clusters of an image are, if that was not known when it was opened.

use alloc::boxed::Box;

use super::opened::{Inside, Opened};
use super::scan::Scan;
use super::{Failure, Halt, Step, attempt};

/// Gets at the volume: at once, or by reading all of an image.
#[derive(Debug, Default)]
pub(super) struct Locate {
    scan: Box<Scan>,
}

impl Locate {
    /// Goes on: to the volume, or to how far it is.
    pub(super) fn step(&mut self, opened: &Opened) -> Result<Result<Inside, Step>, Halt> {
        if let Some(inside) = opened.located() {
            let inside = match opened.before_damage {
                true => attempt(&opened.pages, || inside.at_full_length())?,
                false => inside.clone(),
            };
            return Ok(Ok(inside));
        }
        let damage = match self.scan.step(&opened.pages, &opened.bytes) {
            Ok(false) => return Ok(Err(self.scan.progress(&opened.bytes))),
            Ok(true) => None,
            Err(Halt::Failed(Failure::Error(error)))
                if opened.before_damage && error.is_damage() =>
            {
                Some(error)
            }
            Err(halt) => return Err(halt),
        };
        let scan = core::mem::take(&mut *self.scan);
        let (index, place) = match damage {
            None => (scan.finish()?, &opened.scanned.whole),
            // Before the header, there is nothing.
            Some(error) => (scan.cut()?.ok_or(error)?, &opened.scanned.before_damage),
        };
        let inside = Inside::of_image(opened.bytes.clone(), index);
        // Another task may have been as fast.
        Ok(Ok(place.get_or_init(|| inside).clone()))
    }
}
