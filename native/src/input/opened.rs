//! What an input turned out to be.

use std::fs::Metadata;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use ntfsclone_core::io::Source;
use ntfsclone_core::open::{Container, Content, Damage, Layer};

use super::{FileSums, Files, Passing, Seekable, VirtualDisk};
use crate::error::{Error, Result};
use crate::options::Indexing;
use crate::rescue::DamagedSource;
use crate::visible::Visible;

/// An image or volume that can be read.
pub struct OpenInput {
    pub input: Recognised,
    pub bytes: Bytes,
}

/// What an input turned out to be.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// What to call it in messages.
    pub name: PathBuf,
    pub format: Format,
    /// What the image or volume is within, from the outside in.
    pub layers: Vec<Layer>,
    /// The innermost layer, where it is one of these.
    pub container: Option<Container>,
    /// The virtual disk that it is in, from which it is read.
    pub disk: Option<VirtualDisk>,
    /// What is wrong with the partition table of a disk.
    pub table_damage: Option<Damage>,
    /// What is read, with all layers but pieces and partitions, and can be
    /// read again; none of a pipe.
    pub files: Option<Arc<Files>>,
    /// The other files that a virtual disk is in, which are read as well.
    pub beside: Vec<Arc<Files>>,
    /// What tells the files that are read from others.
    pub metadata: Vec<Metadata>,
    /// In a rescue: what of the file could not be read.
    pub damaged: Option<Arc<DamagedSource>>,
    /// The checksums beside the file, if they are compared while it is read.
    pub sums: Option<Arc<FileSums>>,
    /// The frames of a zstd stream that is read from start to end.
    pub passing: Option<Passing>,
    /// The index with which it is read at any place, if it is compressed.
    pub indexing: Indexing,
}

/// What can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An image of ntfsclone.
    Image,
    /// An image of partclone.
    Partclone,
    /// The bytes of an NTFS volume.
    Volume,
}

/// The bytes of an image or volume.
pub enum Bytes {
    /// At any position, by [`ReadAt`].
    Random(Arc<Files>),
    /// At any position, decompressed.
    Seekable(Arc<Seekable>),
    /// At any position, in a virtual disk.
    Disk(VirtualDisk),
    /// Once, from the start to the end.
    Stream(Box<dyn Read + Send>),
}

impl Bytes {
    /// The bytes at any place, if they can be read there.
    pub fn source(&self) -> Option<Source> {
        match self {
            Self::Random(files) => Some(Arc::clone(files) as Source),
            Self::Seekable(seekable) => Some(Arc::clone(seekable) as Source),
            Self::Disk(disk) => Some(disk.source()),
            Self::Stream(_) => None,
        }
    }
}

impl OpenInput {
    /// True for a volume that any part can be read of, as it is.
    pub fn is_plain_volume(&self) -> bool {
        self.input.format == Format::Volume && matches!(self.bytes, Bytes::Random(_))
    }
}

impl Recognised {
    /// The layers, in brackets, to follow what a report says; nothing if there
    /// are none.
    pub fn remark(&self) -> String {
        match self.layers.is_empty() {
            true => String::new(),
            false => {
                let layers: Vec<String> = self.layers.iter().map(Layer::to_string).collect();
                format!(" ({})", Visible(layers.join(", ")))
            }
        }
    }

    /// True for an image on a device or in a partition, which does not reach to
    /// the end of that.
    pub fn ends_anywhere(&self) -> bool {
        let outer = |layer: &&Layer| !layer.is_container();
        match self.layers.iter().rfind(outer) {
            Some(Layer::Compressed(_) | Layer::Seekable) => false,
            Some(layer) if layer.may_end_early() => true,
            _ => {
                let files = self.files.as_ref();
                files.is_some_and(|files| files.is_block_device())
            }
        }
    }

    /// Compares all files with what they were when they were opened; see [`Files::check_unchanged`].
    pub fn check_unchanged(&self) -> Result<()> {
        let mut files = self.files.iter().chain(&self.beside);
        files.try_for_each(|files| files.check_unchanged())
    }

    /// Records that the source is a container, whose content is read through it.
    pub(super) fn enter(&mut self, container: Container) {
        self.layers.push(container.layer(&[]));
        self.container = Some(container);
    }

    /// Records what is in the frames of a zstd file.
    pub(super) fn arrive(&mut self, content: Content) {
        self.format = match content {
            Content::Container(container) => {
                self.enter(container);
                Format::Partclone
            }
            Content::Volume => Format::Volume,
            _ => Format::Image,
        };
    }

    /// Says of an error what may be missing, if what is read is in pieces.
    pub fn explain(&self, error: Error) -> Error {
        let files = self.files.as_ref().filter(|_| error.is_truncation());
        let next = files.and_then(|files| Some((files.count(), files.next_piece()?)));
        match next {
            Some((found, next)) => Error::PieceMissing {
                source: Box::new(error),
                found,
                next,
            },
            None => error,
        }
    }

    pub fn is_compressed(&self) -> bool {
        let is_compression =
            |layer: &Layer| matches!(layer, Layer::Compressed(_) | Layer::Seekable);
        self.layers.iter().any(is_compression)
    }
}
