//! Why a volume is not clean: changes in its journal, and the flags of `$Volume` of work
//! that Windows has yet to do.

use alloc::vec::Vec;

use super::log_file::Journal;
use super::volume_info::VolumeInfo;

/// A reason why a volume is not clean, beside the dirty flag and hibernation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[cfg_attr(feature = "serde", serde(rename_all = "kebab-case"))]
pub enum Unclean {
    /// The journal holds changes that are not yet in place.
    Journal,
    /// The journal cannot be read.
    JournalDamaged,
    /// chkdsk began, and did not end.
    CheckInterrupted,
    /// chkdsk changed the volume, and Windows has not mounted it since.
    CheckNotConcluded,
    /// The journal is to be resized.
    JournalResize,
    /// NTFS is to be upgraded to the version of the Windows that mounts it.
    Upgrade,
    /// Windows NT 4 changed the volume.
    ChangedByNt4,
    /// The change journal (`$UsnJrnl`) is being deleted.
    ChangeJournalDeletion,
    /// The index of object ids is to be repaired.
    ObjectIds,
}

/// The flags of `$Volume` that report work to do. Windows sets others on healthy volumes, such as
/// 0x80.
const FLAGS: [(u16, Unclean); 7] = [
    (0x4000, Unclean::CheckInterrupted),
    (0x8000, Unclean::CheckNotConcluded),
    (0x0002, Unclean::JournalResize),
    (0x0004, Unclean::Upgrade),
    (0x0008, Unclean::ChangedByNt4),
    (0x0010, Unclean::ChangeJournalDeletion),
    (0x0020, Unclean::ObjectIds),
];

impl Unclean {
    /// All that the flags and the journal report.
    pub fn reasons(info: &VolumeInfo, journal: Journal) -> Vec<Self> {
        let journal = match journal {
            Journal::Clean | Journal::CleanByOnePage => None,
            Journal::NotClean => Some(Self::Journal),
            Journal::Unreadable => Some(Self::JournalDamaged),
        };
        let flags = FLAGS.iter().filter(|(flag, _)| info.flags & flag != 0);
        journal
            .into_iter()
            .chain(flags.map(|&(_, reason)| reason))
            .collect()
    }

    /// What was found.
    pub fn what(self) -> &'static str {
        match self {
            Self::Journal => "the journal holds changes that are not yet in place",
            Self::JournalDamaged => "neither restart page of the journal can be read",
            Self::CheckInterrupted => "chkdsk began on the volume, and did not end",
            Self::CheckNotConcluded => {
                "chkdsk changed the volume, and Windows has not mounted it since"
            }
            Self::JournalResize => "the journal is to be resized",
            Self::Upgrade => "NTFS is to be upgraded to a newer version",
            Self::ChangedByNt4 => {
                "Windows NT 4 changed the volume, and a newer Windows has not mounted it since"
            }
            Self::ChangeJournalDeletion => "the change journal is being deleted",
            Self::ObjectIds => "the object ids are to be repaired",
        }
    }

    /// What Windows does about it.
    pub fn consequence(self) -> &'static str {
        match self {
            Self::Journal => "Windows applies them when it mounts the volume",
            Self::JournalDamaged => "changes that were being made are lost",
            Self::CheckInterrupted => "Windows checks it again",
            _ => "Windows completes that when it mounts the volume",
        }
    }
}
