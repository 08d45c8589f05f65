//! All records of `$MFT`: each is checked, and what it says of others is kept in
//! the [`Census`].

use alloc::string::ToString;
use alloc::vec::Vec;
use core::mem;

use super::census::Census;
use super::code::Code;
use super::entries::FileIndex;
use super::finding::Findings;
use super::record::{FIRST_USER_RECORD, RecordCheck, name_of};
use super::security::SecurityIds;
use super::slot::{Slot, State, extension_hash, key_hash, name_hash};
use crate::error::{Error, Result, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::index::DIRECTORY_INDEX;
use crate::ntfs::mft::RECORD_MFT;
use crate::ntfs::mft_record::{FileReference, MAGIC, MftRecord};
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_usize};

/// What records are checked with: the volume, its upper case table, its security
/// descriptors.
pub(super) type Context<'a, R> = (&'a Volume<R>, &'a UpCase, &'a SecurityIds);

/// Bytes of records read at once.
const READ_BYTES: u64 = 512 << 10;

impl Census {
    /// Reads the next records; false if there are none. After an error, it can
    /// be tried again.
    pub(super) fn read_records<R: ReadAt>(
        &mut self,
        context @ (volume, ..): Context<'_, R>,
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

    pub(super) fn slot_mut(&mut self, number: RecordNumber) -> Option<&mut Slot> {
        self.slots.get_mut(len_usize(number.0))
    }

    fn read_record<'a, R: ReadAt>(
        &mut self,
        context @ (volume, upcase, _): Context<'_, R>,
        number: RecordNumber,
        bytes: &'a mut [u8],
        is_marked: Option<bool>,
        attributes: &mut Vec<Attribute<'a>>,
        findings: &mut Findings,
    ) -> Result<()> {
        let offset = volume.mft().record_offset(number).unwrap_or(0);
        let mut is_mended = false;
        let undone = MftRecord::salvage(bytes, offset, &mut |_| {
            is_mended = true;
            Ok(())
        });
        let bytes: &'a [u8] = bytes;
        let record = match undone.and_then(|()| MftRecord::parse(bytes, offset)) {
            Ok(record) => record,
            Err(error) => {
                let (code, state) = match is_marked {
                    Some(false) => (Code::RecordSkipped, State::Torn),
                    _ => (Code::RecordUnreadable, State::Broken),
                };
                let what = with_causes(&error);
                findings.report(code, number, Some(offset), &what);
                self.set(number, state, 0, 0);
                return Ok(());
            }
        };
        if !record.in_use {
            if is_marked == Some(true) && number >= FIRST_USER_RECORD {
                let what = "it is free, and marked as in use";
                findings.report(Code::RecordMarkedUsed, number, Some(offset), what);
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
        let mut damage = None;
        for attribute in record.attributes() {
            match attribute {
                Ok(attribute) => attributes.push(attribute),
                Err(error) => damage = Some(error),
            }
        }
        // Of a base record, the scan found it.
        if let (Some(error), Some(_)) = (damage, record.base) {
            findings.report(
                Code::RecordDamaged,
                number,
                error.offset(),
                &with_causes(&error),
            );
        }
        let (names, found) = match record.base {
            Some(base) => (extension_hash(file.reference(), base), None),
            None => {
                let found = self.read_file(context, &file, attributes, findings)?;
                (found.names, Some(found))
            }
        };
        if is_marked == Some(false) {
            let what = "it is in use, and marked as free";
            findings.report(Code::RecordMarkedFree, number, Some(offset), what);
        }
        let mut check = RecordCheck {
            number,
            geometry: volume.geometry(),
            findings,
        };
        check.header(bytes, &record, attributes.last().filter(|_| !is_mended));
        check.order((bytes, &record), attributes, upcase);
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
        (volume, _, ids): Context<'_, R>,
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
        let attributes = records.salvaged_attributes(&mut |_| is_damaged = true);
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
            check.list(&records, file.reference(), &attributes);
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
            let value = match attribute.body {
                AttributeBody::Resident(value) => value,
                AttributeBody::NonResident(_) => &[],
            };
            match attribute.type_code {
                AttributeType::OBJECT_ID => {
                    self.add_to_index(file, FileIndex::ObjectIds, attribute);
                }
                AttributeType::REPARSE_POINT => {
                    self.add_to_index(file, FileIndex::ReparsePoints, attribute);
                }
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
}

impl Census {
    /// Notes that a file must be in an index of `$Extend`.
    fn add_to_index(&mut self, file: &File<'_>, index: FileIndex, attribute: &Attribute<'_>) {
        // The identifier of the volume itself may be in the index, or not.
        if file.number < FIRST_USER_RECORD {
            return;
        }
        let sum = self.sums.of(index);
        match attribute.body {
            AttributeBody::Resident(value) => {
                let hash = key_hash(file.reference(), index.key(value));
                sum.keys = sum.keys.wrapping_add(hash);
            }
            AttributeBody::NonResident(_) => sum.is_unknown = true,
        }
        if let Some(slot) = self.slot_mut(file.number) {
            slot.marks |= index.marks().0;
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

/// `$MFT:$BITMAP`; `None` if it cannot be read, which is a finding.
pub(super) fn marks<R: ReadAt>(
    volume: &Volume<R>,
    findings: &mut Findings,
) -> Result<Option<Value>> {
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
    findings.report(Code::MftSize, RECORD_MFT, offset, &what);
    Ok(None)
}
