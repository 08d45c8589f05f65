//! Bytes of the volume, wherever they are wanted.

use alloc::boxed::Box;
use alloc::vec;
use core::ops::Range;

use super::opened::{Inside, Opened};
use super::scan::Scan;
use super::{Halt, Step, Task, attempt, read_at};
use crate::error::Result;
use crate::io::ReadAt;
use crate::units::len_usize;

/// Bytes in one step.
const AT_ONCE: u64 = 1 << 20;

/// Reads part of the volume, as it would be restored: [`Step::Bytes`]. What an
/// image does not have reads as zeros.
#[derive(Debug)]
pub struct Read {
    opened: Opened,
    /// What is yet to be read.
    range: Range<u64>,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// Of an image, where its clusters are was not known.
    Scan(Box<Scan>),
    Read(Inside),
}

impl Opened {
    /// Reads these bytes of the volume, as far as it goes.
    pub fn read(&self, range: Range<u64>) -> Read {
        Read {
            opened: self.clone(),
            range,
            state: State::Start,
        }
    }
}

impl Task for Read {
    fn advance(&mut self) -> Result<Step, Halt> {
        let Opened {
            pages,
            bytes,
            inside,
            ..
        } = &self.opened;
        match &mut self.state {
            State::Start => {
                self.state = match inside {
                    None => State::Scan(Box::default()),
                    Some(inside) => State::Read(inside.clone()),
                };
            }
            State::Scan(scan) => {
                if !scan.step(pages, bytes)? {
                    return Ok(scan.progress(bytes));
                }
                let index = core::mem::take(&mut **scan).finish()?;
                self.state = State::Read(Inside::of_image(bytes.clone(), index));
            }
            State::Read(inside) => {
                let Range { start, end } = self.range;
                let len = end.min(inside.size()).saturating_sub(start).min(AT_ONCE);
                if len == 0 {
                    return Ok(Step::Done);
                }
                let mut piece = vec![0; len_usize(len)];
                attempt(pages, || read_at(inside, start, &mut piece))?;
                self.range.start = start.saturating_add(len);
                return Ok(Step::Bytes(piece.into()));
            }
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
