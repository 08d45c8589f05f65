//! The entries of a directory, and of the indexes of `$Extend`, against the
//! records that they name.

use super::code::Code;
use super::finding::{Finding, Findings};
use super::record::{FIRST_USER_RECORD, name_of};
use super::slot::{HAS_ENTRY, Slot, State, key_hash, name_hash};
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::{DIRECTORY_INDEX, Entry};
use crate::ntfs::mft_record::FileReference;
use crate::units::{RecordNumber, len_usize};

/// An index, by what its entries hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum View {
    /// A directory.
    Names,
    /// One of `$Extend` over files.
    Files(FileIndex),
    /// No files.
    Other,
}

impl View {
    pub(super) fn of(name: &[u8], has_numbers: bool) -> Self {
        match name {
            DIRECTORY_INDEX => Self::Names,
            b"$\0O\0" if has_numbers => Self::Files(FileIndex::ObjectIds),
            b"$\0R\0" => Self::Files(FileIndex::ReparsePoints),
            _ => Self::Other,
        }
    }
}

/// An index of `$Extend` over files that have an attribute of some type.
#[derive(Debug, Clone, Copy)]
pub(super) enum FileIndex {
    /// `$ObjId`, by their identifiers.
    ObjectIds,
    /// `$Reparse`, by the tags of their reparse points.
    ReparsePoints,
}

impl FileIndex {
    pub(super) const ALL: [Self; 2] = [Self::ObjectIds, Self::ReparsePoints];

    /// The mark of a file that has the attribute, and that of one in the index.
    pub(super) fn marks(self) -> (u8, u8) {
        match self {
            Self::ObjectIds => (2, 4),
            Self::ReparsePoints => (8, 16),
        }
    }

    /// What of the value of the attribute is in the key, both of which begin
    /// with it.
    pub(super) fn key(self, bytes: &[u8]) -> &[u8] {
        let len = match self {
            Self::ObjectIds => 16,
            Self::ReparsePoints => 4,
        };
        bytes.get(..len).unwrap_or(bytes)
    }

    /// The file that an entry names.
    fn file(self, entry: &Entry<'_>) -> Option<FileReference> {
        let bytes = match self {
            Self::ReparsePoints => entry.key.get(4..),
            Self::ObjectIds => entry.data(),
        };
        let bits = bytes?.first_chunk()?;
        Some(FileReference::from_bits(u64::from_le_bytes(*bits)))
    }
}

/// What is known of a [`FileIndex`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FileIndexSum {
    /// The sum of the hashes of keys that files have, less those in the index.
    pub(super) keys: u32,
    /// The record of the index, if all of it was visited.
    pub(super) record: Option<RecordNumber>,
    /// Something is wrong with an entry, or the value of an attribute is not in
    /// its record.
    pub(super) is_unknown: bool,
}

/// Checks an entry of an index of `$Extend`, which names a file.
pub(super) fn visit_file_entry(
    slots: &mut [Slot],
    index: FileIndex,
    sum: &mut FileIndexSum,
    record: RecordNumber,
    (entry, offset): (&Entry<'_>, u64),
    findings: &mut Findings,
) {
    let file = index.file(entry).unwrap_or_default();
    let mut absent = Slot::default();
    let slot = slots
        .get_mut(len_usize(file.record.0))
        .unwrap_or(&mut absent);
    let (has_attribute, is_in_index) = index.marks();
    let what = match slot.state {
        State::Lost => return,
        State::File | State::Directory if slot.sequence == file.sequence_number => {
            if slot.marks & has_attribute != 0 {
                slot.marks |= is_in_index;
                let hash = key_hash(file, index.key(entry.key));
                sum.keys = sum.keys.wrapping_sub(hash);
                return;
            }
            // The identifier of the volume itself may be in either.
            if file.record < FIRST_USER_RECORD {
                return;
            }
            match index {
                FileIndex::ObjectIds => "an entry names a file without an object identifier",
                FileIndex::ReparsePoints => "an entry names a file without a reparse point",
            }
        }
        _ => "an entry names a file that is not there",
    };
    sum.is_unknown = true;
    findings.report(Code::ExtendIndex, record, Some(offset), what);
}

/// Checks an entry of a directory against the record that it names.
pub(super) fn visit_entry(
    slots: &mut [Slot],
    directory: RecordNumber,
    entry: &Entry<'_>,
    offset: u64,
    findings: &mut Findings,
) {
    let Some(name) = name_of(entry.key) else {
        let what = "an entry does not hold a name";
        return findings.report(Code::IndexDamaged, directory, Some(offset), what);
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
            slot.marks |= HAS_ENTRY;
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
