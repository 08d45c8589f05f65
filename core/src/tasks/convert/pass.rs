//! An image, as it is.

use super::super::opened::Bytes;
use super::super::scan::piece_len;
use super::super::{Halt, Step, attempt};
use super::note;
use crate::error::Result;
use crate::image::Indexer;
use crate::image::ntfsclone::{Event, Header};
use crate::image::seekable::MapBuilder;
use crate::io::ReadAt;
use crate::pages::Pages;
use crate::units::{Lcn, len_usize};

/// Reads an image from its start to its end, and checks its commands.
#[derive(Debug)]
pub(super) struct ImagePass {
    image: Bytes,
    indexer: Indexer,
    header: Option<Header>,
    ended: bool,
}

impl ImagePass {
    pub(super) fn new(image: Bytes) -> Self {
        Self {
            image,
            indexer: Indexer::new(),
            header: None,
            ended: false,
        }
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.indexer.taken(), self.image.size())
    }

    pub(super) fn step(
        &mut self,
        pages: &Pages,
        map: &mut Option<&mut MapBuilder>,
    ) -> Result<Step, Halt> {
        if self.ended {
            return Ok(Step::Done);
        }
        let offset = self.indexer.taken();
        let len = piece_len(offset, self.image.size());
        if len == 0 {
            // It may have ended with the last byte; else it was cut short.
            self.indexer.end_of_input()?;
        }
        let mut piece = attempt(pages, || self.image.piece(offset, len))?;
        let mut input = &*piece;
        while !self.ended {
            match self.indexer.next(&mut input)? {
                Event::Header(header) => self.header = Some(header),
                Event::Data { .. } => {}
                Event::NeedInput => break,
                Event::End => self.ended = true,
            }
        }
        // What follows the end is not in the image.
        let taken = self.indexer.taken().saturating_sub(offset);
        piece.truncate(len_usize(taken));
        if self.ended {
            self.note_all(map)?;
        }
        Ok(Step::Bytes(piece))
    }

    fn note_all(&mut self, map: &mut Option<&mut MapBuilder>) -> Result<()> {
        let (Some(header), true) = (self.header, map.is_some()) else {
            return Ok(());
        };
        let indexer = core::mem::replace(&mut self.indexer, Indexer::new());
        let mut position = Lcn(0);
        for (gap, count) in indexer.finish()?.commands() {
            let start = Lcn(position.0.saturating_add_signed(gap));
            note(map, start, count);
            position = start.plus(count);
        }
        if header.has_tail() {
            note(map, Lcn(header.nr_clusters), 1);
        }
        Ok(())
    }
}
