//! Image formats. One folder a format; what is common to all stands here.

mod index;
mod indexer;
pub mod ntfsclone;

pub use index::{Index, IndexBuilder, Run};
pub use indexer::Indexer;
