//! A block device that holds something else already.

use super::{loop_device::LoopDevice, scratch_directory};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

/// What every byte of it is: gaps must leave it alone.
pub(crate) const LEFT: u8 = 0xA5;

pub(crate) struct OldDevice {
    /// Detached before its file goes: fields are dropped in this order.
    device: LoopDevice,
    file: PathBuf,
    _folder: TempDir,
}

impl OldDevice {
    pub(crate) fn new(length: usize) -> Self {
        let folder = scratch_directory();
        let file = folder.path().join("device");
        fs::write(&file, vec![LEFT; length]).expect("there is room");
        Self {
            device: LoopDevice::attach(&file),
            file,
            _folder: folder,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.device.path().to_str().expect("an ordinary name")
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        fs::read(&self.file).expect("it is there")
    }
}
