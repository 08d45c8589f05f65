//! The metadata of BitLocker, on a volume that is read unlocked.

use super::system_volume_information::SystemFiles;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

/// Begins the names of the files whose clusters have the metadata, so that nothing else is written
/// there: of Windows 7 and later, and of Windows Vista. They are on the encrypted disk; unlocked,
/// they read as zeros.
const PREFIXES: [&str; 2] = ["fve2.{", "fve.{"];

impl<R: ReadAt> Volume<R> {
    /// The files with the metadata of BitLocker; `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): their
    /// directory, or one of them, is damaged.
    pub fn bitlocker_metadata(&self) -> Result<Option<SystemFiles>> {
        SystemFiles::named(self, &|name| {
            PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        })
    }
}
