//! The region table: where the metadata and the block allocation table are ([MS-VHDX] 2.2.3).

use alloc::vec;
use core::ops::Range;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::checksum::Checksums;
use super::guid::{Guid, guid};
use crate::disk::header::Place;
use crate::error::Result;
use crate::io::Source;

pub(super) const OFFSETS: [u64; 2] = [192 << 10, 256 << 10];
const SIZE: usize = 64 << 10;
const SIGNATURE: &[u8; 4] = b"regi";
const BLOCK_TABLE: Guid = guid(0x2DC2_7766, 0xF623, 0x4200, 0x9D64_115E_9BFD_4A08);
const METADATA: Guid = guid(0x8B7C_A206, 0x4790, 0x4B9A, 0xB8FE_575F_050F_886E);

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct TableHeader {
    signature: [u8; 4],
    checksum: U32,
    entries: U32,
    reserved: U32,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Entry {
    guid: Guid,
    offset: U64,
    length: U32,
    /// 1 if a reader has to know the region.
    required: U32,
}

/// The table of two regions: offset and length in bytes.
pub(super) fn table(
    checksums: &Checksums,
    block_table: (u64, u32),
    metadata: (u64, u32),
) -> alloc::vec::Vec<u8> {
    use zerocopy::IntoBytes;

    let header = TableHeader {
        signature: *SIGNATURE,
        checksum: U32::new(0),
        entries: U32::new(2),
        reserved: U32::new(0),
    };
    let mut table = header.as_bytes().to_vec();
    for (guid, (offset, length)) in [(BLOCK_TABLE, block_table), (METADATA, metadata)] {
        let entry = Entry {
            guid,
            offset: U64::new(offset),
            length: U32::new(length),
            required: U32::new(1),
        };
        table.extend_from_slice(entry.as_bytes());
    }
    table.resize(SIZE, 0);
    checksums.set(&mut table);
    table
}

/// The regions, in bytes of the file.
pub(super) struct Regions {
    pub(super) table: Range<u64>,
    pub(super) metadata: Range<u64>,
}

impl Regions {
    /// Reads the first table, or the second one if that is damaged.
    pub(super) fn read(source: &Source) -> Result<Self> {
        let checksums = Checksums::new();
        let [first, second] = OFFSETS;
        match Self::read_at(source, &checksums, first) {
            Err(error) if !error.is_missing() => {
                // The first one is named if both are damaged.
                Self::read_at(source, &checksums, second).map_err(|of_second| {
                    match of_second.is_missing() {
                        true => of_second,
                        false => error,
                    }
                })
            }
            read => read,
        }
    }

    fn read_at(source: &Source, checksums: &Checksums, offset: u64) -> Result<Self> {
        let place = Place::header(offset);
        let mut bytes = vec![0; SIZE];
        place.read_into(source, &mut bytes)?;
        let parsed = TableHeader::ref_from_prefix(&bytes).ok();
        let parsed = parsed.filter(|(header, _)| {
            header.signature == *SIGNATURE && checksums.is_valid([bytes.as_slice()])
        });
        let Some((header, rest)) = parsed else {
            return Err(place.corrupt("the region table", 0, "one with a valid checksum"));
        };
        let entries = header.entries.get();
        let (mut table, mut metadata) = (None, None);
        let mut rest = rest;
        for _ in 0..entries {
            let Ok((entry, after)) = Entry::ref_from_prefix(rest) else {
                let expected = "at most 2047";
                return Err(place.corrupt("its number of regions", entries.into(), expected));
            };
            rest = after;
            let start = entry.offset.get();
            let range = start..start.saturating_add(entry.length.get().into());
            match entry.guid {
                BLOCK_TABLE => table = Some(range),
                METADATA => metadata = Some(range),
                _ if entry.required.get() & 1 != 0 => {
                    let expected = "metadata and a block allocation table";
                    return Err(place.unsupported("a region at byte", start, expected));
                }
                _ => {}
            }
        }
        let (Some(table), Some(metadata)) = (table, metadata) else {
            let expected = "metadata and a block allocation table among them";
            return Err(place.corrupt("its number of regions", entries.into(), expected));
        };
        Ok(Self { table, metadata })
    }
}
