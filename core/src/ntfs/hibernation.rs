//! Whether Windows is hibernated on a volume.

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::index;
use super::mft::RECORD_ROOT;
use super::value::Value;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;
use crate::units::len_u64;

/// The file in the root directory to which Windows hibernates.
const HIBERNATION_FILE: &str = "hiberfil.sys";

/// What the file begins with while Windows is hibernated, in either case.
pub(crate) const HIBERNATED: &[u8; 4] = b"hibr";

impl<R: ReadAt> Volume<R> {
    /// Whether Windows is hibernated on this volume (also by its "fast
    /// startup"): what it keeps in memory is then not on the volume.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io); [`Error::Corrupt`](crate::Error::Corrupt): the root
    /// directory or the hibernation file cannot be read.
    pub fn is_hibernated(&self) -> Result<bool> {
        Ok(self.hibernated_memory()?.is_some())
    }

    /// What Windows keeps of its memory; it begins with [`HIBERNATED`]. `None` if it is not
    /// hibernated.
    ///
    /// # Errors
    ///
    /// Those of [`Volume::is_hibernated`].
    pub(crate) fn hibernated_memory(&self) -> Result<Option<Value>> {
        let Some(reference) = index::find_in_directory(self, RECORD_ROOT, HIBERNATION_FILE)? else {
            return Ok(None);
        };
        let file = FileRecord::salvage(self, reference.record)?;
        let Some(data) = file.value(AttributeType::DATA, &[])? else {
            return Ok(None);
        };
        let mut magic = [0; HIBERNATED.len()];
        if data.size() < len_u64(magic.len()) {
            return Ok(None);
        }
        data.read_exact_at(self.source(), self.geometry(), 0, &mut magic)?;
        // "wake" means that Windows has resumed; zeros, that it shut down.
        Ok(magic.eq_ignore_ascii_case(HIBERNATED).then_some(data))
    }
}
