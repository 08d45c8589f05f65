//! A look at a source: its first sector, and its end where a format needs it.

use super::container::Container;
use super::format::{FORMATS, Format, Role};
use super::partition_table::PartitionTable;
use crate::io::{IoError, ReadAt};
use crate::stream::Compression;
use crate::units::{len_u64, len_usize};

/// Bytes at the start of a source that formats are detected by.
const START_BYTES: usize = 512;

/// A source to be identified.
pub struct Probe<'a> {
    source: &'a dyn ReadAt,
    start: [u8; START_BYTES],
    len: usize,
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
        Ok(Self { source, start, len })
    }

    /// A source whose first bytes are known already: of a stream, only they are;
    /// of a damaged device, as they are marked.
    pub fn with_start(source: &'a dyn ReadAt, bytes: &[u8]) -> Self {
        let len = bytes.len().min(START_BYTES);
        let mut start = [0; START_BYTES];
        for (byte, &found) in start.iter_mut().zip(bytes) {
            *byte = found;
        }
        Self { source, start, len }
    }

    /// What the source is: the first row of [`FORMATS`] that detects it.
    pub fn content(&self) -> Content {
        let Some(format) = FORMATS.iter().find(|format| (format.detect)(self)) else {
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
        let mut rows = FORMATS.iter();
        rows.by_ref()
            .take_while(|format| format.role != Role::Disk)
            .any(|format| (format.detect)(self))
    }

    pub(super) fn source(&self) -> &dyn ReadAt {
        self.source
    }

    /// The first bytes, [`START_BYTES`] or all there are.
    pub(super) fn start(&self) -> &[u8] {
        self.start.get(..self.len).unwrap_or_default()
    }

    /// Whether `text` stands at `offset` in the first sector.
    pub(super) fn has(&self, offset: usize, text: &[u8]) -> bool {
        let bytes = self.start().get(offset..);
        bytes.is_some_and(|bytes| bytes.starts_with(text))
    }

    /// Whether the first sector is there, and holds nothing but zeros.
    pub(super) fn begins_with_zeros(&self) -> bool {
        self.len == START_BYTES && self.start().iter().all(|&byte| byte == 0)
    }

    /// The last sector; `None` if it cannot be read, as of a stream.
    pub(super) fn last_sector(&self) -> Option<[u8; START_BYTES]> {
        let offset = self.source.size().checked_sub(len_u64(START_BYTES))?;
        let mut sector = [0; START_BYTES];
        self.source.read_exact_at(offset, &mut sector).ok()?;
        Some(sector)
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
