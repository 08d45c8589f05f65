//! What to say of a source that is no NTFS volume, and is known.

use std::path::Path;

use ntfsclone_core::ntfs::Foreign;

use crate::error::Error;

const OTHER_TOOL: &str = "is it the right partition? For this file system use partclone or dd";

/// The error for another file system; None if it is none that is known.
pub fn refuse_foreign(path: &Path, found: &Foreign) -> Option<Error> {
    let refused = |found: &str, remedy: &str| Some(Error::refused(path, found, remedy));
    match found {
        Foreign::BitLocker => refused(
            "is encrypted by BitLocker",
            "unlock it and name the unlocked device (dislocker, cryptsetup bitlkOpen), or \
             decrypt it in Windows",
        ),
        Foreign::Refs => refused("is a ReFS volume, not NTFS", OTHER_TOOL),
        Foreign::ExFat => refused("is an exFAT volume, not NTFS", OTHER_TOOL),
        Foreign::Fat => refused("is a FAT volume, not NTFS", OTHER_TOOL),
        _ => None,
    }
}
