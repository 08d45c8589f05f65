//! Disks in files.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use ntfs_volume_builder::pattern;
use ntfsclone_core::Result;
use ntfsclone_core::disk::{DiskFormat, Neighbour, Neighbours};
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::{Container, Contents};

use crate::oracle::Folder;

/// Opens the disk in the file of that name, which may need others of the folder.
#[track_caller]
pub(crate) fn open(folder: &Folder, format: DiskFormat, name: &str) -> Contents {
    let beside = Beside {
        folder,
        first: name,
    };
    let source = file_source(&folder.join(name));
    Container::Disk(format).open(&source, &beside).unwrap()
}

/// The files of a folder; all paths are of files in that.
struct Beside<'a> {
    folder: &'a Folder,
    first: &'a str,
}

impl Neighbours for Beside<'_> {
    fn first(&self) -> String {
        self.first.to_owned()
    }

    fn open(&self, _: &str, path: &str) -> Result<Neighbour> {
        let name = path.rsplit('/').next().unwrap_or_default();
        Ok(Neighbour {
            name: name.to_owned(),
            source: file_source(&self.folder.join(name)),
        })
    }

    fn list(&self, _: &str, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// A file that may be large, with holes.
struct LargeFile(fs::File);

fn file_source(path: &Path) -> Source {
    Arc::new(LargeFile(fs::File::open(path).unwrap()))
}

impl ReadAt for LargeFile {
    fn size(&self) -> u64 {
        self.0.metadata().unwrap().len()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.0.read_exact_at(buf, offset).map_err(IoError::new)
    }
}

/// A disk with data that compresses and data that does not, zeros within and at the end, and a
/// size that is no multiple of any block's.
pub(crate) fn disk() -> Vec<u8> {
    let mut disk = vec![0; (5 << 20) + 3 * 512];
    let mut put = |offset: usize, bytes: &[u8]| {
        disk[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &pattern(1, 200_000));
    put((1 << 20) - 5000, &b"text ".repeat(60_000));
    put((2 << 20) + 512, &pattern(2, 512));
    put(3 << 20, &pattern(3, 70_000));
    put((4 << 20) + (1 << 19), &pattern(4, 1 << 18));
    put((5 << 20) + 1024, &pattern(5, 512));
    disk
}
