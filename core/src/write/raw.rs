//! The raw volume: its bytes at their offsets, with zeros or holes between them.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::disk::{DiskLayout, WholeDisk};
use super::{DiskSupport, Encode, Shape, Writer};
use crate::error::Result;
use crate::image::seekable::Kind;

/// The raw volume.
pub static RAW: Writer = Writer {
    id: "raw",
    extensions: &["raw"],
    kind: Some(Kind::RawVolume),
    disk: DiskSupport::Bytes,
    size,
    encoder,
};

fn size(shape: &Shape<'_>) -> Option<u64> {
    Some(match shape.disk {
        Some(disk) => disk.size(),
        None => shape.plan.header().device_size,
    })
}

fn encoder(shape: &Shape<'_>) -> Result<Option<Box<dyn Encode + Send>>> {
    if shape.disk.is_some_and(DiskLayout::is_partitioned) {
        return Ok(Some(WholeDisk::boxed(shape, Vec::new())));
    }
    Ok(None)
}
