//! Random access in streams that are compressed as a whole, by an index beside them.
//!
//! The index has seek points, from which decoding can start, and a checksum of each block of
//! the content. `docs/side-index.md` describes the file. A block is delivered only if its
//! checksum matches: a point that is wrong, or an index of another stream, is an error.

mod builder;
mod index;
mod point;
mod reader;
mod resumed_deflate;

pub use self::builder::SeekIndexBuilder;
pub use self::index::{BLOCK_BYTES, SeekIndex, SeekIndexError};
pub use self::point::{Point, Resume};
pub use self::reader::{IndexedReader, OtherContent};
