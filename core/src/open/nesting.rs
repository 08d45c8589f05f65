//! The way in: from a source to the image or volume in it, one layer a step.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::container::Container;
use super::format::{Format, Role};
use super::partition_table::{Damage, Partition, PartitionTable};
use super::probe::Content;
use crate::disk::DiskFormat;
use crate::io::ReadAt;
use crate::stream::Compression;

/// How often something may be compressed again. Ours: a stream that holds
/// itself would never end.
const MAX_COMPRESSIONS: usize = 2;

/// How many containers may be within each other. Ours: a disk in an image, or the
/// reverse, is all that is known of.
const MAX_CONTAINERS: usize = 2;

/// What an image or volume is within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// This many files are one.
    Pieces(usize),
    /// The partition of a disk with this number.
    Partition(u32),
    /// A compressed stream.
    Compressed(Compression),
    /// Compressed with zstd, in frames that can be read at any place.
    Seekable,
    /// An image of partclone.
    Partclone,
    /// A virtual disk, and names of the files in which it is beside the first one.
    Disk(DiskFormat, Arc<[String]>),
}

/// The layers that were passed, and the partition that is still to be entered.
#[derive(Debug, Clone, Default)]
pub struct Nesting {
    layers: Vec<Layer>,
    partition: Option<u32>,
}

/// What to do to get further in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inward {
    /// Decompress the source, and ask again.
    Decompress(Compression),
    /// Open this container, and ask again of the source in it.
    Open(Container),
    /// Take this partition of the source, and ask again. Its table may be damaged.
    Enter(Partition, Option<Damage>),
    /// Nothing: this is what it holds.
    Arrived(Content),
}

/// Why there is no image or volume that can be read.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// It is known, and not read.
    #[error("{}", .0.name)]
    Format(&'static Format),
    /// A whole disk, of which no partition is named.
    #[error("is a whole disk")]
    Disk(PartitionTable),
    /// A partition is named, and there is no table.
    #[error("has no partition table")]
    NoTable,
    /// A partition is named that is not in the table.
    #[error("has no partition {0}")]
    NoPartition(u32, PartitionTable),
    /// A limit of ours.
    #[error("is compressed more than {MAX_COMPRESSIONS} times")]
    Compressions(Compression),
    /// A limit of ours.
    #[error("holds more than {MAX_CONTAINERS} images or disks within each other")]
    Containers,
    /// A virtual disk is read here and there, not from start to end.
    #[error("is a virtual disk ({0}), in a stream")]
    DiskInStream(DiskFormat),
}

impl Nesting {
    /// The way into what is read as `layers`, and through the partition with this
    /// number.
    pub fn new(layers: Vec<Layer>, partition: Option<u32>) -> Self {
        Self { layers, partition }
    }

    /// The layers passed so far, from the outside in.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The partition that is still to be entered.
    pub fn partition(&self) -> Option<u32> {
        self.partition
    }

    /// Whether a partition is named, or was entered.
    pub fn has_partition(&self) -> bool {
        let is_partition = |layer: &Layer| matches!(layer, Layer::Partition(_));
        self.partition.is_some() || self.layers.iter().any(is_partition)
    }

    /// Enters the partition with this number when the disk is reached, as if it had been named.
    pub fn choose_partition(&mut self, number: u32) {
        self.partition = Some(number);
    }

    /// Records that a layer was passed.
    pub fn pass(&mut self, layer: Layer) {
        if let Layer::Partition(_) = layer {
            self.partition = None;
        }
        self.layers.push(layer);
    }

    /// What comes next, by what `source` is. Once done, it is to be recorded with
    /// [`Nesting::pass`].
    ///
    /// # Errors
    ///
    /// There is no way further in.
    pub fn step(&self, source: &dyn ReadAt, content: Content) -> Result<Inward, NotOpened> {
        match content {
            Content::Compressed(compression) if self.compressions() >= MAX_COMPRESSIONS => {
                Err(NotOpened::Compressions(compression))
            }
            Content::Compressed(compression) => Ok(Inward::Decompress(compression)),
            Content::Container(_) if self.containers() >= MAX_CONTAINERS => {
                Err(NotOpened::Containers)
            }
            Content::Container(container) => Ok(Inward::Open(container)),
            // Where a partition is named, a volume that begins as a disk does is one.
            _ if let Some(number) = self.partition => {
                let table = PartitionTable::read(source).ok_or(NotOpened::NoTable)?;
                match table.find(number).cloned() {
                    Some(partition) => Ok(Inward::Enter(partition, table.damage)),
                    None => Err(NotOpened::NoPartition(number, table)),
                }
            }
            Content::Refused(format) => Err(NotOpened::Format(format)),
            Content::Disk(table) => Err(NotOpened::Disk(table)),
            Content::Image | Content::Volume | Content::Unknown => Ok(Inward::Arrived(content)),
        }
    }

    fn compressions(&self) -> usize {
        let is_compressed = |layer: &&Layer| matches!(layer, Layer::Compressed(_));
        self.layers.iter().filter(is_compressed).count()
    }

    fn containers(&self) -> usize {
        let is_container = |layer: &&Layer| layer.is_container();
        self.layers.iter().filter(is_container).count()
    }
}

impl NotOpened {
    /// What to do about it, where it is not told by what can be named instead.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Format(format) => match format.role {
                Role::Refused { remedy } | Role::Lost { remedy } => remedy,
                _ => "",
            },
            Self::Disk(_) => "name the partition",
            Self::NoTable => "do not name a partition, if it is a volume or an image",
            Self::NoPartition(..) => "name another partition",
            Self::Compressions(_) => "decompress it first",
            Self::Containers => "take what it holds out of it first",
            Self::DiskInStream(_) => "write it to a file first, and decompress it",
        }
    }
}

impl Layer {
    /// Whether what is within ends before its layer does, and other bytes follow.
    pub fn may_end_early(&self) -> bool {
        matches!(self, Self::Partition(_))
    }

    /// Whether it is a [`Container`].
    pub fn is_container(&self) -> bool {
        matches!(self, Self::Partclone | Self::Disk(..))
    }
}

/// Writes which other files there are; of many, the first ones.
fn write_files(f: &mut fmt::Formatter<'_>, files: &[String]) -> fmt::Result {
    const NAMED: usize = 8;
    for (index, name) in files.iter().take(NAMED).enumerate() {
        let before = if index == 0 { " with " } else { " + " };
        write!(f, "{before}{name}")?;
    }
    match files.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => write!(f, " + {more} more"),
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pieces(count) => write!(f, "{count} pieces"),
            Self::Partition(number) => write!(f, "partition {number}"),
            Self::Compressed(compression) => compression.fmt(f),
            Self::Seekable => f.write_str("zstd, seekable"),
            Self::Partclone => f.write_str("partclone"),
            Self::Disk(format, files) => {
                format.fmt(f)?;
                write_files(f, files)
            }
        }
    }
}
