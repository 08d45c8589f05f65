//! Containers: readable formats that hold another source.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::nesting::Layer;
use crate::backup_boot_sector::WithBackup;
use crate::disk::{DiskFormat, Neighbours};
use crate::error::{Error, Result, Structure};
use crate::image::partclone::{IndexReader, Reader};
use crate::io::{ReadAt, Source};

/// A format that holds another source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// An image of partclone, in which there is a volume.
    Partclone,
    /// A virtual disk.
    Disk(DiskFormat),
}

/// Opens a container step by step. A step can be repeated after an error of the source.
pub trait Opener {
    /// Reads the next part of `source`, the container, and of the files beside it that it needs.
    /// Returns what is in it; `None` if there is more to read.
    ///
    /// # Errors
    ///
    /// The container is damaged, or cannot be read; another file is needed.
    fn step(&mut self, source: &Source, neighbours: &dyn Neighbours) -> Result<Option<Contents>>;
}

/// What is in a container.
pub struct Contents {
    /// Its bytes.
    pub source: Source,
    /// Names of the files in which the container is, beside the first one: see [`Neighbours`].
    pub files: Vec<String>,
}

impl Container {
    /// As reports name it, with the other files in which it is.
    pub fn layer(self, files: &[String]) -> Layer {
        match self {
            Self::Partclone => Layer::Partclone,
            Self::Disk(format) => Layer::Disk(format, files.into()),
        }
    }

    /// An opener that has not begun.
    pub fn opener(self) -> Box<dyn Opener> {
        match self {
            Self::Partclone => Partclone::opener(),
            Self::Disk(format) => format.opener(),
        }
    }

    /// Opens the container in one call.
    ///
    /// # Errors
    ///
    /// Those of [`Opener::step`].
    pub fn open(self, source: &Source, neighbours: &dyn Neighbours) -> Result<Contents> {
        let mut opener = self.opener();
        loop {
            if let Some(inner) = opener.step(source, neighbours)? {
                return Ok(inner);
            }
        }
    }
}

/// An image of partclone: reads its bitmap, then the boot sector of the volume, of which the
/// image lacks the backup.
enum Partclone {
    Bitmap(Box<IndexReader>),
    BootSector(Arc<Reader<Source>>),
}

impl Partclone {
    fn opener() -> Box<dyn Opener> {
        Box::new(Self::Bitmap(Box::new(IndexReader::new())))
    }
}

impl Opener for Partclone {
    fn step(&mut self, source: &Source, _: &dyn Neighbours) -> Result<Option<Contents>> {
        match self {
            Self::Bitmap(reader) => {
                if let Some(index) = reader.step(source)? {
                    let reader = Reader::new(Arc::clone(source), index);
                    *self = Self::BootSector(Arc::new(reader));
                }
                Ok(None)
            }
            Self::BootSector(reader) => {
                let volume = WithBackup::new(Arc::clone(reader)).map_err(|source| Error::Io {
                    structure: Structure::BootSector,
                    offset: 0,
                    len: reader.size().min(512),
                    source,
                })?;
                Ok(Some(Contents {
                    source: Arc::new(volume),
                    files: Vec::new(),
                }))
            }
        }
    }
}
