//! The two headers, of which the newer one is in use ([MS-VHDX] 2.2.1).

use alloc::vec;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::SIGNATURE;
use super::checksum::Checksums;
use super::guid::Guid;
use crate::disk::header::Place;
use crate::error::Result;
use crate::io::Source;

pub(super) const OFFSETS: [u64; 2] = [64 << 10, 128 << 10];
pub(super) const HEADER_SIGNATURE: &[u8; 4] = b"head";
/// Bytes that the checksum covers.
pub(super) const SIZE: usize = 4 << 10;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
pub(super) struct RawHeader {
    /// 0: [`HEADER_SIGNATURE`]
    pub(super) signature: [u8; 4],
    /// 4
    pub(super) checksum: U32,
    /// 8
    pub(super) sequence_number: U64,
    /// 16: of writers to the file, and to the disk
    pub(super) write_guids: [Guid; 2],
    /// 48
    pub(super) log_guid: Guid,
    /// 64
    pub(super) log_version: U16,
    /// 66
    pub(super) version: U16,
    /// 68: bytes
    pub(super) log_length: U32,
    /// 72
    pub(super) log_offset: U64,
}

/// The header in use.
pub(super) struct Header {
    pub(super) place: Place,
    sequence_number: u64,
    /// Changes with the content of the disk.
    pub(super) data_write_guid: Guid,
    /// That of the entries to be replayed; zeros if there are none.
    pub(super) log_guid: Guid,
    pub(super) log_offset: u64,
    /// Bytes.
    pub(super) log_length: u64,
}

impl Header {
    /// Reads the valid header of the greatest sequence number.
    pub(super) fn read(source: &Source) -> Result<Self> {
        let place = Place::header(0);
        let signature: [u8; 8] = place.read(source)?;
        if signature != *SIGNATURE {
            let found = u64::from_be_bytes(signature);
            return Err(place.corrupt("its signature", found, "that of VHDX"));
        }
        let checksums = Checksums::new();
        match OFFSETS.map(|offset| Self::read_at(source, &checksums, offset)) {
            [Ok(first), Ok(second)] => Ok(match first.sequence_number > second.sequence_number {
                true => first,
                false => second,
            }),
            // It may be the newer one.
            [Err(error), _] | [_, Err(error)] if error.is_missing() => Err(error),
            [Ok(only), Err(_)] | [Err(_), Ok(only)] => Ok(only),
            [Err(error), Err(_)] => Err(error),
        }
    }

    fn read_at(source: &Source, checksums: &Checksums, offset: u64) -> Result<Self> {
        let place = Place::header(offset);
        let mut bytes = vec![0; SIZE];
        place.read_into(source, &mut bytes)?;
        let raw: RawHeader = place.read(source)?;
        if raw.signature != *HEADER_SIGNATURE || !checksums.is_valid([bytes.as_slice()]) {
            let found = raw.checksum.get().into();
            return Err(place.corrupt("its checksum", found, "that of its bytes"));
        }
        if raw.version.get() != 1 {
            let found = raw.version.get().into();
            return Err(place.unsupported("version", found, "1"));
        }
        if raw.log_guid != [0; 16] && raw.log_version.get() != 0 {
            let found = raw.log_version.get().into();
            return Err(place.unsupported("log version", found, "0"));
        }
        let [_, data_write_guid] = raw.write_guids;
        Ok(Self {
            place,
            sequence_number: raw.sequence_number.get(),
            data_write_guid,
            log_guid: raw.log_guid,
            log_offset: raw.log_offset.get(),
            log_length: raw.log_length.get().into(),
        })
    }
}
