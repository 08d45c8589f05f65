//! Files that were deleted: records that are not in use, and still have a name.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::details::Details;
use super::entry::Entry;
use super::join;
use super::name::Name;
use super::records::each_record;
use super::used_clusters::UsedClusters;
use crate::error::Result;
use crate::io::{ReadAt, absent_in};
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::content::{Content, Span};
use crate::ntfs::file_name::known_name;
use crate::ntfs::mft::RECORD_ROOT;
use crate::ntfs::mft_record::{FileReference, MftRecord};
use crate::ntfs::{FileRecord, Volume, path};
use crate::units::{Extent, Geometry, Lcn, RecordNumber, len_u64};

/// Ours: deleted directories above a deleted file.
const MAX_DEPTH: usize = 64;

/// A file that was deleted, or a directory.
#[derive(Debug, Clone)]
pub struct DeletedFile {
    /// Its name, and its record.
    pub entry: Entry,
    /// The path of the directory that it was in; `None` if the record of that is another file's now.
    pub directory: Option<String>,
    /// What its record still says of it.
    pub details: Details,
    /// Clusters of its content and streams.
    pub clusters: u64,
    /// Those of them that are not in use now. They may have been in use between.
    pub free: u64,
    /// Those of the free ones that the source has: an image of used clusters has none.
    pub stored: u64,
}

/// How much is left of the content of a deleted file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovery {
    /// All of it, as far as that can be known.
    Whole,
    /// Some of its clusters.
    Partly,
    /// All of its clusters are in use again.
    Overwritten,
    /// The image does not have its clusters.
    NotStored,
}

impl DeletedFile {
    /// How much is left of its content.
    pub fn recovery(&self) -> Recovery {
        match (self.stored, self.free) {
            (stored, _) if stored == self.clusters => Recovery::Whole,
            (0, 0) => Recovery::Overwritten,
            (0, _) => Recovery::NotStored,
            _ => Recovery::Partly,
        }
    }
}

/// Calls `visit` with all deleted files, by record.
///
/// # Errors
///
/// [`crate::Error::Io`]; [`crate::Error::Memory`].
pub fn deleted_files<R: ReadAt>(
    volume: &Volume<R>,
    visit: &mut dyn FnMut(DeletedFile),
) -> Result<()> {
    let mut search = Search {
        volume,
        used: UsedClusters::read(volume)?,
        directories: BTreeMap::new(),
    };
    each_record(volume, &mut |number, bytes| {
        if !MftRecord::is_in_use(bytes)
            && let Some(file) = search.file_of(number, bytes)?
        {
            visit(file);
        }
        Ok(())
    })
}

/// The first byte in `range` of the content of a deleted file that is in a cluster which is in use again.
///
/// # Errors
///
/// Those of [`Content::span_at`].
pub fn first_overwritten(
    content: &Content,
    geometry: &Geometry,
    used: &UsedClusters,
    range: Range<u64>,
) -> Result<Option<u64>> {
    if content.wof().is_some() {
        // Where a chunk is depends on others: all of the stream is looked at.
        let mut position = 0_u64;
        while let Some(span) = content.value_at(position)? {
            position = match span {
                Span::Stored { offset, len } => {
                    if used.count(clusters_of(geometry, offset, len)) > 0 {
                        return Ok(Some(range.start));
                    }
                    position.saturating_add(len)
                }
                Span::Hole(len) => position.saturating_add(len),
                _ => break,
            };
        }
        return Ok(None);
    }
    let mut position = range.start;
    while position < range.end {
        let start = content.span_start(position);
        let Some(span) = content.span_at(start)? else {
            break;
        };
        let len = match span {
            Span::Hole(len) => len,
            Span::Stored { offset, len } => {
                let skipped = position.saturating_sub(start);
                let left = len.min(range.end.saturating_sub(start));
                let (offset, left) = (offset.saturating_add(skipped), left.saturating_sub(skipped));
                if let Some(lcn) = used.first_in(clusters_of(geometry, offset, left)) {
                    let before = geometry.offset(lcn).saturating_sub(offset);
                    return Ok(Some(position.saturating_add(before)));
                }
                len
            }
            Span::Compressed { extents, len } => {
                if extents.iter().any(|extent| used.count(*extent) > 0) {
                    return Ok(Some(position));
                }
                len_u64(len)
            }
            // In the record, which was not used again.
            Span::Resident(_) | Span::Wof { .. } => break,
        };
        position = start.saturating_add(len).max(position.saturating_add(1));
    }
    Ok(None)
}

/// The clusters that have these bytes of the volume.
fn clusters_of(geometry: &Geometry, offset: u64, len: u64) -> Extent {
    let last = offset.saturating_add(len).saturating_sub(1).max(offset);
    let (first, end) = (geometry.vcn_at(offset).0.0, geometry.vcn_at(last).0.0);
    let count = end.saturating_sub(first).saturating_add(1);
    Extent::new(Lcn(first), count)
}

struct Search<'v, R> {
    volume: &'v Volume<R>,
    used: UsedClusters,
    /// Paths of directories, as names refer to them.
    directories: BTreeMap<FileReference, Option<String>>,
}

impl<R: ReadAt> Search<'_, R> {
    /// The file of a record that is not in use; `None` if it has no name, or is damaged.
    fn file_of(&mut self, number: RecordNumber, bytes: &[u8]) -> Result<Option<DeletedFile>> {
        let mut bytes = bytes.to_vec();
        let offset = self.volume.mft().record_offset(number).unwrap_or(0);
        let sequence_number = match MftRecord::from_disk(&mut bytes, offset) {
            Ok(record) if record.base.is_none() => record.sequence_number,
            _ => return Ok(None),
        };
        let file = FileRecord::gather(self.volume, number, bytes, &mut |error| match error
            .is_damage()
        {
            true => Ok(()),
            false => Err(error),
        })?;
        let attributes = file.salvaged_attributes(&mut |_| {});
        let Some(name) = known_name(&attributes) else {
            return Ok(None);
        };
        let details = Details::of(self.volume, &attributes)?;
        let reference = FileReference {
            record: number,
            sequence_number,
        };
        let entry = Entry {
            name: Name::from_utf16(name.name),
            ..details.entry(reference)
        };
        let (clusters, free, stored) = self.clusters(&attributes)?;
        Ok(Some(DeletedFile {
            entry,
            directory: self.directory(name.parent)?,
            details,
            clusters,
            free,
            stored,
        }))
    }

    /// Clusters of all content, those that are free, and those of them that the source has.
    fn clusters(&self, attributes: &[Attribute<'_>]) -> Result<(u64, u64, u64)> {
        let geometry = self.volume.geometry();
        let source = self.volume.source();
        let (mut all, mut used, mut absent) = (0_u64, 0_u64, 0_u64);
        for attribute in attributes {
            let AttributeBody::NonResident(body) = attribute.body else {
                continue;
            };
            if attribute.type_code != AttributeType::DATA {
                continue;
            }
            for run in body.runs() {
                let Ok(run) = run else { break };
                let Some(lcn) = run.lcn else { continue };
                let extent = Extent::new(lcn, run.len);
                all = all.saturating_add(run.len);
                let past = extent
                    .end()
                    .0
                    .saturating_sub(geometry.nr_clusters())
                    .min(run.len);
                // More than there are: the record is damaged, and none of it is to be trusted.
                if all > geometry.nr_clusters() || past > 0 {
                    return Ok((all, 0, 0));
                }
                used = used.saturating_add(self.used.count(extent));
                let start = geometry.offset(lcn);
                let bytes = start..start.saturating_add(geometry.bytes(run.len));
                for absent_bytes in absent_in(source, bytes) {
                    let Ok(bytes) = absent_bytes else { break };
                    let len = bytes.end.saturating_sub(bytes.start);
                    let count = len.div_ceil(geometry.bytes(1).max(1));
                    absent = absent.saturating_add(count);
                }
            }
        }
        let free = all.saturating_sub(used);
        Ok((all, free, free.saturating_sub(absent)))
    }

    /// The path of a directory that may be deleted itself; `None` if its record was used again.
    fn directory(&mut self, reference: FileReference) -> Result<Option<String>> {
        if let Some(known) = self.directories.get(&reference) {
            return Ok(known.clone());
        }
        let mut names = Vec::new();
        let mut current = reference;
        let top = loop {
            if current.record == RECORD_ROOT {
                break Some(String::from("/"));
            }
            if names.len() >= MAX_DEPTH || current.record.0 >= self.volume.mft().record_count() {
                break None;
            }
            let file = match FileRecord::salvage(self.volume, current.record) {
                Err(error) if error.is_damage() => break None,
                file => file?,
            };
            let Ok(base) = file.base() else { break None };
            let is_same = base.sequence_number == current.sequence_number;
            if base.in_use {
                let is_it = is_same && base.is_directory;
                break is_it.then(|| path::path_of(self.volume, current.record));
            }
            // With its deletion, a record gets the next number.
            let is_next = base.sequence_number == current.sequence_number.wrapping_add(1);
            let name = known_name(&file.salvaged_attributes(&mut |_| {})).map(|name| {
                (
                    alloc::format!("{}", Name::from_utf16(name.name)),
                    name.parent,
                )
            });
            match name.filter(|_| is_same || is_next) {
                None => break None,
                Some((name, parent)) => {
                    names.push(name);
                    current = parent;
                }
            }
        };
        let path = top.map(|top| names.iter().rev().fold(top, |path, name| join(&path, name)));
        self.directories.insert(reference, path.clone());
        Ok(path)
    }
}
