//! Names in /dev that no device has.

use std::path::Path;

use super::atomic_file::directory_of;
use crate::device;
use crate::error::{Error, Result};

/// Refuses to make or replace a file in the folder of devices. The device is not
/// there, or has another name; a file would fill the memory, and take the name.
///
/// # Errors
///
/// [`Error::Refused`].
pub fn refuse_file_in(path: &Path) -> Result<()> {
    if device::is_device_folder(directory_of(path)) {
        return Err(Error::refused(
            path,
            "is no device, and no file is made in the folder of devices",
            "is the disk connected? lsblk lists those that are; a file goes to another folder",
        ));
    }
    Ok(())
}
