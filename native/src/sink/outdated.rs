//! Files beside an output that describe what it held before: checksums, and the index
//! of an image.
//!
//! What is beside a file must be of that file, or not be there: `verify` would call the
//! new one damaged. So they lose their names before a new file gets its own, and get
//! them back if that fails.

use std::fs;
use std::path::{Path, PathBuf};

use super::atomic_file::directory_of;
use crate::device;
use crate::error::{Error, Result};
use crate::file_hash::sidecar_path;
use crate::options::Algorithm;
use crate::report;
use crate::source::{Subject, index_file, is_older, subject_of};

/// The files that describe only what the file `path` holds until now: beside it and, if it
/// is a link, beside the file that it names. Warns of those that describe other files as
/// well, which stay.
pub fn beside(path: &Path) -> Vec<PathBuf> {
    let mut found = beside_name(path);
    if path.is_symlink()
        && let Ok(real) = fs::canonicalize(path)
    {
        found.extend(beside_name(&real));
    }
    found
}

fn beside_name(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for sidecar in sidecars(path) {
        match subject_of(&sidecar, path) {
            Some(Subject::File) => found.push(sidecar),
            Some(Subject::FileAndOthers) => report::warning(format!(
                "{}: its checksum of {} is that of the file that was replaced; it stays, because \
                 other lines are in it, and verify will report a difference until that line is \
                 removed",
                sidecar.display(),
                path.display()
            )),
            None => {}
        }
    }
    found.extend(index_file::beside(path));
    found
}

/// Refuses a new file `path` beside which a checksum or index of an earlier one is:
/// nothing is removed unasked.
pub fn refuse(path: &Path) -> Result<()> {
    let is_of_file = |sidecar: &PathBuf| subject_of(sidecar, path).is_some();
    let mut sidecars = sidecars(path).into_iter().filter(is_of_file);
    let (found, what) = match (sidecars.next(), index_file::beside(path)) {
        (Some(sidecar), _) => (sidecar, "the checksum"),
        (None, Some(index)) => (index, "the index"),
        (None, None) => return Ok(()),
    };
    Err(Error::refused(
        &found,
        format!(
            "is {what} of an earlier file {}, and would be wrong for the new one",
            path.display()
        ),
        "remove it, give another name, or use --overwrite, which removes it",
    ))
}

/// Removes what describes the former content of `path`, which is lost already.
pub fn remove(path: &Path) -> Result<()> {
    remove_all(&beside(path))
}

/// Removes what describes the former content of `path`, a file that several runs fill: what
/// was made since the last write is true.
pub fn remove_older(path: &Path) -> Result<()> {
    let is_older = |found: &PathBuf| is_older(found, path);
    if !sidecars(path).iter().any(is_older) && !index_file::beside(path).iter().any(is_older) {
        return Ok(());
    }
    let outdated: Vec<_> = beside(path).into_iter().filter(is_older).collect();
    remove_all(&outdated)
}

fn remove_all(outdated: &[PathBuf]) -> Result<()> {
    for found in outdated {
        let removed = fs::remove_file(found);
        removed.map_err(|error| Error::io("remove", found, error))?;
        let synced = device::sync_directory(directory_of(found));
        synced.map_err(|error| Error::io("remove", found, error))?;
    }
    Ok(())
}

fn sidecars(path: &Path) -> [PathBuf; 2] {
    [Algorithm::B3, Algorithm::Sha256].map(|algorithm| sidecar_path(path, algorithm))
}
