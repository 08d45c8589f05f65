//! What is written: raw volumes and images, to files, devices and streams.

mod image;
mod raw;
mod target;

pub use image::ImageSink;
pub use raw::{RawSink, least_device_size};
pub use target::{Needs, Place, Target};
