//! What is read: volumes and images.

mod image;
mod volume;

pub use image::{ImageStream, check_ahead};
pub use volume::{Device, copy_steps};
