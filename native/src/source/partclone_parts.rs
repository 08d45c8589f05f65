//! What is readable of the volume in a damaged image of partclone.

use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::Result as CoreResult;
use ntfsclone_core::backup_boot_sector::{BackupBootSector, START_BYTES};
use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, Index};
use ntfsclone_core::io::{IoError, ReadAt, ReadParts};
use ntfsclone_core::units::{Extent, Lcn};

use super::Parts;
use crate::device;

/// Bytes of the image that are read at once to compare its checksums.
const CHUNK_BYTES: u64 = 1 << 20;

/// The volume in an image of partclone of which parts may be unreadable or missing. Blocks that
/// the image does not store read as zeros.
pub struct PartcloneParts {
    image: Parts,
    index: Index,
    backup: Option<BackupBootSector>,
}

impl PartcloneParts {
    /// Reads header and bitmap of an image, and the boot sector.
    ///
    /// # Errors
    ///
    /// One of the first two is damaged or unreadable: the places of all blocks are unknown.
    pub fn open(image: Parts) -> CoreResult<Self> {
        let index = Index::read(&Whole(&image))?;
        let mut parts = Self {
            image,
            index,
            backup: None,
        };
        let size = parts.size();
        let mut start = [0; START_BYTES];
        let len = start
            .len()
            .min(usize::try_from(size).unwrap_or(START_BYTES));
        let mut is_whole = true;
        let read = parts.read_parts_at(0, &mut start[..len], &mut |_| is_whole = false);
        read.map_err(|source| CoreError::Io {
            structure: Structure::BootSector,
            offset: 0,
            len: len as u64,
            source,
        })?;
        if is_whole {
            parts.backup = BackupBootSector::new(&start[..len], size);
        }
        Ok(parts)
    }

    /// Where the blocks lie in the image.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Bytes of the image, if it were whole.
    pub fn image_size(&self) -> u64 {
        self.index.image_size()
    }

    /// Compares all checksums; returns the clusters of those that do not match. What cannot be
    /// read is taken as zeros.
    pub fn mismatches(&self, mut progress: impl FnMut(u64)) -> CoreResult<Vec<Extent>> {
        let mut found = Vec::new();
        let mut last = None;
        let mut decoder = Decoder::new();
        let (there, size) = (self.image.size(), self.image_size());
        while decoder.taken() < size {
            let offset = decoder.taken();
            let len = (size - offset).min(CHUNK_BYTES);
            let mut chunk = vec![0; len as usize];
            let readable = &mut chunk[..there.saturating_sub(offset).min(len) as usize];
            let mut absent = Vec::new();
            let read = self
                .image
                .read_parts_at(offset, readable, &mut |part| absent.push(part));
            read.map_err(|source| CoreError::Io {
                structure: Structure::ImageBlock,
                offset,
                len,
                source,
            })?;
            for part in absent {
                chunk[(part.start - offset) as usize..(part.end - offset) as usize].fill(0);
            }
            let mut input = chunk.as_slice();
            loop {
                match decoder.next(&mut input) {
                    Ok(Event::NeedInput) => break,
                    Ok(Event::End) => return Ok(found),
                    Ok(_) => {}
                    // The same one again: decoding cannot continue after it.
                    Err(CoreError::BlockChecksum { offset, .. }) if last == Some(offset) => {
                        return Ok(found);
                    }
                    Err(CoreError::BlockChecksum {
                        offset,
                        first,
                        last: end,
                    }) => {
                        last = Some(offset);
                        found.push(Extent::new(Lcn(first), end - first + 1));
                    }
                    Err(error) => return Err(error),
                }
            }
            progress(decoder.taken().min(there));
        }
        Ok(found)
    }

    fn read_backup(&self, offset: u64, buf: &mut [u8]) {
        let Some(backup) = &self.backup else {
            return;
        };
        let end = (offset + buf.len() as u64).min(backup.offset + backup.bytes.len() as u64);
        let start = offset.max(backup.offset);
        if start < end {
            let within = (start - offset) as usize..(end - offset) as usize;
            let from = (start - backup.offset) as usize..(end - backup.offset) as usize;
            buf[within].copy_from_slice(&backup.bytes[from]);
        }
    }
}

impl ReadParts for PartcloneParts {
    fn size(&self) -> u64 {
        self.index.header().restored_size()
    }

    fn read_parts_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        absent: &mut dyn FnMut(Range<u64>),
    ) -> Result<(), IoError> {
        let (mut position, end) = (offset, offset + buf.len() as u64);
        if end > self.size() {
            return Err(IoError::end_of_input());
        }
        let there = self.image.size();
        while position < end {
            let (stored, run_end) = self.index.run_at(position, end);
            let piece = &mut buf[(position - offset) as usize..(run_end - offset) as usize];
            match stored {
                None => piece.fill(0),
                Some(at) => {
                    let len = there.saturating_sub(at).min(piece.len() as u64);
                    let mut moved = |part: Range<u64>| {
                        absent(part.start - at + position..part.end - at + position)
                    };
                    self.image
                        .read_parts_at(at, &mut piece[..len as usize], &mut moved)?;
                    if len < run_end - position {
                        absent(position + len..run_end);
                    }
                }
            }
            position = run_end;
        }
        self.read_backup(offset, buf);
        Ok(())
    }
}

impl From<PartcloneParts> for Parts {
    fn from(parts: PartcloneParts) -> Self {
        Self::Partclone(Arc::new(parts))
    }
}

/// A source in which all must be readable.
struct Whole<'a>(&'a Parts);

impl ReadAt for Whole<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let mut is_whole = true;
        self.0
            .read_parts_at(offset, buf, &mut |_| is_whole = false)?;
        if !is_whole {
            return Err(IoError::new(device::bad_sector()));
        }
        Ok(())
    }
}
