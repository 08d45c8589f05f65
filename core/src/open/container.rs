//! Containers: readable formats that hold another source.

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::nesting::Layer;
use crate::backup_boot_sector::WithBackup;
use crate::error::{Error, Result, Structure};
use crate::image::partclone::{IndexReader, Reader};
use crate::io::{ReadAt, Source};

/// A format that holds another source, and how that is opened.
#[derive(Debug, Clone, Copy)]
pub struct Container {
    /// As reports name it.
    pub layer: Layer,
    pub(super) opener: fn() -> Box<dyn Opener>,
}

/// Opens a container step by step. A step can be repeated after an error of the source.
pub trait Opener {
    /// Reads the next part of `source`, the container. Returns the source in it; `None` if there
    /// is more to read.
    ///
    /// # Errors
    ///
    /// The container is damaged, or cannot be read.
    fn step(&mut self, source: &Source) -> Result<Option<Source>>;
}

impl Container {
    /// An opener that has not begun.
    pub fn opener(self) -> Box<dyn Opener> {
        (self.opener)()
    }

    /// Opens the container in one call.
    ///
    /// # Errors
    ///
    /// Those of [`Opener::step`].
    pub fn open(self, source: &Source) -> Result<Source> {
        let mut opener = self.opener();
        loop {
            if let Some(inner) = opener.step(source)? {
                return Ok(inner);
            }
        }
    }
}

impl PartialEq for Container {
    fn eq(&self, other: &Self) -> bool {
        self.layer == other.layer
    }
}

impl Eq for Container {}

/// An image of partclone: reads its bitmap, then the boot sector of the volume, of which the
/// image lacks the backup.
pub(super) enum Partclone {
    Bitmap(Box<IndexReader>),
    BootSector(Arc<Reader<Source>>),
}

impl Partclone {
    pub(super) fn opener() -> Box<dyn Opener> {
        Box::new(Self::Bitmap(Box::new(IndexReader::new())))
    }
}

impl Opener for Partclone {
    fn step(&mut self, source: &Source) -> Result<Option<Source>> {
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
                Ok(Some(Arc::new(volume)))
            }
        }
    }
}
