//! The sections of a segment.

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::check_sum;
use crate::disk::header::Place;
use crate::error::Result;
use crate::io::Source;
use crate::units::len_u64;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawSection {
    /// 0: padded with NUL
    kind: [u8; 16],
    /// 16: offset of the next section; its own of the last one
    next: U64,
    /// 24: bytes, with this header
    size: U64,
    /// 32
    padding: [u8; 40],
    /// 72: of the bytes before
    checksum: U32,
}

/// A section of a segment.
pub(super) struct Section {
    kind: [u8; 16],
    offset: u64,
    /// Offset of the next one in the segment.
    pub(super) next: u64,
    /// Bytes, with the header.
    pub(super) size: u64,
}

impl Section {
    /// Reads the header of the section at `offset`.
    pub(super) fn read(source: &Source, offset: u64) -> Result<Self> {
        let place = Place::header(offset);
        let raw: RawSection = place.read(source)?;
        let (covered, _) = raw.as_bytes().split_at_checked(72).unwrap_or_default();
        check_sum(place, covered, raw.checksum.get())?;
        let next = raw.next.get();
        Ok(Self {
            kind: raw.kind,
            offset,
            next,
            // Some programs write 0 for one that reaches to the next.
            size: match raw.size.get() {
                0 => next.saturating_sub(offset),
                size => size,
            },
        })
    }

    /// What it holds: `table`.
    pub(super) fn kind(&self) -> &[u8] {
        let mut parts = self.kind.split(|&byte| byte == 0);
        parts.next().unwrap_or_default()
    }

    /// Offset of what follows the header.
    pub(super) fn data_offset(&self) -> u64 {
        self.offset.saturating_add(len_u64(size_of::<RawSection>()))
    }

    /// Offset of the end.
    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }
}
