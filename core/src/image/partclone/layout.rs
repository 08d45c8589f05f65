//! The header, versions 1 and 2.

use alloc::string::String;
use core::fmt;
use core::mem::size_of;
use core::num::NonZeroU32;

use zerocopy::FromBytes;

use super::checksum::{Algorithm, crc32};
use super::raw_header::{HEADER_CHECKSUM, RawHeader1, RawHeader2};
use crate::error::{Error, Result, Structure};
use crate::units::len_u64;

/// The first bytes of every image.
pub const MAGIC: &[u8; 15] = b"partclone-image";

/// Bytes up to the end of the version, which stands at the same place in both.
pub(super) const START_SIZE: usize = 34;
/// Bytes of the fields of the longer header, version 2.
pub(super) const FIELDS_SIZE: usize = size_of::<RawHeader2>();
/// Unused bytes after the fields of a header of version 1.
pub(super) const UNUSED_SIZE: u64 = 4096;

/// What follows a bitmap of one byte a block.
pub(super) const BITMAP_END: &[u8; 8] = b"BiTmAgIc";

/// Cluster sizes of NTFS.
const MIN_BLOCK_SIZE: u32 = 256;
const MAX_BLOCK_SIZE: u32 = 2 << 20;
/// Ours: other file systems have blocks of at most 8 MiB (VMFS).
const MAX_OTHER_BLOCK_SIZE: u32 = 64 << 20;

pub(super) const LITTLE_ENDIAN: u16 = 0xC0DE;
/// The only value of [`RawHeader2::feature_size`].
pub(super) const FEATURE_SIZE: u32 = 18;
/// A value of [`RawHeader2::checksum_mode`].
pub(super) const MODE_CRC32: u16 = 0x20;

/// Version of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `0001`: partclone up to 0.2.
    One,
    /// `0002`: partclone since 0.3.
    Two,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "1",
            Self::Two => "2",
        })
    }
}

/// The file systems of which images are accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystems {
    /// NTFS, whose clusters are the blocks.
    Ntfs,
    /// All: only which blocks are in use matters.
    Any,
}

/// How an image stores which blocks are in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BitmapForm {
    /// Not at all: all blocks are in the image.
    None,
    /// One bit a block, the lowest first, then a CRC-32.
    Bits,
    /// One byte a block, then `BiTmAgIc`.
    Bytes,
}

/// The checksums between the blocks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksums {
    /// How they are computed.
    pub algorithm: Algorithm,
    /// Blocks between two checksums; the last may cover fewer.
    pub blocks: NonZeroU32,
    /// Each checksum starts afresh, instead of continuing the one before.
    pub reseed: bool,
}

/// A header whose every field is within its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Version of the format.
    pub version: Version,
    /// Bytes in a block: a power of two, 256 B to 2 MiB as a cluster of NTFS, of others to 64 MiB.
    pub block_size: u32,
    /// Bytes of the partition; all blocks lie within it. Version 1 does not record that reliably:
    /// bytes of all blocks, and one more, in which the backup boot sector lies.
    pub device_size: u64,
    /// Blocks of the volume, at least one.
    pub nr_blocks: u64,
    /// Blocks in use, as the writer counted; not checked, since only progress depends on it.
    pub used: u64,
    /// `None` if the image has no checksums.
    pub checksums: Option<Checksums>,
    /// How the bitmap is stored.
    pub bitmap: BitmapForm,
}

impl Header {
    /// Checks a header of version 2, or the fields of one of version 1.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`], [`Error::Unsupported`] with the first field out of its limits;
    /// [`Error::OtherFileSystem`] if that is not `accepted`.
    pub fn parse(bytes: &[u8; 110], accepted: FileSystems) -> Result<Self> {
        let start = bytes.first_chunk().unwrap_or(&[0; START_SIZE]);
        match Self::version(start)? {
            Version::One => {
                let (raw, _) = RawHeader1::ref_from_prefix(bytes).map_err(|_| unaligned())?;
                Self::of_version_1(raw, accepted)
            }
            Version::Two => {
                let (raw, _) = RawHeader2::ref_from_prefix(bytes).map_err(|_| unaligned())?;
                let (covered, _) = bytes.split_at_checked(HEADER_CHECKSUM).unwrap_or_default();
                Self::of_version_2(raw, covered, accepted)
            }
        }
    }

    /// Bytes of the fields that [`Header::parse`] needs.
    pub(super) fn fields_size(version: Version) -> usize {
        match version {
            Version::One => size_of::<RawHeader1>(),
            Version::Two => size_of::<RawHeader2>(),
        }
    }

    /// The version of the image that starts with these bytes.
    pub(super) fn version(start: &[u8; START_SIZE]) -> Result<Version> {
        if !start.starts_with(MAGIC) {
            let found = start.first_chunk().copied().unwrap_or_default();
            let expected = "0x70617274636c6f6e (partclone-image)";
            return Err(corrupt(0, "its magic", u64::from_be_bytes(found), expected));
        }
        let version = start.last_chunk().copied().unwrap_or_default();
        match &version {
            b"0001" => Ok(Version::One),
            b"0002" => Ok(Version::Two),
            _ => {
                let expected = "0x30303031 or 0x30303032";
                let found = u32::from_be_bytes(version).into();
                Err(unsupported(30, "version", found, expected))
            }
        }
    }

    fn of_version_1(raw: &RawHeader1, accepted: FileSystems) -> Result<Self> {
        let max_block_size = max_block_size(&raw.file_system, accepted)?;
        let (block_size, nr_blocks) = (raw.block_size.get(), raw.nr_blocks.get());
        let header = Self {
            version: Version::One,
            block_size,
            device_size: nr_blocks
                .saturating_add(1)
                .saturating_mul(block_size.into()),
            nr_blocks,
            used: raw.used.get(),
            checksums: Some(Checksums {
                algorithm: Algorithm::FirstByteCrc32,
                blocks: NonZeroU32::MIN,
                reseed: false,
            }),
            bitmap: BitmapForm::Bytes,
        };
        header.check(max_block_size, [36, 40, 48, 56])
    }

    fn of_version_2(raw: &RawHeader2, covered: &[u8], accepted: FileSystems) -> Result<Self> {
        let byte_order = raw.byte_order.get();
        if byte_order != LITTLE_ENDIAN {
            let expected = "0xc0de, little-endian";
            return Err(unsupported(34, "byte order", byte_order.into(), expected));
        }
        let checksum = raw.checksum.get();
        if checksum != crc32(covered) {
            let expected = "the CRC-32 of the bytes before";
            return Err(corrupt(106, "its checksum", checksum.into(), expected));
        }
        let max_block_size = max_block_size(&raw.file_system, accepted)?;
        let feature_size = raw.feature_size.get();
        if feature_size != FEATURE_SIZE {
            return Err(unsupported(
                88,
                "size of features",
                feature_size.into(),
                "18",
            ));
        }
        let image_version = raw.image_version.get();
        if image_version != 2 {
            return Err(unsupported(92, "image version", image_version.into(), "2"));
        }
        let bitmap = match raw.bitmap_mode {
            0 => BitmapForm::None,
            1 => BitmapForm::Bits,
            8 => BitmapForm::Bytes,
            mode => return Err(unsupported(105, "bitmap mode", mode.into(), "0, 1 or 8")),
        };
        let header = Self {
            version: Version::Two,
            block_size: raw.block_size.get(),
            device_size: raw.device_size.get(),
            nr_blocks: raw.nr_blocks.get(),
            used: raw.used.get(),
            checksums: checksums(raw)?,
            bitmap,
        };
        header.check(max_block_size, [84, 52, 60, 76])
    }

    /// Checks the sizes, whose fields stand at these offsets: of a block, of the device, number
    /// of blocks, of those in use.
    fn check(
        self,
        max_block_size: u32,
        [block_size, device_size, nr_blocks, used]: [u64; 4],
    ) -> Result<Self> {
        let size = self.block_size;
        if !size.is_power_of_two() || !(MIN_BLOCK_SIZE..=max_block_size).contains(&size) {
            let expected = match max_block_size {
                MAX_BLOCK_SIZE => "a cluster size: a power of two from 256 to 2 MiB",
                _ => "a power of two from 256 to 64 MiB",
            };
            return Err(corrupt(block_size, "its block size", size.into(), expected));
        }
        if i64::try_from(self.device_size).is_err() {
            let found = self.device_size;
            return Err(corrupt(
                device_size,
                "its device size",
                found,
                "less than 2^63",
            ));
        }
        let bytes = self.nr_blocks.checked_mul(size.into());
        if self.nr_blocks == 0 || bytes.is_none_or(|bytes| bytes > self.device_size) {
            let expected = "at least 1, and within its device size";
            let found = self.nr_blocks;
            return Err(corrupt(nr_blocks, "its number of blocks", found, expected));
        }
        if self.used > self.nr_blocks {
            let expected = "at most its number of blocks";
            return Err(corrupt(used, "its blocks in use", self.used, expected));
        }
        Ok(self)
    }

    /// Offset of the bitmap, in bytes from the start of the image.
    pub(super) fn bitmap_offset(&self) -> u64 {
        let fields = len_u64(Self::fields_size(self.version));
        match self.version {
            Version::One => fields.saturating_add(UNUSED_SIZE),
            Version::Two => fields,
        }
    }

    /// Bytes of the bitmap, without its end.
    pub(super) fn bitmap_size(&self) -> u64 {
        match self.bitmap {
            BitmapForm::None => 0,
            BitmapForm::Bits => self.nr_blocks.div_ceil(8),
            BitmapForm::Bytes => self.nr_blocks,
        }
    }

    /// Bytes after the bitmap by which it is checked.
    pub(super) fn bitmap_end_size(&self) -> usize {
        match self.bitmap {
            BitmapForm::None => 0,
            BitmapForm::Bits => 4,
            BitmapForm::Bytes => BITMAP_END.len(),
        }
    }

    /// Offset of the first block, in bytes from the start of the image.
    pub(super) fn data_offset(&self) -> u64 {
        self.bitmap_offset()
            .saturating_add(self.bitmap_size())
            .saturating_add(len_u64(self.bitmap_end_size()))
    }

    /// Bytes of all blocks of the volume.
    pub fn volume_size(&self) -> u64 {
        self.offset_of(self.nr_blocks)
    }

    /// Bytes of the volume as it is restored: its blocks, and what is left of the device, at
    /// most a block, where the backup boot sector lies. The image does not have that.
    pub fn restored_size(&self) -> u64 {
        let blocks = self.nr_blocks.saturating_add(1);
        self.device_size.min(self.offset_of(blocks))
    }

    /// Offset of a block on the volume, in bytes.
    pub(super) fn offset_of(&self, block: u64) -> u64 {
        block.saturating_mul(self.block_size.into())
    }
}

fn checksums(raw: &RawHeader2) -> Result<Option<Checksums>> {
    let mode = raw.checksum_mode.get();
    let (algorithm, size) = match mode {
        0x00 => (None, 0),
        MODE_CRC32 => (Some(Algorithm::Crc32), 4),
        0x30 => (Some(Algorithm::Xxh64), 8),
        0x31 => (Some(Algorithm::Xxh128), 16),
        _ => {
            let expected = "none, CRC-32, XXH64 or XXH128";
            return Err(unsupported(96, "checksum mode", mode.into(), expected));
        }
    };
    let found = raw.checksum_size.get();
    if found != size {
        let expected = "that of its checksum mode";
        return Err(corrupt(98, "its checksum size", found.into(), expected));
    }
    let Some(algorithm) = algorithm else {
        return Ok(None);
    };
    let Some(blocks) = NonZeroU32::new(raw.blocks_per_checksum.get()) else {
        let expected = "at least 1, as it has checksums";
        return Err(corrupt(100, "its blocks per checksum", 0, expected));
    };
    let reseed = match raw.reseed {
        0 => false,
        1 => true,
        other => return Err(corrupt(104, "its reseed flag", other.into(), "0 or 1")),
    };
    Ok(Some(Checksums {
        algorithm,
        blocks,
        reseed,
    }))
}

/// The largest block of the file system with this name.
fn max_block_size(padded: &[u8], accepted: FileSystems) -> Result<u32> {
    let name = padded.split(|&byte| byte == 0).next().unwrap_or_default();
    if name == b"NTFS" {
        return Ok(MAX_BLOCK_SIZE);
    }
    if accepted == FileSystems::Any {
        return Ok(MAX_OTHER_BLOCK_SIZE);
    }
    let name = String::from_utf8_lossy(name).into_owned();
    Err(Error::OtherFileSystem { name })
}

/// Not reached: the raw headers are unaligned, and shorter than what they are read from.
fn unaligned() -> Error {
    corrupt(0, "its length", 0, "a whole header")
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::ImageHeader,
        offset,
        field,
        found,
        expected,
    }
}

fn unsupported(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Unsupported {
        structure: Structure::ImageHeader,
        offset,
        field,
        found,
        expected,
    }
}
