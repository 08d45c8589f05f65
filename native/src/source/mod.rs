//! What is read: volumes and images.

mod bulk;
mod image;
mod metadata;
mod past_cache;
mod volume;

pub use bulk::BulkReader;
pub use image::{ImageStream, check_ahead};
pub use metadata::{WipeReport, copy_metadata};
pub use volume::Device;
