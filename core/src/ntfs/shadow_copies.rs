//! Shadow copies: earlier states of a volume, which Windows keeps in files on it ("previous
//! versions", restore points).

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::index;
use super::mft::RECORD_ROOT;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

/// The directory that has them.
const DIRECTORY: &str = "System Volume Information";

/// Ends the names of their files; by itself, it is the name of the catalogue.
const IDENTIFIER: &str = "{3808876b-c176-4e48-b7ae-04046e6cc752}";

/// Where the header is that leads to the catalogue, in bytes from the start of the volume, and
/// what it begins with: the same identifier.
pub(crate) const HEADER_OFFSET: u64 = 0x1E00;
pub(crate) const HEADER_MAGIC: &[u8; 16] =
    b"\x6b\x87\x08\x38\x76\xc1\x48\x4e\xb7\xae\x04\x04\x6e\x6c\xc7\x52";
/// Where in the header the position of the catalogue is, on the volume; 0 if there is none.
pub(crate) const CATALOGUE_OFFSET: u64 = 0x30;

/// The shadow copies of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShadowCopies {
    /// How many files they are in. Each has the differences of one shadow copy.
    pub files: u64,
    /// Bytes of these files.
    pub bytes: u64,
}

impl<R: ReadAt> Volume<R> {
    /// The shadow copies of the volume; `None` if it has none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): their
    /// directory, or one of their files, is damaged.
    pub fn shadow_copies(&self) -> Result<Option<ShadowCopies>> {
        let Some(directory) = index::find_in_directory(self, RECORD_ROOT, DIRECTORY)? else {
            return Ok(None);
        };
        let is_wanted = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.ends_with(IDENTIFIER) && name.len() > IDENTIFIER.len()
        };
        let mut copies = ShadowCopies { files: 0, bytes: 0 };
        for file in index::named_files_in_directory(self, directory.record, &is_wanted)? {
            let record = FileRecord::salvage(self, file.record)?;
            let data = record.value(AttributeType::DATA, &[])?;
            copies.files = copies.files.saturating_add(1);
            let size = data.map_or(0, |data| data.size());
            copies.bytes = copies.bytes.saturating_add(size);
        }
        Ok((copies.files > 0).then_some(copies))
    }
}
