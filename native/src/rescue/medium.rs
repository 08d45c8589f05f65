//! A device or file that may fail, read in whole sectors.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::io::ReadAt as _;
use positioned_io::ReadAt;

use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::device::{self, DeviceGone};
use crate::input::{Files, FilesReader, read_before_error};

/// The least that a device gives.
pub const LEAST_SECTOR: u64 = 512;

/// Bytes of the largest read: what fails together with one bad sector, and is
/// then asked for sector by sector. Small enough for a device to do it as one
/// command, large enough to be as fast as it can.
pub const BLOCK: u64 = 128 << 10;

pub struct Medium {
    file: Box<dyn ReadAt + Send + Sync>,
    /// The same file, if it is read through the kernel's cache.
    cached: Option<File>,
    /// What the place and the length of a read are multiples of.
    sector: u64,
    size: u64,
    /// What tells whether it is still there, if it is a file or device.
    metadata: Option<Metadata>,
}

impl Medium {
    /// Opens a device or file of `size` bytes. Where that can be done, it is
    /// read past the kernel's cache, which reads whole pages, reads ahead, and
    /// loses good sectors with the bad one beside them.
    pub fn open(path: &Path, size: u64) -> io::Result<Self> {
        let Some((file, sector)) = device::open_direct(path) else {
            return Self::buffered(File::open(path)?, size);
        };
        Ok(Self {
            sector: sector.max(LEAST_SECTOR),
            size,
            metadata: Some(file.metadata()?),
            file: Box::new(file),
            cached: None,
        })
    }

    /// An open file, read through the kernel's cache.
    pub fn buffered(file: File, size: u64) -> io::Result<Self> {
        device::expect_random_reads(&file);
        Ok(Self {
            sector: LEAST_SECTOR,
            size,
            metadata: Some(file.metadata()?),
            cached: Some(file.try_clone()?),
            file: Box::new(file),
        })
    }

    /// Files that are open already: several of them, or a part of one.
    pub fn of_files(files: Arc<Files>) -> Self {
        Self {
            sector: LEAST_SECTOR,
            size: files.size(),
            metadata: None,
            cached: None,
            file: Box::new(ByFiles(files)),
        }
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of a sector, a power of two.
    pub fn sector(&self) -> u64 {
        self.sector
    }

    /// Reads into the first `len` bytes of the buffer what stands from `start`
    /// on, the start of a sector; up to the end of one, or of the medium.
    /// Returns how many bytes were read: less where a bad sector follows.
    ///
    /// # Errors
    ///
    /// Any error but that of a bad sector.
    pub fn read(&self, start: u64, len: usize, buffer: &mut AlignedBuffer) -> io::Result<usize> {
        // The last sector may be cut; asked for is all of it.
        let whole = len.next_multiple_of(self.sector as usize);
        let bytes = &mut buffer[..whole];
        loop {
            match self.file.read_at(start, bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => return Ok(read.min(len)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if !device::is_bad_sector(&error) => return Err(error),
                // A device that was unplugged fails like a bad sector, in all.
                Err(_) if self.metadata.as_ref().is_some_and(device::is_gone) => {
                    return Err(DeviceGone.into());
                }
                Err(_) => return Ok(0),
            }
        }
    }

    /// Whether the medium itself, not the kernel's cache, gives the sector that
    /// starts at `start`.
    pub fn answers_at(&self, start: u64) -> bool {
        if let Some(file) = &self.cached {
            device::drop_cached(file, start..start + self.sector);
        }
        let len = self.sector as usize;
        let mut buffer = AlignedBuffer::new(len);
        matches!(self.read(start, len, &mut buffer), Ok(1..))
    }

    /// The bytes of the first sector, if it can be read.
    pub fn first_sector(&self) -> Option<Vec<u8>> {
        let len = self.sector as usize;
        let mut buffer = AlignedBuffer::new(len);
        let read = self.read(0, len, &mut buffer).ok()?;
        (read == len).then(|| buffer[..len].to_vec())
    }

    /// What is read otherwise. Reads fail as those of a device do.
    pub fn of_reader(file: impl ReadAt + Send + Sync + 'static, size: u64) -> Self {
        Self {
            sector: LEAST_SECTOR,
            size,
            metadata: None,
            file: Box::new(file),
            cached: None,
        }
    }
}

impl std::fmt::Debug for Medium {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Medium")
            .field("sector", &self.sector)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A range in pieces of at most a block; all but the first begin at one.
pub fn blocks(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut start = range.start;
    std::iter::from_fn(move || {
        let end = (start - start % BLOCK + BLOCK).min(range.end);
        let piece = start..end;
        start = end;
        (piece.start < piece.end).then_some(piece)
    })
}

/// Files that are read as one, and not past the kernel's cache.
struct ByFiles(Arc<Files>);

impl ReadAt for ByFiles {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut reader = FilesReader::from(Arc::clone(&self.0), offset);
        match read_before_error(&mut reader, buf) {
            (0, Some(error)) => Err(error),
            // What comes before an error was read.
            (len, _) => Ok(len),
        }
    }
}
