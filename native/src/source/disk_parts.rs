//! The content of a disk that is written as a whole: its parts, each with what is read of it.

use std::sync::Arc;

use ntfsclone_core::io::IoError;
use ntfsclone_core::write;
use ntfsclone_core::write::{DiskContent, DiskPart};

use super::bulk::probes;
use super::disk::Disk;
use crate::bulk::direct::{DirectFile, is_mostly_cached};
use crate::bulk::pipeline::{Filled, Filler};
use crate::error::Result;
use crate::options::Direct;

/// Bytes that no read ends within, but for the last of a range.
pub const BLOCK_BYTES: u32 = 4096;

/// The parts of a disk, in order. No two overlap.
pub struct DiskParts {
    disk: write::Disk,
    parts: Vec<Part>,
}

/// A part of a disk.
pub struct Part {
    /// Where it begins on the disk, in bytes.
    pub start: u64,
    pub content: Box<dyn PartContent>,
}

/// What is read of a part of a disk, once and in order.
pub trait PartContent: Send {
    /// The bytes with content: offset and length, from the start of the part. All others are zeros.
    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_>;

    /// Whether they are read past the kernel's cache.
    fn is_direct(&self) -> bool {
        false
    }

    /// Reads them in their order, to `start` and what follows on the disk.
    fn fill(self: Box<Self>, start: u64, filler: &mut Filler<'_>) -> Filled;
}

impl DiskParts {
    pub fn new(disk: write::Disk, parts: Vec<Part>) -> Self {
        Self { disk, parts }
    }

    /// Bytes with content.
    pub fn bytes(&self) -> u64 {
        self.ranges().map(|(_, len)| len).sum()
    }

    /// Whether any are read past the kernel's cache.
    pub fn is_direct(&self) -> bool {
        self.parts.iter().any(|part| part.content.is_direct())
    }

    /// Reads all parts.
    pub fn fill(self) -> impl FnOnce(&mut Filler<'_>) -> Filled {
        move |filler| {
            for part in self.parts {
                if let Err(error) = part.content.fill(part.start, filler)? {
                    return Ok(Err(error));
                }
            }
            Ok(Ok(()))
        }
    }
}

impl DiskContent for DiskParts {
    fn disk(&self) -> write::Disk {
        self.disk
    }

    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        let ranges = self.parts.iter().flat_map(|part| {
            let ranges = part.content.ranges();
            ranges.map(|(offset, len)| (part.start + offset, len))
        });
        Box::new(ranges.filter(|(_, len)| *len > 0))
    }
}

/// Parts of a disk that can be read at any place.
pub struct DiskReader {
    disk: Disk,
    /// What is read past the cache, if anything, and where the disk begins there.
    direct: Option<(DirectFile, u64)>,
}

/// A part of a disk that can be read at any place.
struct AtAnyPlace {
    reader: Arc<DiskReader>,
    part: DiskPart,
}

impl DiskReader {
    /// Reads these parts of `disk`.
    pub fn parts(disk: Disk, parts: Vec<DiskPart>, direct: Direct) -> Vec<Part> {
        let direct = direct_file(&disk, &parts, direct);
        let reader = Arc::new(Self { disk, direct });
        let parts = parts.into_iter().map(|part| {
            let reader = Arc::clone(&reader);
            Part {
                // Its ranges are those of the disk.
                start: 0,
                content: Box::new(AtAnyPlace { reader, part }),
            }
        });
        parts.collect()
    }

    fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<()> {
        if let Some((direct, start)) = &self.direct {
            match direct.read_exact_at(start + offset, bytes) {
                Ok(Some(())) => return Ok(()),
                Ok(None) => {}
                Err(error) => {
                    let error = IoError::new(error);
                    return Err(self.disk.read_error(offset, bytes.len(), error));
                }
            }
        }
        self.disk.read_at(offset, bytes)
    }
}

/// The file to be read past the kernel's cache, and where the disk begins there.
fn direct_file(disk: &Disk, parts: &[DiskPart], direct: Direct) -> Option<(DirectFile, u64)> {
    let (file, bytes) = disk.as_file()?;
    let is_wanted = match direct {
        Direct::Always => true,
        Direct::Never => false,
        Direct::Auto => {
            let all = || parts.iter().flat_map(DiskPart::ranges);
            let places = probes(all().map(|(_, len)| len).sum(), all());
            !is_mostly_cached(file, places.into_iter().map(|place| bytes.start + place))
        }
    };
    let file = DirectFile::to_read(file).filter(|_| is_wanted)?;
    Some((file, bytes.start))
}

impl PartContent for AtAnyPlace {
    fn ranges(&self) -> Box<dyn Iterator<Item = (u64, u64)> + '_> {
        self.part.ranges()
    }

    fn is_direct(&self) -> bool {
        self.reader.direct.is_some()
    }

    fn fill(self: Box<Self>, start: u64, filler: &mut Filler<'_>) -> Filled {
        for (offset, len) in self.part.ranges() {
            let read = filler.fill(start + offset, len, BLOCK_BYTES, |offset, bytes| {
                self.reader.read_at(offset, bytes)
            })?;
            if let Err(error) = read {
                return Ok(Err(error));
            }
        }
        // An error here comes before a file gets its name.
        Ok(self.reader.disk.check_unchanged())
    }
}
