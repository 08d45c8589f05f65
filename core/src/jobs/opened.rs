//! An image or volume that was opened.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::OnceCell;
use core::fmt;

use super::NewSize;
use crate::error::Result;
use crate::image::ntfsclone::Header;
use crate::image::seekable::SeekableReader;
use crate::info::Format;
use crate::io::{ByteExtent, IoError, ReadAt, Source};
use crate::ntfs::BootSector;
use crate::open::Inside;
use crate::pages::Pages;
use crate::units::{len_u64, len_usize};

/// An image or volume that can be looked into, and converted.
#[derive(Clone)]
pub struct Opened {
    pub(super) name: Rc<str>,
    /// Bytes of what it was opened from, or of the partition of that.
    pub(super) size: u64,
    pub(super) pages: Arc<Pages>,
    pub(super) layers: Vec<String>,
    /// What was found wrong with the layers.
    pub(super) warnings: Vec<String>,
    pub(super) format: Format,
    /// The bytes of the image or volume, decompressed.
    pub(super) bytes: Source,
    /// The same, if they are compressed in frames.
    pub(super) seekable: Option<Arc<SeekableReader<Source>>>,
    /// The image of partclone that it is in.
    pub(super) container: Option<Source>,
    /// The header of an image.
    pub(super) header: Option<Header>,
    /// `None` for an image without an index.
    pub(super) inside: Option<Inside>,
    /// The same, once all of the image was read.
    pub(super) scanned: Rc<Scanned>,
    /// Whether what comes before damage will do.
    pub(super) before_damage: bool,
    /// Whether a dirty volume is converted as it is, and what does not survive another size is
    /// lost.
    pub(super) is_forced: bool,
    /// The size that the volume gets when it is converted, if another.
    pub(super) new_size: Option<NewSize>,
}

/// What was found by reading all of an image.
#[derive(Default)]
pub(super) struct Scanned {
    /// It is whole.
    pub(super) whole: OnceCell<Inside>,
    /// It is damaged: the clusters before that.
    pub(super) before_damage: OnceCell<Inside>,
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

    /// The same, but a volume that is marked dirty is converted as it is, and one in another size
    /// without what does not survive that.
    pub fn forced(&self) -> Self {
        Self {
            is_forced: true,
            ..self.clone()
        }
    }

    /// The same, but the volume gets another size when it is converted.
    pub fn resized(&self, size: NewSize) -> Self {
        Self {
            new_size: Some(size),
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

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").finish_non_exhaustive()
    }
}

/// The volume, with all the bytes that it should have, if it is cut short.
pub(super) fn at_full_length(inside: &Inside) -> Result<Inside> {
    if inside.index().is_some() {
        return Ok(inside.clone());
    }
    let geometry = match BootSector::read(&inside.source) {
        Ok((boot, _)) => boot.geometry,
        // Whoever opens it finds the same.
        Err(error) if error.is_damage() => return Ok(inside.clone()),
        Err(error) => return Err(error),
    };
    let size = geometry.bytes(geometry.nr_clusters());
    if size <= inside.source.size() {
        return Ok(inside.clone());
    }
    let source = Arc::clone(&inside.source);
    Ok(Inside::of_volume(Arc::new(CutShort { source, size })))
}

/// A volume that is cut short, at its full length: the rest reads as zeros.
struct CutShort {
    source: Source,
    size: u64,
}

impl ReadAt for CutShort {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        if end.is_none_or(|end| end > self.size) {
            return Err(IoError::end_of_input());
        }
        let there = len_usize(self.source.size().saturating_sub(offset));
        let (there, zeros) = buf.split_at_mut(buf.len().min(there));
        zeros.fill(0);
        if there.is_empty() {
            return Ok(());
        }
        self.source.read_exact_at(offset, there)
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        if offset < self.source.size() {
            return self.source.extent_at(offset);
        }
        let len = self.size.saturating_sub(offset);
        Ok(ByteExtent::Absent { len })
    }
}
