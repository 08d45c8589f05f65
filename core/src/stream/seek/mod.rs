//! Random access in streams that are compressed as a whole, by an index beside them.
//!
//! The index has seek points, from which decoding can start, and a checksum of each block of
//! the content. `docs/side-index.md` describes the file. A block is delivered only if its
//! checksum matches: a point that is wrong, or an index of another stream, is an error.

mod builder;
mod bzip2_blocks;
mod frame_points;
mod frames;
mod identity;
mod index;
mod pass;
mod point;
mod points;
mod reader;
mod recent;
mod xz_blocks;
mod zstd_state;

pub use self::builder::SeekIndexBuilder;
pub use self::bzip2_blocks::{Bzip2Mark, Bzip2Marks, Bzip2Stream, STREAM_HEADER_BYTES};
pub use self::frame_points::FramePoints;
pub use self::frames::{Frames, Step};
pub use self::identity::identity_of;
pub use self::index::{BLOCK_BYTES, SeekIndex, SeekIndexError};
pub use self::pass::{IndexPass, PassOptions};
pub use self::point::Point;
pub use self::points::Points;
pub use self::reader::{IndexedReader, OtherContent};
pub use self::xz_blocks::{XzBlock, xz_blocks};
