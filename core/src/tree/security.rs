//! The security descriptors of files: who may do what.

use alloc::vec;
use alloc::vec::Vec;

use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::{AttributeBody, AttributeType};
use crate::ntfs::mft::RECORD_SECURE;
use crate::ntfs::record::u32_at;
use crate::ntfs::security::{
    COPY_DISTANCE, DESCRIPTORS, HEADER_BYTES, MAX_DESCRIPTOR, descriptor_hash, descriptor_id,
};
use crate::ntfs::value::{self, Value};
use crate::ntfs::{FileRecord, Volume};
use crate::sorted::sorted;
use crate::units::{RecordNumber, len_u64, len_usize};

/// Descriptors begin at multiples of this in `$SDS`.
const ALIGNMENT: usize = 16;

/// Ours: of a longer `$SDS` the rest is left out. Volumes with millions of files have some MiB.
const MAX_DESCRIPTORS_BYTES: u64 = 256 << 20;

/// The security descriptors that the files of a volume share, in `$Secure`. By default, there are none.
#[derive(Debug, Default)]
pub struct SecurityDescriptors {
    /// `$SDS`; `None` before NTFS 3.0, and if it is damaged.
    stream: Option<Value>,
    /// Sorted by number.
    places: Vec<Place>,
}

/// Where a descriptor is in `$SDS`, with its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    id: u32,
    offset: u64,
    len: u32,
}

impl SecurityDescriptors {
    /// Finds all descriptors. Those that are damaged, and have no sound copy, are left out.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: the volume cannot be read.
    pub fn read<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let stream = FileRecord::salvage(volume, RECORD_SECURE)
            .and_then(|file| file.value(AttributeType::DATA, DESCRIPTORS));
        let stream = match stream {
            Err(error) if error.is_damage() => None,
            stream => stream?,
        };
        let mut places = Vec::new();
        if let Some(stream) = &stream {
            let reach = stream.reach(volume.geometry());
            let end = stream.size().min(reach).min(MAX_DESCRIPTORS_BYTES);
            let mut block = vec![0; len_usize(COPY_DISTANCE.min(end))];
            let mut start = 0;
            while start < end {
                block.truncate(len_usize(end.saturating_sub(start)));
                for copy in [start, start.saturating_add(COPY_DISTANCE)] {
                    let len = block.len().min(len_usize(end.saturating_sub(copy)));
                    if len == 0 {
                        break;
                    }
                    let bytes = block.get_mut(..len).unwrap_or_default();
                    let (source, geometry) = (volume.source(), volume.geometry());
                    match stream.read_exact_at(source, geometry, copy, bytes) {
                        Err(error) if error.is_damage() => continue,
                        read => read?,
                    }
                    find_descriptors(bytes, start, copy, &mut places);
                }
                start = start.saturating_add(COPY_DISTANCE.saturating_mul(2));
            }
        }
        let mut places = sorted(places);
        // The copy of each is a second place.
        places.dedup_by_key(|place| place.id);
        Ok(Self { stream, places })
    }

    /// The security descriptor of a file or directory, self-relative ([MS-DTYP] 2.4.6); `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: it is not in `$Secure`, or damaged.
    pub fn of_file<R: ReadAt>(
        &self,
        volume: &Volume<R>,
        number: RecordNumber,
    ) -> Result<Option<Vec<u8>>> {
        let file = FileRecord::salvage(volume, number)?;
        let attributes = file.salvaged_attributes(&mut |_| {});
        let (source, geometry) = (volume.source(), volume.geometry());
        // Before NTFS 3.0, and of some system files, it is with the file.
        let own = attributes
            .iter()
            .filter(|attribute| attribute.is_unnamed(AttributeType::SECURITY_DESCRIPTOR));
        if let Some(own) = value::join(own.copied())? {
            let limit = MAX_DESCRIPTOR.into();
            return own.read_all(source, geometry, limit).map(Some);
        }
        let mut ids =
            attributes
                .iter()
                .filter_map(|attribute| match (attribute.type_code, attribute.body) {
                    (AttributeType::STANDARD_INFORMATION, AttributeBody::Resident(value)) => {
                        descriptor_id(value)
                    }
                    _ => None,
                });
        let Some(id) = ids.next() else {
            return Ok(None);
        };
        let missing = || Error::Corrupt {
            structure: Structure::MftRecord,
            offset: file.base().map_or(0, |base| base.offset()),
            field: "the number of its security descriptor",
            found: id.into(),
            expected: "one of a descriptor in $Secure",
        };
        let found = self.places.binary_search_by_key(&id, |place| place.id);
        let place = found.ok().and_then(|index| self.places.get(index));
        let (Some(place), Some(stream)) = (place, &self.stream) else {
            return Err(missing());
        };
        let mut bytes = vec![0; len_usize(place.len.into())];
        stream.read_exact_at(source, geometry, place.offset, &mut bytes)?;
        bytes.drain(..HEADER_BYTES.min(bytes.len()));
        Ok(Some(bytes))
    }
}

/// Finds the descriptors in a block that begins at `start`; `bytes` are its own, or those of its copy, which begins at
/// `offset`.
fn find_descriptors(bytes: &[u8], start: u64, offset: u64, places: &mut Vec<Place>) {
    let mut position = 0_usize;
    while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
        let distance = len_u64(position);
        let len = match descriptor_at(rest, start.saturating_add(distance)) {
            Some((id, len)) => {
                places.push(Place {
                    id,
                    offset: offset.saturating_add(distance),
                    len,
                });
                len_usize(len.into())
            }
            // After the last one, or damaged.
            None => ALIGNMENT,
        };
        let len = len.checked_next_multiple_of(ALIGNMENT).unwrap_or(ALIGNMENT);
        position = position.saturating_add(len);
    }
}

/// The number and the length, with its header, of the descriptor that `bytes` begin with, if its header says that it
/// is at `offset` of `$SDS` and its hash is right.
fn descriptor_at(bytes: &[u8], offset: u64) -> Option<(u32, u32)> {
    let id = u32_at(bytes, 4).filter(|id| *id != 0)?;
    let recorded = bytes.get(8..)?.first_chunk::<8>()?;
    let len = u32_at(bytes, 16).filter(|len| *len <= MAX_DESCRIPTOR)?;
    let whole = bytes.get(..len_usize(len.into()))?;
    let is_sound = whole.len() > HEADER_BYTES
        && u64::from_le_bytes(*recorded) == offset
        && u32_at(bytes, 0) == Some(descriptor_hash(whole));
    is_sound.then_some((id, len))
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod tests {
    use super::*;

    /// A descriptor of `len` bytes, with its header, at `offset` of `$SDS`.
    fn descriptor(id: u32, offset: u64, len: u32) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        bytes.extend((0..len).map(|byte| byte as u8));
        bytes[4..8].copy_from_slice(&id.to_le_bytes());
        bytes[8..16].copy_from_slice(&offset.to_le_bytes());
        bytes[16..20].copy_from_slice(&(len + 20).to_le_bytes());
        let hash = descriptor_hash(&bytes);
        bytes[..4].copy_from_slice(&hash.to_le_bytes());
        bytes
    }

    #[test]
    fn descriptors_after_a_damaged_one_are_found() {
        let start = 2 * COPY_DISTANCE;
        let mut block = vec![0; 512];
        for (id, offset, len) in [(0x100, 0, 100), (0x101, 128, 60), (0x102, 208, 44)] {
            let bytes = descriptor(id, start + offset as u64, len);
            block[offset..offset + bytes.len()].copy_from_slice(&bytes);
        }
        let check = |block: &[u8], expected: &[u32]| {
            let mut places = Vec::new();
            let copy = start + COPY_DISTANCE;
            find_descriptors(block, start, copy, &mut places);
            let ids: Vec<u32> = places.iter().map(|place| place.id).collect();
            assert_eq!(ids, expected);
            assert!(places.iter().all(|place| place.offset >= copy));
        };
        check(&block, &[0x100, 0x101, 0x102]);
        block[150] ^= 1;
        check(&block, &[0x100, 0x102]);
        // Cut short in the last one, and one of another place.
        check(&block[..250], &[0x100]);
        find_descriptors(&block, 0, 0, &mut Vec::new());
    }
}
