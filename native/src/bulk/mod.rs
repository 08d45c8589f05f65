//! Moving much data: reader and writer on two threads, and large buffers that
//! pass the page cache by.

pub mod aligned_buffer;
pub mod direct;
pub mod encoding;
pub mod pipeline;
