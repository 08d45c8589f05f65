//! What is read in spite of bad sectors.

use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::io::ReadAt;

use super::Files;
use crate::error::{Error, Result};
use crate::options::Rescue;
use crate::rescue::{DamagedSource, Medium};

/// Opens them as that. One whole file or device is read past the kernel's
/// cache.
pub(super) fn rescue_files(
    name: &Path,
    files: &Arc<Files>,
    rescue: &Rescue,
) -> Result<Arc<DamagedSource>> {
    let medium = match files.whole_path() {
        Some(path) => Medium::open(path, files.size()),
        None => Ok(Medium::of_files(Arc::clone(files))),
    };
    let medium = medium.map_err(|error| Error::io("open", name, error))?;
    Ok(Arc::new(DamagedSource::new(medium, rescue.retries, None)))
}

/// The path of what can be read in spite of bad sectors: a whole file or
/// device.
pub fn path_to_rescue<'a>(name: &Path, files: &'a Files) -> Result<&'a Path> {
    let refused = |found, remedy: String| Err(Error::refused(name, found, remedy));
    match files.whole_path() {
        Some(path) => Ok(path),
        None if files.count() > 1 => refused(
            "is in pieces, which --rescue does not go with",
            "copy them to one file with ddrescue first".to_owned(),
        ),
        None if files.is_block_device() => refused(
            "has no device for its partition, which --rescue needs",
            format!("let the kernel look for it: partprobe {}", name.display()),
        ),
        None => refused(
            "has no device for its partition, which --rescue needs",
            format!(
                "make one: losetup --find --show --partscan {}",
                name.display()
            ),
        ),
    }
}
