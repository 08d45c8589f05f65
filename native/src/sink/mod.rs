//! What is written: raw volumes and images, to files, devices and streams.

mod asides;
mod atomic_file;
mod checksum;
mod compressed;
mod device_folder;
mod discard;
mod file_writer;
mod image;
mod leftovers;
mod outdated;
mod overwritten;
mod pieces;
mod place;
mod raw;
mod read_back;
mod reflink;
mod sparse;
mod target;

pub use atomic_file::{AtomicFile, Replacing, directory_of};
pub use compressed::{CompressedSink, MAX_MAP_SIZE, check_length};
pub use device_folder::refuse_file_in;
pub use image::ImageSink;
pub use overwritten::refuse_metadata;
pub use place::Place;
pub use raw::{RawSink, least_device_size};
pub use reflink::Sharing;
pub use target::{Destination, Needs, Readers, Target};

use std::time::Duration;

use crate::boot_sectors::BootSectorChange;
use crate::bulk::pipeline::{Batch, Batches};
use crate::error::Result;
use crate::host::progress::Progress;

/// Something that takes the bytes of a volume and writes them in its own form.
pub trait Sink {
    /// Writes a batch.
    fn take(&mut self, batch: &Batch) -> Result<()>;

    /// Writes what is left. The target itself is finished afterwards.
    fn end(&mut self) -> Result<()>;

    fn target(&mut self) -> &mut Target;

    /// What became of it, as a part of a report.
    fn remark(&self) -> String {
        String::new()
    }
}

/// How much is written, and how long it took until it was permanent.
pub struct Written {
    pub bytes: u64,
    pub took: Duration,
}

/// Lets `sink` take all batches, each after a change of its boot sectors, and
/// finishes its target. What `progress` tells of already is written, too. `written`
/// is called when only that is left to do, and ends the percent.
///
/// # Errors
///
/// Also that the boot sectors could not be changed: a file does not get its
/// name then; what is written in place stays, complete.
pub fn write_all(
    sink: &mut impl Sink,
    batches: Batches,
    boot_sectors: &mut BootSectorChange,
    mut progress: Progress,
    written: impl FnOnce(&mut Progress),
) -> Result<Written> {
    let mut bytes = progress.done();
    let taken = batches.for_each(|batch| {
        boot_sectors.apply(batch);
        sink.take(batch)?;
        bytes += batch.volume_bytes();
        progress.advance_to(bytes);
        Ok(())
    });
    taken
        .and_then(|()| sink.end())
        .and_then(|()| {
            written(&mut progress);
            if sink.target().is_read_back() {
                progress.clear();
            }
            finish(sink.target(), boot_sectors)
        })
        .map_err(|error| sink.target().explain(error))?;
    let took = progress.finish();
    Ok(Written { bytes, took })
}

fn finish(target: &mut Target, boot_sectors: &BootSectorChange) -> Result<()> {
    let has_name = target.part().is_none();
    let changed = boot_sectors.check(target.name());
    if !has_name {
        changed?;
        target.read_back()?;
        return target.finish();
    }
    target.read_back()?;
    target.finish()?;
    changed
}
