//! An image or volume that was opened.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::{read_at, read_error};
use crate::error::Result;
use crate::image::ntfsclone::Header;
use crate::image::seekable::SeekableReader;
use crate::image::{Index, Reader};
use crate::info::Format;
use crate::io::{IoError, ReadAt};
use crate::pages::{Pages, Piece};
use crate::units::{Extent, Lcn, len_usize};

/// An image or volume that can be looked into, and converted.
#[derive(Debug, Clone)]
pub struct Opened {
    pub(super) name: Rc<str>,
    pub(super) pages: Rc<Pages>,
    pub(super) layers: Vec<String>,
    pub(super) format: Format,
    pub(super) bytes: Bytes,
    /// Of an image.
    pub(super) header: Option<Header>,
    /// None of an image whose clusters are not known where they are.
    pub(super) inside: Option<Inside>,
    /// The same, once all of the image was read.
    pub(super) scanned: Rc<Scanned>,
    /// Whether what comes before damage will do.
    pub(super) before_damage: bool,
}

/// What was found by reading all of an image.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// It is whole.
    pub(super) whole: OnceCell<Inside>,
    /// It is damaged: the clusters before that.
    pub(super) before_damage: OnceCell<Inside>,
}

/// The bytes of an image or volume, decompressed.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    Plain(Rc<Pages>),
    Seekable(Rc<SeekableReader<Rc<Pages>>>),
}

/// A volume as it is, or as its image would restore it.
#[derive(Debug, Clone)]
pub(super) enum Inside {
    Volume(Bytes),
    Image(Rc<Reader<Bytes>>),
}

impl Opened {
    /// What it is.
    pub fn format(&self) -> Format {
        self.format
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, as far as it is sound: for extents, surveys, and what is read,
    /// an image that is damaged or cut short is what comes before that, and of a
    /// volume whose account of its clusters is wrong, the clusters are told
    /// nevertheless. Validating and converting is no different.
    pub fn before_damage(&self) -> Self {
        Self {
            before_damage: true,
            ..self.clone()
        }
    }

    /// The volume, where that is known by now.
    pub(super) fn located(&self) -> Option<&Inside> {
        let known = self.inside.as_ref().or_else(|| self.scanned.whole.get());
        match self.before_damage {
            true => known.or_else(|| self.scanned.before_damage.get()),
            false => known,
        }
    }
}

impl Inside {
    pub(super) fn of_image(bytes: Bytes, index: Index) -> Self {
        Self::Image(Rc::new(Reader::new(bytes, index)))
    }

    /// Bytes of the device that the volume is on, or was.
    pub(super) fn device_size(&self) -> u64 {
        match self.index().map(Index::header) {
            Some(header) if header.has_tail() => header.device_size,
            _ => self.size(),
        }
    }

    /// Where the clusters are in the image, if it is one.
    pub(super) fn index(&self) -> Option<&Index> {
        match self {
            Self::Volume(_) => None,
            Self::Image(reader) => Some(reader.index()),
        }
    }

    /// The first of these clusters that an image does not hold.
    pub(super) fn first_not_stored(&self, extent: Extent) -> Option<Lcn> {
        let index = self.index()?;
        let mut next = extent.start;
        while next < extent.end() {
            match index.locate(next) {
                Some(run) => next = run.extent.end(),
                None => return Some(next),
            }
        }
        None
    }
}

impl Bytes {
    /// Some of the bytes, without copying them if that can be.
    pub(super) fn piece(&self, offset: u64, len: u64) -> Result<Piece> {
        let len = len_usize(len);
        match self {
            Self::Plain(pages) => pages
                .piece(offset, len)
                .map_err(|error| read_error(offset, len, error)),
            Self::Seekable(seekable) => {
                let mut piece = vec![0; len];
                read_at(&**seekable, offset, &mut piece)?;
                Ok(piece.into())
            }
        }
    }
}

impl Inside {
    /// As [`Bytes::piece`].
    pub(super) fn piece(&self, offset: u64, len: u64) -> Result<Piece> {
        match self {
            Self::Volume(bytes) => bytes.piece(offset, len),
            Self::Image(reader) => {
                let mut piece = vec![0; len_usize(len)];
                read_at(&**reader, offset, &mut piece)?;
                Ok(piece.into())
            }
        }
    }
}

impl ReadAt for Bytes {
    fn size(&self) -> u64 {
        match self {
            Self::Plain(pages) => pages.size(),
            Self::Seekable(seekable) => seekable.size(),
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match self {
            Self::Plain(pages) => pages.read_exact_at(offset, buf),
            Self::Seekable(seekable) => seekable.read_exact_at(offset, buf),
        }
    }
}

impl ReadAt for Inside {
    fn size(&self) -> u64 {
        match self {
            Self::Volume(volume) => volume.size(),
            Self::Image(reader) => reader.size(),
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match self {
            Self::Volume(volume) => volume.read_exact_at(offset, buf),
            Self::Image(reader) => reader.read_exact_at(offset, buf),
        }
    }
}
