//! Which files there are, and whose the clusters are.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::locate::Locate;
use super::opened::{Inside, Opened};
use super::{Halt, Step, Task, attempt};
use crate::clusters;
use crate::error::Result;
use crate::ntfs::Volume;

/// Looks at all files of a volume: [`Step::Files`] and [`Step::Held`].
#[derive(Debug)]
pub struct Survey {
    opened: Opened,
    state: State,
    /// To be told in the next step.
    held: Vec<clusters::Held>,
}

#[derive(Debug)]
enum State {
    Locate(Locate),
    /// The volume is to be opened.
    Open(Inside),
    Look(Box<Volume<Inside>>, clusters::Survey),
    Done,
}

impl Opened {
    /// Looks at all files in use.
    pub fn survey(&self) -> Survey {
        Survey {
            opened: self.clone(),
            state: State::Locate(Locate::default()),
            held: Vec::new(),
        }
    }
}

impl Survey {
    /// Records looked at, and how many there are; 0 where that is not known yet.
    pub fn progress(&self) -> (u64, u64) {
        match &self.state {
            State::Look(_, survey) => (survey.rest().start().0, survey.rest().end().0),
            _ => (0, 0),
        }
    }
}

impl Task for Survey {
    fn advance(&mut self) -> Result<Step, Halt> {
        if !self.held.is_empty() {
            return Ok(Step::Held(core::mem::take(&mut self.held)));
        }
        let pages = &self.opened.pages;
        match &mut self.state {
            State::Locate(locate) => match locate.step(&self.opened)? {
                Ok(inside) => self.state = State::Open(inside),
                Err(progress) => return Ok(progress),
            },
            State::Open(inside) => {
                let tolerates_damage = self.opened.before_damage;
                let volume = attempt(pages, || match tolerates_damage {
                    true => inside.open_volume(),
                    false => Volume::open(inside.clone()),
                })?;
                let survey = clusters::Survey::new(&volume);
                self.state = State::Look(Box::new(volume), survey);
            }
            State::Look(volume, survey) => {
                let mut files = Vec::new();
                let held = &mut self.held;
                let looked = attempt(pages, || survey.step(&**volume, &mut files, held));
                // What was looked at before something was missing is not
                // looked at again.
                if !files.is_empty() {
                    return Ok(Step::Files(files));
                }
                let goes_on = looked?;
                let (done, total) = self.progress();
                if !goes_on {
                    self.state = State::Done;
                }
                return Ok(Step::Progress { done, total });
            }
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
