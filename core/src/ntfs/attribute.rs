//! Attributes within an MFT record.

use core::mem::{offset_of, size_of};
use core::ops::Range;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::runlist::Runs;
use crate::error::{Error, Result, Structure};
use crate::units::{Vcn, len_u64};

/// Ends the attributes of a record.
const END: u32 = 0xFFFF_FFFF;

/// In [`Attribute::flags`], which compression it has: 0 for none, 1 for LZNT1.
pub const COMPRESSION_MASK: u16 = 0x00FF;
/// In [`Attribute::flags`]: encrypted by EFS.
pub const ENCRYPTED: u16 = 0x4000;
/// In [`Attribute::flags`]: with holes.
pub(crate) const SPARSE: u16 = 0x8000;

/// What an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeType(pub u32);

impl AttributeType {
    /// Times and flags.
    pub const STANDARD_INFORMATION: Self = Self(0x10);
    /// Where the other attributes of the file are, if in several records.
    pub const ATTRIBUTE_LIST: Self = Self(0x20);
    /// A name, and the directory it stands in.
    pub const FILE_NAME: Self = Self(0x30);
    /// An identifier that stays with the file.
    pub const OBJECT_ID: Self = Self(0x40);
    /// Who may do what, where it is not in `$Secure`.
    pub const SECURITY_DESCRIPTOR: Self = Self(0x50);
    /// The label of the volume.
    pub const VOLUME_NAME: Self = Self(0x60);
    /// Version and flags of the volume.
    pub const VOLUME_INFORMATION: Self = Self(0x70);
    /// The content of a file or of one of its streams.
    pub const DATA: Self = Self(0x80);
    /// The root node of an index.
    pub const INDEX_ROOT: Self = Self(0x90);
    /// The other nodes of an index.
    pub const INDEX_ALLOCATION: Self = Self(0xA0);
    /// Which index nodes, or which MFT records, are in use.
    pub const BITMAP: Self = Self(0xB0);
    /// Target of a link or mount point, or data of a filter driver.
    pub const REPARSE_POINT: Self = Self(0xC0);
    /// Extended attributes.
    pub const EA: Self = Self(0xE0);
    /// Keys of encrypted files.
    pub const LOGGED_UTILITY_STREAM: Self = Self(0x100);
}

/// What all attributes begin with.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawHeader {
    /// 0x00
    type_code: U32,
    /// 0x04: bytes of the whole attribute, a multiple of 8.
    length: U32,
    /// 0x08: 0 if the value stands in the record.
    non_resident: u8,
    /// 0x09: UTF-16 units of the name.
    name_length: u8,
    /// 0x0A: where the name is, in bytes into the attribute.
    name_offset: U16,
    /// 0x0C: compressed 1, encrypted 0x4000, sparse 0x8000.
    flags: U16,
    /// 0x0E: tells attributes of one record apart.
    instance: U16,
}

/// What follows the header of a resident attribute.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawResident {
    /// 0x10: bytes of the value.
    value_length: U32,
    /// 0x14: where the value is, in bytes into the attribute.
    value_offset: U16,
    resident_flags: u8,
    reserved: u8,
}

/// Where `value_offset` stands in a resident attribute.
const VALUE_OFFSET: usize = size_of::<RawHeader>() + offset_of!(RawResident, value_offset);

/// What follows the header of a non-resident attribute.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawNonResident {
    /// 0x10: the first cluster of the runlist here.
    lowest_vcn: U64,
    /// 0x18: the last one; -1 if there is none.
    highest_vcn: U64,
    /// 0x20: where the mapping pairs are, in bytes into the attribute.
    mapping_pairs_offset: U16,
    /// 0x22: exponent of two of the clusters of a compression unit, or 0.
    compression_unit: u8,
    reserved: [u8; 5],
    /// 0x28: bytes of the clusters; a multiple of the cluster size.
    allocated_size: U64,
    /// 0x30: bytes of the value.
    data_size: U64,
    /// 0x38: bytes of the value that were written; zeros follow.
    initialized_size: U64,
}

const _: () = assert!(size_of::<RawHeader>() == 0x10);
const _: () = assert!(size_of::<RawResident>() == 0x08);
const _: () = assert!(size_of::<RawNonResident>() == 0x30);

/// Where the length of an attribute is, in bytes into it.
pub(crate) const LENGTH: usize = offset_of!(RawHeader, length);
/// Where the last cluster of a piece is in a non-resident attribute.
pub(crate) const HIGHEST_VCN: usize =
    size_of::<RawHeader>() + offset_of!(RawNonResident, highest_vcn);
/// Where its three sizes are: allocated, data and initialized.
pub(crate) const SIZES: usize = size_of::<RawHeader>() + offset_of!(RawNonResident, allocated_size);

/// Where the first piece of a compressed or sparse value has the bytes of its
/// clusters without holes. A name, or the mapping pairs, follow.
const COMPRESSED_SIZE: Range<usize> = 0x40..0x48;

/// One attribute, or one piece of an attribute that spans several records.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    /// What it is.
    pub type_code: AttributeType,
    /// Tells attributes of one record apart.
    pub instance: u16,
    /// Its name in UTF-16, little-endian; empty for most.
    pub name: &'a [u8],
    /// Where it lies on the volume, in bytes, for errors.
    pub offset: u64,
    /// How its value is stored, of its first piece: see [`COMPRESSION_MASK`],
    /// [`ENCRYPTED`].
    pub flags: u16,
    /// Where its value is.
    pub body: AttributeBody<'a>,
    /// Where a resident value begins, in bytes into the record.
    pub value_position: usize,
}

/// Where the value of an attribute is.
#[derive(Debug, Clone, Copy)]
pub enum AttributeBody<'a> {
    /// In the record.
    Resident(&'a [u8]),
    /// In clusters.
    NonResident(NonResident<'a>),
}

/// A non-resident attribute, or one piece of it.
#[derive(Debug, Clone, Copy)]
pub struct NonResident<'a> {
    /// The first cluster of the piece.
    pub lowest_vcn: Vcn,
    /// The last cluster of the piece; `u64::MAX` if it has none.
    pub(crate) highest_vcn: Vcn,
    /// Bytes of all clusters of the value, holes among them. Only the first
    /// piece of an attribute tells.
    pub(crate) allocated_size: u64,
    /// Bytes of the value. Only the first piece of an attribute tells.
    pub data_size: u64,
    /// Bytes of the value that were written; the rest reads as zeros. Only
    /// the first piece of an attribute tells.
    pub initialized_size: u64,
    /// Of a compressed value, the exponent of two of the clusters of a unit.
    /// Only the first piece of an attribute tells.
    pub compression_unit: u8,
    /// Where the mapping pairs are, in bytes into the attribute.
    mapping_pairs_offset: u16,
    /// All of it.
    attribute: &'a [u8],
    /// Of the mapping pairs on the volume, in bytes.
    offset: u64,
}

impl<'a> NonResident<'a> {
    /// The runs of this piece.
    pub fn runs(&self) -> Runs<'a> {
        let start = usize::from(self.mapping_pairs_offset);
        let pairs = self.attribute.get(start..).unwrap_or_default();
        Runs::new(pairs, self.lowest_vcn, self.offset)
    }

    /// The attribute up to its mapping pairs, and these with what follows them.
    pub(crate) fn split_at_pairs(&self) -> (&'a [u8], &'a [u8]) {
        let start = usize::from(self.mapping_pairs_offset);
        self.attribute
            .split_at_checked(start)
            .unwrap_or((self.attribute, &[]))
    }

    /// Bytes of all clusters of the value without holes, of a compressed or sparse
    /// one. Only the first piece of an attribute tells. `None` if it has no
    /// space for it.
    pub(crate) fn compressed_size(&self) -> Option<u64> {
        let has_space = usize::from(self.mapping_pairs_offset) >= COMPRESSED_SIZE.end;
        let bytes = self.attribute.get(COMPRESSED_SIZE)?.first_chunk()?;
        has_space.then(|| u64::from_le_bytes(*bytes))
    }
}

impl Attribute<'_> {
    /// True if this is the attribute of that type without a name.
    pub fn is_unnamed(&self, type_code: AttributeType) -> bool {
        self.type_code == type_code && self.name.is_empty()
    }
}

/// Iterates over the attributes of a record. After an error it continues with
/// the next attribute, if the length of the damaged one is sound; else it ends.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    record: &'a [u8],
    position: usize,
    record_offset: u64,
    ended: bool,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(record: &'a [u8], position: usize, record_offset: u64) -> Self {
        Self {
            record,
            position,
            record_offset,
            ended: false,
        }
    }

    /// The attribute at the current position, which advances past it; `None` at
    /// the end.
    // Results are built where they are returned: each copy of one costs as much as
    // to parse it.
    #[inline]
    fn parse_next(&mut self) -> Option<Result<Attribute<'a>>> {
        let start = self.position;
        let rest = self.record.get(start..).unwrap_or_default();
        let Some(type_code) = super::record::u32_at(rest, 0) else {
            let expected = "an end marker before the end of the record";
            return Some(Err(self.corrupt(start, "its type", 0, expected)));
        };
        if type_code == END {
            self.ended = true;
            return None;
        }
        let length = super::record::u32_at(rest, 4).unwrap_or(0);
        let attribute = usize::try_from(length).ok().and_then(|len| rest.get(..len));
        let parsed = attribute
            .filter(|_| length.is_multiple_of(8))
            .and_then(|attribute| Some((attribute, RawHeader::ref_from_prefix(attribute).ok()?)));
        let Some((attribute, (header, body))) = parsed else {
            let expected = "a multiple of 8 within the record";
            return Some(Err(self.corrupt(
                start,
                "its length",
                length.into(),
                expected,
            )));
        };
        // Advances by at least the size of the header just read.
        self.position = start.saturating_add(attribute.len());

        let name_len = usize::from(header.name_length).saturating_mul(2);
        let mut name: &[u8] = &[];
        if name_len > 0 {
            let offset = usize::from(header.name_offset.get());
            match attribute.get(offset..offset.saturating_add(name_len)) {
                Some(found) => name = found,
                None => {
                    let expected = "a name within the attribute";
                    let found = len_u64(offset);
                    return Some(Err(self.corrupt(
                        start,
                        "its name's offset",
                        found,
                        expected,
                    )));
                }
            }
        }
        let offset = self.record_offset.saturating_add(len_u64(start));
        let body = match header.non_resident {
            0 => resident(attribute, body).map(AttributeBody::Resident),
            1 => non_resident(attribute, body, offset).map(AttributeBody::NonResident),
            _ => None,
        };
        let Some(body) = body else {
            let expected = "0 with a value, or 1 with a runlist, within the attribute";
            let form = header.non_resident.into();
            return Some(Err(self.corrupt(start, "its form", form, expected)));
        };
        let value_offset = super::record::u16_at(attribute, VALUE_OFFSET).unwrap_or(0);
        Some(Ok(Attribute {
            value_position: start.saturating_add(value_offset.into()),
            type_code: AttributeType(type_code),
            instance: header.instance.get(),
            name,
            offset,
            flags: header.flags.get(),
            body,
        }))
    }

    /// The error of the attribute at `position`, with which the iterator ends
    /// where it did not advance.
    #[cold]
    fn corrupt(
        &mut self,
        position: usize,
        field: &'static str,
        found: u64,
        expected: &'static str,
    ) -> Error {
        self.ended = self.position == position;
        Error::Corrupt {
            structure: Structure::Attribute,
            offset: self.record_offset.saturating_add(len_u64(position)),
            field,
            found,
            expected,
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.parse_next()
    }
}

fn resident<'a>(attribute: &'a [u8], body: &[u8]) -> Option<&'a [u8]> {
    let (raw, _) = RawResident::ref_from_prefix(body).ok()?;
    let start = usize::from(raw.value_offset.get());
    let len = usize::try_from(raw.value_length.get()).ok()?;
    attribute.get(start..start.checked_add(len)?)
}

fn non_resident<'a>(attribute: &'a [u8], body: &[u8], offset: u64) -> Option<NonResident<'a>> {
    let (raw, _) = RawNonResident::ref_from_prefix(body).ok()?;
    let start = raw.mapping_pairs_offset.get();
    attribute.get(usize::from(start)..)?;
    Some(NonResident {
        lowest_vcn: Vcn(raw.lowest_vcn.get()),
        highest_vcn: Vcn(raw.highest_vcn.get()),
        allocated_size: raw.allocated_size.get(),
        data_size: raw.data_size.get(),
        initialized_size: raw.initialized_size.get(),
        compression_unit: raw.compression_unit,
        mapping_pairs_offset: start,
        attribute,
        offset: offset.saturating_add(start.into()),
    })
}
