//! EWF version 1, of EnCase and other forensic programs (E01): a disk in chunks of mostly 32 KiB,
//! each with a checksum, in one segment file or several. Numbers are little-endian (libewf, Expert
//! Witness Compression Format).
//!
//! A segment is a list of sections. Those of chunks are followed by a table of where each chunk
//! begins, and by a copy of that.

mod section;
mod segment_name;
mod table;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;
use core::num::NonZeroU64;
use core::ops::Range;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use self::section::Section;
use self::table::{Chunks, Table};
use super::compressed_block::adler32;
use super::header::{Place, not_read};
use super::joined::Joined;
use super::neighbours::{Absence, Neighbours};
use super::virtual_disk::VirtualDisk;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::open::{Contents, Opener};
use crate::units::len_u64;

/// The first bytes of every segment.
pub(crate) const SIGNATURE: &[u8; 8] = b"EVF\x09\r\n\xFF\0";

/// Ours: programs write chunks of up to 16 MiB.
const MAX_CHUNK: u64 = 16 << 20;
/// Ours: of a disk of 16 TiB, EnCase writes 8192 tables.
const MAX_TABLES: usize = 1 << 20;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SegmentHeader {
    /// 0: [`SIGNATURE`]
    signature: [u8; 8],
    /// 8: always 1
    start_of_fields: u8,
    /// 9: from 1 on
    number: U16,
    /// 11
    end_of_fields: U16,
}

/// The size of the disk.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawVolume {
    /// 0
    media: U32,
    /// 4
    chunks: U32,
    /// 8
    sectors_per_chunk: U32,
    /// 12
    bytes_per_sector: U32,
    /// 16
    sectors: U64,
}

/// The size of the disk.
struct Volume {
    place: Place,
    chunk_size: NonZeroU64,
    /// Bytes.
    size: u64,
}

/// The sections that were read so far.
#[derive(Default)]
pub(crate) struct Opening {
    segments: Joined,
    /// Names of all but the first.
    names: Vec<String>,
    /// The segment that is being read; `None` before the first step.
    current: Option<Segment>,
    volume: Option<Volume>,
    tables: Vec<Table>,
    /// Chunks of the tables.
    chunks: u64,
    /// The last section of chunks, in bytes from the start of the first segment.
    chunk_section: Range<u64>,
    /// What is wrong with a table whose copy follows.
    damaged_table: Option<Error>,
}

/// A segment, of which the sections before `position` were read.
#[derive(Clone)]
struct Segment {
    source: Source,
    name: String,
    number: u16,
    /// Where it begins among all segments.
    start: u64,
    position: u64,
}

impl Opener for Opening {
    fn step(&mut self, source: &Source, neighbours: &dyn Neighbours) -> Result<Option<Contents>> {
        let Some(segment) = self.current.clone() else {
            self.begin(source.clone(), neighbours.first(), 1)?;
            return Ok(None);
        };
        let place = Place::header(segment.position);
        let section = Section::read(&segment.source, segment.position)?;
        if let Some(error) = self.damaged_table.take_if(|_| section.kind() != b"table2") {
            return Err(error);
        }
        match section.kind() {
            b"volume" | b"disk" if self.volume.is_none() => {
                self.volume = Some(Volume::read(&segment.source, &section)?);
            }
            b"sectors" => {
                let start = segment.start.saturating_add(segment.position);
                self.chunk_section = start..start.saturating_add(section.size);
            }
            b"table" => match self.read_table(&segment, &section) {
                Err(error @ Error::Corrupt { .. }) => self.damaged_table = Some(error),
                read => read?,
            },
            b"table2" if self.damaged_table.is_some() => {
                self.read_table(&segment, &section)?;
                self.damaged_table = None;
            }
            b"next" => {
                let path = segment_name::after(&segment.name, segment.number)?;
                let next = neighbours.open(&segment.name, &path)?;
                let number = segment.number.saturating_add(1);
                self.names.push(next.name.clone());
                self.begin(next.source, next.name, number)?;
                return Ok(None);
            }
            b"done" => return self.finish(place).map(Some),
            _ => {}
        }
        if section.next <= segment.position {
            let expected = "greater than that of the section before";
            return Err(place.corrupt("the offset of the next section", section.next, expected));
        }
        if let Some(current) = &mut self.current {
            current.position = section.next;
        }
        Ok(None)
    }
}

impl Opening {
    /// Begins to read a segment.
    fn begin(&mut self, source: Source, name: String, number: u16) -> Result<()> {
        let place = Place::header(0);
        let header: SegmentHeader = place.read(&source)?;
        if header.signature != *SIGNATURE {
            let found = u64::from_be_bytes(header.signature);
            return Err(place.corrupt("its signature", found, "that of EWF"));
        }
        let found = header.number.get();
        if number == 1 && found > 1 {
            return Err(not_read(
                "begins in another file: name its first segment (E01)",
            ));
        }
        if found != number {
            let expected = "one more than that of the segment before";
            return Err(place.corrupt("its segment number", found.into(), expected));
        }
        let start = self.segments.size();
        let pushed = self.segments.push(source.clone());
        pushed.ok_or_else(|| place.corrupt("its size", source.size(), "less"))?;
        self.current = Some(Segment {
            source,
            name,
            number,
            start,
            position: len_u64(size_of::<SegmentHeader>()),
        });
        Ok(())
    }

    fn read_table(&mut self, segment: &Segment, section: &Section) -> Result<()> {
        let table = Table::read(segment, section, self.chunks, &self.chunk_section)?;
        if self.tables.len() >= MAX_TABLES {
            return Err(not_read("has more than 1048576 tables of chunks"));
        }
        self.chunks = self.chunks.saturating_add(table.count);
        self.tables.push(table);
        Ok(())
    }

    /// The disk, once all sections were read.
    fn finish(&mut self, place: Place) -> Result<Contents> {
        let Some(volume) = self.volume.take() else {
            return Err(place.corrupt("its size", 0, "a section with that"));
        };
        let needed = volume.size.div_ceil(volume.chunk_size.get());
        if self.chunks < needed {
            let expected = "enough for the whole disk";
            return Err(volume
                .place
                .corrupt("its number of chunks", self.chunks, expected));
        }
        let file = mem::take(&mut self.segments).into_source();
        let size = volume.size;
        let chunks = Chunks::new(&file, volume, mem::take(&mut self.tables));
        Ok(Contents {
            source: VirtualDisk::open(&file, size, chunks),
            files: mem::take(&mut self.names),
        })
    }
}

impl Volume {
    fn read(source: &Source, section: &Section) -> Result<Self> {
        let place = Place::header(section.data_offset());
        let raw: RawVolume = place.read(source)?;
        let sector: u64 = raw.bytes_per_sector.get().into();
        let chunk = sector.saturating_mul(raw.sectors_per_chunk.get().into());
        let chunk_size = NonZeroU64::new(chunk).filter(|size| size.get() <= MAX_CHUNK);
        let sectors = raw.sectors.get();
        let size = sectors.checked_mul(sector);
        Ok(Self {
            place,
            chunk_size: chunk_size
                .ok_or_else(|| place.corrupt("its chunk size", chunk, "up to 16 MiB"))?,
            size: size.ok_or_else(|| place.corrupt("its number of sectors", sectors, "less"))?,
        })
    }
}

/// Checks the Adler-32 checksum of `bytes`.
fn check_sum(place: Place, bytes: &[u8], checksum: u32) -> Result<()> {
    if adler32(bytes) != checksum {
        return Err(place.corrupt("its checksum", checksum.into(), "that of its bytes"));
    }
    Ok(())
}

/// For a segment that cannot be named.
fn no_segment(number: u16) -> Error {
    Error::FileNeeded {
        path: format!("with segment {number}"),
        absence: Absence::Missing,
    }
}
