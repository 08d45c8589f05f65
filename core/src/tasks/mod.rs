//! What is done with an image or volume that can only be waited for: one that a
//! browser reads, or that comes over a network.
//!
//! Everything else in this crate reads when it has to. Here, what is read goes
//! through [`Pages`], and each task goes on step by step: a step does some work,
//! or tells what has to be read before it can be done.
//!
//! ```
//! # use ntfsclone_core::pages::Pages;
//! # use ntfsclone_core::tasks::{Failure, Open, Opened, Step, Task};
//! # use std::rc::Rc;
//! # fn read(offset: u64, len: u64) -> Vec<u8> { vec![0; len as usize] }
//! # fn open(size: u64) -> Result<Opened, Failure> {
//! let pages = Rc::new(Pages::new(size));
//! let mut open = Open::new("image", Rc::clone(&pages));
//! loop {
//!     match open.step()? {
//!         Step::Read(range) => {
//!             let bytes = read(range.start, range.end - range.start);
//!             pages.supply(range.start, bytes)?;
//!         }
//!         Step::Done => return open.into_opened(),
//!         _ => {}
//!     }
//! }
//! # }
//! # assert!(open(1 << 20).is_err());
//! ```

mod content;
mod convert;
mod decompress;
mod extents;
mod failure;
mod info;
mod locate;
mod open;
mod opened;
mod read;
mod scan;
mod survey;
mod used;
mod validate;

use alloc::vec::Vec;
use core::ops::Range;

pub use content::Content;
pub use convert::{Compression, Convert, Remains, Target};
pub use decompress::{Decompress, StreamError};
pub use extents::{Extents, Located};
pub use failure::{Failure, Refusal};
pub use info::Info;
pub use open::Open;
pub use opened::Opened;
pub use read::Read;
pub use survey::Survey;
pub use validate::Validate;

use crate::clusters::{Held, Surveyed};
use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::pages::{Pages, Piece};
use crate::units::len_u64;

/// Bytes that one step reads or makes, at the most and about.
const STEP_BYTES: u64 = 4 << 20;

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes have to be [supplied](Pages::supply) first.
    Read(Range<u64>),
    /// So much is done of what is to be done, where that is known: bytes or
    /// records, or another part of the whole.
    Progress {
        /// How much is done.
        done: u64,
        /// How much is to be done.
        total: u64,
    },
    /// The next bytes of what is made, or read.
    Bytes(Piece),
    /// So many zeros are next in what is made.
    Hole(u64),
    /// The next clusters, and where they are.
    Extents(Vec<Located>),
    /// The next files, in the order of their records.
    Files(Vec<Surveyed>),
    /// Clusters of files, those of the step before among them.
    Held(Vec<Held>),
    /// The end.
    Done,
}

/// Work that goes on step by step.
pub trait Task {
    /// As [`Task::step`], with what is missing as what stops it.
    ///
    /// # Errors
    ///
    /// [`Halt`].
    fn advance(&mut self) -> Result<Step, Halt>;

    /// Goes on, by some MiB at the most. After the end, or an error, there is
    /// nothing that it can do.
    ///
    /// # Errors
    ///
    /// What stands in the way of the whole.
    fn step(&mut self) -> Result<Step, Failure> {
        match self.advance() {
            Ok(step) => Ok(step),
            Err(Halt::Missing(range)) => Ok(Step::Read(range)),
            Err(Halt::Failed(failure)) => Err(failure),
        }
    }
}

/// Why a step did not go on.
#[derive(Debug)]
pub enum Halt {
    /// These bytes are not there yet.
    Missing(Range<u64>),
    /// It cannot go on.
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Halt {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

/// Does what can be done again, if something is missing.
fn attempt<T>(pages: &Pages, work: impl FnOnce() -> Result<T>) -> Result<T, Halt> {
    match pages.attempt(work) {
        Ok(found) => Ok(found?),
        Err(range) => Err(Halt::Missing(range)),
    }
}

/// Reads of a source, with what was read in the error.
fn read_at(source: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> Result<()> {
    let read = source.read_exact_at(offset, buf);
    read.map_err(|error| read_error(offset, buf.len(), error))
}

fn read_error(offset: u64, len: usize, error: IoError) -> Error {
    match error.downcast::<Error>() {
        // It says better what it was about.
        Ok(error) => error,
        Err(source) => Error::Io {
            structure: Structure::Volume,
            offset,
            len: len_u64(len),
            source,
        },
    }
}
