//! Compressed images: zstd in small frames, with a table of where each is, and
//! a summary of what is in them. `docs/image-format.md` describes the format.

mod map;
#[cfg(feature = "zstd")]
mod reader;
mod seek_table;
mod summary;

pub use map::{MapBuilder, MapRun, MapRuns};
#[cfg(feature = "zstd")]
pub use reader::{MAX_FRAME_SIZE, SeekableReader};
pub use seek_table::{Frame, MAX_FRAMES, SeekTable, SeekTableBuilder};
pub use summary::{FRAME_SIZE, Head, Kind, Summary, SummaryBuilder};
