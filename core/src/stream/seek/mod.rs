//! Random access in streams that are compressed as a whole, by an index beside them.
//!
//! The index has seek points, from which decoding can start, and a checksum of each block of
//! the content. `docs/side-index.md` describes the file. A block is delivered only if its
//! checksum matches: a point that is wrong, or an index of another stream, is an error.

mod builder;
mod bzip2_blocks;
mod frames;
mod index;
mod point;
mod reader;
mod resumed_bzip2;
mod resumed_deflate;
mod resumed_zstd;
mod xz_blocks;
mod zstd_state;

pub use self::builder::SeekIndexBuilder;
pub use self::bzip2_blocks::{Bzip2Mark, Bzip2Marks, Bzip2Stream, STREAM_HEADER_BYTES};
pub use self::frames::{Frames, Step};
pub use self::index::{BLOCK_BYTES, SeekIndex, SeekIndexError};
pub use self::point::{MAX_ZSTD_WINDOW, Point, Resume};
pub use self::reader::{IndexedReader, OtherContent};
pub use self::xz_blocks::{XzBlock, xz_blocks};
