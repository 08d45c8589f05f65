//! Compressed images: zstd in small frames, with a table of where each is, and
//! a summary of what is in them. `docs/image-format.md` describes the format.

#![cfg_attr(
    not(feature = "zstd"),
    allow(dead_code, reason = "what reads needs a decompressor")
)]

#[cfg(feature = "zstd")]
mod frame_finder;
#[cfg(feature = "zstd")]
pub(crate) mod frame_header;
#[cfg(feature = "zstd")]
mod frame_scan;
mod map;
#[cfg(feature = "zstd")]
mod passing;
#[cfg(feature = "zstd")]
mod reader;
mod seek_table;
mod summary;

#[cfg(feature = "zstd")]
pub use frame_finder::FrameFinder;
pub use map::{MapBuilder, MapRun, MapRuns};
#[cfg(feature = "zstd")]
pub use passing::{PassedFrames, PassingFrames};
#[cfg(feature = "zstd")]
pub use reader::{MAX_FRAME_SIZE, SeekableReader};
pub use seek_table::{EndDamage, Frame, MAX_FRAMES, SeekTable, SeekTableBuilder};
pub use summary::{FRAME_SIZE, Head, Kind, Summary, SummaryBuilder};
