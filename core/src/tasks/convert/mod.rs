//! Making something else of an image or volume.

mod raw;

use alloc::boxed::Box;
use alloc::rc::Rc;

use self::raw::RawCopy;
use super::opened::{Inside, Opened};
use super::scan::Scan;
use super::used::{Counted, Used};
use super::{Halt, Step, Task};
use crate::error::Result;
use crate::pages::Pages;

/// What can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The volume as it is, with zeros where clusters are not in use.
    Raw,
}

/// Makes something else of an image or volume: [`Step::Bytes`] and
/// [`Step::Hole`], one after the other.
#[derive(Debug)]
pub struct Convert {
    opened: Opened,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// Of an image, where its clusters are was not known.
    Scan(Box<Scan>),
    Used(Box<Used>),
    Raw(Box<RawCopy>),
    Done,
}

impl Opened {
    /// Makes something else of it.
    pub fn convert(&self, _target: Target) -> Convert {
        Convert {
            opened: self.clone(),
            state: State::Start,
        }
    }
}

impl Convert {
    fn begin(&self, inside: &Inside) -> State {
        match inside {
            Inside::Volume(_) => State::Used(Box::new(Used::new(inside.clone()))),
            Inside::Image(reader) => State::Raw(Box::new(RawCopy::of_image(Rc::clone(reader)))),
        }
    }

    fn begin_copy(&self, counted: Counted) -> State {
        State::Raw(Box::new(RawCopy::of_volume(counted)))
    }
}

impl Task for Convert {
    fn advance(&mut self) -> Result<Step, Halt> {
        let pages: &Pages = &self.opened.pages;
        let bytes = &self.opened.bytes;
        match &mut self.state {
            State::Start => {
                self.state = match &self.opened.inside {
                    Some(inside) => self.begin(inside),
                    None => State::Scan(Box::default()),
                };
            }
            State::Scan(scan) => {
                if !scan.step(pages, bytes)? {
                    return Ok(scan.progress(bytes));
                }
                let index = core::mem::take(&mut **scan).finish()?;
                let inside = Inside::of_image(bytes.clone(), index);
                self.state = self.begin(&inside);
            }
            State::Used(used) => match used.step(pages)? {
                None => return Ok(used.progress()),
                Some(counted) => self.state = self.begin_copy(counted),
            },
            State::Raw(copy) => match copy.step(pages)? {
                Step::Done => self.state = State::Done,
                step => return Ok(step),
            },
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
