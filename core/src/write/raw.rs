//! The raw volume or disk: its bytes at their offsets, with zeros or holes between them.

use super::writer::Format;
use super::{DiskSupport, Writer};
use crate::image::seekable::Kind;

/// The raw volume.
pub static RAW: Writer = Writer {
    id: "raw",
    extensions: &["raw"],
    kind: Some(Kind::RawVolume),
    disk: DiskSupport::Bytes,
    format: Format::Raw,
};
