//! An MFT record on the volume in another size: its runlists name the new places.

use alloc::vec::Vec;
use core::ops::Range;

use super::error::RelocateError;
use super::relocation::{Relocation, bitmap_size};
use crate::error::{Error, Structure};
use crate::ntfs::attribute::{
    Attribute, AttributeBody, AttributeType, HIGHEST_VCN, LENGTH, NonResident, SIZES,
};
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::{self, Entries, Entry};
use crate::ntfs::mft::{RECORD_BAD_CLUSTERS, RECORD_BITMAP, RECORD_ROOT};
use crate::ntfs::mft_record::{BYTES_IN_USE, MftRecord};
use crate::ntfs::record::redo_fixup;
use crate::ntfs::runlist::{Run, mapping_pairs};
use crate::units::{RecordNumber, Vcn, len_u64, len_usize};

/// The stream of `$BadClus` that has a hole for each sound cluster, `$Bad` in UTF-16.
const BAD_STREAM: &[u8] = b"$\0B\0a\0d\0";

/// Attributes are multiples of so many bytes.
const ALIGNMENT: usize = 8;

/// Changes a record of `$MFT`, as it is on disk, for the new volume. Returns whether it changed.
///
/// Records that are not in use stay as they are: the clusters of deleted files are free, and so
/// not carried over. `offset` is where the record is on the old volume, for errors; `original` is
/// memory to work in, so that it is there once for many records.
///
/// # Errors
///
/// [`RelocateError`]; the record is unchanged then.
pub(super) fn relocate_record(
    relocation: &Relocation,
    bytes: &mut [u8],
    number: RecordNumber,
    offset: u64,
    original: &mut Vec<u8>,
) -> Result<bool, RelocateError> {
    if !MftRecord::is_in_use(bytes) {
        return Ok(false);
    }
    let damaged = |source| RelocateError::Record {
        record: number,
        source,
    };
    original.clear();
    original.extend_from_slice(bytes);
    let record = MftRecord::from_disk(original, offset).map_err(damaged)?;
    let rewriting = Rewriting { relocation, number };
    let Some(rewritten) = rewriting.record(&record)? else {
        return Ok(false);
    };
    let used = record.bytes().len();
    let Some((changed, rest)) = bytes.split_at_mut_checked(rewritten.len()) else {
        return Err(RelocateError::RecordFull { record: number });
    };
    changed.copy_from_slice(&rewritten);
    // What is not in use any more is cleared, beyond it all stays.
    let cleared = rest.len().min(used.saturating_sub(rewritten.len()));
    let (cleared, kept) = rest.split_at_mut(cleared);
    cleared.fill(0);
    let original = original.get(used.max(rewritten.len())..);
    kept.copy_from_slice(original.unwrap_or_default());
    redo_fixup(bytes);
    Ok(true)
}

/// Sizes of a value, as they are in its attribute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    pub(super) allocated: u64,
    pub(super) data: u64,
    initialized: u64,
}

impl Sizes {
    /// Those of `$Bitmap` on the new volume.
    pub(super) fn of_bitmap(relocation: &Relocation) -> Self {
        let clusters = relocation.bitmap_runs().last().map_or(Vcn(0), Run::end);
        let size = bitmap_size(relocation.to().nr_clusters());
        Self {
            allocated: relocation.to().bytes(clusters.0),
            data: size,
            initialized: size,
        }
    }

    /// Writes those that a file name has into one at `offset` of `bytes`.
    pub(super) fn put_in_name(&self, bytes: &mut [u8], offset: usize) {
        let offset = offset.saturating_add(FileName::SIZES);
        put_u64(bytes, offset, self.allocated);
        put_u64(bytes, offset.saturating_add(8), self.data);
    }
}

/// Where the entry of `$Bitmap` has its file name, in bytes into the node that begins with its
/// header.
pub(super) fn bitmap_names<'a>(entries: Entries<'a>) -> impl Iterator<Item = usize> + use<'a> {
    let is_bitmap = |entry: &Entry<'_>| entry.reference.record == RECORD_BITMAP;
    entries
        .filter(is_bitmap)
        .filter(|entry| FileName::parse(entry.key).is_some())
        .map(|entry| entry.position.saturating_add(Entry::KEY_OFFSET))
}

struct Rewriting<'a> {
    relocation: &'a Relocation,
    number: RecordNumber,
}

impl Rewriting<'_> {
    /// The bytes in use of the record; `None` if nothing in them changes.
    fn record(&self, record: &MftRecord<'_>) -> Result<Option<Vec<u8>>, RelocateError> {
        let bytes = record.bytes();
        let mut rewritten = Vec::new();
        // Up to here, `bytes` are in `rewritten`.
        let mut done = 0;
        for attribute in record.attributes() {
            let attribute = attribute.map_err(|source| self.damaged(source))?;
            let range = range_of(&attribute, record);
            let changed = match attribute.body {
                AttributeBody::NonResident(body) => self.non_resident(&attribute, &body)?,
                AttributeBody::Resident(value) => {
                    let start = attribute.value_position.saturating_sub(range.start);
                    let bytes = bytes.get(range.clone()).unwrap_or_default();
                    self.resident(&attribute, value, (bytes, start))
                }
            };
            let Some(changed) = changed else {
                continue;
            };
            rewritten.reserve(bytes.len());
            rewritten.extend_from_slice(bytes.get(done..range.start).unwrap_or_default());
            rewritten.extend_from_slice(&changed);
            done = range.end;
        }
        if done == 0 {
            return Ok(None);
        }
        // The attributes that stay, and the end marker.
        rewritten.extend_from_slice(bytes.get(done..).unwrap_or_default());
        let len = u32::try_from(rewritten.len()).unwrap_or(u32::MAX);
        if let Some(place) = rewritten
            .get_mut(BYTES_IN_USE..)
            .and_then(|rest| rest.first_chunk_mut())
        {
            *place = len.to_le_bytes();
        }
        Ok(Some(rewritten))
    }

    /// The attribute on the new volume; `None` if it stays as it is.
    fn non_resident(
        &self,
        attribute: &Attribute<'_>,
        body: &NonResident<'_>,
    ) -> Result<Option<Vec<u8>>, RelocateError> {
        let (head, _) = body.split_at_pairs();
        if !attribute.name.is_empty() && !contains(head, attribute.name) {
            // It would be lost.
            return Err(self.damaged(Error::Corrupt {
                structure: Structure::Attribute,
                offset: attribute.offset,
                field: "the offset of its mapping pairs",
                found: len_u64(head.len()),
                expected: "one after its name",
            }));
        }
        if self.number == RECORD_BITMAP && attribute.is_unnamed(AttributeType::DATA) {
            self.check_whole(body, "$Bitmap")?;
            let runs = self.relocation.bitmap_runs();
            let sizes = Sizes::of_bitmap(self.relocation);
            return Ok(rebuilt(body, runs, Some(sizes)));
        }
        if self.number == RECORD_BAD_CLUSTERS
            && attribute.type_code == AttributeType::DATA
            && attribute.name == BAD_STREAM
        {
            self.check_whole(body, "$BadClus")?;
            let clusters = self.relocation.to().nr_clusters();
            let size = self.relocation.to().bytes(clusters);
            let sizes = Sizes {
                allocated: size,
                data: size,
                initialized: body.initialized_size.min(size),
            };
            return Ok(rebuilt(body, &self.relocation.bad_runs(), Some(sizes)));
        }
        let mut runs = Vec::new();
        let mut has_moved = false;
        for run in body.runs() {
            let run = run.map_err(|source| self.damaged(source))?;
            let Some(extent) = run.extent() else {
                runs.push(run);
                continue;
            };
            let place = self.relocation.place(extent);
            let place = place.ok_or(RelocateError::FreeClusters {
                record: self.number,
                extent,
            })?;
            has_moved |= place.start != extent.start;
            runs.push(Run {
                lcn: Some(place.start),
                ..run
            });
        }
        Ok(match has_moved {
            true => rebuilt(body, &runs, None),
            false => None,
        })
    }

    /// The names of `$Bitmap`, which have its sizes. `start` is where the value is in `bytes`, the
    /// attribute.
    fn resident(
        &self,
        attribute: &Attribute<'_>,
        value: &[u8],
        (bytes, start): (&[u8], usize),
    ) -> Option<Vec<u8>> {
        let names: Vec<usize> = match (self.number, attribute.type_code) {
            (RECORD_BITMAP, AttributeType::FILE_NAME) => alloc::vec![0],
            (RECORD_ROOT, AttributeType::INDEX_ROOT)
                if attribute.name == index::DIRECTORY_INDEX =>
            {
                let names = bitmap_names(Entries::in_root(value));
                names
                    .map(|name| name.saturating_add(index::ROOT_NODE_OFFSET))
                    .collect()
            }
            _ => return None,
        };
        let sizes = Sizes::of_bitmap(self.relocation);
        let mut changed = bytes.to_vec();
        for name in names {
            sizes.put_in_name(&mut changed, start.saturating_add(name));
        }
        (changed != bytes).then_some(changed)
    }

    /// # Errors
    ///
    /// `body` is one of several pieces of the value.
    fn check_whole(&self, body: &NonResident<'_>, file: &'static str) -> Result<(), RelocateError> {
        let size = self.relocation.from().bytes(body.highest_vcn.plus(1).0);
        if body.lowest_vcn != Vcn(0) || size < body.data_size {
            return Err(RelocateError::Fragmented { file });
        }
        Ok(())
    }

    fn damaged(&self, source: Error) -> RelocateError {
        RelocateError::Record {
            record: self.number,
            source,
        }
    }
}

/// The bytes of an attribute in its record.
fn range_of(attribute: &Attribute<'_>, record: &MftRecord<'_>) -> Range<usize> {
    let offset = attribute.offset.saturating_sub(record.offset());
    let start = len_usize(offset);
    let rest = record.bytes().get(start..).unwrap_or_default();
    let len = crate::ntfs::record::u32_at(rest, LENGTH).unwrap_or(0);
    start..start.saturating_add(len_usize(len.into()))
}

/// The attribute with other runs; `None` if that changes nothing.
fn rebuilt(body: &NonResident<'_>, runs: &[Run], sizes: Option<Sizes>) -> Option<Vec<u8>> {
    let (head, old_pairs) = body.split_at_pairs();
    let pairs = mapping_pairs(runs);
    let len = head.len().saturating_add(pairs.len());
    let mut bytes = Vec::with_capacity(len.next_multiple_of(ALIGNMENT));
    bytes.extend_from_slice(head);
    if let Some(sizes) = sizes {
        let end = runs.last().map_or(Vcn(0), Run::end);
        put_u64(&mut bytes, HIGHEST_VCN, end.0.wrapping_sub(1));
        let fields = [sizes.allocated, sizes.data, sizes.initialized];
        for (offset, size) in (SIZES..).step_by(8).zip(fields) {
            put_u64(&mut bytes, offset, size);
        }
    }
    let is_same = old_pairs.starts_with(&pairs) && head == bytes;
    bytes.extend_from_slice(&pairs);
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    if let Some(place) = bytes
        .get_mut(LENGTH..)
        .and_then(|rest| rest.first_chunk_mut())
    {
        *place = len.to_le_bytes();
    }
    (!is_same).then_some(bytes)
}

/// Whether `part` is a part of `bytes` in memory.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let bytes = bytes.as_ptr_range();
    let part = part.as_ptr_range();
    bytes.start <= part.start && part.end <= bytes.end
}

fn put_u64(bytes: &mut [u8], offset: usize, value: u64) {
    let rest = bytes.get_mut(offset..);
    if let Some(place) = rest.and_then(|rest| rest.first_chunk_mut()) {
        *place = value.to_le_bytes();
    }
}
