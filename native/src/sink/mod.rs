//! What is written: raw volumes and images, to files, devices and streams.

pub mod checksum;
mod compressed;
mod discard;
mod file_writer;
mod image;
mod place;
mod raw;
mod read_back;
mod reflink;
mod sparse;
mod target;
mod whole_disk;

pub use compressed::{CompressedForm, CompressedSink, MAX_MAP_SIZE, check_length};
pub use image::ImageSink;
pub use place::Place;
pub use raw::{RawSink, least_device_size};
pub use reflink::Sharing;
pub use target::{Needs, Target, directory_of};
pub use whole_disk::refuse_partition_table;

use std::time::Duration;

use crate::error::Result;
use crate::pipeline::{Batch, Batches};
use crate::progress::Progress;

/// Something that takes the bytes of a volume and writes them in its own form.
pub trait Sink {
    /// Writes a batch.
    fn take(&mut self, batch: &Batch) -> Result<()>;

    /// Writes what is left. The target itself is finished afterwards.
    fn end(&mut self) -> Result<()>;

    fn target(&mut self) -> &mut Target;
}

/// How much is written, and how long it took until it was permanent.
pub struct Written {
    pub bytes: u64,
    pub took: Duration,
}

/// Lets `sink` take all batches, each after `change`, and finishes its target.
/// What `progress` tells of already is written, too.
pub fn write_all(
    sink: &mut impl Sink,
    batches: Batches,
    mut change: impl FnMut(&mut Batch),
    mut progress: Progress,
) -> Result<Written> {
    let mut bytes = progress.done();
    let taken = batches.for_each(|batch| {
        change(batch);
        sink.take(batch)?;
        bytes += batch.volume_bytes();
        progress.advance_to(bytes);
        Ok(())
    });
    taken
        .and_then(|()| sink.end())
        .and_then(|()| sink.target().read_back())
        .and_then(|()| sink.target().finish())
        .map_err(|error| sink.target().explain(error))?;
    let took = progress.finish();
    Ok(Written { bytes, took })
}
