//! One MFT record, or the records of one file: the header, the order of the
//! attributes and their sizes.

use core::cmp::Ordering;

use super::attribute::{are_flags_right, check_value, is_place_right, is_plain};
use super::code::Code;
use super::finding::Findings;
use crate::ntfs::FileRecord;
use crate::ntfs::attribute::{
    Attribute, AttributeBody, AttributeType, COMPRESSION_MASK, NonResident, SPARSE,
};
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::DIRECTORY_INDEX;
use crate::ntfs::mft_record::{FileReference, MftRecord};
use crate::ntfs::record::{u16_at, u32_at};
use crate::ntfs::upcase::UpCase;
use crate::units::{Geometry, RecordNumber, Vcn, len_usize};

/// The first record of a file that is not the file system's own.
pub(super) const FIRST_USER_RECORD: RecordNumber = RecordNumber(24);

/// The flags of a record.
const FLAGS_OFFSET: usize = 0x16;
/// In these, a file of `$Extend`, and a file with another index than names.
const FLAGS_WITHOUT_DATA: u16 = 4 | 8;
const KNOWN_FLAGS: u16 = 0xF;
/// The instance number that the next new attribute gets.
const NEXT_INSTANCE_OFFSET: usize = 0x28;
/// The count of names.
const LINK_COUNT_OFFSET: usize = 0x12;
/// The size of the record.
const ALLOCATED_OFFSET: usize = 0x1C;
/// The number of the record, since NTFS 3.1. It stands where the update
/// sequence array was before.
const NUMBER_OFFSET: usize = 0x2C;
const ARRAY_OFFSET: usize = 4;

/// Reports what is wrong with a record.
pub(super) struct RecordCheck<'a> {
    pub(super) number: RecordNumber,
    pub(super) geometry: &'a Geometry,
    pub(super) findings: &'a mut Findings,
}

impl RecordCheck<'_> {
    /// Checks the header of a record in use, of which `bytes` is all. `last` is
    /// its last attribute, with which the bytes in use must end.
    pub(super) fn header(
        &mut self,
        bytes: &[u8],
        record: &MftRecord<'_>,
        last: Option<&Attribute<'_>>,
    ) {
        let offset = record.offset();
        if u16_at(bytes, FLAGS_OFFSET).is_none_or(|flags| flags > KNOWN_FLAGS) {
            self.report(
                Code::RecordHeader,
                offset,
                "it has flags that are not known",
            );
        }
        if let Some(last) = last {
            let start = len_usize(last.offset.saturating_sub(offset));
            let len = u32_at(bytes, start.saturating_add(4)).unwrap_or(0);
            let end = start.saturating_add(len_usize(len.into()));
            // Else the next attribute is damaged, which the scan found.
            let is_end = u32_at(bytes, end) == Some(u32::MAX);
            if is_end && end.saturating_add(8) != record.bytes().len() {
                let what = "more or fewer bytes are in use than its attributes have";
                self.report(Code::RecordHeader, offset, what);
            }
        }
        if u32_at(bytes, ALLOCATED_OFFSET) != Some(self.geometry.mft_record_size) {
            self.report(
                Code::RecordHeader,
                offset,
                "it says that it has another size",
            );
        }
        let is_numbered = u16_at(bytes, ARRAY_OFFSET)
            .is_some_and(|array| usize::from(array) >= NUMBER_OFFSET.saturating_add(4));
        let number = u32_at(bytes, NUMBER_OFFSET);
        if is_numbered && number.map(u64::from) != Some(self.number.0 & u64::from(u32::MAX)) {
            self.report(
                Code::RecordHeader,
                offset,
                "it says that it has another number",
            );
        }
        if record.sequence_number == 0 {
            self.report(Code::RecordHeader, offset, "its sequence number is 0");
        }
    }

    /// Checks the order of the attributes in one record, of which `bytes` is all,
    /// and that they can be told apart.
    pub(super) fn order(
        &mut self,
        (bytes, record): (&[u8], &MftRecord<'_>),
        attributes: &[Attribute<'_>],
        upcase: &UpCase,
    ) {
        let next_instance = u16_at(bytes, NEXT_INSTANCE_OFFSET).unwrap_or(0);
        let mut last: Option<&Attribute<'_>> = None;
        // Those of instances below 64, which nearly all have.
        let mut instances = 0_u64;
        for attribute in attributes {
            if let Some(last) = last.filter(|last| last.type_code >= attribute.type_code) {
                self.pair(last, attribute, upcase);
            }
            last = Some(attribute);
            let bit = 1_u64.checked_shl(attribute.instance.into()).unwrap_or(0);
            if instances & bit != 0 {
                let what = "two of its attributes have the same instance number";
                self.report(Code::AttributeInstance, attribute.offset, what);
            }
            instances |= bit;
            if attribute.instance >= next_instance {
                let what = "an attribute has an instance number that the next one may get";
                self.report(Code::AttributeInstance, attribute.offset, what);
            }
            let start = len_usize(attribute.offset.saturating_sub(record.offset()));
            let bytes = bytes.get(start..).unwrap_or_default();
            if is_plain(attribute, bytes) {
                continue;
            }
            if !are_flags_right(attribute, bytes) {
                let what = "the flags of an attribute are not those of its type or value";
                self.report(Code::AttributeFlags, attribute.offset, what);
            }
            if !is_place_right(attribute, bytes) {
                let what = "the name or value of an attribute is not where it must be";
                self.report(Code::AttributeInvalid, attribute.offset, what);
            }
        }
    }

    /// Checks an attribute and the one that follows it in a record, and is not of a
    /// later type.
    fn pair(&mut self, one: &Attribute<'_>, next: &Attribute<'_>, upcase: &UpCase) {
        if one.type_code > next.type_code {
            let what = "its attributes are not in the order of their types";
            return self.report(Code::AttributeOrder, next.offset, what);
        }
        if next.type_code == AttributeType::FILE_NAME {
            return;
        }
        if one.name == next.name {
            let is_piece = match next.body {
                AttributeBody::Resident(_) => false,
                AttributeBody::NonResident(body) => body.lowest_vcn != Vcn(0),
            };
            if !is_piece {
                let what = "it has an attribute twice";
                self.report(Code::AttributeInvalid, next.offset, what);
            }
        } else if !upcase.units().is_empty()
            && upcase.compare(one.name, next.name) == Ordering::Greater
        {
            let what = "its attributes are not in the order of their names";
            self.report(Code::AttributeOrder, next.offset, what);
        }
    }

    /// Checks all attributes of a file whose base record is `record`, of which
    /// `bytes` is all.
    pub(super) fn file(
        &mut self,
        bytes: &[u8],
        record: &MftRecord<'_>,
        attributes: &[Attribute<'_>],
    ) {
        let offset = record.offset();
        let mut names = 0_u16;
        let mut has_data = false;
        let mut is_directory = false;
        let mut has_information = false;
        for attribute in attributes {
            if let Err(what) = check_value(attribute) {
                self.report(Code::AttributeInvalid, attribute.offset, what);
            }
            match attribute.type_code {
                AttributeType::FILE_NAME => names = names.saturating_add(1),
                AttributeType::DATA => has_data = true,
                AttributeType::STANDARD_INFORMATION => has_information = true,
                AttributeType::INDEX_ROOT => is_directory |= attribute.name == DIRECTORY_INDEX,
                _ => {}
            }
        }
        self.pieces(attributes);

        let count = u16_at(bytes, LINK_COUNT_OFFSET).unwrap_or(0);
        if count != names {
            let what = alloc::format!("it counts {count} names, and has {names}");
            self.report(Code::LinkCount, offset, &what);
        }
        if !has_information {
            self.report(
                Code::AttributeMissing,
                offset,
                "it has no $STANDARD_INFORMATION",
            );
        }
        if record.is_directory != is_directory {
            let what = match is_directory {
                true => "it has an index of names, and is no directory",
                false => "it is a directory, and has no index of names",
            };
            self.report(Code::AttributeMissing, offset, what);
        }
        if self.number < FIRST_USER_RECORD {
            return;
        }
        if names == 0 {
            self.report(Code::NotInDirectory, offset, "it has no $FILE_NAME");
        }
        let flags = u16_at(bytes, FLAGS_OFFSET).unwrap_or(0);
        if !has_data && !record.is_directory && flags & FLAGS_WITHOUT_DATA == 0 {
            self.report(
                Code::AttributeMissing,
                offset,
                "it is a file, and has no $DATA",
            );
        }
    }

    /// Checks that the attribute list of a file names all its attributes, as
    /// they are. `attributes` are in the order of the list, and after it.
    pub(super) fn list(
        &mut self,
        file: &FileRecord,
        base: FileReference,
        attributes: &[Attribute<'_>],
    ) {
        let Some(list) = file.list() else { return };
        let offset = attributes.first().map_or(0, |attribute| attribute.offset);
        if list.len().saturating_add(1) != attributes.len() {
            let what = "its attribute list does not name all its attributes";
            self.report(Code::AttributeList, offset, what);
        }
        let pairs = list.iter().zip(attributes.iter().skip(1));
        let mut last = None;
        for (entry, attribute) in pairs {
            let lowest = match attribute.body {
                AttributeBody::Resident(_) => Vcn(0),
                AttributeBody::NonResident(body) => body.lowest_vcn,
            };
            if entry.lowest_vcn != lowest || last.is_some_and(|last| entry.type_code < last) {
                let what = "its attribute list is out of order, or has another VCN than a piece";
                self.report(Code::AttributeList, offset, what);
                return;
            }
            last = Some(entry.type_code);
            let FileReference {
                record,
                sequence_number,
            } = entry.reference;
            // The scan compared those of other records. 0 is any.
            let is_older = record == base.record
                && sequence_number != 0
                && sequence_number != base.sequence_number;
            if entry.name.as_deref() != Some(attribute.name) || is_older {
                let what = "its attribute list has another name, or an older file, for a piece";
                self.report(Code::AttributeList, offset, what);
                return;
            }
        }
    }

    /// Checks the sizes of non-resident values against their runs, and that the
    /// pieces of each follow each other.
    fn pieces(&mut self, attributes: &[Attribute<'_>]) {
        let mut before: Option<(&Attribute<'_>, NonResident<'_>, Reached)> = None;
        for attribute in attributes {
            let AttributeBody::NonResident(piece) = attribute.body else {
                continue;
            };
            // What is damaged in a runlist was found by the scan.
            let Ok(here) = reached_by(&piece) else {
                before = None;
                continue;
            };
            let end = here.end;
            let is_next = piece.lowest_vcn != Vcn(0);
            let first = match before.take() {
                Some((named, first, reached)) => {
                    let is_same =
                        named.type_code == attribute.type_code && named.name == attribute.name;
                    if is_same && is_next && reached.end == piece.lowest_vcn {
                        Some((named, first, reached.clusters))
                    } else {
                        self.size_of_all(named, &first, reached);
                        None
                    }
                }
                None => None,
            };
            let (named, first, clusters) = match first {
                Some(first) => first,
                None if is_next => {
                    let what = "the first clusters of a value are missing, or others after them";
                    self.report(Code::AttributeSizes, attribute.offset, what);
                    continue;
                }
                None => (attribute, piece, 0),
            };
            if piece.highest_vcn.plus(1) != end && piece.highest_vcn.0.wrapping_add(1) != end.0 {
                let what = "the clusters of a value are more or fewer than its last VCN";
                self.report(Code::AttributeSizes, attribute.offset, what);
                continue;
            }
            let clusters = here.clusters.saturating_add(clusters);
            before = Some((named, first, Reached { end, clusters }));
        }
        if let Some((named, first, reached)) = before {
            self.size_of_all(named, &first, reached);
        }
    }

    /// Checks the sizes of a value whose runs have `reached` so far.
    fn size_of_all(
        &mut self,
        attribute: &Attribute<'_>,
        first: &NonResident<'_>,
        reached: Reached,
    ) {
        let what = if first.data_size > first.allocated_size {
            "a value is larger than its allocated size"
        } else if first.initialized_size > first.data_size {
            "more of a value is initialised than it has"
        } else if self.geometry.bytes(reached.end.0) != first.allocated_size {
            "the clusters of a value are more or fewer than its allocated size"
        } else {
            return self.compressed_size(attribute, first, reached);
        };
        self.report(Code::AttributeSizes, attribute.offset, what);
    }

    /// Checks the size on disk of a value, which compressed and sparse ones have.
    fn compressed_size(
        &mut self,
        attribute: &Attribute<'_>,
        first: &NonResident<'_>,
        reached: Reached,
    ) {
        if attribute.flags & (COMPRESSION_MASK | SPARSE) == 0 {
            return;
        }
        let (code, what) = match first.compressed_size() {
            Some(size) if size == self.geometry.bytes(reached.clusters) => return,
            Some(_) => (
                Code::CompressedSize,
                "the size on disk of a value is not that of its clusters",
            ),
            None => (
                Code::AttributeFlags,
                "a compressed or sparse value has no size on disk",
            ),
        };
        self.report(code, attribute.offset, what);
    }

    fn report(&mut self, code: Code, offset: u64, what: &str) {
        self.findings.report(code, self.number, Some(offset), what);
    }
}

/// What the runs of a value cover.
#[derive(Debug, Clone, Copy)]
struct Reached {
    /// The VCN after the last one.
    end: Vcn,
    /// Clusters in them, without holes.
    clusters: u64,
}

/// What the runs of a piece cover.
fn reached_by(piece: &NonResident<'_>) -> crate::error::Result<Reached> {
    let mut reached = Reached {
        end: piece.lowest_vcn,
        clusters: 0,
    };
    for run in piece.runs() {
        let run = run?;
        reached.end = run.end();
        let clusters = run.extent().map_or(0, |extent| extent.len);
        reached.clusters = reached.clusters.saturating_add(clusters);
    }
    Ok(reached)
}

/// The name in a `$FILE_NAME`, or in the key of an entry, if that is all of it.
pub(super) fn name_of(value: &[u8]) -> Option<FileName<'_>> {
    let name = FileName::parse(value)?;
    let len = FileName::NAME_OFFSET.saturating_add(name.name.len());
    (len == value.len() && !name.name.is_empty()).then_some(name)
}
