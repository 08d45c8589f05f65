//! What records and directories say of each other: each name in a record must
//! stand in one directory, each entry of a directory must name such a record,
//! and each extension record must be named by its base record.
//!
//! Records are read first, then all directories. Of each record 8 bytes are
//! kept, and of each directory 16 more: instead of the names, the sum of their
//! hashes. An entry takes its own off again, so that 0 is left where both agree.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::finding::{Finding, Findings};
use super::index::Tree;
use super::record::{FIRST_USER_RECORD, RecordCheck, name_of};
use super::security::SecurityIds;
use crate::clusters::Part;
use crate::error::{Error, Result, Structure, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::{DIRECTORY_INDEX, Entry};
use crate::ntfs::mft::{RECORD_MFT, RECORD_ROOT};
use crate::ntfs::mft_record::{FileReference, MAGIC, MftRecord};
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_usize};

/// Bytes of records read at once.
const READ_BYTES: u64 = 512 << 10;

/// Directories that one step looks into.
const DIRECTORIES_A_STEP: usize = 256;

/// What a record is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Free,
    File,
    Directory,
    Extension,
    /// It cannot be read, and `$MFT` marks it as in use.
    Broken,
    /// It cannot be read, and `$MFT` marks it as free.
    Torn,
    /// It is in a damaged part of the image.
    Lost,
}

/// What is kept of a record.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    /// The sum of the hashes of its names, or of that of an extension record.
    names: u32,
    sequence: u16,
    state: State,
    /// Entries that name it, at most 255.
    entries: u8,
}

const _: () = assert!(mem::size_of::<Slot>() == 8);

/// The records and directories of a volume.
#[derive(Debug, Default)]
pub(super) struct Census {
    slots: Vec<Slot>,
    /// In the order of their records, with the directory that each is in.
    directories: Vec<(RecordNumber, RecordNumber)>,
    /// Indexes over other things than names.
    views: Vec<(RecordNumber, Vec<u8>)>,
    rest: Part,
    buffer: Vec<u8>,
    /// `$MFT:$BITMAP`, if it can be read.
    marks: Option<Value>,
    /// How many directories, then how many other indexes, were looked into.
    visited: usize,
    tree: Option<Tree>,
    /// Some records or entries are in a damaged part of the image.
    is_partial: bool,
}

impl Census {
    pub(super) fn new<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<Self> {
        let rest = Part::all(volume);
        let count = len_usize(rest.end().0);
        let mut slots: Vec<Slot> = Vec::new();
        slots.try_reserve_exact(count).map_err(|_| Error::Memory {
            structure: Structure::Mft,
            len: rest.end().0.saturating_mul(8),
        })?;
        let marks = marks(volume, findings)?;
        slots.resize(count, Slot::default());
        Ok(Self {
            slots,
            directories: Vec::new(),
            views: Vec::new(),
            rest,
            buffer: Vec::new(),
            marks,
            visited: 0,
            tree: None,
            is_partial: false,
        })
    }

    /// Reads the next records; false if there are none. After an error, it can
    /// be tried again.
    pub(super) fn read_records<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        ids: &SecurityIds,
        findings: &mut Findings,
    ) -> Result<bool> {
        let record_size = u64::from(volume.geometry().mft_record_size);
        let first = self.rest.start();
        let left = self.rest.end().0.saturating_sub(first.0);
        let count = READ_BYTES.checked_div(record_size).unwrap_or(1).min(left);
        if count == 0 {
            self.buffer = Vec::new();
            return Ok(false);
        }
        let mut buffer = mem::take(&mut self.buffer);
        buffer.resize(len_usize(count.saturating_mul(record_size)), 0);
        let mft = volume.mft();
        let mut are_lost = false;
        match mft.read_records(volume.source(), first, &mut buffer) {
            Err(error) if error.is_loss() => are_lost = true,
            read => read?,
        }
        let marks = self.marks_from(volume, first, count)?;
        let records = buffer.chunks_exact_mut(len_usize(record_size));
        // Used again for each record.
        let mut attributes = Vec::new();
        for (number, bytes) in (first.0..).map(RecordNumber).zip(records) {
            if are_lost {
                match mft.read_records(volume.source(), number, bytes) {
                    Err(error) if error.is_loss() => {
                        self.is_partial = true;
                        self.set(number, State::Lost, 0, 0);
                        self.rest.skip_first();
                        continue;
                    }
                    read => read?,
                }
            }
            let bit = number.0.saturating_sub(first.0 & !7);
            let byte = marks.get(len_usize(bit / 8));
            let is_marked = byte.map(|byte| byte >> (bit % 8) & 1 == 1);
            if bytes.starts_with(MAGIC) || is_marked == Some(true) {
                let context = (volume, ids);
                self.read_record(context, number, bytes, is_marked, &mut attributes, findings)?;
            }
            self.rest.skip_first();
        }
        self.buffer = buffer;
        Ok(true)
    }

    /// The bytes of `$MFT:$BITMAP` that mark records from `first` on; empty if
    /// they cannot be read.
    fn marks_from<R: ReadAt>(
        &self,
        volume: &Volume<R>,
        first: RecordNumber,
        count: u64,
    ) -> Result<Vec<u8>> {
        let Some(marks) = &self.marks else {
            return Ok(Vec::new());
        };
        let position = first.0 / 8;
        let end = first.0.saturating_add(count).div_ceil(8).min(marks.size());
        let mut bytes = alloc::vec![0; len_usize(end.saturating_sub(position))];
        match marks.read_exact_at(volume.source(), volume.geometry(), position, &mut bytes) {
            Err(error) if error.is_damage() => Ok(Vec::new()),
            read => read.map(|()| bytes),
        }
    }

    fn set(&mut self, number: RecordNumber, state: State, sequence: u16, names: u32) {
        if let Some(slot) = self.slot_mut(number) {
            slot.state = state;
            slot.sequence = sequence;
            slot.names = slot.names.wrapping_add(names);
        }
    }

    fn slot_mut(&mut self, number: RecordNumber) -> Option<&mut Slot> {
        self.slots.get_mut(len_usize(number.0))
    }

    fn read_record<'a, R: ReadAt>(
        &mut self,
        (volume, ids): (&Volume<R>, &SecurityIds),
        number: RecordNumber,
        bytes: &'a mut [u8],
        is_marked: Option<bool>,
        attributes: &mut Vec<Attribute<'a>>,
        findings: &mut Findings,
    ) -> Result<()> {
        let offset = volume.mft().record_offset(number).unwrap_or(0);
        let undone = MftRecord::salvage(bytes, offset, &mut |_| Ok(()));
        let bytes: &'a [u8] = bytes;
        let record = match undone.and_then(|()| MftRecord::parse(bytes, offset)) {
            Ok(record) => record,
            Err(error) => {
                let (code, state) = match is_marked {
                    Some(false) => (Code::RecordSkipped, State::Torn),
                    _ => (Code::RecordUnreadable, State::Broken),
                };
                let what = with_causes(&error);
                findings.push(Finding::of_record(code, number, Some(offset), what));
                self.set(number, state, 0, 0);
                return Ok(());
            }
        };
        if !record.in_use {
            if is_marked == Some(true) && number >= FIRST_USER_RECORD {
                let what = "it is free, and marked as in use";
                findings.push(Finding::of_record(
                    Code::RecordMarkedUsed,
                    number,
                    Some(offset),
                    what,
                ));
            }
            self.set(number, State::Free, record.sequence_number, 0);
            return Ok(());
        }
        let file = File {
            number,
            record,
            bytes,
        };
        attributes.clear();
        attributes.extend(record.attributes().filter_map(Result::ok));
        let (names, found) = match record.base {
            Some(base) => (extension_hash(file.reference(), base), None),
            None => {
                let found = self.read_file((volume, ids), &file, attributes, findings)?;
                (found.names, Some(found))
            }
        };
        if is_marked == Some(false) {
            let what = "it is in use, and marked as free";
            findings.push(Finding::of_record(
                Code::RecordMarkedFree,
                number,
                Some(offset),
                what,
            ));
        }
        let mut check = RecordCheck {
            number,
            geometry: volume.geometry(),
            findings,
        };
        check.header(bytes, &record);
        check.order(attributes);
        let state = match &found {
            None => State::Extension,
            Some(_) if record.is_directory => State::Directory,
            Some(_) => State::File,
        };
        self.set(number, state, record.sequence_number, names);
        for reference in found.into_iter().flat_map(|found| found.extensions) {
            let hash = extension_hash(reference, file.reference());
            if let Some(slot) = self.slot_mut(reference.record) {
                slot.names = slot.names.wrapping_sub(hash);
            }
        }
        Ok(())
    }

    /// Reads the attributes of a file, given those in its base record. Changes
    /// nothing before the last read.
    fn read_file<R: ReadAt>(
        &mut self,
        (volume, ids): (&Volume<R>, &SecurityIds),
        file: &File<'_>,
        attributes: &[Attribute<'_>],
        findings: &mut Findings,
    ) -> Result<Found> {
        let mut check = RecordCheck {
            number: file.number,
            geometry: volume.geometry(),
            findings,
        };
        let is_list =
            |attribute: &Attribute<'_>| attribute.is_unnamed(AttributeType::ATTRIBUTE_LIST);
        if !attributes.iter().any(is_list) {
            check.file(file.bytes, &file.record, attributes);
            return Ok(self.found(file, attributes, ids, Vec::new(), findings));
        }
        let mut is_damaged = false;
        let mut note = |error: Error| match error.is_missing() {
            true => Err(error),
            false => {
                is_damaged = true;
                Ok(())
            }
        };
        let records = FileRecord::gather(volume, file.number, file.bytes.to_vec(), &mut note)?;
        let attributes = records.salvaged_attributes(|_| is_damaged = true);
        let mut extensions: Vec<FileReference> = records
            .list()
            .into_iter()
            .flatten()
            .map(|entry| entry.reference)
            .filter(|reference| reference.record != file.number)
            .collect();
        extensions = crate::sorted::sorted(extensions);
        extensions.dedup();
        // What is damaged was found by the scan.
        if !is_damaged {
            check.list(&records, &attributes, attributes.len());
            check.file(file.bytes, &file.record, &attributes);
        }
        Ok(self.found(file, &attributes, ids, extensions, findings))
    }

    /// What there is to know of a file.
    fn found(
        &mut self,
        file: &File<'_>,
        attributes: &[Attribute<'_>],
        ids: &SecurityIds,
        extensions: Vec<FileReference>,
        findings: &mut Findings,
    ) -> Found {
        let mut names = 0_u32;
        let mut parent = None;
        for attribute in attributes {
            let AttributeBody::Resident(value) = attribute.body else {
                continue;
            };
            match attribute.type_code {
                AttributeType::FILE_NAME => {
                    let Some(name) = name_of(value) else { continue };
                    names = names.wrapping_add(name_hash(file.number, name.parent, value));
                    parent.get_or_insert(name.parent.record);
                }
                AttributeType::STANDARD_INFORMATION => {
                    ids.check(file.number, attribute.offset, value, findings);
                }
                AttributeType::INDEX_ROOT if attribute.name != DIRECTORY_INDEX => {
                    self.views.push((file.number, attribute.name.to_vec()));
                }
                _ => {}
            }
        }
        if file.record.is_directory {
            let parent = parent.unwrap_or(file.number);
            self.directories.push((file.number, parent));
        }
        Found { names, extensions }
    }

    /// Looks into the next directories; false if there are none. After an error,
    /// it can be tried again.
    pub(super) fn visit_directories<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        for _ in 0..DIRECTORIES_A_STEP {
            let Some(&(directory, _)) = self.directories.get(self.visited) else {
                return Ok(false);
            };
            if !self.visit(volume, directory, DIRECTORY_INDEX, upcase, findings)? {
                self.visited = self.visited.saturating_add(1);
            }
        }
        Ok(true)
    }

    /// Looks into the next blocks of an index; false at its end.
    fn visit<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        record: RecordNumber,
        name: &[u8],
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        let tree = match &mut self.tree {
            Some(tree) => tree,
            None => {
                let file = match FileRecord::salvage(volume, record) {
                    // The scan found it.
                    Err(error) if error.is_damage() => return Ok(false),
                    file => file?,
                };
                let tree = Tree::open(volume, &file, record, name, findings)?;
                self.tree.insert(tree)
            }
        };
        let slots = &mut self.slots;
        let view = View::of(name, tree.has_numbers());
        let mut visit = |entry: &Entry<'_>, offset, findings: &mut Findings| {
            match view {
                View::Names => visit_entry(slots, record, entry, offset, findings),
                View::Other => {}
                view => visit_view_entry(slots, record, view.file(entry), offset, findings),
            }
            Ok(())
        };
        if tree.step(volume, upcase, findings, &mut visit)? {
            return Ok(true);
        }
        self.is_partial |= tree.is_lost;
        self.tree = None;
        Ok(false)
    }

    /// Looks into the next other index; false if there are none. After an error,
    /// it can be tried again.
    pub(super) fn visit_view<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        let Some((record, name)) = self.views.last().cloned() else {
            return Ok(false);
        };
        if !self.visit(volume, record, &name, upcase, findings)? {
            self.views.pop();
        }
        Ok(true)
    }

    /// Reports records and directories that disagree, all of which were read.
    pub(super) fn conclude<R: ReadAt>(mut self, volume: &Volume<R>, findings: &mut Findings) {
        // What is missing may be in the damaged part.
        if self.is_partial {
            return;
        }
        for (number, slot) in (0..).map(RecordNumber).zip(&self.slots) {
            if slot.names == 0 {
                continue;
            }
            let (code, what) = match (slot.state, slot.entries) {
                (State::Extension, _) => (
                    Code::RecordOrphaned,
                    "its base record does not name it as a part of its file",
                ),
                (State::File | State::Directory, 0) => {
                    (Code::NotInDirectory, "no directory has an entry for it")
                }
                (State::File | State::Directory, _) => (
                    Code::NameMismatch,
                    "its names are not those that directories have for it",
                ),
                _ => continue,
            };
            let offset = volume.mft().record_offset(number);
            findings.push(Finding::of_record(code, number, offset, what));
        }
        self.find_cycles(volume, findings);
    }

    /// Follows each directory up to the root, or to one that was followed.
    fn find_cycles<R: ReadAt>(&mut self, volume: &Volume<R>, findings: &mut Findings) {
        // From here on: 0, or the walk that came by.
        for slot in &mut self.slots {
            slot.names = 0;
        }
        let directories = mem::take(&mut self.directories);
        for (walk, &(start, _)) in (1..).zip(&directories) {
            let mut current = start;
            loop {
                let place = directories.binary_search_by_key(&current, |(number, _)| *number);
                let Some(&(_, parent)) = place.ok().and_then(|place| directories.get(place)) else {
                    break;
                };
                let Some(slot) = self.slot_mut(current) else {
                    break;
                };
                if slot.names == walk && current != RECORD_ROOT {
                    let offset = volume.mft().record_offset(current);
                    let what = "it is in a directory that is in itself";
                    findings.push(Finding::of_record(
                        Code::DirectoryCycle,
                        current,
                        offset,
                        what,
                    ));
                }
                if slot.names != 0 || current == RECORD_ROOT {
                    break;
                }
                slot.names = walk;
                current = parent;
            }
        }
    }
}

/// A base record.
struct File<'a> {
    number: RecordNumber,
    record: MftRecord<'a>,
    /// All of it.
    bytes: &'a [u8],
}

impl File<'_> {
    fn reference(&self) -> FileReference {
        FileReference {
            record: self.number,
            sequence_number: self.record.sequence_number,
        }
    }
}

/// What was found in a base record.
struct Found {
    /// The sum of the hashes of its names.
    names: u32,
    /// The extension records that its attribute list names.
    extensions: Vec<FileReference>,
}

/// Checks an entry of a directory against the record that it names.
fn visit_entry(
    slots: &mut [Slot],
    directory: RecordNumber,
    entry: &Entry<'_>,
    offset: u64,
    findings: &mut Findings,
) {
    let Some(name) = name_of(entry.key) else {
        let what = "an entry does not hold a name";
        return findings.push(Finding::of_record(
            Code::IndexDamaged,
            directory,
            Some(offset),
            what,
        ));
    };
    let parent = FileReference {
        record: directory,
        sequence_number: slots
            .get(len_usize(directory.0))
            .map_or(0, |slot| slot.sequence),
    };
    let FileReference {
        record,
        sequence_number,
    } = entry.reference;
    let mut absent = Slot::default();
    let slot = slots.get_mut(len_usize(record.0)).unwrap_or(&mut absent);
    let (code, what) = match slot.state {
        State::Lost => return,
        State::Broken if name_unreadable(record, directory, &name, findings) => return,
        State::Broken | State::Torn => (Code::RecordUnreadable, "a directory names it"),
        State::Free => (
            Code::EntryWithoutFile,
            "a directory names it, and it is not in use",
        ),
        State::Extension => (
            Code::EntryWithoutFile,
            "a directory names it, and it is a part of another file",
        ),
        State::File | State::Directory => {
            slot.entries = slot.entries.saturating_add(1);
            slot.names = slot
                .names
                .wrapping_sub(name_hash(record, parent, entry.key));
            if slot.sequence != sequence_number {
                (
                    Code::EntryStale,
                    "a directory names it by the sequence number of another file",
                )
            } else if name.parent != parent {
                (
                    Code::NameMismatch,
                    "the entry that names it says that it is in another directory",
                )
            } else {
                return;
            }
        }
    };
    let mut finding = Finding::of_record(code, record, Some(offset), what);
    finding.set_entry(directory, &name);
    findings.push(finding);
}

/// An index, by what its entries hold.
#[derive(Debug, Clone, Copy)]
enum View {
    /// A directory.
    Names,
    /// `$Extend/$ObjId`: files by their identifiers.
    ObjectIds,
    /// `$Extend/$Reparse`: files with reparse points.
    ReparsePoints,
    /// No files.
    Other,
}

impl View {
    fn of(name: &[u8], has_numbers: bool) -> Self {
        match name {
            DIRECTORY_INDEX => Self::Names,
            b"$\0O\0" if has_numbers => Self::ObjectIds,
            b"$\0R\0" => Self::ReparsePoints,
            _ => Self::Other,
        }
    }

    /// The file that an entry names.
    fn file(self, entry: &Entry<'_>) -> Option<FileReference> {
        let bytes = match self {
            // After the tag.
            Self::ReparsePoints => entry.key.get(4..),
            _ => entry.data(),
        };
        let bits = bytes?.first_chunk()?;
        Some(FileReference::from_bits(u64::from_le_bytes(*bits)))
    }
}

/// Checks an entry of an index of `$Extend`, which names a file.
fn visit_view_entry(
    slots: &[Slot],
    record: RecordNumber,
    file: Option<FileReference>,
    offset: u64,
    findings: &mut Findings,
) {
    let slot = file.and_then(|file| {
        let slot = slots.get(len_usize(file.record.0))?;
        Some((slot.state, slot.sequence == file.sequence_number))
    });
    if !matches!(
        slot,
        Some((State::File | State::Directory, true) | (State::Lost, _))
    ) {
        let what = "an entry names a file that is not there";
        findings.push(Finding::of_record(
            Code::ExtendIndex,
            record,
            Some(offset),
            what,
        ));
    }
}

/// Adds the name that an entry has for an unreadable record to the finding of
/// that; false if it has one, or is not listed.
fn name_unreadable(
    record: RecordNumber,
    directory: RecordNumber,
    name: &FileName<'_>,
    findings: &mut Findings,
) -> bool {
    let finding = findings
        .listed_mut()
        .iter_mut()
        .find(|finding| finding.code == Code::RecordUnreadable && finding.record == Some(record.0));
    match finding {
        Some(finding) if finding.named_in.is_none() => finding.set_entry(directory, name),
        Some(_) => {}
        None => return false,
    }
    true
}

/// The hash of a name, given the value of `$FILE_NAME`, of a file in a directory.
/// Sizes and times in it are kept up to date in one place only.
fn name_hash(file: RecordNumber, directory: FileReference, value: &[u8]) -> u32 {
    let name = value.get(FileName::LENGTH_OFFSET..).unwrap_or_default();
    let mut hash = mix(bits(directory), file.0);
    let (words, rest) = name.as_chunks::<8>();
    for word in words {
        hash = mix(hash, u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = mix(hash, (*byte).into());
    }
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// The hash of an extension record and its base record.
fn extension_hash(extension: FileReference, base: FileReference) -> u32 {
    let hash = mix(mix(bits(base), bits(extension)), 0);
    u32::try_from(hash >> 32).unwrap_or(0)
}

/// The hash of what was hashed so far and a further word. Not one for keys that
/// somebody chooses: a volume that is made to pass is not a damaged one.
fn mix(hash: u64, word: u64) -> u64 {
    let product = (hash ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    product ^ product >> 29
}

/// A reference as it stands on disk.
fn bits(reference: FileReference) -> u64 {
    u64::from(reference.sequence_number) << 48 | reference.record.0
}

/// `$MFT:$BITMAP`; `None` if it cannot be read, which is a finding.
fn marks<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<Option<Value>> {
    let value = FileRecord::salvage(volume, RECORD_MFT)
        .and_then(|file| file.value(AttributeType::BITMAP, &[]));
    let records = volume.mft().record_count();
    let what = match value {
        Ok(Some(marks)) if marks.size() >= records.div_ceil(8) => return Ok(Some(marks)),
        Ok(Some(_)) => "its bitmap is too short for its records".to_string(),
        Ok(None) => "it has no bitmap of its records".to_string(),
        Err(error) if error.is_loss() => return Ok(None),
        Err(error) if error.is_damage() => with_causes(&error),
        Err(error) => return Err(error),
    };
    let offset = volume.mft().record_offset(RECORD_MFT);
    findings.push(Finding::of_record(Code::MftSize, RECORD_MFT, offset, what));
    Ok(None)
}
