//! A form in which a copy is written: a row of the table of writers.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::disk::{DiskLayout, OnDisk, VolumeOnDisk, WholeDisk};
use super::{DiskContent, Encode, Shape};
use crate::error::{Error, Result};
use crate::image::seekable::Kind;
use crate::plan::Plan;

/// A form in which a copy of a volume or disk is written.
#[derive(Debug)]
pub struct Writer {
    /// Its name for programs.
    pub id: &'static str,
    /// Endings of the names of its files, without a dot, the usual one first.
    pub extensions: &'static [&'static str],
    /// What the summary of a compressed file calls it; `None` if that has no summary.
    pub kind: Option<Kind>,
    /// Whether it describes a disk, or the volume alone.
    pub disk: DiskSupport,
    pub(super) format: Format,
}

/// Whether a form describes a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskSupport {
    /// It holds the volume alone.
    None,
    /// It holds bytes, which may be those of a disk: without a [`DiskLayout`], the volume.
    Bytes,
    /// It is a virtual disk, and for a volume to be mounted, it has a partition table.
    Disk,
    /// The same; its sectors may have 4096 bytes.
    DiskWithLargeSectors,
}

/// How a form is encoded.
#[derive(Debug)]
pub(super) enum Format {
    /// Bytes at their offsets.
    Raw,
    /// An image of one volume.
    Volume {
        /// Bytes of the image.
        size: fn(&Plan) -> u64,
        encoder: fn(&Plan) -> Result<Box<dyn Encode + Send>>,
    },
    /// A virtual disk.
    Disk {
        /// Bytes of the file; `None` if that is known when it is written.
        size: fn(&dyn DiskContent) -> Option<u64>,
        encoder: fn(&dyn DiskContent) -> Result<Box<dyn Encode + Send>>,
    },
}

impl Writer {
    /// Bytes of the output; `None` if that is known when it is written.
    pub fn size(&self, shape: &Shape<'_>) -> Option<u64> {
        match (&self.format, shape) {
            (Format::Raw, Shape::Volume { plan, disk: None }) => Some(plan.header().device_size),
            (
                Format::Raw,
                Shape::Volume {
                    disk: Some(disk), ..
                },
            ) => Some(disk.size()),
            (Format::Raw, Shape::Disk(content)) => Some(content.disk().size),
            (Format::Volume { size, .. }, Shape::Volume { plan, .. }) => Some(size(plan)),
            (Format::Volume { .. }, Shape::Disk(_)) => None,
            (Format::Disk { size, .. }, Shape::Volume { plan, disk }) => {
                size(&VolumeOnDisk::new(plan, *disk))
            }
            (Format::Disk { size, .. }, Shape::Disk(content)) => size(*content),
        }
    }

    /// Makes the encoder of an output. `None` if the output is the bytes themselves: the host
    /// moves the data to the same offsets, without another copy in memory.
    ///
    /// # Errors
    ///
    /// [`Error::DiskTooLarge`], [`Error::Memory`]; [`Error::HoldsOneVolume`] if a disk is to be
    /// written in a form that holds a volume.
    pub fn encoder(&self, shape: &Shape<'_>) -> Result<Option<Box<dyn Encode + Send>>> {
        let encoder = match (&self.format, shape) {
            (
                Format::Raw,
                Shape::Volume {
                    disk: Some(layout), ..
                },
            ) if layout.is_partitioned() => {
                on_disk(layout, WholeDisk::boxed(layout.size(), Vec::new()))
            }
            (Format::Raw, _) => return Ok(None),
            (Format::Volume { encoder, .. }, Shape::Volume { plan, .. }) => encoder(plan)?,
            (Format::Volume { .. }, Shape::Disk(_)) => {
                return Err(Error::HoldsOneVolume { format: self.id });
            }
            (Format::Disk { encoder, .. }, Shape::Volume { plan, disk }) => {
                let content = VolumeOnDisk::new(plan, *disk);
                on_disk(content.layout(), encoder(&content)?)
            }
            (Format::Disk { encoder, .. }, Shape::Disk(content)) => encoder(*content)?,
        };
        Ok(Some(encoder))
    }
}

/// An encoder of the volume and of all that its disk has beside it.
fn on_disk(layout: &DiskLayout, disk: Box<dyn Encode + Send>) -> Box<dyn Encode + Send> {
    Box::new(OnDisk::new(layout.clone(), disk))
}

impl PartialEq for Writer {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Writer {}
