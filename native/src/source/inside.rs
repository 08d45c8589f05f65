//! The volume that an input is, or holds, readable at any place.

use std::sync::Arc;

use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::image::ntfsclone::{COMMAND_NEXT, Header};
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::info::READ_AT_ONCE;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;

use super::KeptVolume;
use super::index_file;
use super::input::{Bytes, Format, Opened, Recognised};
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::options;

/// Bytes at any place, for several threads.
pub type Anywhere = Arc<dyn ReadAt + Send + Sync>;

/// What can be read at any place.
pub fn anywhere(bytes: &Bytes) -> Option<Anywhere> {
    match bytes {
        Bytes::Random(files) => Some(Arc::clone(files) as Anywhere),
        Bytes::Seekable(seekable) => Some(Arc::clone(seekable) as Anywhere),
        Bytes::Stream(_) => None,
    }
}

/// A volume as it is, or as its image would restore it.
#[derive(Clone)]
pub enum Inside {
    Volume(Anywhere),
    Image(Arc<Reader<Anywhere>>),
    /// As far as it was kept.
    Kept(Arc<KeptVolume>),
}

impl Inside {
    pub fn of_image(image: Anywhere, index: Index) -> Self {
        Self::Image(Arc::new(Reader::new(image, index)))
    }

    /// The volume in what was opened, if that can be read at any place.
    ///
    /// # Errors
    ///
    /// An image is damaged.
    pub fn open(input: &Recognised, bytes: &Bytes, how: options::Progress) -> Result<Option<Self>> {
        let Some(anywhere) = anywhere(bytes) else {
            return Ok(None);
        };
        if let Some(inside) = Self::at_once(input, bytes)? {
            return Ok(Some(inside));
        }
        // The scan tells whether it is damaged.
        let mut progress = Progress::start(how, Phase::Check, anywhere.size());
        let scanned = Index::scan(&*anywhere, |done| progress.advance_to(done));
        progress.finish();
        let index = scanned.map_err(|error| Error::read(&input.name, error))?;
        Ok(Some(Self::of_image(anywhere, index)))
    }

    /// As [`Inside::open`], without reading all of an image, whatever its size;
    /// none if that cannot be done.
    pub fn at_once(input: &Recognised, bytes: &Bytes) -> Result<Option<Self>> {
        let Some(anywhere) = anywhere(bytes) else {
            return Ok(None);
        };
        if let Bytes::Seekable(seekable) = bytes
            && let Ok(Some(summary)) = seekable.summary()
            && let Ok(Some(index)) = summary.index()
        {
            return Ok(Some(Self::of_image(anywhere, index)));
        }
        let failed = |error| Error::read(&input.name, error);
        if input.format == Format::Volume {
            return Ok(Some(Self::Volume(anywhere)));
        }
        if let Some(container) = input.container {
            let volume = container.open(&anywhere).map_err(failed)?;
            return Ok(Some(Self::Volume(volume)));
        }
        let declined = match Index::discover(&*anywhere).map_err(failed)? {
            Discovery::Found(index) => return Ok(Some(Self::of_image(anywhere, index))),
            Discovery::Declined(_) => kept_index(input, &anywhere),
        };
        let index = match declined {
            None if anywhere.size() <= READ_AT_ONCE => Index::scan(&*anywhere, |_| {}).ok(),
            found => found,
        };
        Ok(index.map(|index| Self::of_image(anywhere, index)))
    }

    /// What is in an image of metadata that is sound; `None` of anything else. What
    /// is left out of such an image is not missing.
    pub fn of_sound_metadata(opened: &Opened) -> Option<Self> {
        let anywhere = anywhere(&opened.bytes).filter(|_| opened.input.format == Format::Image)?;
        let header = Header::read(&*anywhere).ok()?;
        let mut command = [0];
        let first = anywhere.read_exact_at(header.data_offset.into(), &mut command);
        // All others begin with the boot sector, and are not read for that.
        if first.is_err() || command == [COMMAND_NEXT] {
            return None;
        }
        let index = Index::scan(&*anywhere, |_| {}).ok()?;
        (!index.is_ordinary()).then(|| Self::of_image(anywhere, index))
    }

    /// Opens the volume. Where its first records are in a damaged part of an
    /// image, their copies are used.
    pub fn open_volume(&self) -> Result<Volume<Self>, CoreError> {
        match Volume::open(self.clone()) {
            Err(error) if error.is_loss() => match Volume::salvage(self.clone()) {
                Ok((volume, _)) if volume.mft().record_count() > 0 => Ok(volume),
                _ => Err(error),
            },
            opened => opened,
        }
    }

    /// Where the clusters are in the image, if it is one.
    pub fn index(&self) -> Option<&Index> {
        match self {
            Self::Volume(_) => None,
            Self::Image(reader) => Some(reader.index()),
            Self::Kept(kept) => kept.index(),
        }
    }

    /// Bytes that were read and are not there: what was read is not what is in
    /// the volume.
    pub fn missed_bytes(&self) -> u64 {
        match self {
            Self::Volume(_) | Self::Image(_) => 0,
            Self::Kept(kept) => kept.missed_bytes(),
        }
    }
}

/// The index beside the file, if it is one.
fn kept_index(input: &Recognised, anywhere: &Anywhere) -> Option<Index> {
    let files = input.files.as_ref()?;
    index_file::read(files.whole_path()?, anywhere)
}

impl ReadAt for Inside {
    fn size(&self) -> u64 {
        match self {
            Self::Volume(volume) => volume.size(),
            Self::Image(reader) => reader.size(),
            Self::Kept(kept) => kept.size(),
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> std::result::Result<(), IoError> {
        match self {
            Self::Volume(volume) => volume.read_exact_at(offset, buf),
            Self::Image(reader) => reader.read_exact_at(offset, buf),
            Self::Kept(kept) => kept.read_exact_at(offset, buf),
        }
    }

    fn extent_at(&self, offset: u64) -> std::result::Result<ByteExtent, IoError> {
        match self {
            Self::Volume(volume) => volume.extent_at(offset),
            Self::Image(reader) => reader.extent_at(offset),
            Self::Kept(kept) => kept.extent_at(offset),
        }
    }
}
