//! A whole disk, as the source of a map.

use std::fs;
use std::path::{Path, PathBuf};

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Content, Partition, PartitionTable, Probe};

use crate::device;
use crate::error::{Error, Result};
use crate::input::{self, Files};
use crate::report;

/// A disk with a partition table, in one file or several.
pub struct Disk {
    paths: Vec<PathBuf>,
    pub files: Files,
    pub table: PartitionTable,
}

impl Disk {
    /// Opens the disk that is `path`; `None` for anything else.
    pub fn open(path: &Path) -> Result<Option<Self>> {
        let Some((paths, files)) = files_of(path)? else {
            return Ok(None);
        };
        // What cannot be read is reported where it is read as a volume.
        let content = Probe::new(&files).map(|probe| probe.content());
        match content {
            Ok(Content::Disk(table)) => Ok(Some(Self {
                paths,
                files,
                table,
            })),
            _ => Ok(None),
        }
    }

    /// Whether a partition holds an NTFS volume.
    pub fn has_volume(&self, partition: &Partition) -> Result<bool> {
        let files = Files::open(&self.paths)?.part(partition.offset, partition.size);
        let content = Probe::new(&files).map(|probe| probe.content());
        // One that cannot be read may be one, by its backup boot sector.
        Ok(content.map_or(partition.is_ntfs, |content| content == Content::Volume))
    }
}

/// Bytes of the disk `path`, and where its partition with this number is; `None`
/// where the partition is found otherwise: in a pipe, a folder, something compressed.
pub fn find_partition(path: &Path, number: u32) -> Result<Option<(u64, Partition)>> {
    let Some((_, files)) = files_of(path)? else {
        return Ok(None);
    };
    let table = PartitionTable::read(&files);
    let found = table.and_then(|table| table.find(number).cloned());
    Ok(found.map(|partition| (files.size(), partition)))
}

fn files_of(path: &Path) -> Result<Option<(Vec<PathBuf>, Files)>> {
    if path.is_dir() {
        return Ok(None);
    }
    let paths = input::pieces_of(path)?;
    let metadata = fs::metadata(&paths[0]).map_err(|error| Error::io("open", path, error))?;
    if !device::file_kind(&metadata).is_file_or_disk() {
        return Ok(None);
    }
    let files = Files::open(&paths)?;
    Ok(Some((paths, files)))
}

/// Warns that all of a partition counts as used, because of `error`.
pub fn warn_of_unread(path: &Path, partition: &Partition, error: &Error) {
    report::warning(format!(
        "{}, partition {}: all of it counts as used: {}",
        path.display(),
        partition.number,
        report::with_causes(error)
    ));
}
