//! Formats of images: one folder a format, and what all of them share.

mod index;
mod indexer;
pub mod ntfsclone;
pub mod partclone;
mod prefix;
mod reader;
pub mod salvage;
pub mod seekable;
mod spot_check;

pub use index::{Index, IndexBuilder, Run};
pub use indexer::Indexer;
pub(crate) use prefix::{Pace, Prefix};
pub use reader::Reader;
