//! Moves bulk data: a reader and a writer on two threads, with large buffers that
//! bypass the page cache.

pub mod aligned_buffer;
pub mod direct;
pub mod encoding;
pub mod pipeline;
