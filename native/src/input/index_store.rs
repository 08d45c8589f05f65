//! Where indexes of compressed files are: beside the file, in a file that was named, or in the user's cache
//! folder. What cannot be kept is made again.

use std::env;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ntfsclone_core::stream::seek::SeekIndex;

use super::Files;
use crate::device::{self, Mode};
use crate::error::{Error, Result};
use crate::options::IndexPlace;
use crate::report;
use crate::sink::{AtomicFile, Replacing};
use crate::source::{index_file, is_older};

/// Bytes of all indexes in the cache folder; those that were not used for longest are removed for a new one.
const MOST_BYTES: u64 = 4 << 30;

const SUFFIX: &str = "seekindex";

/// The places of the index of one compressed file.
pub(super) struct IndexStore<'a> {
    files: &'a Files,
    /// Where it was requested to be.
    requested: Option<PathBuf>,
    beside: Option<PathBuf>,
    cached: Option<PathBuf>,
}

impl<'a> IndexStore<'a> {
    /// The places of the index of `files`, which have this identity. It is requested to be at `place`.
    ///
    /// # Errors
    ///
    /// The file that is named is anything else; it would be replaced.
    pub(super) fn new(files: &'a Files, identity: &[u8; 32], place: &IndexPlace) -> Result<Self> {
        let beside = path_beside(files);
        let requested = match place {
            IndexPlace::Cache => None,
            IndexPlace::Beside if beside.is_none() => {
                report::warning(
                    "--index: nothing is kept beside a file in pieces, since programs that join \
                     these could take it for one; the index is kept in the cache folder, or with \
                     --index=FILE in FILE",
                );
                None
            }
            IndexPlace::Beside => beside.clone(),
            IndexPlace::File(path) => Some(path.clone()),
        };
        if let Some(path) = requested.as_ref().filter(|path| is_of_another_kind(path)) {
            return Err(Error::refused(
                path,
                "is not an index of a compressed file, and the index would take its place",
                "move it away, or name another file: --index=FILE",
            ));
        }
        Ok(Self {
            requested,
            beside,
            cached: cached_path(files, identity),
            files,
        })
    }

    /// The first index of these places that is as new as the file and that `accept` takes.
    pub(super) fn find<T>(&self, accept: impl Fn(SeekIndex) -> Option<T>) -> Option<T> {
        if let Some(path) = &self.requested
            && let Some(found) = self.read(path, &accept)
        {
            return Some(found);
        }
        let beside = self.beside.as_ref();
        let beside = beside.filter(|path| self.requested.as_ref() != Some(path));
        let others = [beside, self.cached.as_ref()].into_iter().flatten();
        for path in others {
            let Some(found) = self.read(path, &accept) else {
                continue;
            };
            if let Some(requested) = &self.requested {
                let copied =
                    File::open(path).and_then(|mut file| write(requested, self.mode(), &mut file));
                if let Err(error) = copied {
                    warn_of_place(requested, &error);
                }
            }
            return Some(found);
        }
        None
    }

    /// Keeps `index`, the file of an index: where it was requested to be, else in the cache folder.
    pub(super) fn keep(&self, index: &[u8]) {
        if let Some(path) = &self.requested {
            match write(path, self.mode(), &mut &*index) {
                Ok(()) => return,
                Err(error) => warn_of_place(path, &error),
            }
        }
        let size = index.len() as u64;
        let Some(path) = self.cached.as_ref().filter(|_| size <= MOST_BYTES) else {
            return;
        };
        let Some(folder) = path.parent() else { return };
        if fs::create_dir_all(folder).is_err() {
            return;
        }
        make_space(folder, MOST_BYTES - size);
        // What cannot be kept is made again.
        let _ = write(path, Mode::OWNER, &mut &*index);
    }

    fn read<T>(&self, path: &Path, accept: impl Fn(SeekIndex) -> Option<T>) -> Option<T> {
        let file = Files::open_regular(path).ok()?;
        let is_cached = self.cached.as_deref() == Some(path);
        // The name of one in the cache folder has the times of the files.
        let paths = self.files.whole_paths().unwrap_or_default();
        let is_outdated = !is_cached && paths.iter().any(|(one, _)| is_older(path, one));
        let index = SeekIndex::open(Arc::new(file)).ok();
        let accepted = index.filter(|_| !is_outdated).and_then(accept);
        if !is_cached {
            // Another kind of file may be beside it.
            if accepted.is_none() && begins_as_index(path) {
                report::warning(format_args!(
                    "{} is not the index of the file as it is now; it is not used",
                    path.display()
                ));
            }
            return accepted;
        }
        if accepted.is_none() {
            // Damaged, or of another version.
            let _ = fs::remove_file(path);
        } else if let Ok(file) = File::options().append(true).open(path) {
            // For the order in which they are removed.
            let _ = file.set_modified(SystemTime::now());
        }
        accepted
    }

    /// Who may read the file may read its index.
    fn mode(&self) -> Mode {
        let metadata = self.files.metadata();
        metadata.first().map_or(Mode::OWNER, Mode::of)
    }
}

/// Whether the file `path` begins as an index of a compressed file.
pub fn begins_as_index(path: &Path) -> bool {
    let mut start = [0; 8];
    let file = device::open_regular(path);
    let read = file.and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && SeekIndex::begins(&start)
}

/// Whether something else than an index has this name.
fn is_of_another_kind(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok() && !begins_as_index(path)
}

/// `FILE.index`; `None` of a file in pieces, standard input and a part of a file.
fn path_beside(files: &Files) -> Option<PathBuf> {
    let path = files.whole_path()?;
    let is_alone = files.next_piece().is_none();
    is_alone.then(|| index_file::path_beside(path))
}

fn write(path: &Path, mode: Mode, index: &mut dyn Read) -> io::Result<()> {
    let file = AtomicFile::create(path, Replacing::Existing, mode)?;
    io::copy(index, &mut file.file())?;
    file.file().flush()?;
    file.finish()
}

fn warn_of_place(path: &Path, error: &io::Error) {
    report::warning(format_args!(
        "the index cannot be written to {}: {error}; it is kept in the cache folder",
        path.display()
    ));
}

/// Removes the oldest indexes, until the others have at most `limit` bytes.
fn make_space(folder: &Path, limit: u64) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut kept: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|found| found == SUFFIX)
        })
        .filter_map(|entry| {
            let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
            let used = metadata.modified().ok()?;
            Some((used, metadata.len(), entry.path()))
        })
        .collect();
    kept.sort();
    let mut bytes: u64 = kept.iter().map(|(_, len, _)| len).sum();
    for (_, len, path) in kept {
        if bytes <= limit {
            return;
        }
        if fs::remove_file(path).is_ok() {
            bytes -= len;
        }
    }
}

/// Where the index of `files` is in the cache folder: another place for each path, size and time of change,
/// and for other bytes at the start or end. `None` of standard input and parts of files.
fn cached_path(files: &Files, identity: &[u8; 32]) -> Option<PathBuf> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(identity);
    for ((path, size), metadata) in files.whole_paths()?.into_iter().zip(files.metadata()) {
        let path = fs::canonicalize(path).ok()?;
        let path = path.as_os_str().as_encoded_bytes();
        let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
        hasher.update(&(path.len() as u64).to_le_bytes());
        hasher.update(path);
        hasher.update(&size.to_le_bytes());
        hasher.update(&modified.as_nanos().to_le_bytes());
    }
    let name = format!("{}.{SUFFIX}", hasher.finalize().to_hex());
    Some(cache_folder()?.join("ntfsclone").join(name))
}

/// The folder for caches of the user (XDG base directory specification).
fn cache_folder() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).map(PathBuf::from);
    folder("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| Some(folder("HOME")?.join(".cache")))
        .filter(|path| path.is_absolute())
}
