//! The content of a file, as far read that an archive can announce it.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use ntfsclone_core::error::Result;
use ntfsclone_core::ntfs::{Content, Volume};
use ntfsclone_core::tree::{ContentReader, Part, ranges_of_content};

use super::super::READ_BYTES;
use super::super::attributes::append_all;
use super::Archived;
use crate::report::with_causes;
use crate::source::Device;

/// The content of a file. What is damaged is nearly always found before the first byte of it goes into the archive: of
/// small files all is read, of others it is looked up whether the source has all clusters, and the first part is read.
pub enum Body<'v> {
    /// All of it.
    Whole(&'v [u8]),
    Long(LongBody<'v>),
}

pub struct LongBody<'v> {
    reader: ContentReader<'v, Arc<Device>>,
    pub size: u64,
    /// What is not holes.
    pub ranges: Vec<Range<u64>>,
    /// What was read last.
    bytes: &'v mut Vec<u8>,
    first: Option<Part>,
}

impl<'v> Body<'v> {
    /// `buffer` is for its bytes.
    pub fn open(
        volume: &'v Volume<Arc<Device>>,
        content: &'v Content,
        buffer: &'v mut Vec<u8>,
    ) -> Result<Self> {
        let mut reader = ContentReader::new(volume, content);
        buffer.clear();
        if content.size() <= READ_BYTES as u64 {
            append_all(&mut reader, buffer)?;
            return Ok(Self::Whole(buffer));
        }
        let ranges = ranges_of_content(volume, content)?;
        let first = reader.next(READ_BYTES, buffer)?;
        Ok(Self::Long(LongBody {
            reader,
            size: content.size(),
            ranges,
            bytes: buffer,
            first,
        }))
    }
}

impl LongBody<'_> {
    /// Bytes of it that are not in holes.
    pub fn stored(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.end - range.start)
            .sum()
    }

    /// Whether it has holes.
    pub fn is_sparse(&self) -> bool {
        !matches!(self.ranges.as_slice(), [range] if *range == (0..self.size))
    }

    /// Calls `take` with all of it, part by part; the bytes are those of [`Part::Bytes`].
    pub fn read(
        &mut self,
        mut take: impl FnMut(Part, &[u8]) -> io::Result<()>,
    ) -> io::Result<Archived> {
        let (mut stored, mut size) = (0, 0);
        let mut next = self.first.take();
        while let Some(part) = next {
            match part {
                Part::Bytes => {
                    stored += self.bytes.len() as u64;
                    size += self.bytes.len() as u64;
                }
                Part::Hole(len) => size += len,
            }
            take(part, self.bytes)?;
            next = match self.reader.next(READ_BYTES, self.bytes) {
                Ok(next) => next,
                Err(error) => return Ok(Archived::Damaged(with_causes(&error))),
            };
        }
        // An archive has announced these.
        match (stored, size) == (self.stored(), self.size) {
            true => Ok(Archived::Whole),
            false => {
                let why = format!("it has {size} bytes, and its record says {}", self.size);
                Ok(Archived::Damaged(why))
            }
        }
    }
}
