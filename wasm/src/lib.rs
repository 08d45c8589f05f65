//! `ntfsclone-core` for JavaScript: types and errors, no logic of its own.
//!
//! JavaScript reads the source, and may have to wait for it; the core cannot.
//! So all that takes time is a [`Task`], which goes on step by step, and reads
//! from the pages of a [`Source`]. A step may say what has to be read first. Files that
//! a browser's worker opened are read here, without a step.
//! There is no state but that of these objects.
//!
//! Functions that are seldom needed are in a part of the module that JavaScript
//! loads when a step is of kind [`StepKind::Load`].

mod blob_reader;
mod codecs;
mod conversion;
mod disk;
mod documents;
mod error;
mod image;
mod indexed;
mod source;
mod stream;
mod task;

pub use conversion::Compressed;
pub use disk::Disk;
pub use image::{Image, Listing};
pub use indexed::IndexedStream;
pub use source::Source;
pub use stream::Stream;
pub use task::{Step, StepKind, Task};
