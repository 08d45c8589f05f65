//! `$FILE_NAME`: a name of a file and the directory it stands in.

use alloc::string::String;
use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::attribute::{Attribute, AttributeBody, AttributeType};
use super::mft_record::FileReference;

/// The value as it stands on disk, before the name.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawFileName {
    /// 0x00: the directory.
    parent: U64,
    /// 0x08: creation, change, record change, access: 100 ns since 1601.
    times: [U64; 4],
    /// 0x28
    allocated_size: U64,
    data_size: U64,
    /// 0x38
    attributes: U32,
    reparse_or_ea: U32,
    /// 0x40: UTF-16 units of the name.
    name_length: u8,
    /// 0x41: 0 POSIX, 1 Win32, 2 DOS, 3 Win32 and DOS.
    namespace: u8,
}

const _: () = assert!(size_of::<RawFileName>() == 0x42);

/// Which names a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// Any characters, each case a name of its own.
    Posix,
    /// A long name, which has a short one beside it.
    Win32,
    /// The short name.
    Dos,
    /// Both in one.
    Win32AndDos,
}

impl Namespace {
    fn of(byte: u8) -> Self {
        match byte {
            1 => Self::Win32,
            2 => Self::Dos,
            3 => Self::Win32AndDos,
            _ => Self::Posix,
        }
    }
}

/// One name of a file.
#[derive(Debug, Clone, Copy)]
pub struct FileName<'a> {
    /// The directory it stands in.
    pub parent: FileReference,
    /// The name in UTF-16, little-endian.
    pub name: &'a [u8],
    /// True for the short name that only MS-DOS needs.
    pub is_dos_only: bool,
    /// Which names it is of.
    pub(crate) namespace: Namespace,
}

impl<'a> FileName<'a> {
    /// Where the allocated size of the file is in the value, then its data size.
    pub(crate) const SIZES: usize = offset_of!(RawFileName, allocated_size);
    /// Where the length of the name is in the value, then its namespace.
    pub(crate) const LENGTH_OFFSET: usize = 0x40;
    /// Where the name begins in the value.
    pub(crate) const NAME_OFFSET: usize = size_of::<RawFileName>();

    /// From the value of the attribute, or the key of a directory entry;
    /// `None` if it is too short for what it says.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (raw, rest) = RawFileName::ref_from_prefix(value).ok()?;
        let namespace = Namespace::of(raw.namespace);
        Some(Self {
            parent: FileReference::from_bits(raw.parent.get()),
            name: rest.get(..usize::from(raw.name_length).saturating_mul(2))?,
            is_dos_only: namespace == Namespace::Dos,
            namespace,
        })
    }

    /// The name as text; unpaired surrogates are replaced.
    pub fn to_text(&self) -> String {
        decode_utf16(self.name)
    }
}

/// What a name records of its file. In the record itself it is as old as the name; in an index, Windows
/// updates it when the file is closed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NameFacts {
    /// Creation, change, record change, access: 100 ns since 1601.
    pub(crate) times: [u64; 4],
    /// Bytes of the clusters of the content.
    pub(crate) allocated: u64,
    /// Bytes of the content.
    pub(crate) size: u64,
    /// DOS attributes; of a directory with 0x10000000.
    pub(crate) attributes: u32,
    /// The tag, of what has a reparse point.
    pub(crate) reparse_tag: u32,
}

impl NameFacts {
    /// From the value of the attribute, or the key of a directory entry; `None` if it is too short.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (raw, _) = RawFileName::ref_from_prefix(value).ok()?;
        Some(Self {
            times: raw.times.map(U64::get),
            allocated: raw.allocated_size.get(),
            size: raw.data_size.get(),
            attributes: raw.attributes.get(),
            reparse_tag: raw.reparse_or_ea.get(),
        })
    }
}

/// The name among a file's attributes that people know: the first one that is
/// not only for MS-DOS.
pub fn known_name<'a>(attributes: &[Attribute<'a>]) -> Option<FileName<'a>> {
    let mut best: Option<FileName<'a>> = None;
    for attribute in attributes {
        if let AttributeBody::Resident(value) = attribute.body
            && attribute.type_code == AttributeType::FILE_NAME
            && let Some(name) = FileName::parse(value)
            && best.is_none_or(|best| best.is_dos_only)
        {
            best = Some(name);
        }
    }
    best
}

/// UTF-16, little-endian, as text; unpaired surrogates are replaced.
pub fn decode_utf16(bytes: &[u8]) -> String {
    let (units, _) = bytes.as_chunks::<2>();
    char::decode_utf16(units.iter().map(|unit| u16::from_le_bytes(*unit)))
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
