//! The raw volume: its bytes at their offsets, with zeros or holes between them.

use super::Writer;
use crate::image::seekable::Kind;

/// The raw volume.
pub static RAW: Writer = Writer {
    id: "raw",
    kind: Kind::RawVolume,
    size: |plan| plan.header().device_size,
    encoder: None,
};
