//! Shadow copies: earlier states of a volume, which Windows keeps in files on it ("previous
//! versions", restore points).

use super::system_volume_information::SystemFiles;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

/// Ends the names of their files; by itself, it is the name of the catalogue.
const IDENTIFIER: &str = "{3808876b-c176-4e48-b7ae-04046e6cc752}";

/// Where the header is that leads to the catalogue, in bytes from the start of the volume, and
/// what it begins with: the same identifier.
pub(crate) const HEADER_OFFSET: u64 = 0x1E00;
pub(crate) const HEADER_MAGIC: &[u8; 16] =
    b"\x6b\x87\x08\x38\x76\xc1\x48\x4e\xb7\xae\x04\x04\x6e\x6c\xc7\x52";
/// Where in the header the position of the catalogue is, on the volume; 0 if there is none.
pub(crate) const CATALOGUE_OFFSET: u64 = 0x30;

impl<R: ReadAt> Volume<R> {
    /// The shadow copies of the volume: each has its differences in one file. `None` if it has
    /// none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): their
    /// directory, or one of their files, is damaged.
    pub fn shadow_copies(&self) -> Result<Option<SystemFiles>> {
        SystemFiles::named(self, &|name| {
            name.ends_with(IDENTIFIER) && name.len() > IDENTIFIER.len()
        })
    }
}
