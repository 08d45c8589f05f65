//! MFT records that cannot be read: the names that directories still have for
//! them, and the files whose attribute lists they belong to.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::select::select_used;
use super::walk::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::bitmap::Chunks;
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::{self, DIRECTORY_INDEX, Entries, Entry};
use crate::ntfs::mft::RECORD_MFT;
use crate::ntfs::record::undo_fixup;
use crate::ntfs::value::{self, Value};
use crate::ntfs::{FileRecord, Volume, attribute_list, path};
use crate::units::{Lcn, RecordNumber, len_usize};

/// Blocks of a directory that are read at once.
const BLOCKS_AT_ONCE: u64 = 16;

/// Ours: bytes of `$MFT`'s bitmap, one bit for each of a thousand million records.
const MAX_BITMAP: u64 = 128 << 20;

/// Ours: bytes of clusters without an owner that are looked through.
const MAX_UNOWNED: u64 = 4 << 30;

/// Records reserved by NTFS without a name: 12 to 15, in use and empty.
const RESERVED: Range<u64> = 12..16;

/// What the rest of a volume says of lost records.
#[derive(Debug)]
pub struct LostRecords {
    /// In order; they neither overlap nor touch.
    records: Vec<Range<u64>>,
    names: BTreeMap<RecordNumber, Name>,
    /// Of extension records: the file.
    bases: BTreeMap<RecordNumber, RecordNumber>,
    /// One bit a record, set if it is in use; `None` if it cannot be read.
    in_use: Option<Vec<u8>>,
    /// Bytes of directories that may still be read: as many as the source has, or
    /// hostile ones, which share clusters or have none, would have no end.
    left: u64,
}

/// A name in an index entry.
#[derive(Debug)]
struct Name {
    directory: RecordNumber,
    text: String,
    is_dos_only: bool,
}

impl LostRecords {
    /// Looks for the records of `records`, ranges in any order, in all directories
    /// and attribute lists of the volume. Blocks of directories that cannot be read
    /// either are passed over.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub fn find<R: ReadAt>(volume: &Volume<R>, mut records: Vec<Range<u64>>) -> Result<Self> {
        records.sort_unstable_by_key(|range| range.start);
        records.dedup_by(|next, last| {
            let touches = next.start <= last.end;
            if touches {
                last.end = last.end.max(next.end);
            }
            touches
        });
        let mut found = Self {
            records,
            names: BTreeMap::new(),
            bases: BTreeMap::new(),
            in_use: None,
            left: volume.source().size(),
        };
        if found.records.is_empty() {
            return Ok(found);
        }
        found.in_use = read_bitmap(volume)?;
        let mut rest = Part::all(volume);
        let mut walk = Walk::new(volume);
        let mut failed = None;
        while !rest.is_empty() && failed.is_none() {
            walk.visit_some(&mut rest, &mut |number, attributes| {
                // Of a damaged file, its attributes follow the finding.
                if let Ok(attributes) = attributes {
                    found.look_through(volume, number, attributes, &mut failed);
                }
            })?;
        }
        match failed {
            None => Ok(found),
            Some(error) => Err(error),
        }
    }

    /// Looks for more names in the clusters that `$Bitmap` marks and no file has: those
    /// of directories whose own records are lost. Reads up to [`MAX_UNOWNED`] bytes of
    /// them, and nothing if all records have names.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]; [`crate::Error::Memory`].
    pub fn search_unowned<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<()> {
        if self.in_use().all(|number| self.is_known(number)) {
            return Ok(());
        }
        let geometry = volume.geometry();
        let end = geometry.bytes(geometry.nr_clusters());
        let cluster_size = u64::from(geometry.cluster_size);
        let record_size = u64::from(geometry.index_record_size);
        let owned = select_used(volume, |_| {})?.map;
        let mut chunks = Chunks::new(volume)?;
        let mut buffer = Vec::new();
        let mut left = MAX_UNOWNED;
        while let Some((first, words)) = chunks.next(volume)? {
            let starts = (first.0..).step_by(64).map(Lcn);
            let unowned = starts.zip(words).flat_map(|(start, word)| {
                let bits = word & !owned.word(start);
                let is_set = move |bit: &u32| bits.checked_shr(*bit).unwrap_or(0) & 1 != 0;
                (0..64_u32)
                    .filter(is_set)
                    .map(move |bit| start.plus(bit.into()))
            });
            for lcn in unowned {
                let offset = geometry.offset(lcn);
                let len = cluster_size
                    .max(record_size)
                    .min(end.saturating_sub(offset));
                let Some(rest) = left.checked_sub(len) else {
                    return Ok(());
                };
                left = rest;
                buffer.resize(len_usize(len), 0);
                let read = volume.source().read_exact_at(offset, &mut buffer);
                if read.is_err() {
                    continue;
                }
                for node in buffer.chunks_exact_mut(len_usize(record_size)) {
                    if undo_fixup(node, index::MAGIC).is_ok() {
                        Entries::in_record(node).for_each(|entry| self.add_of_lost(&entry));
                    }
                }
            }
        }
        Ok(())
    }

    /// The lost records that held something, as far as that is known.
    pub fn in_use(&self) -> impl Iterator<Item = RecordNumber> {
        let numbers = self.records.iter().cloned().flatten().map(RecordNumber);
        numbers.filter(|number| {
            self.is_known(*number) || !RESERVED.contains(&number.0) && self.is_marked(*number)
        })
    }

    /// Like [`path::path_of`], for any file: a lost record has the name that a
    /// directory has for it, an extension record that of its file.
    pub fn path_of<R: ReadAt>(&self, volume: &Volume<R>, number: RecordNumber) -> String {
        let base = self.bases.get(&number).copied().unwrap_or(number);
        let known = |number| {
            let name = self.names.get(&number)?;
            Some((name.directory, name.text.clone()))
        };
        path::find_by(volume, base, known).unwrap_or_else(|_| path::unknown(base))
    }

    fn contains(&self, number: RecordNumber) -> bool {
        let after = self
            .records
            .partition_point(|range| range.start <= number.0);
        let before = after
            .checked_sub(1)
            .and_then(|index| self.records.get(index));
        before.is_some_and(|range| range.contains(&number.0))
    }

    fn is_known(&self, number: RecordNumber) -> bool {
        self.names.contains_key(&number) || self.bases.contains_key(&number)
    }

    /// True if the record is in use, or that is unknown.
    fn is_marked(&self, number: RecordNumber) -> bool {
        let Some(bits) = &self.in_use else {
            return true;
        };
        let byte = bits.get(len_usize(number.0 / 8));
        byte.is_some_and(|byte| byte.checked_shr(bit_of(number)).unwrap_or(0) & 1 != 0)
    }

    fn look_through<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        number: RecordNumber,
        attributes: &[Attribute<'_>],
        failed: &mut Option<crate::Error>,
    ) {
        let of_type = |type_code, name| {
            let attributes = attributes.iter().copied();
            attributes
                .filter(move |attribute| attribute.type_code == type_code && attribute.name == name)
        };
        let mut or_failed = |result: Result<()>| match result {
            Err(error) if error.is_damage() || error.is_loss() => {}
            Err(error) => {
                failed.get_or_insert(error);
            }
            Ok(()) => {}
        };
        let lists = of_type(AttributeType::ATTRIBUTE_LIST, &[][..]);
        or_failed(self.read_list(volume, number, lists));
        for root in of_type(AttributeType::INDEX_ROOT, DIRECTORY_INDEX) {
            if let AttributeBody::Resident(root) = root.body {
                Entries::in_root(root).for_each(|entry| self.add(number, &entry));
            }
        }
        let nodes = of_type(AttributeType::INDEX_ALLOCATION, DIRECTORY_INDEX);
        or_failed(self.read_nodes(volume, number, nodes));
    }

    fn read_list<'a, R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        number: RecordNumber,
        lists: impl Iterator<Item = Attribute<'a>>,
    ) -> Result<()> {
        let Some(list) = value::join(lists)? else {
            return Ok(());
        };
        let limit = attribute_list::MAX_SIZE;
        let list = list.read_all(volume.source(), volume.geometry(), limit)?;
        for entry in attribute_list::Entries::new(&list, 0) {
            let record = entry?.reference.record;
            if record != number && self.contains(record) {
                self.bases.insert(record, number);
            }
        }
        Ok(())
    }

    fn read_nodes<'a, R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        directory: RecordNumber,
        pieces: impl Iterator<Item = Attribute<'a>>,
    ) -> Result<()> {
        let Some(nodes) = value::join(pieces)? else {
            return Ok(());
        };
        let record_size = u64::from(volume.geometry().index_record_size);
        let end = nodes.size().min(self.left);
        self.left = self.left.saturating_sub(end);
        let mut buffer = Vec::new();
        let mut position = 0_u64;
        let mut count = BLOCKS_AT_ONCE;
        while position < end {
            let left = end.saturating_sub(position);
            let left = left.checked_div(record_size).unwrap_or(0);
            let len = count.min(left).saturating_mul(record_size);
            if len == 0 {
                break;
            }
            buffer.resize(len_usize(len), 0);
            let (source, geometry) = (volume.source(), volume.geometry());
            match nodes.read_exact_at(source, geometry, position, &mut buffer) {
                Ok(()) => count = BLOCKS_AT_ONCE,
                // Only the blocks that are there.
                Err(error) if error.is_loss() && count > 1 => {
                    count = 1;
                    continue;
                }
                Err(error) if error.is_loss() => buffer.fill(0),
                Err(error) => return Err(error),
            }
            for node in buffer.chunks_exact_mut(len_usize(record_size)) {
                if undo_fixup(node, index::MAGIC).is_ok() {
                    Entries::in_record(node).for_each(|entry| self.add(directory, &entry));
                }
            }
            position = position.saturating_add(len);
        }
        Ok(())
    }

    /// Takes the name of a lost record from an entry of a directory that is lost, too.
    fn add_of_lost(&mut self, entry: &Entry<'_>) {
        let parent = FileName::parse(entry.key).map(|name| name.parent.record);
        if let Some(parent) = parent.filter(|parent| self.contains(*parent)) {
            self.add(parent, entry);
        }
    }

    /// Takes the name of a lost record, rather one that people know.
    fn add(&mut self, directory: RecordNumber, entry: &Entry<'_>) {
        let record = entry.reference.record;
        if !self.contains(record) {
            return;
        }
        let Some(name) = FileName::parse(entry.key) else {
            return;
        };
        let is_better = |known: &Name| known.is_dos_only && !name.is_dos_only;
        if self.names.get(&record).is_none_or(is_better) {
            let name = Name {
                directory,
                text: name.to_text(),
                is_dos_only: name.is_dos_only,
            };
            self.names.insert(record, name);
        }
    }
}

fn bit_of(number: RecordNumber) -> u32 {
    u32::try_from(number.0 % 8).unwrap_or(0)
}

/// `$MFT`'s bitmap, which says which records are in use.
fn read_bitmap<R: ReadAt>(volume: &Volume<R>) -> Result<Option<Vec<u8>>> {
    let read = || -> Result<Option<Vec<u8>>> {
        let file = FileRecord::salvage(volume, RECORD_MFT)?;
        let Some(bitmap) = file.value(AttributeType::BITMAP, &[])? else {
            return Ok(None);
        };
        if let Value::Resident(bits) = bitmap {
            return Ok(Some(bits));
        }
        let all = bitmap.read_all(volume.source(), volume.geometry(), MAX_BITMAP)?;
        Ok(Some(all))
    };
    match read() {
        Err(error) if error.is_damage() || error.is_loss() => Ok(None),
        read => read,
    }
}
