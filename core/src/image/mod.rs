//! Image formats. One folder a format; what is common to all stands here.

mod index;
mod indexer;
pub mod ntfsclone;
mod prefix;
mod reader;
mod spot_check;

pub use index::{Index, IndexBuilder, Run};
pub use indexer::Indexer;
pub(crate) use prefix::Prefix;
pub use reader::Reader;
