//! Indexes of compressed files, kept in the user's cache folder. What cannot be kept is made again.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use ntfsclone_core::stream::seek::SeekIndex;

use super::Files;
use crate::device::Mode;
use crate::sink::{AtomicFile, Replacing};

/// Bytes of all indexes; those that were not used for longest are removed for a new one.
const MOST_BYTES: u64 = 4 << 30;

const SUFFIX: &str = "seekindex";

/// The index of `files`, if it was kept and they did not change since.
pub(super) fn find(files: &Files, identity: &[u8; 32]) -> Option<SeekIndex> {
    let path = path_of(files, identity)?;
    let file = Files::open_regular(&path).ok()?;
    let index = SeekIndex::open(Arc::new(file));
    if index.is_err() {
        // Damaged, or of another version.
        let _ = fs::remove_file(&path);
    }
    // For the order in which they are removed.
    if let Ok(file) = fs::File::options().append(true).open(&path) {
        let _ = file.set_modified(SystemTime::now());
    }
    index.ok()
}

/// Keeps `index`, the file of an index, if that can be done.
pub(super) fn keep(files: &Files, identity: &[u8; 32], index: &[u8]) {
    let size = index.len() as u64;
    let Some(path) = path_of(files, identity).filter(|_| size <= MOST_BYTES) else {
        return;
    };
    let Some(folder) = path.parent() else { return };
    if fs::create_dir_all(folder).is_err() {
        return;
    }
    make_space(folder, MOST_BYTES - size);
    let Ok(file) = AtomicFile::create(&path, Replacing::Existing, Mode::OWNER) else {
        return;
    };
    if file.file().write_all(index).is_ok() {
        let _ = file.finish();
    }
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

/// Where the index of `files` is: another place for each path, size and time of change, and for other
/// bytes at the start or end. `None` of standard input and parts of files.
fn path_of(files: &Files, identity: &[u8; 32]) -> Option<PathBuf> {
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
