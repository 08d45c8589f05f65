//! What a copy of a volume is written to, opened and checked before a scan.

use std::path::Path;

use ntfsclone_core::ntfs::bitmap::Chunks;

use super::copy::CopyOrder;
use super::open_volume::OpenVolume;
use super::resize;
use super::shared_clone::try_sharing;
use crate::error::{Error, Result};
use crate::options::{CopyScope, Form};
use crate::rescue::{Continued, continued};
use crate::sink::{
    AtomicFile, Destination, Needs, Place, Readers, Replacing, least_device_size, refuse_file_in,
};

/// What a copy is written to.
pub enum CopyTarget {
    New(Destination),
    /// By this run or an earlier one.
    Begun(Box<Continued>),
}

impl CopyTarget {
    /// Opens what `order` writes to, so that what is wrong with it is known before
    /// the time that a scan takes. `None` if that has to be done after the scan:
    /// then [`CopyTarget::open`] does it.
    pub fn prepare(
        order: CopyOrder<'_>,
        place: Place,
        continued: Option<Continued>,
        opened: &OpenVolume,
    ) -> Result<Option<Self>> {
        if let Some(continued) = continued {
            return Ok(Some(Self::Begun(Box::new(continued))));
        }
        if let Some(mapfile) = mapfile_of(order) {
            refuse_file_in(mapfile)?;
        }
        match mapfile_of(order) {
            // A device may hold something, which stays until the volume is not
            // refused any more.
            Some(mapfile) if place == Place::BlockDevice => {
                AtomicFile::try_create(mapfile, Replacing::Existing)
                    .map_err(|error| Error::io("create a file beside", mapfile, error))?;
                open_destination(order, place, opened)?;
                Ok(None)
            }
            // What a scan reads is in a new file from the start.
            _ => Self::open(order, place, opened).map(Some),
        }
    }

    pub fn open(order: CopyOrder<'_>, place: Place, opened: &OpenVolume) -> Result<Self> {
        if let Some(mapfile) = mapfile_of(order)
            && let Some(continued) =
                continued::begin(&order.writing.output, mapfile, &opened.volume)?
        {
            return Ok(Self::Begun(Box::new(continued)));
        }
        open_destination(order, place, opened).map(Self::New)
    }

    /// True if a failure would leave something half written.
    pub fn is_in_place(&self) -> bool {
        matches!(self, Self::New(destination) if destination.is_in_place())
    }

    /// See [`Destination::size`].
    pub fn size(&self) -> Option<u64> {
        match self {
            Self::New(destination) => destination.size(),
            Self::Begun(_) => None,
        }
    }

    /// # Errors
    ///
    /// It was begun: what is not a raw copy cannot be continued.
    pub fn into_new(self) -> Result<Destination> {
        match self {
            Self::New(destination) => Ok(destination),
            Self::Begun(_) => Err(Error::Usage {
                message: "--mapfile goes with a raw copy of a volume".to_owned(),
            }),
        }
    }
}

fn mapfile_of(order: CopyOrder<'_>) -> Option<&Path> {
    order.rescue?.mapfile.as_deref()
}

fn open_destination(
    order: CopyOrder<'_>,
    place: Place,
    opened: &OpenVolume,
) -> Result<Destination> {
    let sources = opened.device.metadata();
    let mut destination = Destination::open(&order.writing.output, Readers::Owner, sources)?;
    // What is compressed, or shares the space of its source, may need little.
    let shares = || order.rescue.is_none() && try_sharing(order, place, opened).is_some();
    if !order.kind.is_compressed() && !shares() {
        let needs = least_needs(order, &destination, opened);
        let is_resizable = order.kind.is_plain() && order.rescue.is_none();
        match order.kind.scope {
            CopyScope::Used if is_resizable => {
                destination.check_volume(needs, || Some(resize::least_size(opened)))?;
            }
            CopyScope::Used | CopyScope::Metadata { .. } => destination.check(needs)?,
        }
    }
    Ok(destination)
}

/// What a copy needs at the least: a scan may find more.
fn least_needs(order: CopyOrder<'_>, destination: &Destination, opened: &OpenVolume) -> Needs {
    let geometry = opened.volume.geometry();
    let volume_size = geometry.bytes(geometry.nr_clusters());
    let is_short = destination.free_space() < Some(volume_size);
    let bytes = match order.kind.scope {
        // Read only where it matters.
        CopyScope::Used if is_short => {
            geometry.bytes(clusters_in_bitmap(opened)) + opened.volume.tail_size()
        }
        CopyScope::Used | CopyScope::Metadata { .. } => 0,
    };
    let device_size = match order.kind.form {
        // It is checked when the clusters in use are known.
        Form::Raw if order.writing.resize.is_some() => 0,
        Form::Raw => least_device_size(geometry, opened.volume.tail_size()),
        Form::Image | Form::Converted(_) => bytes,
    };
    Needs { bytes, device_size }
}

/// Clusters that `$Bitmap` marks, as far as it can be read.
pub fn clusters_in_bitmap(opened: &OpenVolume) -> u64 {
    let volume = &opened.volume;
    let mut count = 0;
    let Ok(mut chunks) = Chunks::new(volume) else {
        return count;
    };
    while let Ok(Some((_, words))) = chunks.next(volume) {
        count += words
            .iter()
            .map(|word| u64::from(word.count_ones()))
            .sum::<u64>();
    }
    count
}
