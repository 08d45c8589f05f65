//! What is read: volumes and images.

mod image;
mod metadata;
mod volume;

pub use image::{ImageStream, check_ahead};
pub use metadata::{WipeReport, copy_metadata};
pub use volume::{Device, copy_steps};
