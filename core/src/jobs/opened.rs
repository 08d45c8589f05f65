//! An image or volume that was opened.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::{read_at, read_error};
use crate::error::Result;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{Frame, SeekableReader};
use crate::image::{Index, Reader};
use crate::info::Format;
use crate::io::{IoError, ReadAt};
use crate::ntfs::{BootSector, Volume};
use crate::pages::{Pages, Piece};
use crate::units::{Extent, Lcn, len_u64, len_usize};

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
    /// Whether a dirty volume is converted as it is.
    pub(super) accepts_dirty: bool,
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
    /// A volume that is cut short, and how many bytes it should have: the rest
    /// reads as zeros.
    Cut(Rc<Self>, u64),
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
    /// an image or volume that is damaged or cut short is what comes before that,
    /// and of a volume whose account of its clusters is wrong, the clusters are
    /// told nevertheless. Validating and converting is no different.
    pub fn before_damage(&self) -> Self {
        Self {
            before_damage: true,
            ..self.clone()
        }
    }

    /// The same, but a volume that is marked dirty is converted as it is.
    pub fn accepting_dirty(&self) -> Self {
        Self {
            accepts_dirty: true,
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

    /// Opens the volume. Where its first records are in a damaged part of an
    /// image, their copies are used.
    pub(super) fn open_volume(&self) -> Result<Volume<Self>> {
        match Volume::open(self.clone()) {
            Err(error) if error.is_loss() => match Volume::salvage(self.clone()) {
                Ok((volume, _)) if volume.mft().record_count() > 0 => Ok(volume),
                Err(error) if error.is_missing() => Err(error),
                _ => Err(error),
            },
            opened => opened,
        }
    }

    /// The same volume, with all the bytes that it should have, if it is cut
    /// short.
    pub(super) fn at_full_length(&self) -> Result<Self> {
        let Self::Volume(bytes) = self else {
            return Ok(self.clone());
        };
        let geometry = match BootSector::read(bytes) {
            Ok((boot, _)) => boot.geometry,
            // Whoever opens it finds the same.
            Err(error) if error.is_damage() => return Ok(self.clone()),
            Err(error) => return Err(error),
        };
        let size = geometry.bytes(geometry.nr_clusters());
        Ok(match size > bytes.size() {
            true => Self::Volume(Bytes::Cut(Rc::new(bytes.clone()), size)),
            false => self.clone(),
        })
    }

    /// From this cluster on, a volume that is cut short has no whole ones.
    pub(super) fn reach(&self, cluster_size: u64) -> Lcn {
        match self {
            Self::Volume(Bytes::Cut(bytes, _)) => {
                Lcn(bytes.size().checked_div(cluster_size).unwrap_or(0))
            }
            _ => Lcn(u64::MAX),
        }
    }

    /// The first of these clusters that is not there: in an image, or before the
    /// end of a volume that is cut short.
    pub(super) fn first_not_stored(&self, extent: Extent, cluster_size: u64) -> Option<Lcn> {
        let reach = self.reach(cluster_size);
        if extent.end() > reach {
            return Some(reach.max(extent.start));
        }
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
    /// The frame that holds a byte, and its number, if they are compressed.
    pub(super) fn frame_at(&self, offset: u64) -> Option<(usize, Frame)> {
        let Self::Seekable(seekable) = self else {
            return None;
        };
        let number = seekable.table().frame_at(offset)?;
        Some((number, seekable.table().frame(number)?))
    }

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
            Self::Cut(..) => {
                let mut piece = vec![0; len];
                read_at(self, offset, &mut piece)?;
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
            Self::Cut(_, size) => *size,
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match self {
            Self::Plain(pages) => pages.read_exact_at(offset, buf),
            Self::Seekable(seekable) => seekable.read_exact_at(offset, buf),
            Self::Cut(bytes, size) => {
                let end = offset.checked_add(len_u64(buf.len()));
                if end.is_none_or(|end| end > *size) {
                    return Err(IoError::end_of_input());
                }
                let there = len_usize(bytes.size().saturating_sub(offset));
                let (there, zeros) = buf.split_at_mut(buf.len().min(there));
                zeros.fill(0);
                match there.is_empty() {
                    true => Ok(()),
                    false => bytes.read_exact_at(offset, there),
                }
            }
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
