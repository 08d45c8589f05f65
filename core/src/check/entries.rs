//! The entries of a directory, and of the indexes of `$Extend`, against the
//! records that they name.

use super::code::Code;
use super::finding::{Finding, Findings};
use super::record::name_of;
use super::slot::{Slot, State, name_hash};
use crate::ntfs::file_name::FileName;
use crate::ntfs::index::{DIRECTORY_INDEX, Entry};
use crate::ntfs::mft_record::FileReference;
use crate::units::{RecordNumber, len_usize};

/// An index, by what its entries hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum View {
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
    pub(super) fn of(name: &[u8], has_numbers: bool) -> Self {
        match name {
            DIRECTORY_INDEX => Self::Names,
            b"$\0O\0" if has_numbers => Self::ObjectIds,
            b"$\0R\0" => Self::ReparsePoints,
            _ => Self::Other,
        }
    }

    /// The file that an entry names.
    pub(super) fn file(self, entry: &Entry<'_>) -> Option<FileReference> {
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
pub(super) fn visit_view_entry(
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
        findings.report(Code::ExtendIndex, record, Some(offset), what);
    }
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
