//! The volume in an image whose clusters come in order.

use alloc::vec::Vec;
use core::mem;

use super::super::opened::Bytes;
use super::super::scan::piece_len;
use super::super::{Halt, STEP_BYTES, Step, attempt};
use super::note;
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::{Decoder, Event, Header};
use crate::image::seekable::MapBuilder;
use crate::io::ReadAt;
use crate::pages::{Pages, Piece};
use crate::units::{Lcn, len_u64, len_usize};

/// Restores an image from its start to its end: each of its bytes is looked at
/// once.
#[derive(Debug)]
pub(super) struct Unpack {
    image: Bytes,
    header: Header,
    decoder: Decoder,
    /// What was read, and how much of it was decoded.
    piece: Option<Piece>,
    taken: usize,
    /// Bytes of the volume that were given out.
    position: u64,
    /// What comes next: so many zeros, then these bytes.
    hole: u64,
    out: Vec<u8>,
    ended: bool,
}

impl Unpack {
    pub(super) fn new(image: Bytes, header: Header) -> Self {
        Self {
            image,
            header,
            decoder: Decoder::new(),
            piece: None,
            taken: 0,
            position: 0,
            hole: 0,
            out: Vec::new(),
            ended: false,
        }
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.position, self.end())
    }

    pub(super) fn step(
        &mut self,
        pages: &Pages,
        map: &mut Option<&mut MapBuilder>,
    ) -> Result<Step, Halt> {
        if self.hole > 0 {
            return Ok(self.give_hole());
        }
        while !self.ended {
            if self.piece.is_none() {
                self.read(pages)?;
            }
            if let Some(step) = self.decode(map)? {
                return Ok(step);
            }
        }
        if !self.out.is_empty() {
            let next = Vec::new();
            return Ok(self.give(next));
        }
        self.hole = self.end().saturating_sub(self.position);
        match self.hole {
            0 => Ok(Step::Done),
            _ => Ok(self.give_hole()),
        }
    }

    /// Bytes of the volume.
    fn end(&self) -> u64 {
        let tail = match self.header.has_tail() {
            true => self.header.tail_size(),
            false => 0,
        };
        let clusters = self.header.nr_clusters;
        clusters
            .saturating_mul(self.header.cluster_size.into())
            .saturating_add(tail)
    }

    fn give_hole(&mut self) -> Step {
        let hole = mem::take(&mut self.hole);
        self.position = self.position.saturating_add(hole);
        Step::Hole(hole)
    }

    /// Gives what was made; `next` comes after it.
    fn give(&mut self, next: Vec<u8>) -> Step {
        let out = mem::replace(&mut self.out, next);
        self.position = self.position.saturating_add(len_u64(out.len()));
        Step::Bytes(out.into())
    }

    fn read(&mut self, pages: &Pages) -> Result<(), Halt> {
        let offset = self.decoder.taken();
        let len = piece_len(offset, self.image.size());
        if len == 0 {
            self.decoder.end_of_input()?;
            self.ended = true;
            return Ok(());
        }
        self.piece = Some(attempt(pages, || self.image.piece(offset, len))?);
        self.taken = 0;
        Ok(())
    }

    /// Decodes what was read, up to a gap, or until there is enough.
    fn decode(&mut self, map: &mut Option<&mut MapBuilder>) -> Result<Option<Step>> {
        let Some(piece) = self.piece.take() else {
            return Ok(None);
        };
        let mut input = piece.get(self.taken..).unwrap_or_default();
        loop {
            match self.decoder.next(&mut input)? {
                Event::Header(_) => {}
                Event::Data { offset, bytes } => {
                    let cluster_size = u64::from(self.header.cluster_size);
                    if offset.checked_rem(cluster_size) == Some(0) {
                        let lcn = offset.checked_div(cluster_size).unwrap_or(0);
                        note(map, Lcn(lcn), 1);
                    }
                    let next = self.position.saturating_add(len_u64(self.out.len()));
                    let Some(gap) = offset.checked_sub(next) else {
                        return Err(jumps_back(self.decoder.taken()));
                    };
                    if gap == 0 && len_u64(self.out.len()) < STEP_BYTES {
                        self.out.extend_from_slice(bytes);
                        continue;
                    }
                    let mut next = Vec::with_capacity(len_usize(STEP_BYTES));
                    next.extend_from_slice(bytes);
                    self.hole = gap;
                    let step = match self.out.is_empty() {
                        true => {
                            self.out = next;
                            self.give_hole()
                        }
                        false => self.give(next),
                    };
                    self.taken = piece.len().saturating_sub(input.len());
                    self.piece = Some(piece);
                    return Ok(Some(step));
                }
                Event::NeedInput => return Ok(None),
                Event::End => {
                    self.ended = true;
                    return Ok(None);
                }
            }
        }
    }
}

fn jumps_back(offset: u64) -> Error {
    Error::Corrupt {
        structure: Structure::ImageCommand,
        offset,
        field: "the number of clusters that it has twice, at least",
        found: 1,
        expected: "0, as its index tells",
    }
}
