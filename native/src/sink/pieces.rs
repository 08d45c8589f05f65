//! A file that is written in pieces: `x.aa`, `x.ab`, ..., as split makes them.
//!
//! All pieces get their names when all are complete and on the disk, the first one
//! last: by its name the others are found. Pieces of an earlier run, which are
//! replaced, are set aside before, and put back if that fails.

use std::fs;
use std::path::{Path, PathBuf};

use super::asides::Asides;
use super::atomic_file::{AtomicFile, Replacing};
use super::checksum::Sidecar;
use super::outdated;
use crate::device;
use crate::error::{Error, Result};
use crate::piece_suffix::Suffix;

/// The pieces before the one that is being written.
pub struct Pieces {
    /// Bytes of each piece but the last.
    pub size: u64,
    /// Of the one that is being written.
    suffix: Suffix,
    complete: Vec<Piece>,
}

/// A piece that is complete, and does not have its name yet.
pub struct Piece {
    pub file: AtomicFile,
    pub sidecar: Option<Sidecar>,
    pub path: PathBuf,
}

impl Pieces {
    pub fn new(size: u64) -> Self {
        Self {
            size,
            suffix: Suffix::first(),
            complete: Vec::new(),
        }
    }

    /// How many there are, with the one that is being written.
    pub fn count(&self) -> usize {
        self.complete.len() + 1
    }

    /// Takes a piece, and returns the name of the next.
    pub fn push(&mut self, piece: Piece) -> Result<PathBuf> {
        let path = piece.path.clone();
        self.complete.push(piece);
        device::allow_open_files(self.complete.len());
        let next = self.suffix.successor();
        let next = next.ok_or_else(|| {
            let remedy = "write larger pieces: --split=SIZE";
            Error::refused(&path, "is the last piece that has a name", remedy)
        })?;
        self.suffix = next;
        Ok(path.with_extension(self.suffix.text()))
    }

    /// Gives all of them their names, and `last`, which must be on the disk as they
    /// are.
    pub fn put(self, last: Piece) -> Result<()> {
        let mut pieces = self.complete;
        pieces.push(last);
        let replaces = pieces
            .iter()
            .any(|piece| piece.file.replacing() == Replacing::Existing);
        let asides = match replaces {
            true => set_aside(&pieces, &self.suffix)?,
            false => Asides::default(),
        };
        if let Err(error) = put_all(&mut pieces) {
            asides.put_back();
            return Err(error);
        }
        asides.remove();
        let synced = match pieces.first() {
            Some(first) => first.file.sync_name().map_err(|error| (first, error)),
            None => Ok(()),
        };
        synced.map_err(|(first, error)| {
            Error::refused(
                &first.path,
                format!("is complete, but its name may not be permanent: {error}"),
                "copy it to another disk: this one fails",
            )
        })
    }
}

impl Piece {
    pub fn metadata(&self) -> Result<fs::Metadata> {
        let metadata = self.file.file().metadata();
        metadata.map_err(|error| Error::io("look at", &self.path, error))
    }
}

impl Pieces {
    /// Makes the bytes of all pieces permanent.
    pub fn sync(&self) -> Result<()> {
        for piece in &self.complete {
            let synced = piece.file.file().sync_all();
            synced.map_err(|error| Error::io("finish", &piece.path, error))?;
        }
        Ok(())
    }
}

/// From the last to the first. If one cannot get its name, the others lose theirs.
fn put_all(pieces: &mut [Piece]) -> Result<()> {
    for index in (0..pieces.len()).rev() {
        let (piece, later) = match pieces.get_mut(index..) {
            Some([piece, later @ ..]) => (piece, later),
            _ => continue,
        };
        let put = piece.file.put().and_then(|()| match &mut piece.sidecar {
            Some(sidecar) => sidecar
                .put_name()
                .inspect_err(|_| take_back(&mut piece.file)),
            None => Ok(()),
        });
        let Err(error) = put else {
            continue;
        };
        for piece in later {
            take_back(&mut piece.file);
            if let Some(sidecar) = &mut piece.sidecar {
                sidecar.take_back();
            }
        }
        let path = piece.path.clone();
        // Hours of work are not thrown away for a name.
        pieces.iter_mut().for_each(|piece| piece.file.keep());
        let kept: Vec<String> = pieces
            .iter()
            .map(|piece| piece.file.part().display().to_string())
            .collect();
        return Err(Error::refused(
            &path,
            format!("cannot be given its name: {error}"),
            format!("the complete pieces are kept as {}", kept.join(", ")),
        ));
    }
    Ok(())
}

fn take_back(file: &mut AtomicFile) {
    // Complete under its name, it does no harm.
    let _ = file.take_back();
}

/// Takes the names from the pieces of an earlier run, and from their checksums: also
/// from those that follow the new ones, which would be read as more of them.
fn set_aside(pieces: &[Piece], last: &Suffix) -> Result<Asides> {
    let mut asides = Asides::default();
    let Some(piece) = pieces.last() else {
        return Ok(asides);
    };
    let later = std::iter::successors(last.successor(), Suffix::successor);
    let later = later.map(|suffix| piece.path.with_extension(suffix.text()));
    let later = later.take_while(|path| is_regular(path));
    let sidecars = pieces.iter().filter_map(|piece| piece.sidecar.as_ref());
    let mut names: Vec<PathBuf> = sidecars.map(|sidecar| sidecar.path().to_owned()).collect();
    for path in pieces.iter().map(|piece| piece.path.clone()).chain(later) {
        names.extend(outdated::beside(&path));
        names.push(path);
    }
    for name in names.into_iter().filter(|name| is_regular(name)) {
        if let Err(error) = asides.add(name.clone(), &piece.path) {
            asides.put_back();
            return Err(Error::io("replace", &name, error));
        }
    }
    Ok(asides)
}

fn is_regular(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_file())
}
