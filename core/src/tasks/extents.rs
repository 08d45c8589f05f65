//! Which clusters are in use, or stored, and where.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::locate::Locate;
use super::opened::{Inside, Opened};
use super::used::{Counted, Used};
use super::{Halt, Step, Task};
use crate::error::Result;
use crate::units::{Extent, Lcn};

/// Extents in one step.
const AT_ONCE: usize = 16 << 10;

/// Lists the clusters that a copy of a volume needs, or that an image has:
/// [`Step::Extents`].
#[derive(Debug)]
pub struct Extents {
    opened: Opened,
    state: State,
}

/// Clusters, and where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Located {
    /// The clusters.
    pub extent: Extent,
    /// Of a volume, where the first one is, in bytes; of an image, where the
    /// command before it is, in bytes of the image as a stream: before each
    /// cluster one byte is a command.
    pub offset: u64,
}

#[derive(Debug)]
enum State {
    Locate(Locate),
    Used(Box<Used>),
    /// Of a volume, from this cluster on.
    Volume(Box<Counted>, Lcn),
    /// Of an image, from this run on.
    Image(Inside, usize),
    Done,
}

impl Opened {
    /// Lists the clusters in use, or stored.
    pub fn extents(&self) -> Extents {
        Extents {
            opened: self.clone(),
            state: State::Locate(Locate::default()),
        }
    }
}

impl Task for Extents {
    fn advance(&mut self) -> Result<Step, Halt> {
        let pages = &self.opened.pages;
        match &mut self.state {
            State::Locate(locate) => match locate.step(&self.opened)? {
                Ok(inside @ Inside::Volume(_)) => {
                    self.state =
                        State::Used(Box::new(Used::new(inside, self.opened.before_damage)));
                }
                Ok(inside @ Inside::Image(_)) => self.state = State::Image(inside, 0),
                Err(progress) => return Ok(progress),
            },
            State::Used(used) => match used.step(pages)? {
                None => return Ok(used.progress()),
                Some(counted) => self.state = State::Volume(Box::new(counted), Lcn(0)),
            },
            State::Volume(counted, from) => {
                let geometry = counted.volume.geometry();
                let reach = counted.volume.source().reach(geometry.bytes(1));
                let extents = counted.map.extents_from(*from).take(AT_ONCE);
                let located: Vec<Located> = extents
                    .take_while(|extent| extent.start < reach)
                    .map(|Extent { start, len }| Located {
                        extent: Extent::new(start, len.min(reach.0.saturating_sub(start.0))),
                        offset: geometry.offset(start),
                    })
                    .collect();
                if let Some(last) = located.last() {
                    *from = last.extent.end();
                    return Ok(Step::Extents(located));
                }
                self.state = State::Done;
            }
            State::Image(inside, from) => {
                let runs = inside.index().map_or(&[][..], |index| index.runs());
                let runs = runs.get(*from..).unwrap_or_default().iter().take(AT_ONCE);
                let located: Vec<Located> = runs
                    .map(|run| Located {
                        extent: run.extent,
                        offset: run.offset,
                    })
                    .collect();
                *from = from.saturating_add(located.len());
                if !located.is_empty() {
                    return Ok(Step::Extents(located));
                }
                self.state = State::Done;
            }
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
