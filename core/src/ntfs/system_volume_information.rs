//! `System Volume Information`: the directory in which Windows keeps what belongs to a volume.

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::index;
use super::mft::RECORD_ROOT;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

const DIRECTORY: &str = "System Volume Information";

/// Some files of the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemFiles {
    /// How many.
    pub files: u64,
    /// Bytes of their content.
    pub bytes: u64,
}

impl SystemFiles {
    /// The files whose name `is_wanted`, in lower case. `None` if there are none.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): the directory,
    /// or one of the files, is damaged.
    pub(super) fn named<R: ReadAt>(
        volume: &Volume<R>,
        is_wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Option<Self>> {
        let Some(directory) = index::find_in_directory(volume, RECORD_ROOT, DIRECTORY)? else {
            return Ok(None);
        };
        let is_wanted = |name: &str| is_wanted(&name.to_ascii_lowercase());
        let mut found = Self { files: 0, bytes: 0 };
        for file in index::named_files_in_directory(volume, directory.record, &is_wanted)? {
            let record = FileRecord::salvage(volume, file.record)?;
            let data = record.value(AttributeType::DATA, &[])?;
            found.files = found.files.saturating_add(1);
            let size = data.map_or(0, |data| data.size());
            found.bytes = found.bytes.saturating_add(size);
        }
        Ok((found.files > 0).then_some(found))
    }
}
