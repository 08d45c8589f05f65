//! The volume in what was opened.

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::probe::explain_volume;
use crate::error::Result;
use crate::image::{Index, Reader};
use crate::io::{ReadAt, Source};
use crate::ntfs::{Damage, Volume};

/// A volume as it is, or as its image would restore it.
#[derive(Clone)]
pub struct Inside {
    /// The bytes of the volume.
    pub source: Source,
    index: Option<Arc<Index>>,
}

impl Inside {
    /// A volume that is read as it is.
    pub fn of_volume(source: Source) -> Self {
        Self {
            source,
            index: None,
        }
    }

    /// The volume in an image.
    pub fn of_image(image: Source, index: Index) -> Self {
        let index = Arc::new(index);
        Self {
            source: Arc::new(Reader::new(image, Arc::clone(&index))),
            index: Some(index),
        }
    }

    /// The volume of an image with that index, which `source` reads.
    pub fn of_restored(source: Source, index: Arc<Index>) -> Self {
        Self {
            source,
            index: Some(index),
        }
    }

    /// Where the clusters are in the image, if it is one.
    pub fn index(&self) -> Option<&Index> {
        self.index.as_deref()
    }

    /// The same, to be kept.
    pub fn shared_index(&self) -> Option<Arc<Index>> {
        self.index.clone()
    }

    /// Bytes of the device that the volume is on, or was.
    pub fn device_size(&self) -> u64 {
        match self.index().map(Index::header) {
            Some(header) if header.has_tail() => header.device_size,
            _ => self.source.size(),
        }
    }

    /// Opens the volume. Where its first records are in a damaged part of an
    /// image, their copies are used.
    ///
    /// # Errors
    ///
    /// Those of [`Volume::open_or_salvage`]; what is there instead of NTFS, if it is known.
    pub fn open_volume(&self) -> Result<Volume<Source>> {
        let opened = Volume::open_or_salvage(Arc::clone(&self.source));
        opened.map_err(|error| explain_volume(&self.source, error))
    }

    /// Opens the volume to look at it and its files. If its first records are damaged, their copies are used; with what
    /// was damaged.
    ///
    /// # Errors
    ///
    /// Those of [`Volume::open_to_look`]; what is there instead of NTFS, if it is known.
    pub fn open_to_look(&self) -> Result<(Volume<Source>, Vec<Damage>)> {
        let opened = Volume::open_to_look(Arc::clone(&self.source));
        opened.map_err(|error| explain_volume(&self.source, error))
    }
}
