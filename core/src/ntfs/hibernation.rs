//! Whether Windows is hibernated on a volume.

use super::attribute::AttributeType;
use super::file_record::FileRecord;
use super::index;
use super::mft::RECORD_ROOT;
use super::volume::Volume;
use crate::error::Result;
use crate::io::ReadAt;

/// The file in the root directory to which Windows hibernates.
const HIBERNATION_FILE: &str = "hiberfil.sys";

impl<R: ReadAt> Volume<R> {
    /// Whether Windows is hibernated on this volume (also by its "fast
    /// startup"): what it keeps in memory is then not on the volume.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Corrupt`]: the root directory or the
    /// hibernation file cannot be read.
    pub fn is_hibernated(&self) -> Result<bool> {
        let Some(reference) = index::find_in_directory(self, RECORD_ROOT, HIBERNATION_FILE)? else {
            return Ok(false);
        };
        let file = FileRecord::salvage(self, reference.record)?;
        let Some(data) = file.value(AttributeType::DATA, &[])? else {
            return Ok(false);
        };
        let mut magic = [0; 4];
        if data.size() < 4 {
            return Ok(false);
        }
        data.read_exact_at(self.source(), self.geometry(), 0, &mut magic)?;
        // "wake" means that Windows has resumed; zeros, that it shut down.
        Ok(magic.eq_ignore_ascii_case(b"hibr"))
    }
}
