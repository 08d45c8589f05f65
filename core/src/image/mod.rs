//! Image formats. One folder a format; what is common to all stands here.

pub mod ntfsclone;
pub mod seekable;
