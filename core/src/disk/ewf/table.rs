//! Tables of where each chunk begins.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use zerocopy::little_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::section::Section;
use super::{Segment, Volume, check_sum};
use crate::disk::compressed_block::{CompressedBlock, Method};
use crate::disk::header::Place;
use crate::disk::table_reader::TableReader;
use crate::disk::virtual_disk::{Layout, Run, Stored};
use crate::error::Result;
use crate::io::Source;
use crate::units::{len_u64, len_usize};

/// Bytes of an entry.
const ENTRY: u64 = 4;
/// Bit of an entry: the chunk is compressed.
const IS_COMPRESSED: u32 = 1 << 31;
/// Bytes of a checksum.
const CHECKSUM: u64 = 4;
/// Ours: EnCase writes up to 65534.
const MAX_ENTRIES: u64 = 1 << 20;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawTable {
    /// 0
    entries: U32,
    /// 4
    padding: U32,
    /// 8: what entries are relative to, in bytes of the segment
    base: [U32; 2],
    /// 16
    padding_2: U32,
    /// 20: of the bytes before
    checksum: U32,
}

/// A table. Offsets are from the start of the first segment.
pub(super) struct Table {
    /// Chunks of the tables before.
    first: u64,
    /// Chunks.
    pub(super) count: u64,
    /// Of the first entry.
    entries: u64,
    /// What entries are relative to.
    base: u64,
    /// End of the last chunk.
    end: u64,
}

impl Table {
    /// Reads a table, and checks its checksums. The chunks are in `chunk_section`, or follow the
    /// table.
    pub(super) fn read(
        segment: &Segment,
        section: &Section,
        first: u64,
        chunk_section: &Range<u64>,
    ) -> Result<Self> {
        let place = Place::table(section.data_offset());
        let raw: RawTable = place.read(&segment.source)?;
        let (covered, _) = raw.as_bytes().split_at_checked(20).unwrap_or_default();
        check_sum(place, covered, raw.checksum.get())?;
        let count = u64::from(raw.entries.get());
        let offset = section
            .data_offset()
            .saturating_add(len_u64(size_of::<RawTable>()));
        let end_of_entries = offset.saturating_add(count.saturating_mul(ENTRY));
        if count > MAX_ENTRIES || end_of_entries > section.end() {
            return Err(place.corrupt("its number of entries", count, "those in its section"));
        }
        let [low, high] = raw.base.map(|half| u64::from(half.get()));
        let base = high.wrapping_shl(32) | low;
        let first_chunk = match count {
            0 => 0,
            _ => {
                let entry: U32 = Place::table(offset).read(&segment.source)?;
                base.saturating_add(u64::from(entry.get() & !IS_COMPRESSED))
            }
        };
        let follows = first_chunk == end_of_entries;
        // Where chunks follow, there is no checksum of the entries.
        if !follows && end_of_entries.saturating_add(CHECKSUM) <= section.end() {
            let mut entries: Vec<u8> = vec![0; len_usize(count.saturating_mul(ENTRY))];
            Place::table(offset).read_into(&segment.source, &mut entries)?;
            let checksum: U32 = Place::table(end_of_entries).read(&segment.source)?;
            check_sum(Place::table(offset), &entries, checksum.get())?;
        }
        let among_all = |offset: u64| segment.start.saturating_add(offset);
        let is_before = chunk_section.contains(&among_all(first_chunk));
        Ok(Self {
            first,
            count,
            entries: among_all(offset),
            base: among_all(base),
            end: match is_before {
                true => chunk_section.end,
                false => among_all(section.end()),
            },
        })
    }
}

/// The chunks of all tables.
pub(super) struct Chunks {
    reader: TableReader,
    volume: Volume,
    tables: Vec<Table>,
}

impl Chunks {
    pub(super) fn new(file: &Source, volume: Volume, tables: Vec<Table>) -> Self {
        Self {
            reader: TableReader::new(file.clone()),
            volume,
            tables,
        }
    }

    /// Where a chunk begins and ends, and whether it is compressed.
    fn locate(&self, chunk: u64) -> Result<(Range<u64>, bool)> {
        let after = self.tables.partition_point(|table| table.first <= chunk);
        let table = after.checked_sub(1).and_then(|last| self.tables.get(last));
        let Some(table) = table else {
            return Err(self.volume.place.corrupt("its tables", 0, "at least 1"));
        };
        let index = chunk.saturating_sub(table.first);
        let entry_offset = table.entries.saturating_add(index.saturating_mul(ENTRY));
        let entry = u32::from_le_bytes(self.reader.entry(entry_offset)?);
        let position = |entry: u32| table.base.saturating_add((entry & !IS_COMPRESSED).into());
        let start = position(entry);
        let is_last = index.saturating_add(1) >= table.count;
        let end = match is_last {
            true => table.end,
            false => {
                let next = self.reader.entry(entry_offset.saturating_add(ENTRY))?;
                position(u32::from_le_bytes(next))
            }
        };
        if end <= start {
            let expected = "an offset before that of the next chunk";
            return Err(Place::table(entry_offset).corrupt("an entry", entry.into(), expected));
        }
        Ok((start..end, entry & IS_COMPRESSED != 0))
    }
}

impl Layout for Chunks {
    fn find(&self, offset: u64) -> Result<Run> {
        let size = self.volume.chunk_size;
        let (chunk, within) = (offset / size, offset % size);
        let (range, is_compressed) = self.locate(chunk)?;
        let start = offset.saturating_sub(within);
        let needed = self.volume.size.saturating_sub(start).min(size.get());
        let stored = range.end.saturating_sub(range.start);
        let (len, method) = match is_compressed {
            // The last chunk of a table may be followed by other bytes.
            true => (stored.min(size.get().saturating_mul(2)), Method::Zlib),
            false => (needed.saturating_add(CHECKSUM), Method::Stored),
        };
        let block = CompressedBlock {
            offset: range.start,
            len,
            size: size.get(),
            needed,
            method,
        };
        Ok(Run {
            len: size.get().saturating_sub(within),
            stored: Stored::Compressed(block, within),
        })
    }
}
