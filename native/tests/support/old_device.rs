//! A block device that holds something else already.

use super::{file_system::FileSystem, loop_device::LoopDevice, scratch_directory};
use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// What every byte of it is: gaps must leave it alone.
pub(crate) const LEFT: u8 = 0xA5;

pub(crate) struct OldDevice {
    /// Detached before its file goes: fields are dropped in this order.
    device: LoopDevice,
    file: PathBuf,
    _below: Below,
}

/// Where its file is.
enum Below {
    Folder(#[allow(dead_code, reason = "it goes with it")] TempDir),
    FileSystem(#[allow(dead_code, reason = "it goes with it")] FileSystem),
}

impl OldDevice {
    pub(crate) fn new(length: usize) -> Self {
        let folder = scratch_directory();
        let file = folder.path().join("device");
        Self::in_file(&file, length, Below::Folder(folder))
    }

    /// One that cannot discard anything, as its file cannot have holes.
    pub(crate) fn without_discard(length: usize) -> Self {
        let memory = FileSystem::in_memory();
        let file = memory.path("device");
        Self::in_file(&file, length, Below::FileSystem(memory))
    }

    fn in_file(file: &Path, length: usize, below: Below) -> Self {
        fs::write(file, vec![LEFT; length]).expect("there is room");
        Self {
            device: LoopDevice::attach(file),
            file: file.to_owned(),
            _below: below,
        }
    }

    pub(crate) fn name(&self) -> &str {
        self.device.path().to_str().expect("an ordinary name")
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        fs::read(&self.file).expect("it is there")
    }

    /// Bytes that it takes on the disk.
    pub(crate) fn room(&self) -> u64 {
        let metadata = fs::metadata(&self.file).expect("it is there");
        metadata.blocks() * 512
    }
}
