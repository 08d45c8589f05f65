//! Programs that write disks, and the files that they write.

use core::sync::atomic::{AtomicU32, Ordering};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use ntfs_volume_builder::pattern;
use ntfsclone_core::Result;
use ntfsclone_core::disk::{DiskFormat, Neighbour, Neighbours};
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::{Container, Contents};

/// A folder of its own, removed at the end.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ntfsclone-disk-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Opens the disk in the file of that name, which may need others.
    #[track_caller]
    pub(crate) fn open(&self, format: DiskFormat, name: &str) -> Contents {
        let beside = Beside {
            folder: &self.0,
            first: name,
        };
        let source = file_source(&self.join(name));
        Container::Disk(format).open(&source, &beside).unwrap()
    }
}

/// The files of a folder; all paths are of files in that.
struct Beside<'a> {
    folder: &'a Path,
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

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `None`, with a line on standard error, where it is not installed.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let found = ["/usr/local/bin", "/usr/bin"]
        .map(|folder| Path::new(folder).join(name))
        .into_iter()
        .find(|path| path.exists());
    if found.is_none() {
        let needs_all = std::env::var_os("NTFSCLONE_TESTS_REQUIRE_ALL");
        assert!(
            needs_all.is_none_or(|value| value != "1"),
            "{name} is not installed"
        );
        eprintln!("skipped: {name} is not installed");
    }
    found
}

/// Runs a program with arguments that are separated by spaces. The last ones are files.
#[track_caller]
pub(crate) fn run(program: &Path, arguments: &str, files: &[&Path]) {
    let mut command = Command::new(program);
    let output = command
        .args(arguments.split(' ').filter(|argument| !argument.is_empty()))
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
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
