//! The log: a ring of entries, each with sectors to be written ([MS-VHDX] 2.3).

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Checksums;
use super::guid::Guid;
use super::header::Header;
use super::overlay::{Changes, SECTOR};
use crate::disk::header::Place;
use crate::error::{Error, Result, Structure};
use crate::io::Source;
use crate::units::{len_u64, len_usize};

/// Ours: Windows creates logs of 1 MiB. The whole log is in memory while it is replayed.
const MAX_LOG: u64 = 64 << 20;
/// Bytes that are read in one call.
const READ: usize = 4 << 20;

const ENTRY_SIGNATURE: &[u8; 4] = b"loge";
const ZEROS_SIGNATURE: &[u8; 4] = b"zero";
const DATA_SIGNATURE: &[u8; 4] = b"desc";
const SECTOR_SIGNATURE: &[u8; 4] = b"data";

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct EntryHeader {
    /// 0: [`ENTRY_SIGNATURE`]
    signature: [u8; 4],
    /// 4
    checksum: U32,
    /// 8: bytes of the entry
    length: U32,
    /// 12: offset in the log of the first entry that was not replayed yet
    tail: U32,
    /// 16
    sequence_number: U64,
    /// 24
    descriptors: U32,
    /// 28
    reserved: U32,
    /// 32
    guid: Guid,
    /// 48: the file was at least as long when the entry was written
    flushed_file_offset: U64,
    /// 56: the file has to be at least as long once it is replayed
    last_file_offset: U64,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Descriptor {
    signature: [u8; 4],
    /// The last bytes of a sector
    trailing: [u8; 4],
    /// The first bytes of a sector; of zeros, the length.
    leading: [u8; 8],
    file_offset: U64,
    sequence_number: U64,
}

/// A valid entry.
struct Entry {
    /// The sector of the log where it begins.
    start: u64,
    /// Sectors.
    len: u64,
    sequence_number: u64,
    /// The sector of the log where the entries to be replayed with it begin.
    tail: u64,
    flushed_file_offset: u64,
    last_file_offset: u64,
    descriptors: Vec<Descriptor>,
    /// The first sector of data, counted from `start`.
    data: u64,
    /// The number of the sequence of entries that it continues.
    sequence: usize,
}

/// Returns the file as it is once its log is replayed.
pub(super) fn replay(source: &Source, header: &Header) -> Result<Source> {
    if header.log_guid == [0; 16] {
        return Ok(Arc::clone(source));
    }
    let log = Log::read(source, header)?;
    let entries = log.active_entries()?;
    let mut changes = Changes::default();
    let mut size = 0;
    for entry in &entries {
        if entry.flushed_file_offset > source.size() {
            let found = source.size();
            let expected = "the size that its log records: the file is truncated";
            return Err(log.place.corrupt("the file's size", found, expected));
        }
        size = size.max(entry.last_file_offset);
        log.replay_entry(entry, &mut changes)?;
    }
    Ok(Arc::new(changes.over(Arc::clone(source), size)))
}

struct Log {
    place: Place,
    guid: Guid,
    bytes: Vec<u8>,
}

impl Log {
    fn read(source: &Source, header: &Header) -> Result<Self> {
        let place = Place {
            structure: Structure::DiskLog,
            offset: header.log_offset,
        };
        let len = header.log_length;
        if len > MAX_LOG {
            return Err(Error::Limit {
                structure: place.structure,
                offset: place.offset,
                found: len,
                limit: MAX_LOG,
            });
        }
        if len == 0 || !len.is_multiple_of(SECTOR) {
            let expected = "a multiple of 4096";
            return Err(header.place.corrupt("its log length", len, expected));
        }
        // Checked before memory is reserved: a header can claim any size.
        let end = place.offset.checked_add(len);
        if end.is_none_or(|end| end > source.size()) {
            let expected = "within the file";
            return Err(header
                .place
                .corrupt("its log offset", place.offset, expected));
        }
        let mut bytes = vec![0; len_usize(len)];
        let mut offset = place.offset;
        for piece in bytes.chunks_mut(READ) {
            Place { offset, ..place }.read_into(source, piece)?;
            offset = offset.saturating_add(len_u64(piece.len()));
        }
        Ok(Self {
            place,
            guid: header.log_guid,
            bytes,
        })
    }

    /// Sectors of the ring.
    fn len(&self) -> u64 {
        len_u64(self.bytes.len()) / SECTOR
    }

    /// A sector of the ring, which continues at its start.
    fn sector(&self, index: u64) -> &[u8] {
        let start = self.ring_index(index).saturating_mul(SECTOR);
        let rest = self.bytes.get(len_usize(start)..).unwrap_or_default();
        rest.get(..len_usize(SECTOR)).unwrap_or_default()
    }

    fn ring_index(&self, index: u64) -> u64 {
        index.checked_rem(self.len()).unwrap_or(0)
    }

    /// The entries to be replayed, in their order: the newest entry, and those before it down to
    /// the one that it names as the tail. If one of them is missing, the newest entry was not
    /// written completely, and the one before it counts.
    fn active_entries(&self) -> Result<Vec<Entry>> {
        let entries = self.valid_entries();
        let by_start: BTreeMap<u64, (u64, usize)> = entries
            .iter()
            .map(|entry| (entry.start, (entry.sequence_number, entry.sequence)))
            .collect();
        let head = entries.iter().rev().find_map(|entry| {
            let &(tail, sequence) = by_start.get(&entry.tail)?;
            let is_whole = sequence == entry.sequence && tail <= entry.sequence_number;
            is_whole.then_some((sequence, tail..=entry.sequence_number))
        });
        let Some((sequence, numbers)) = head else {
            let expected = "entries that can be replayed";
            return Err(self.place.corrupt("its number of entries", 0, expected));
        };
        let is_active =
            |entry: &Entry| entry.sequence == sequence && numbers.contains(&entry.sequence_number);
        Ok(entries.into_iter().filter(is_active).collect())
    }

    /// All valid entries by ascending sequence numbers, each with the number of its sequence: an
    /// entry continues the one that ends where it begins, if its sequence number is the next one.
    ///
    /// Valid entries do not overlap: the signatures of their sectors differ.
    fn valid_entries(&self) -> Vec<Entry> {
        let checksums = Checksums::new();
        let starts = 0..self.len();
        let mut entries: Vec<Entry> = starts
            .filter_map(|start| self.entry_at(start, &checksums))
            .collect();
        entries.sort_by_key(|entry| entry.sequence_number);
        // By the sector where the next entry begins, and its sequence number.
        let mut next: BTreeMap<(u64, u64), usize> = BTreeMap::new();
        for (number, entry) in entries.iter_mut().enumerate() {
            let continued = next.remove(&(entry.start, entry.sequence_number));
            entry.sequence = continued.unwrap_or(number);
            let end = self.ring_index(entry.start.saturating_add(entry.len));
            let following = entry.sequence_number.saturating_add(1);
            next.insert((end, following), entry.sequence);
        }
        entries
    }

    /// The entry that begins in a sector; `None` if no valid one does.
    fn entry_at(&self, start: u64, checksums: &Checksums) -> Option<Entry> {
        let (header, _) = EntryHeader::ref_from_prefix(self.sector(start)).ok()?;
        let length = u64::from(header.length.get());
        let tail = u64::from(header.tail.get());
        let is_ours = header.signature == *ENTRY_SIGNATURE
            && header.guid == self.guid
            && length.is_multiple_of(SECTOR)
            && length / SECTOR <= self.len()
            && tail.is_multiple_of(SECTOR);
        if !is_ours {
            return None;
        }
        let descriptors = self.descriptors(start, header)?;
        let is_data = |descriptor: &&Descriptor| descriptor.signature == *DATA_SIGNATURE;
        let data_sectors = len_u64(descriptors.iter().filter(is_data).count());
        let data = descriptor_sectors(len_u64(descriptors.len()));
        let len = data.saturating_add(data_sectors);
        let mut sectors = (data..len).map(|index| self.sector(start.saturating_add(index)));
        if len != length / SECTOR || !sectors.all(|sector| sector.starts_with(SECTOR_SIGNATURE)) {
            return None;
        }
        let all = (0..len).map(|index| self.sector(start.saturating_add(index)));
        checksums.is_valid(all).then(|| Entry {
            start,
            len,
            sequence_number: header.sequence_number.get(),
            tail: self.ring_index(tail / SECTOR),
            flushed_file_offset: header.flushed_file_offset.get(),
            last_file_offset: header.last_file_offset.get(),
            descriptors,
            data,
            sequence: 0,
        })
    }

    /// The descriptors of an entry; `None` if one of them is not valid.
    fn descriptors(&self, start: u64, header: &EntryHeader) -> Option<Vec<Descriptor>> {
        let count = u64::from(header.descriptors.get());
        let length = u64::from(header.length.get());
        if descriptor_sectors(count) > length / SECTOR {
            return None;
        }
        let mut descriptors = Vec::new();
        for sector in (0..descriptor_sectors(count)).map(|index| start.saturating_add(index)) {
            let skipped = match sector == start {
                true => size_of::<EntryHeader>(),
                false => 0,
            };
            let mut rest = self.sector(sector).get(skipped..)?;
            while len_u64(descriptors.len()) < count && !rest.is_empty() {
                let (descriptor, after) = Descriptor::read_from_prefix(rest).ok()?;
                let is_known = [DATA_SIGNATURE, ZEROS_SIGNATURE].contains(&&descriptor.signature);
                if !is_known || descriptor.sequence_number != header.sequence_number {
                    return None;
                }
                descriptors.push(descriptor);
                rest = after;
            }
        }
        Some(descriptors)
    }

    fn replay_entry(&self, entry: &Entry, changes: &mut Changes) -> Result<()> {
        let mut data = entry.start.saturating_add(entry.data);
        for descriptor in &entry.descriptors {
            let offset = descriptor.file_offset.get();
            if !offset.is_multiple_of(SECTOR) {
                let expected = "a multiple of 4096";
                return Err(self.place.corrupt("a file offset", offset, expected));
            }
            if descriptor.signature == *ZEROS_SIGNATURE {
                let length = u64::from_le_bytes(descriptor.leading);
                if !length.is_multiple_of(SECTOR) {
                    let expected = "a multiple of 4096";
                    return Err(self.place.corrupt("a length of zeros", length, expected));
                }
                changes.write_zeros(offset..offset.saturating_add(length));
                continue;
            }
            changes.write(offset, descriptor.restored(self.sector(data)));
            data = data.saturating_add(1);
        }
        Ok(())
    }
}

impl Descriptor {
    /// The sector as it is written to the file: the log has a signature and a sequence number in
    /// place of its first and last bytes.
    fn restored(&self, logged: &[u8]) -> Box<[u8]> {
        let mut sector: Box<[u8]> = logged.into();
        if let Some(start) = sector.first_chunk_mut() {
            *start = self.leading;
        }
        if let Some(end) = sector.last_chunk_mut() {
            *end = self.trailing;
        }
        sector
    }
}

/// Sectors of the header of an entry and its descriptors.
fn descriptor_sectors(count: u64) -> u64 {
    count
        .saturating_mul(len_u64(size_of::<Descriptor>()))
        .saturating_add(len_u64(size_of::<EntryHeader>()))
        .div_ceil(SECTOR)
}
