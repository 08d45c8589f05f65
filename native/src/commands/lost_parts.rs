//! The parts of files that lie in lost areas of a volume.

use std::ops::Range;
use std::path::Path;

use ntfsclone_core::clusters::owners::{Owner, Search};
use ntfsclone_core::clusters::{LostRecords, Owners};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::mft::{LAST_SYSTEM_RECORD, RECORD_BAD_CLUSTERS, RECORD_MFT};
use ntfsclone_core::ntfs::{AttributeType, Volume};
use ntfsclone_core::units::{Extent, Geometry, Lcn, RecordNumber};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::visible::Visible;

/// Ours: bytes of all paths that are listed. Hostile ones have 780 KiB each.
const MAX_PATH_BYTES: usize = 128 << 20;

/// A part of a file that is lost.
#[derive(Debug, Serialize, Deserialize)]
pub struct LostPart {
    pub path: String,
    /// The stream; `None` for the content of the file.
    pub stream: Option<String>,
    /// The type of the attribute if it is not content: 160 is the index of a
    /// directory.
    pub attribute: Option<u32>,
    /// The file's MFT record, if that is what is lost: `offset` and `length` are
    /// bytes of `$MFT` then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<u64>,
    /// Where in the file, in bytes.
    pub offset: u64,
    pub length: u64,
    /// True for the file system's own structures, and the index or another attribute
    /// of a file: no content of a file is lost with them.
    #[serde(skip)]
    pub is_metadata: bool,
}

/// What is read to find names of lost MFT records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effort {
    /// The records of all files, and all directories.
    Metadata,
    /// The clusters of no known file, too, which may be those of lost directories: not
    /// from a disk that fails.
    Thorough,
}

/// What lies in lost areas.
#[derive(Debug, Default)]
pub struct LostParts {
    /// By path, then by place in the file.
    pub list: Vec<LostPart>,
    /// Further parts, too many to list.
    pub left_out: u64,
    /// Lost bytes of the volume that a file has, `$MFT` and `$BadClus` among them. In
    /// order; they neither overlap nor touch.
    pub owned: Vec<Range<u64>>,
    /// Bytes of all paths in the list.
    path_bytes: usize,
}

impl LostParts {
    /// Finds the owners of `lost`, which is in bytes and in order, and lists at most
    /// `limit` parts of files. Lost MFT records have the names that directories have
    /// for them; what is read for that is up to `effort`.
    pub fn find<R: ReadAt>(
        volume: &Volume<R>,
        name: &Path,
        lost: &[Range<u64>],
        effort: Effort,
        limit: usize,
    ) -> Result<Self> {
        if lost.is_empty() {
            return Ok(Self::default());
        }
        let failed = |error| Error::read(name, error);
        let owners = find_owners(volume, lost, limit).map_err(failed)?;
        let owned: Vec<Owned<'_>> = owners
            .list
            .iter()
            .flat_map(|owner| owned_parts(volume.geometry(), owner, lost))
            .collect();
        let is_mft = |part: &&Owned<'_>| part.owner.record == RECORD_MFT && part.is_content();
        let in_mft = owned.iter().filter(is_mft).map(Owned::in_file);
        let in_mft = merged(in_mft.collect());
        let records = lost_records(volume, &in_mft, effort).map_err(failed)?;
        let mut parts = Self {
            left_out: owners.left_out,
            owned: merged(owned.iter().map(|part| part.on_volume.clone()).collect()),
            ..Self::default()
        };
        parts.add_records(volume, &records, &in_mft, limit);
        let mut last: Option<(RecordNumber, String)> = None;
        for part in owned.iter().filter(|part| !is_mft(part)) {
            let record = part.owner.record;
            // Marked as bad: there never was anything.
            if record == RECORD_BAD_CLUSTERS {
                continue;
            }
            if parts.is_full(limit) {
                parts.left_out += 1;
                continue;
            }
            let path = match last.take() {
                Some((number, path)) if number == record => path,
                _ => records.path_of(volume, record),
            };
            last = Some((record, path.clone()));
            parts.push(part.describe(path));
        }
        let key = |part: &LostPart| (part.attribute, part.record, part.offset);
        parts.list.sort_by(|a, b| {
            let names = (&a.path, &a.stream).cmp(&(&b.path, &b.stream));
            names.then_with(|| key(a).cmp(&key(b)))
        });
        Ok(parts)
    }

    fn is_full(&self, limit: usize) -> bool {
        self.list.len() >= limit || self.path_bytes >= MAX_PATH_BYTES
    }

    fn push(&mut self, part: LostPart) {
        self.path_bytes += part.path.len();
        self.list.push(part);
    }

    /// Lists lost MFT records, by the bytes of `$MFT` that are lost.
    fn add_records<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        records: &LostRecords,
        in_mft: &[Range<u64>],
        limit: usize,
    ) {
        let size = u64::from(volume.geometry().mft_record_size);
        for record in records.in_use() {
            let bytes = record.0 * size..(record.0 + 1) * size;
            let length = overlaps(in_mft, bytes.clone())
                .map(|part| length(&part))
                .sum();
            if self.is_full(limit) {
                self.left_out += 1;
                continue;
            }
            let path = records.path_of(volume, record);
            self.push(LostPart {
                stream: None,
                attribute: None,
                record: Some(record.0),
                offset: bytes.start,
                length,
                is_metadata: is_system(record, &path),
                path,
            });
        }
    }
}

impl LostPart {
    /// The file and stream, visible whatever its name is.
    pub fn name(&self) -> String {
        let stream = self.stream.as_ref().map(|name| format!(":{name}"));
        let name = Visible(format_args!("{}{}", self.path, stream.unwrap_or_default()));
        match self.attribute {
            None => name.to_string(),
            Some(code) => format!("{name}, attribute {code:#x}"),
        }
    }
}

/// What an attribute has of a lost area.
struct Owned<'a> {
    owner: &'a Owner,
    on_volume: Range<u64>,
    /// Where in the attribute, in bytes.
    offset: u64,
}

impl Owned<'_> {
    fn in_file(&self) -> Range<u64> {
        self.offset..self.offset + length(&self.on_volume)
    }

    fn is_content(&self) -> bool {
        self.owner.type_code == AttributeType::DATA && self.owner.name.is_empty()
    }

    fn describe(&self, path: String) -> LostPart {
        let owner = self.owner;
        let is_data = owner.type_code == AttributeType::DATA;
        LostPart {
            stream: (!owner.name.is_empty()).then(|| owner.name.clone()),
            attribute: (!is_data).then_some(owner.type_code.0),
            record: None,
            offset: self.offset,
            length: length(&self.on_volume),
            is_metadata: !is_data || is_system(owner.record, &path),
            path,
        }
    }
}

/// True for a file of the file system itself.
fn is_system(record: RecordNumber, path: &str) -> bool {
    record <= LAST_SYSTEM_RECORD || path.starts_with("/$Extend/")
}

fn find_owners<R: ReadAt>(
    volume: &Volume<R>,
    lost: &[Range<u64>],
    limit: usize,
) -> ntfsclone_core::error::Result<Owners> {
    let cluster_size = u64::from(volume.geometry().cluster_size);
    let extents: Vec<Extent> = lost
        .iter()
        .map(|area| {
            let start = area.start / cluster_size;
            Extent::new(Lcn(start), area.end.div_ceil(cluster_size) - start)
        })
        .collect();
    let mut search = Search::new(volume, &extents).with_limit(limit);
    while search.step(volume)? {}
    Ok(search.finish())
}

fn owned_parts<'a>(geometry: &Geometry, owner: &'a Owner, lost: &[Range<u64>]) -> Vec<Owned<'a>> {
    let extent = geometry.offset(owner.extent.start)..geometry.offset(owner.extent.end());
    let first = geometry.bytes(owner.vcn.0);
    overlaps(lost, extent.clone())
        .map(move |on_volume| Owned {
            owner,
            offset: first + (on_volume.start - extent.start),
            on_volume,
        })
        .collect()
}

fn lost_records<R: ReadAt>(
    volume: &Volume<R>,
    in_mft: &[Range<u64>],
    effort: Effort,
) -> ntfsclone_core::error::Result<LostRecords> {
    let size = u64::from(volume.geometry().mft_record_size);
    let end = volume.mft().record_count();
    let records = in_mft.iter().map(|bytes| {
        let last = bytes.end.div_ceil(size).min(end);
        bytes.start / size..last
    });
    let records = records.filter(|range| !range.is_empty()).collect();
    let mut records = LostRecords::find(volume, records)?;
    if effort == Effort::Thorough {
        records.search_unowned(volume)?;
    }
    Ok(records)
}

/// The parts of ordered ranges that lie in `within`, in order.
pub fn overlaps(
    ranges: &[Range<u64>],
    within: Range<u64>,
) -> impl Iterator<Item = Range<u64>> + use<'_> {
    let Range { start, end } = within;
    let first = ranges.partition_point(|range| range.end <= start);
    let rest = ranges[first..].iter();
    let overlapping = rest.take_while(move |range| range.start < end);
    overlapping.map(move |range| range.start.max(start)..range.end.min(end))
}

/// The same bytes as ranges in order that neither overlap nor touch.
pub fn merged(mut ranges: Vec<Range<u64>>) -> Vec<Range<u64>> {
    ranges.retain(|range| !range.is_empty());
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, last| {
        let touches = next.start <= last.end;
        if touches {
            last.end = last.end.max(next.end);
        }
        touches
    });
    ranges
}

pub fn length(range: &Range<u64>) -> u64 {
    range.end - range.start
}

pub fn total(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(length).sum()
}
