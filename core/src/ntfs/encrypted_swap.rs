//! Files to which Windows swaps memory, encrypted with a key that it forgets when it shuts down.

use super::attribute::{AttributeType, ENCRYPTED};
use super::file_record::FileRecord;
use super::index;
use super::mft::RECORD_ROOT;
use super::value::join;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

/// The files in the root directory to which Windows swaps memory.
const SWAP_FILES: [&str; 2] = ["pagefile.sys", "swapfile.sys"];

impl<R: ReadAt> Volume<R> {
    /// Bytes of the swap files that are encrypted (EFS); 0 if none is.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): the root
    /// directory or a swap file cannot be read.
    pub fn encrypted_swap(&self) -> Result<u64> {
        let mut bytes = 0_u64;
        for name in SWAP_FILES {
            let Some(reference) = index::find_in_directory(self, RECORD_ROOT, name)? else {
                continue;
            };
            let file = FileRecord::salvage(self, reference.record)?;
            let data = file.attributes()?.into_iter();
            let data = data.filter(|attribute| attribute.is_unnamed(AttributeType::DATA));
            let is_encrypted = data.clone().any(|piece| piece.flags & ENCRYPTED != 0);
            if let Some(value) = join(data)?.filter(|_| is_encrypted) {
                bytes = bytes.saturating_add(value.size());
            }
        }
        Ok(bytes)
    }
}
