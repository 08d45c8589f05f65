//! What an image of metadata would hold: one is made, and not given out.

use alloc::boxed::Box;
use core::mem;

use super::super::locate::Locate;
use super::super::opened::Opened;
use super::super::used::Used;
use super::super::{Halt, Step, Task};
use super::metadata::{Collecting, MetadataCopy};
use crate::clusters::metadata::Sensitive;
use crate::error::Result;
use crate::units::len_u64;
use crate::wipe;

/// Finds what an image of metadata, made now, would hold that tells of people,
/// and what would be wiped.
#[derive(Debug)]
pub struct Remains {
    opened: Opened,
    document: Option<wipe::Remains>,
    state: State,
}

#[derive(Debug)]
enum State {
    Locate(Locate),
    Used(Box<Used>),
    Collect(Box<Collecting>),
    Copy(Box<Copying>),
    Done,
}

#[derive(Debug)]
struct Copying {
    copy: MetadataCopy,
    sensitive: Sensitive,
    /// Bytes of the image up to now.
    size: u64,
}

impl Opened {
    /// Finds what would stay in an image of metadata.
    pub fn remains(&self) -> Remains {
        Remains {
            opened: self.clone(),
            document: None,
            state: State::Locate(Locate::default()),
        }
    }
}

impl Remains {
    /// What was found, after the last step.
    pub fn document(&self) -> Option<&wipe::Remains> {
        self.document.as_ref()
    }
}

impl Task for Remains {
    fn advance(&mut self) -> Result<Step, Halt> {
        let pages = &self.opened.pages;
        match &mut self.state {
            State::Locate(locate) => match locate.step(&self.opened)? {
                Ok(inside) => self.state = State::Used(Box::new(Used::new(inside, false))),
                Err(progress) => return Ok(progress),
            },
            State::Used(used) => match used.step(pages)? {
                None => return Ok(used.progress()),
                Some(counted) => {
                    self.state = State::Collect(Box::new(Collecting::new(counted)));
                }
            },
            State::Collect(collecting) => {
                if collecting.step(pages)? {
                    return Ok(collecting.progress());
                }
                if let State::Collect(collecting) = mem::replace(&mut self.state, State::Done) {
                    let (copy, _, sensitive) = collecting.finish();
                    self.state = State::Copy(Box::new(Copying {
                        copy,
                        sensitive,
                        size: 0,
                    }));
                }
            }
            State::Copy(copying) => match copying.copy.step(pages, &mut None)? {
                Step::Bytes(bytes) => {
                    copying.size = copying.size.saturating_add(len_u64(bytes.len()));
                    let (done, total) = copying.copy.progress();
                    return Ok(Step::Progress { done, total });
                }
                Step::Done => {
                    let (wiped, damaged_records) = copying.copy.wiped();
                    self.document = Some(wipe::Remains {
                        image_size: copying.size,
                        sensitive: copying.sensitive,
                        wiped,
                        damaged_records,
                    });
                    self.state = State::Done;
                }
                step => return Ok(step),
            },
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
