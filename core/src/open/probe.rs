//! A look at a source: its first sector; what is behind that, and its end, only
//! where a format needs it.

use alloc::vec::Vec;
use core::cell::OnceCell;

use super::container::Container;
use super::format::{Detect, FORMATS, Format, Role};
use super::partition_table::PartitionTable;
use crate::error::{Error, Structure};
use crate::io::{IoError, ReadAt};
use crate::stream::Compression;
use crate::units::{len_u64, len_usize};

/// Bytes at the start of a source that formats are detected by.
const START_BYTES: usize = 512;

/// Bytes that the signatures far behind the start are in: the last is that of
/// UFS2.
const FAR_BYTES: usize = 68 << 10;

/// Bytes of them that are read in one call. A failing device is read no further
/// than the first error.
const FAR_STEP: usize = 4 << 10;

/// A source to be identified.
pub struct Probe<'a> {
    source: &'a dyn ReadAt,
    start: [u8; START_BYTES],
    len: usize,
    /// The first [`FAR_BYTES`], as far as they can be read.
    far: OnceCell<Vec<u8>>,
    last_sector: OnceCell<Option<[u8; START_BYTES]>>,
}

/// What a source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// An image of ntfsclone.
    Image,
    /// An NTFS volume.
    Volume,
    /// Compressed: what is in it is unknown until it is decompressed.
    Compressed(Compression),
    /// A format that holds another source.
    Container(Container),
    /// A whole disk.
    Disk(PartitionTable),
    /// A format that is known and not read.
    Refused(&'static Format),
    /// None of [`FORMATS`].
    Unknown,
}

impl<'a> Probe<'a> {
    /// Reads the start of `source`.
    ///
    /// # Errors
    ///
    /// The start cannot be read.
    pub fn new(source: &'a dyn ReadAt) -> Result<Self, IoError> {
        let mut start = [0; START_BYTES];
        let len = START_BYTES.min(len_usize(source.size()));
        let (read, _) = start.split_at_mut(len);
        source.read_exact_at(0, read)?;
        Ok(Self::with_first_sector(source, start, len))
    }

    /// A source whose first bytes are known already: of a stream, only they are;
    /// of a damaged device, as they are marked.
    pub fn with_start(source: &'a dyn ReadAt, bytes: &[u8]) -> Self {
        let len = bytes.len().min(START_BYTES);
        let mut start = [0; START_BYTES];
        for (byte, &found) in start.iter_mut().zip(bytes) {
            *byte = found;
        }
        Self::with_first_sector(source, start, len)
    }

    fn with_first_sector(source: &'a dyn ReadAt, start: [u8; START_BYTES], len: usize) -> Self {
        Self {
            source,
            start,
            len,
            far: OnceCell::new(),
            last_sector: OnceCell::new(),
        }
    }

    /// What the source is: the first row of [`FORMATS`] that detects it.
    pub fn content(&self) -> Content {
        let mut rows = FORMATS.iter().copied().flatten();
        let Some(format) = rows.find(|format| self.detects(format)) else {
            return Content::Unknown;
        };
        match format.role {
            Role::Image => Content::Image,
            Role::Volume => Content::Volume,
            Role::Container(container) => Content::Container(container),
            Role::Compressed => {
                Compression::of(self.start()).map_or(Content::Unknown, Content::Compressed)
            }
            Role::Disk => PartitionTable::read(self.source).map_or(Content::Unknown, Content::Disk),
            Role::Refused { .. } | Role::Lost { .. } => Content::Refused(format),
        }
    }

    /// Whether the source is an image, a file system or a file of its own: what
    /// a partition table at its end is left over from.
    pub(super) fn begins_with_content(&self) -> bool {
        let rows = FORMATS.iter().copied().flatten();
        rows.take_while(|format| format.role != Role::Disk)
            .any(|format| self.detects(format))
    }

    fn detects(&self, format: &Format) -> bool {
        match format.detect {
            Detect::At(offset, bytes) => self.has(offset, bytes),
            Detect::BeforeEnd(distance, bytes) => self.has_before_end(distance, bytes),
            Detect::If(is_true) => is_true(self),
        }
    }

    pub(super) fn source(&self) -> &dyn ReadAt {
        self.source
    }

    /// The first bytes, [`START_BYTES`] or all there are.
    pub(super) fn start(&self) -> &[u8] {
        self.start.get(..self.len).unwrap_or_default()
    }

    /// Whether `bytes` are at `offset`, within [`FAR_BYTES`].
    pub(super) fn has(&self, offset: usize, bytes: &[u8]) -> bool {
        let is_near = offset.saturating_add(bytes.len()) <= START_BYTES;
        let read = if is_near { self.start() } else { self.far() };
        read.get(offset..)
            .is_some_and(|rest| rest.starts_with(bytes))
    }

    /// Whether `bytes` are at this distance before the end, in the last sector.
    pub(super) fn has_before_end(&self, distance: usize, bytes: &[u8]) -> bool {
        self.last_sector().is_some_and(|sector| {
            let offset = START_BYTES.checked_sub(distance);
            let rest = offset.and_then(|offset| sector.get(offset..));
            rest.is_some_and(|rest| rest.starts_with(bytes))
        })
    }

    /// Whether `text` stands anywhere in the first sector.
    pub(super) fn contains(&self, text: &[u8]) -> bool {
        self.start().windows(text.len()).any(|bytes| bytes == text)
    }

    /// Whether the first sector is there, and holds nothing but zeros.
    pub(super) fn begins_with_zeros(&self) -> bool {
        self.len == START_BYTES && self.start().iter().all(|&byte| byte == 0)
    }

    /// The first [`FAR_BYTES`], as far as they can be read. Empty if the first
    /// sector could not: each further read of a failing device may be its last.
    pub(super) fn far(&self) -> &[u8] {
        self.far.get_or_init(|| {
            let mut bytes = Vec::new();
            if self.len < START_BYTES {
                return bytes;
            }
            let end = FAR_BYTES.min(len_usize(self.source.size()));
            while bytes.len() < end {
                let start = bytes.len();
                let next = start.saturating_add(FAR_STEP).min(end);
                bytes.resize(next, 0);
                let (_, step) = bytes.split_at_mut(start);
                if self.source.read_exact_at(len_u64(start), step).is_err() {
                    bytes.truncate(start);
                    break;
                }
            }
            bytes
        })
    }

    /// The last sector; `None` if it cannot be read, as of a stream.
    pub(super) fn last_sector(&self) -> Option<&[u8; START_BYTES]> {
        let read = || {
            let offset = self.source.size().checked_sub(len_u64(START_BYTES))?;
            let mut sector = [0; START_BYTES];
            self.source.read_exact_at(offset, &mut sector).ok()?;
            Some(sector)
        };
        self.last_sector.get_or_init(read).as_ref()
    }
}

/// The error of opening a volume; or, if what is in place of its boot sector is
/// known, that.
pub fn explain_volume(source: &dyn ReadAt, error: Error) -> Error {
    let is_boot_sector = matches!(
        error,
        Error::Corrupt {
            structure: Structure::BootSector,
            ..
        }
    );
    if !is_boot_sector {
        return error;
    }
    match Probe::new(source).map(|probe| probe.content()) {
        Ok(Content::Refused(Format {
            name,
            role: Role::Refused { .. },
            ..
        })) => Error::OtherFormat { name },
        _ => error,
    }
}

impl Content {
    /// Whether it may be a zstd file in frames, the first of which may be what is
    /// damaged.
    pub fn may_be_in_frames(&self) -> bool {
        match self {
            Self::Compressed(compression) => *compression == Compression::Zstd,
            Self::Refused(format) => matches!(format.role, Role::Lost { .. }),
            Self::Unknown => true,
            Self::Image | Self::Volume | Self::Container(_) | Self::Disk(_) => false,
        }
    }
}
