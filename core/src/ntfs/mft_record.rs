//! The header of an MFT record.

use core::mem::{offset_of, size_of};

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::attribute::Attributes;
use super::record::{FixupError, undo_fixup};
use crate::error::{Error, Result, Structure};
use crate::units::{RecordNumber, len_u64};

/// The magic of an MFT record.
pub const MAGIC: &[u8; 4] = b"FILE";

const FLAG_IN_USE: u16 = 1;
const FLAG_DIRECTORY: u16 = 2;

/// The header as it stands on disk, up to the fields of NTFS 3.1.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawHeader {
    /// 0x00: `FILE`, or `BAAD` where a check of the disk failed.
    magic: [u8; 4],
    /// 0x04: see [`super::record`].
    usa_offset: U16,
    usa_count: U16,
    /// 0x08: log sequence number of the last change.
    lsn: U64,
    /// 0x10: how often the record was used again.
    sequence_number: U16,
    /// 0x12: names of the file.
    link_count: U16,
    /// 0x14: where the first attribute begins, a multiple of 8.
    attributes_offset: U16,
    /// 0x16: in use, directory.
    flags: U16,
    /// 0x18: bytes of the record that are used, a multiple of 8.
    bytes_in_use: U32,
    /// 0x1C: bytes of the whole record.
    bytes_allocated: U32,
    /// 0x20: of the base record, if this is an extension; else 0.
    base_record: U64,
    /// 0x28: instance number for the next attribute.
    next_instance: U16,
}

const _: () = assert!(size_of::<RawHeader>() == 0x2A);

/// Where the bytes in use are, in bytes into the record.
pub(crate) const BYTES_IN_USE: usize = offset_of!(RawHeader, bytes_in_use);

/// A reference to a record: 48 bits of number and 16 of sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct FileReference {
    /// The record.
    pub record: RecordNumber,
    /// The record's sequence number when the reference was made; 0 is not
    /// checked.
    pub sequence_number: u16,
}

impl FileReference {
    /// From the 64 bits on disk.
    pub fn from_bits(bits: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = bits.to_le_bytes();
        Self {
            record: RecordNumber(u64::from_le_bytes([a, b, c, d, e, f, 0, 0])),
            sequence_number: u16::from_le_bytes([g, h]),
        }
    }
}

/// An MFT record with a sound header, its fixup undone.
#[derive(Debug, Clone, Copy)]
pub struct MftRecord<'a> {
    bytes: &'a [u8],
    /// Where the record begins on the volume, in bytes, for errors.
    offset: u64,
    /// How often the record was used again.
    pub sequence_number: u16,
    /// False for records of deleted files.
    pub in_use: bool,
    /// True if the record has a directory index.
    pub is_directory: bool,
    /// The base record, if this is an extension record.
    pub base: Option<FileReference>,
    attributes_offset: usize,
}

impl<'a> MftRecord<'a> {
    /// Undoes the fixup of `bytes`, a whole record, and checks its header.
    /// `offset` is where the record lies on the volume, for errors.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: this is no whole record.
    pub fn from_disk(bytes: &'a mut [u8], offset: u64) -> Result<Self> {
        Self::undo_fixup(bytes, offset)?;
        Self::parse(bytes, offset)
    }

    /// Whether the flags of a record, as it is on disk, say that it is in use.
    pub(crate) fn is_in_use(bytes: &[u8]) -> bool {
        RawHeader::ref_from_prefix(bytes)
            .is_ok_and(|(raw, _)| &raw.magic == MAGIC && raw.flags.get() & FLAG_IN_USE != 0)
    }

    /// Undoes the fixup of `bytes`, a whole record.
    ///
    /// # Errors
    ///
    /// As [`MftRecord::from_disk`].
    pub fn undo_fixup(bytes: &mut [u8], offset: u64) -> Result<()> {
        undo_fixup(bytes, MAGIC).map_err(|error| fixup_error(offset, error))
    }

    /// Undoes the fixup of `bytes`, a whole record whose header may be damaged.
    /// Where the update sequence array cannot be found, the bytes are taken as
    /// they are: all but two of each block are right. Calls `damaged` with each
    /// error.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: this is no whole record; those that `damaged`
    /// returns.
    pub(crate) fn salvage(
        bytes: &mut [u8],
        offset: u64,
        damaged: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<()> {
        match undo_fixup(bytes, MAGIC) {
            Ok(()) => {}
            Err(error @ FixupError::Array { .. }) => damaged(fixup_error(offset, error))?,
            Err(error) => return Err(fixup_error(offset, error)),
        }
        Self::clamp(bytes, offset, damaged)
    }

    /// Makes the header say no more bytes in use than there are; tells `damaged`
    /// if it did.
    ///
    /// # Errors
    ///
    /// Those that `damaged` returns.
    pub(crate) fn clamp(
        bytes: &mut [u8],
        offset: u64,
        damaged: &mut dyn FnMut(Error) -> Result<()>,
    ) -> Result<()> {
        let allocated = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        match RawHeader::mut_from_prefix(bytes) {
            Ok((raw, _)) if raw.bytes_in_use.get() > allocated => {
                damaged(bytes_in_use_error(offset, raw.bytes_in_use.get()))?;
                raw.bytes_in_use.set(allocated);
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks the header of a record whose fixup has been undone.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the first field out of its limits.
    pub fn parse(bytes: &'a [u8], offset: u64) -> Result<Self> {
        let Ok((raw, _)) = RawHeader::ref_from_prefix(bytes) else {
            return Err(corrupt(
                offset,
                "its length",
                len_u64(bytes.len()),
                "at least 512",
            ));
        };
        if &raw.magic != MAGIC {
            let found = u32::from_be_bytes(raw.magic);
            return Err(corrupt(offset, "magic", found.into(), "0x46494c45 (FILE)"));
        }
        let in_use = usize::try_from(raw.bytes_in_use.get()).ok();
        let Some(used) = in_use.and_then(|len| bytes.get(..len)) else {
            return Err(bytes_in_use_error(offset, raw.bytes_in_use.get()));
        };
        let attributes_offset = usize::from(raw.attributes_offset.get());
        if attributes_offset % 8 != 0
            || attributes_offset < size_of::<RawHeader>()
            || attributes_offset > used.len()
        {
            let expected = "a multiple of 8 after the header and within the bytes in use";
            return Err(corrupt(
                offset,
                "the first attribute's offset",
                len_u64(attributes_offset),
                expected,
            ));
        }
        let flags = raw.flags.get();
        Ok(Self {
            bytes: used,
            offset,
            sequence_number: raw.sequence_number.get(),
            in_use: flags & FLAG_IN_USE != 0,
            is_directory: flags & FLAG_DIRECTORY != 0,
            base: match raw.base_record.get() {
                0 => None,
                bits => Some(FileReference::from_bits(bits)),
            },
            attributes_offset,
        })
    }

    /// The used bytes of the record.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the record lies on the volume, in bytes.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The attributes of this record, in their order, the damaged ones as
    /// errors: see [`Attributes`].
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::new(self.bytes, self.attributes_offset, self.offset)
    }
}

fn fixup_error(offset: u64, error: FixupError) -> Error {
    let (field, found, expected) = match error {
        FixupError::Magic(magic) => ("magic", magic.into(), "0x46494c45 (FILE)"),
        FixupError::Array { count, .. } => (
            "the length of the update sequence array",
            count.into(),
            "one entry a 512-byte block, and one",
        ),
        FixupError::Torn { block } => {
            ("the block that was not written (torn write)", block, "none")
        }
    };
    corrupt(offset, field, found, expected)
}

fn bytes_in_use_error(offset: u64, found: u32) -> Error {
    let expected = "at most the record's size";
    corrupt(offset, "bytes in use", found.into(), expected)
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::MftRecord,
        offset,
        field,
        found,
        expected,
    }
}
