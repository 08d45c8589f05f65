//! The volume as it is.

use alloc::rc::Rc;

use super::super::opened::{Bytes, Inside};
use super::super::scan::piece_len;
use super::super::{Halt, Step, attempt};
use super::note;
use crate::error::Result;
use crate::image::Reader;
use crate::image::seekable::MapBuilder;
use crate::io::ReadAt;
use crate::pages::Pages;
use crate::plan::Plan;
use crate::units::{Extent, Lcn};

/// Copies what is in use, in order, and leaves out the rest.
#[derive(Debug)]
pub(super) struct RawCopy {
    inside: Inside,
    stored: Stored,
    cluster_size: u64,
    /// Bytes of whole clusters, and with what follows them.
    volume_size: u64,
    end: u64,
    position: u64,
}

/// Which clusters are copied.
#[derive(Debug)]
enum Stored {
    /// Of a volume, those in use.
    Used(Plan),
    /// Of an image, all.
    Image(Rc<Reader<Bytes>>),
}

impl RawCopy {
    pub(super) fn of_image(reader: Rc<Reader<Bytes>>) -> Self {
        let header = reader.index().header();
        let cluster_size = u64::from(header.cluster_size);
        Self {
            cluster_size,
            volume_size: header.nr_clusters.saturating_mul(cluster_size),
            end: reader.size(),
            inside: Inside::Image(Rc::clone(&reader)),
            stored: Stored::Image(reader),
            position: 0,
        }
    }

    pub(super) fn of_volume(inside: Inside, plan: Plan) -> Self {
        let geometry = plan.geometry();
        let volume_size = geometry.bytes(geometry.nr_clusters());
        Self {
            cluster_size: geometry.cluster_size.into(),
            volume_size,
            end: volume_size.saturating_add(plan.header().tail_size()),
            inside,
            stored: Stored::Used(plan),
            position: 0,
        }
    }

    pub(super) fn progress(&self) -> (u64, u64) {
        (self.position, self.end)
    }

    pub(super) fn step(
        &mut self,
        pages: &Pages,
        map: &mut Option<&mut MapBuilder>,
    ) -> Result<Step, Halt> {
        let (start, end) = self.next();
        if self.position < start {
            let hole = start.saturating_sub(self.position);
            self.position = start;
            return Ok(Step::Hole(hole));
        }
        let len = piece_len(start, end);
        if len == 0 {
            return Ok(Step::Done);
        }
        let piece = attempt(pages, || self.inside.piece(start, len))?;
        self.position = start.saturating_add(len);
        // What follows the last cluster may be less than one.
        let first = Lcn(start.checked_div(self.cluster_size).unwrap_or(0));
        note(map, first, len.div_ceil(self.cluster_size.max(1)));
        Ok(Step::Bytes(piece))
    }

    /// Where the next bytes are that are copied, from the current position on.
    fn next(&self) -> (u64, u64) {
        let lcn = Lcn(self.position.checked_div(self.cluster_size).unwrap_or(0));
        let extent = match self.position < self.volume_size {
            true => self.stored.extent_from(lcn),
            false => None,
        };
        match extent {
            Some(extent) => {
                let bytes = |lcn: Lcn| lcn.0.saturating_mul(self.cluster_size);
                (bytes(extent.start).max(self.position), bytes(extent.end()))
            }
            None => (self.position.max(self.volume_size), self.end),
        }
    }
}

impl Stored {
    /// The first clusters that are copied, from `lcn` on.
    fn extent_from(&self, lcn: Lcn) -> Option<Extent> {
        match self {
            Self::Used(plan) => plan.map().extents_from(lcn).next(),
            Self::Image(reader) => {
                let runs = reader.index().runs();
                let next = runs.partition_point(|run| run.extent.end() <= lcn);
                let run = runs.get(next)?;
                Some(run.extent)
            }
        }
    }
}
