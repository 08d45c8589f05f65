//! Jobs on an image or volume whose source can only be read asynchronously: by
//! a browser, or over a network.
//!
//! The rest of this crate reads synchronously. A [`Job`] reads through
//! [`Pages`] and is driven step by step: a step does some work, or names the
//! bytes that have to be read before the work can be done.
//!
//! ```
//! # use ntfsclone_core::pages::Pages;
//! # use ntfsclone_core::jobs::{Arrival, Failure, Opening, Step, open};
//! # use std::sync::Arc;
//! # fn read(offset: u64, len: u64) -> Vec<u8> { vec![0; len as usize] }
//! # fn open_image(size: u64) -> Result<Option<Arrival>, Failure> {
//! let pages = Arc::new(Pages::new(size));
//! let mut job = open(Opening::new("image", None), Arc::clone(&pages));
//! loop {
//!     match job.step()? {
//!         Step::Read(range) => {
//!             let bytes = read(range.start, range.end - range.start);
//!             pages.supply(range.start, bytes)?;
//!         }
//!         Step::Done => return Ok(job.into_result()),
//!         _ => {}
//!     }
//! }
//! # }
//! # assert!(open_image(1 << 20).is_err());
//! ```

mod content;
mod convert;
mod decompress;
mod extents;
mod failure;
mod first_file;
mod index;
mod info;
mod job;
mod locate;
mod open;
mod opened;
mod opened_disk;
mod read;
mod scan;
mod survey;
mod tree;
mod used;
mod validate;

use alloc::vec::Vec;
use core::ops::Range;

pub use content::FileId;
pub use convert::{Compression, NewSize};
pub use decompress::{CompressedStream, DECODER_LIMITS, NewDecoder, decompress};
pub use extents::Located;
pub use failure::{Failure, Refusal};
pub use index::{IndexCodecs, Indexed};
pub use job::Job;
pub use open::{Arrival, Opening, open};
pub use opened::Opened;
pub use opened_disk::OpenedDisk;
pub use tree::{ListedFile, ListedStream, Listing, Unlisted};

use crate::clusters::{Held, Surveyed};
use crate::error::{Error, Result, Structure};
use crate::io::{self, IoError, ReadAt, Source};
use crate::piece::Piece;
use crate::relocate::Resized;
use crate::units::{len_u64, len_usize};

/// Bytes that one step reads or makes, about and at most.
const STEP_BYTES: u64 = 4 << 20;

/// What a step of a [`Job`] yields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// These bytes of the source must be [supplied](crate::pages::Pages::supply)
    /// before the next step.
    Read(Range<u64>),
    /// Nothing but progress, in the unit of the job.
    Progress {
        /// How much is done.
        done: u64,
        /// How much there is; 0 while that is unknown.
        total: u64,
    },
    /// What was changed to give the volume another size, before the output.
    Resized(Resized),
    /// Bytes of the whole output, before the first of them, if that is known.
    Size(u64),
    /// The next bytes of the output.
    Bytes(Piece),
    /// The next zeros of the output: their number.
    Hole(u64),
    /// The next clusters, and where they are.
    Extents(Vec<Located>),
    /// The next files, in the order of their records.
    Files(Vec<Surveyed>),
    /// Clusters of files, among them those of the step before.
    Held(Vec<Held>),
    /// Nothing yet: a virtual disk or an image of partclone is opened next. Who loads its reader when it is needed does
    /// so before the next step.
    OpensContainer,
    /// The end.
    Done,
}

/// Reads `buf` at `offset`; an error names what was read.
fn read_at(source: &(impl ReadAt + ?Sized), offset: u64, buf: &mut [u8]) -> Result<()> {
    let read = source.read_exact_at(offset, buf);
    read.map_err(|error| read_error(offset, buf.len(), error))
}

/// The first bytes of a range that `source` lacks.
fn first_absent_in(source: &Source, range: Range<u64>) -> Result<Option<Range<u64>>> {
    let (offset, len) = (range.start, range.end.saturating_sub(range.start));
    let absent = io::absent_in(source, range).next().transpose();
    absent.map_err(|error| read_error(offset, len_usize(len), error))
}

fn read_error(offset: u64, len: usize, error: IoError) -> Error {
    match error.downcast::<Error>() {
        // The inner error names its structure already.
        Ok(error) => error,
        Err(source) => Error::Io {
            structure: Structure::Volume,
            offset,
            len: len_u64(len),
            source,
        },
    }
}
