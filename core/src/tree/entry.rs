//! An entry of a directory.

use super::name::Name;
use crate::ntfs::file_name::{FileName, NameFacts};
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::wof;
use crate::units::RecordNumber;

/// Records before this one are the file system's own.
const FIRST_USER_RECORD: RecordNumber = RecordNumber(24);

/// In the attributes of a name: it is that of a directory.
const NAME_OF_DIRECTORY: u32 = 0x1000_0000;
/// In the DOS attributes: it has a reparse point.
pub(super) const REPARSE_POINT: u32 = 0x400;

/// Tags of reparse points ([MS-FSCC] 2.1.2.1).
pub(super) const TAG_MOUNT_POINT: u32 = 0xA000_0003;
pub(super) const TAG_SYMLINK: u32 = 0xA000_000C;
pub(super) const TAG_LX_SYMLINK: u32 = 0xA000_001D;
const TAG_DEDUP: u32 = 0x8000_0013;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with content of its own.
    File,
    /// A directory.
    Directory,
    /// A symbolic link of Windows, or of Linux (WSL).
    Symlink,
    /// A junction, or the mount point of a volume.
    Junction,
    /// A file that WOF compressed, which reads as any other.
    Wof,
    /// A file whose content is in the chunk store of Windows Server.
    Dedup,
    /// A placeholder: its content is in a cloud.
    Cloud,
    /// Another reparse point, by its tag.
    Reparse(u32),
    /// A directory with a reparse point that is not a link, by its tag.
    ReparseDirectory(u32),
}

/// Times of a file, in 100 ns since 1601.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// Creation.
    pub created: u64,
    /// Last change of the content.
    pub modified: u64,
    /// Last change of the record.
    pub record_changed: u64,
    /// Last access.
    pub accessed: u64,
}

/// A name in a directory, with what the directory knows of the file. By the index, sizes, times and
/// attributes are copies that Windows updates late: [`Details`](super::Details) has those of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The name; the long one, if there are two.
    pub name: Name,
    /// The 8.3 name, if it is another one.
    pub short_name: Option<Name>,
    /// The file.
    pub reference: FileReference,
    /// What the file is.
    pub kind: Kind,
    /// Bytes of its content.
    pub size: u64,
    /// Bytes of the clusters of its content.
    pub allocated: u64,
    /// Its times.
    pub times: Times,
    /// Its DOS attributes ([MS-FSCC] 2.6).
    pub attributes: u32,
}

impl Kind {
    pub(super) fn of(is_directory: bool, tag: Option<u32>) -> Self {
        match (is_directory, tag) {
            (false, None) => Self::File,
            (true, None) => Self::Directory,
            (_, Some(TAG_SYMLINK | TAG_LX_SYMLINK)) => Self::Symlink,
            (_, Some(TAG_MOUNT_POINT)) => Self::Junction,
            (true, Some(tag)) => Self::ReparseDirectory(tag),
            (false, Some(wof::TAG)) => Self::Wof,
            (false, Some(TAG_DEDUP)) => Self::Dedup,
            // One for each of sixteen providers.
            (false, Some(tag)) if tag & 0xFFFF_0FFF == 0x9000_001A => Self::Cloud,
            (false, Some(tag)) => Self::Reparse(tag),
        }
    }

    /// Whether it has entries of its own; links have not.
    pub fn is_directory(self) -> bool {
        matches!(self, Self::Directory | Self::ReparseDirectory(_))
    }

    /// Whether it leads to another file or volume.
    pub fn is_link(self) -> bool {
        matches!(self, Self::Symlink | Self::Junction)
    }
}

impl Entry {
    /// From the key of an entry of an index; `None` if it is damaged.
    pub(super) fn of_key(key: &[u8], reference: FileReference) -> Option<Self> {
        let name = FileName::parse(key)?;
        let facts = NameFacts::parse(key)?;
        let tag = Some(facts.reparse_tag).filter(|_| facts.attributes & REPARSE_POINT != 0);
        let [created, modified, record_changed, accessed] = facts.times;
        Some(Self {
            name: Name::from_utf16(name.name),
            short_name: None,
            reference,
            kind: Kind::of(facts.attributes & NAME_OF_DIRECTORY != 0, tag),
            size: facts.size,
            allocated: facts.allocated,
            times: Times {
                created,
                modified,
                record_changed,
                accessed,
            },
            attributes: facts.attributes,
        })
    }

    /// A directory of which no more is known than its record.
    pub(super) fn directory(reference: FileReference) -> Self {
        Self {
            name: Name::default(),
            short_name: None,
            reference,
            kind: Kind::Directory,
            size: 0,
            allocated: 0,
            times: Times::default(),
            attributes: 0,
        }
    }

    /// Whether it is one of the file system's own files, which Windows does not show.
    pub fn is_system(&self) -> bool {
        self.reference.record < FIRST_USER_RECORD && !self.name.is_empty()
    }
}
