//! An image of a volume.

use alloc::vec::Vec;
use core::mem;

use super::super::opened::Inside;
use super::super::scan::piece_len;
use super::super::{Halt, Step, attempt};
use super::note;
use crate::error::Result;
use crate::image::ntfsclone::{Encoder, Header};
use crate::image::seekable::MapBuilder;
use crate::pages::Pages;
use crate::plan::{self, Plan};
use crate::units::{Lcn, len_u64, len_usize};

/// Bytes of the image that are given out at once, or more.
const ENOUGH: usize = 1 << 20;

/// An image as it is made.
#[derive(Debug)]
pub(super) struct ImageWriter {
    encoder: Encoder,
    cluster_size: usize,
    nr_clusters: u64,
    out: Vec<u8>,
}

impl ImageWriter {
    pub(super) fn new(header: &Header) -> Self {
        let mut out = Vec::new();
        Self {
            encoder: Encoder::new(header, &mut out),
            cluster_size: len_usize(header.cluster_size.into()),
            nr_clusters: header.nr_clusters,
            out,
        }
    }

    /// Adds whole clusters.
    pub(super) fn add(&mut self, start: Lcn, bytes: &[u8], map: &mut Option<&mut MapBuilder>) {
        let count = bytes.chunks(self.cluster_size).len();
        self.out
            .reserve(bytes.len().saturating_add(count).saturating_add(9));
        self.encoder.clusters(start, bytes, &mut self.out);
        note(map, start, len_u64(count));
    }

    /// Ends the image.
    pub(super) fn tail(&mut self, bytes: &[u8], map: &mut Option<&mut MapBuilder>) {
        self.encoder.tail(bytes, &mut self.out);
        note(map, Lcn(self.nr_clusters), 1);
    }

    /// Whether there is enough to be given out.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= ENOUGH
    }

    /// What was made, if it is anything.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        let out = mem::take(&mut self.out);
        (!out.is_empty()).then_some(out)
    }

    /// What was made is given out before what stops it, if it is anything.
    pub(super) fn step(&mut self, made: Result<bool, Halt>) -> Result<Step, Halt> {
        match made {
            Err(Halt::Missing(range)) => match self.take() {
                Some(bytes) => Ok(Step::Bytes(bytes.into())),
                None => Err(Halt::Missing(range)),
            },
            Err(halt) => Err(halt),
            Ok(_) => Ok(self
                .take()
                .map_or(Step::Done, |bytes| Step::Bytes(bytes.into()))),
        }
    }
}

/// Makes an image of what is in use.
#[derive(Debug)]
pub(super) struct ImageCopy {
    inside: Inside,
    plan: Plan,
    writer: ImageWriter,
    /// The next cluster; none at the end.
    position: Option<Lcn>,
    done: u64,
    total: u64,
}

impl ImageCopy {
    pub(super) fn new(inside: Inside, plan: Plan) -> Self {
        Self {
            inside,
            writer: ImageWriter::new(&plan.header()),
            position: Some(Lcn(0)),
            done: 0,
            total: plan.bytes(),
            plan,
        }
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.done, self.total)
    }

    pub(super) fn step(
        &mut self,
        pages: &Pages,
        map: &mut Option<&mut MapBuilder>,
    ) -> Result<Step, Halt> {
        let made = self.fill(pages, map);
        self.writer.step(made)
    }

    /// Makes enough to be given out; false at the end.
    fn fill(&mut self, pages: &Pages, map: &mut Option<&mut MapBuilder>) -> Result<bool, Halt> {
        while !self.writer.is_full() {
            let Some(position) = self.position else {
                return Ok(false);
            };
            let geometry = self.plan.geometry();
            match self.plan.map().extents_from(position).next() {
                Some(extent) => {
                    let offset = geometry.offset(extent.start);
                    let len = piece_len(offset, geometry.offset(extent.end()));
                    let piece = attempt(pages, || self.inside.piece(offset, len))?;
                    self.writer.add(extent.start, &piece, map);
                    let clusters = len.div_ceil(u64::from(geometry.cluster_size).max(1));
                    self.position = Some(extent.start.plus(clusters));
                    self.done = self.done.saturating_add(len);
                }
                None => {
                    let tail = plan::Step::Tail(self.plan.header().tail_size());
                    let (offset, len) = self.plan.bytes_of(tail);
                    let piece = attempt(pages, || self.inside.piece(offset, len))?;
                    self.writer.tail(&piece, map);
                    self.position = None;
                    self.done = self.done.saturating_add(len);
                }
            }
        }
        Ok(true)
    }
}
