//! The bytes of a header, as they stand in an image.

use core::mem::size_of;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

/// The offset of the checksum of a header of version 2, which covers all bytes before.
pub(super) const HEADER_CHECKSUM: usize = 106;

/// The fields of version 1.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct RawHeader1 {
    /// 0
    pub(super) magic: [u8; 15],
    /// 15: zero-padded
    pub(super) file_system: [u8; 15],
    /// 30: `0001`
    pub(super) version: [u8; 4],
    /// 34
    pub(super) padding: [u8; 2],
    /// 36: bytes
    pub(super) block_size: U32,
    /// 40: bytes; wrong in images of some builds
    pub(super) device_size: U64,
    /// 48: blocks of the volume
    pub(super) nr_blocks: U64,
    /// 56: blocks in use
    pub(super) used: U64,
}

/// Version 2.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(crate) struct RawHeader2 {
    /// 0
    pub(super) magic: [u8; 15],
    /// 15
    pub(super) magic_end: u8,
    /// 16: version of the program that wrote the image, as text
    pub(super) writer: [u8; 14],
    /// 30: `0002`
    pub(super) version: [u8; 4],
    /// 34: 0xC0DE
    pub(super) byte_order: U16,
    /// 36: zero-padded
    pub(super) file_system: [u8; 16],
    /// 52: bytes of the partition
    pub(super) device_size: U64,
    /// 60: blocks of the volume
    pub(super) nr_blocks: U64,
    /// 68: blocks in use, as the file system says
    pub(super) used_by_file_system: U64,
    /// 76: blocks in use, counted in the bitmap
    pub(super) used: U64,
    /// 84: bytes
    pub(super) block_size: U32,
    /// 88: bytes from `image_version` to the checksum of the header
    pub(super) feature_size: U32,
    /// 92: 2
    pub(super) image_version: U16,
    /// 94: bits of the processor that wrote the image
    pub(super) processor_bits: U16,
    /// 96: see [`super::Algorithm`]
    pub(super) checksum_mode: U16,
    /// 98: bytes of a checksum
    pub(super) checksum_size: U16,
    /// 100: 0 only if there are no checksums
    pub(super) blocks_per_checksum: U32,
    /// 104: 1 if each checksum starts afresh
    pub(super) reseed: u8,
    /// 105: see [`super::BitmapForm`]
    pub(super) bitmap_mode: u8,
    /// 106: CRC-32 of bytes 0 to 105
    pub(super) checksum: U32,
}

impl RawHeader2 {
    /// The header of an image of NTFS with a bitmap of bits, and a CRC-32 that starts afresh after
    /// every `blocks_per_checksum` blocks.
    pub(crate) fn of_ntfs(
        volume: &crate::image::ntfsclone::Header,
        blocks_per_checksum: u32,
    ) -> Self {
        let mut file_system = [0; 16];
        for (byte, letter) in file_system.iter_mut().zip(b"NTFS") {
            *byte = *letter;
        }
        let mut writer = [0; 14];
        for (byte, letter) in writer.iter_mut().zip(WRITER) {
            *byte = *letter;
        }
        let mut header = Self {
            magic: *super::MAGIC,
            magic_end: 0,
            writer,
            version: *b"0002",
            byte_order: U16::new(super::layout::LITTLE_ENDIAN),
            file_system,
            device_size: U64::new(volume.device_size),
            nr_blocks: U64::new(volume.nr_clusters),
            used_by_file_system: U64::new(volume.inuse),
            used: U64::new(volume.inuse),
            block_size: U32::new(volume.cluster_size),
            feature_size: U32::new(super::layout::FEATURE_SIZE),
            image_version: U16::new(2),
            processor_bits: U16::new(64),
            checksum_mode: U16::new(super::layout::MODE_CRC32),
            checksum_size: U16::new(4),
            blocks_per_checksum: U32::new(blocks_per_checksum),
            reseed: 1,
            bitmap_mode: 1,
            checksum: U32::new(0),
        };
        let covered = header.as_bytes().get(..HEADER_CHECKSUM);
        header.checksum = U32::new(super::checksum::crc32(covered.unwrap_or_default()));
        header
    }
}

/// The version of partclone that first wrote such images: its programs show it.
const WRITER: &[u8] = b"0.3.0";

const _: () = assert!(size_of::<RawHeader1>() == 64);
const _: () = assert!(size_of::<RawHeader2>() == HEADER_CHECKSUM + 4);
