//! What is read: volumes and images.

mod bulk;
mod foreign;
mod image;
pub mod index_file;
pub mod input;
mod inside;
mod kept_volume;
mod metadata;
mod past_cache;
pub mod small_file;
mod volume;
mod whole;

pub use bulk::BulkReader;
pub use foreign::refuse_foreign;
pub use image::{ImageStream, check_ahead};
pub use inside::{Anywhere, Inside, anywhere};
pub use kept_volume::{Keeper, KeptVolume};
pub use metadata::{WipeReport, copy_metadata};
pub use volume::Device;
pub use whole::WholeReader;
