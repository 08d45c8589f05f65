//! `$ATTRIBUTE_LIST`: which record holds which attribute of a file that needs
//! more than one record.

use alloc::boxed::Box;
use core::mem::size_of;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::attribute::AttributeType;
use super::mft_record::FileReference;
use crate::error::{Error, Result, Structure};
use crate::units::{Vcn, len_u64};

/// The largest attribute list, a limit of Windows.
pub const MAX_SIZE: u64 = 256 << 10;

/// An entry as it stands on disk.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawEntry {
    /// 0x00
    type_code: U32,
    /// 0x04: bytes of the whole entry, a multiple of 8.
    length: U16,
    /// 0x06: UTF-16 units of the name.
    name_length: u8,
    /// 0x07: where the name is, in bytes into the entry.
    name_offset: u8,
    /// 0x08: the first cluster of the piece.
    lowest_vcn: U64,
    /// 0x10: the record that holds it.
    reference: U64,
    /// 0x18: its instance in that record.
    instance: U16,
}

const _: () = assert!(size_of::<RawEntry>() == 0x1A);

/// Where the name is in an entry, also where there is none.
const NAME_OFFSET: u8 = 0x1A;

/// One attribute, or one piece of one, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub type_code: AttributeType,
    /// The first cluster of the piece.
    pub lowest_vcn: Vcn,
    /// The record that holds it.
    pub reference: FileReference,
    /// Its instance in that record.
    pub instance: u16,
    /// Its name in UTF-16, little-endian; `None` if it is not where names are, or
    /// not within the entry.
    pub(crate) name: Option<Box<[u8]>>,
}

/// Iterates over the entries of a list. Ends after the first error.
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    rest: &'a [u8],
    offset: u64,
}

impl<'a> Entries<'a> {
    /// The entries of a list, given its whole value. `offset` is where the
    /// attribute lies on the volume, for errors.
    pub fn new(list: &'a [u8], offset: u64) -> Self {
        Self { rest: list, offset }
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let parsed = RawEntry::ref_from_prefix(self.rest)
            .ok()
            .and_then(|(raw, _)| {
                let length = usize::from(raw.length.get());
                let (entry, after) = self.rest.split_at_checked(length)?;
                let names = entry.get(size_of::<RawEntry>()..)?;
                length.is_multiple_of(8).then_some((raw, names, after))
            });
        let Some((raw, names, after)) = parsed else {
            let left = len_u64(self.rest.len());
            self.rest = &[];
            return Some(Err(Error::Corrupt {
                structure: Structure::AttributeList,
                offset: self.offset,
                field: "an entry's length, with this many bytes left,",
                found: left,
                expected: "a multiple of 8 within the list",
            }));
        };
        self.rest = after;
        let name = names.get(..usize::from(raw.name_length).saturating_mul(2));
        Some(Ok(Entry {
            type_code: AttributeType(raw.type_code.get()),
            lowest_vcn: Vcn(raw.lowest_vcn.get()),
            reference: FileReference::from_bits(raw.reference.get()),
            instance: raw.instance.get(),
            name: name
                .filter(|_| raw.name_offset == NAME_OFFSET)
                .map(Box::from),
        }))
    }
}
