//! Reading all of an image, to know where its clusters are.

use super::opened::Bytes;
use super::{Halt, STEP_BYTES, Step, attempt};
use crate::error::Result;
use crate::image::ntfsclone::Event;
use crate::image::{Index, Indexer};
use crate::io::ReadAt;
use crate::pages::Pages;

/// As [`Index::scan`], step by step.
#[derive(Debug)]
pub(super) struct Scan {
    indexer: Indexer,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            indexer: Indexer::new(),
        }
    }
}

impl Scan {
    /// Reads on; true at the end of the image.
    pub(super) fn step(&mut self, pages: &Pages, image: &Bytes) -> Result<bool, Halt> {
        let offset = self.indexer.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            self.indexer.end_of_input()?;
            return Ok(true);
        }
        let piece = attempt(pages, || image.piece(offset, len))?;
        let mut input = &*piece;
        loop {
            match self.indexer.next(&mut input)? {
                Event::Header(_) | Event::Data { .. } => {}
                Event::NeedInput => return Ok(false),
                Event::End => return Ok(true),
            }
        }
    }

    pub(super) fn finish(self) -> Result<Index> {
        self.indexer.finish()
    }

    /// Of what comes before damage; none before the header.
    pub(super) fn cut(self) -> Result<Option<Index>> {
        self.indexer.cut()
    }

    pub(super) fn progress(&self, image: &Bytes) -> Step {
        Step::Progress {
            done: self.indexer.taken(),
            total: image.size(),
        }
    }
}

/// Bytes of the next piece of something that is read from start to end: it ends
/// where requests do.
pub(super) fn piece_len(offset: u64, end: u64) -> u64 {
    let len = STEP_BYTES.saturating_sub(offset % STEP_BYTES);
    len.min(end.saturating_sub(offset))
}
