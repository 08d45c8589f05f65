//! Bytes of the volume, wherever they are wanted.

use alloc::vec;
use core::ops::Range;

use super::locate::Locate;
use super::opened::{Inside, Opened};
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
    Locate(Locate),
    Read(Inside),
}

impl Opened {
    /// Reads these bytes of the volume, as far as it goes.
    pub fn read(&self, range: Range<u64>) -> Read {
        Read {
            opened: self.clone(),
            range,
            state: State::Locate(Locate::default()),
        }
    }
}

impl Task for Read {
    fn advance(&mut self) -> Result<Step, Halt> {
        match &mut self.state {
            State::Locate(locate) => match locate.step(&self.opened)? {
                Ok(inside) => self.state = State::Read(inside),
                Err(progress) => return Ok(progress),
            },
            State::Read(inside) => {
                let Range { start, end } = self.range;
                let len = end.min(inside.size()).saturating_sub(start).min(AT_ONCE);
                if len == 0 {
                    return Ok(Step::Done);
                }
                let mut piece = vec![0; len_usize(len)];
                attempt(&self.opened.pages, || read_at(inside, start, &mut piece))?;
                self.range.start = start.saturating_add(len);
                return Ok(Step::Bytes(piece.into()));
            }
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
