//! The header of an overlay, and where things are in the file.

use std::ops::Range;

use super::block_map::PAGE_BYTES;
use super::identity::Identity;

const MAGIC: &[u8; 24] = b"ntfsclone overlay\n\0\0\0\0\0\0";

/// The version of the format.
const VERSION: u32 = 1;

/// Bytes of a block: what a page of memory and most clusters have.
pub(super) const BLOCK_BYTES: u64 = 4096;

/// Bytes of the header. It is less than a sector, which a disk writes as a whole.
pub(super) const HEADER_BYTES: usize = 128;

/// The data begin at a multiple of this.
const DATA_ALIGNMENT: u64 = 1 << 20;

/// What an overlay begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) identity: Identity,
    /// The start of the kernel in which the file was last open; 0 if that is not known.
    pub(super) boot_id: u128,
}

/// Why a header is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotHeader {
    OtherFile,
    OtherVersion(u32),
    Damaged,
}

impl Header {
    pub(super) fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut fields = MAGIC.to_vec();
        fields.extend(VERSION.to_le_bytes());
        fields.extend((BLOCK_BYTES as u32).to_le_bytes());
        fields.extend(self.identity.size.to_le_bytes());
        fields.extend(self.identity.serial.to_le_bytes());
        fields.extend(self.identity.fingerprint);
        fields.extend(self.boot_id.to_le_bytes());
        let mut bytes = [0; HEADER_BYTES];
        bytes[..fields.len()].copy_from_slice(&fields);
        let start = HEADER_BYTES - blake3::OUT_LEN;
        let checksum = blake3::hash(&bytes[..start]);
        bytes[start..].copy_from_slice(checksum.as_bytes());
        bytes
    }

    pub(super) fn parse(bytes: &[u8; HEADER_BYTES]) -> Result<Self, NotHeader> {
        let mut rest = &bytes[..];
        if take::<24>(&mut rest) != *MAGIC {
            return Err(NotHeader::OtherFile);
        }
        let version = u32::from_le_bytes(take(&mut rest));
        if version != VERSION {
            return Err(NotHeader::OtherVersion(version));
        }
        let block_bytes = u32::from_le_bytes(take(&mut rest));
        let start = HEADER_BYTES - blake3::OUT_LEN;
        let checksum = blake3::hash(&bytes[..start]);
        if checksum.as_bytes() != &bytes[start..] || u64::from(block_bytes) != BLOCK_BYTES {
            return Err(NotHeader::Damaged);
        }
        Ok(Self {
            identity: Identity {
                size: u64::from_le_bytes(take(&mut rest)),
                serial: u64::from_le_bytes(take(&mut rest)),
                fingerprint: take(&mut rest),
            },
            boot_id: u128::from_le_bytes(take(&mut rest)),
        })
    }
}

/// The next bytes of a header, which is long enough.
fn take<const LEN: usize>(rest: &mut &[u8]) -> [u8; LEN] {
    let (bytes, after) = rest.split_first_chunk().expect("the header is longer");
    *rest = after;
    *bytes
}

/// Where things are in the overlay of a volume: the header, the map of written blocks, that
/// of flushed blocks, and the blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places {
    /// Bytes of one map, in whole pages.
    map_bytes: u64,
    blocks: u64,
}

impl Places {
    /// `None` if the file would be too long.
    pub(super) fn of(size: u64) -> Option<Self> {
        let blocks = size.div_ceil(BLOCK_BYTES);
        let map_bytes = blocks.div_ceil(8).next_multiple_of(PAGE_BYTES as u64);
        let places = Self { map_bytes, blocks };
        let bytes = blocks.checked_mul(BLOCK_BYTES)?;
        let end = places.data().checked_add(bytes)?;
        i64::try_from(end).ok().map(|_| places)
    }

    pub(super) fn written_map(&self) -> Range<u64> {
        let start = PAGE_BYTES as u64;
        start..start + self.map_bytes
    }

    pub(super) fn flushed_map(&self) -> Range<u64> {
        let start = self.written_map().end;
        start..start + self.map_bytes
    }

    /// Where block 0 is.
    pub(super) fn data(&self) -> u64 {
        self.flushed_map().end.next_multiple_of(DATA_ALIGNMENT)
    }

    pub(super) fn end(&self) -> u64 {
        self.data() + self.blocks * BLOCK_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            identity: Identity {
                size: 1 << 30,
                serial: 0x1234_5678_9ABC_DEF0,
                fingerprint: [7; 32],
            },
            boot_id: 99,
        }
    }

    #[test]
    fn header_is_read_as_written() {
        assert_eq!(Header::parse(&header().to_bytes()), Ok(header()));
    }

    #[test]
    fn any_changed_byte_of_a_header_is_found() {
        let bytes = header().to_bytes();
        for position in 0..HEADER_BYTES {
            let mut bytes = bytes;
            bytes[position] ^= 1;
            assert!(Header::parse(&bytes).is_err(), "{position}");
        }
    }

    #[test]
    fn maps_and_blocks_do_not_overlap() {
        for size in [512, 4096, 4097, (1 << 27) + 512, 1 << 44] {
            let places = Places::of(size).unwrap();
            let map = places.written_map();
            assert!((map.end - map.start) * 8 >= size.div_ceil(BLOCK_BYTES));
            assert!(map.start >= HEADER_BYTES as u64);
            assert_eq!(map.end, places.flushed_map().start);
            assert!(places.flushed_map().end <= places.data());
            assert!(places.data() + size <= places.end());
        }
        assert!(Places::of(u64::MAX).is_none());
    }
}
