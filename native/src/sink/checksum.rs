//! A checksum beside a file, made of its bytes as they are written.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::asides::Asides;
use super::atomic_file::{AtomicFile, Replacing};
use super::place::Place;
use crate::device::{self, Mode};
use crate::error::{Error, Result};
use crate::file_hash::{FileHash, sidecar_path};
use crate::options::{Algorithm, Existing, Output};

/// Zeros to take holes for.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// Checks that a checksum can be had of what is written to `output`, which is
/// a `place`, without changing anything.
pub fn check(
    algorithm: Option<Algorithm>,
    output: &Output,
    place: Place,
    sources: &[fs::Metadata],
) -> Result<()> {
    let (Some(algorithm), Output::File { path, existing }) = (algorithm, output) else {
        return Ok(());
    };
    if !place.is_file() {
        return Err(Error::Usage {
            message: "--checksum goes with a file: a device or pipe has no name that the checksum \
                      could stand beside"
                .to_owned(),
        });
    }
    let sidecar = sidecar_path(path, algorithm);
    let beside = Output::File {
        path: sidecar.clone(),
        existing: *existing,
    };
    Place::of(&beside, sources)?;
    // A link is not followed, unlike the one that names the output.
    let found = fs::symlink_metadata(&sidecar);
    if found.is_ok_and(|found| !found.is_file()) {
        return Err(Error::refused(
            &sidecar,
            "is not a regular file, and the checksum would take its place",
            "remove it, or leave out --checksum",
        ));
    }
    // In a directory of its own if the output is named by a link.
    AtomicFile::try_create(&sidecar, replacing(*existing))
        .map_err(|error| Error::io("create a file beside", &sidecar, error))
}

/// What becomes of an older checksum.
fn replacing(existing: Existing) -> Replacing {
    match existing {
        Existing::Refuse => Replacing::Never,
        Existing::Replace | Existing::Overwrite | Existing::Continue => Replacing::Existing,
    }
}

/// A checksum on its way.
pub struct Checksum {
    hash: FileHash,
    /// Bytes of the file that it has taken.
    taken: u64,
    /// The file that is checked.
    path: PathBuf,
    algorithm: Algorithm,
}

/// A checksum in its file, which does not have its name yet.
pub struct Sidecar {
    file: AtomicFile,
    path: PathBuf,
}

impl Checksum {
    /// Of a file without any bytes, which is to have the name `path`.
    pub fn new(algorithm: Algorithm, path: &Path) -> Self {
        Self {
            hash: FileHash::new(algorithm),
            taken: 0,
            path: path.to_owned(),
            algorithm,
        }
    }

    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Takes the bytes at `offset`; what was left out before are zeros.
    pub fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        if offset < self.taken {
            return Err(Error::refused(
                &self.path,
                "gets no checksum: it is not written from its start to its end, since the image \
                 jumps back, as those of metadata do",
                "leave out --checksum, and run b3sum or sha256sum afterwards",
            ));
        }
        self.take_zeros(offset);
        self.hash.update(bytes);
        self.taken += bytes.len() as u64;
        Ok(())
    }

    /// Writes the checksum of the file, which has `len` bytes and that `mode`.
    pub fn finish(mut self, len: u64, replacing: Replacing, mode: Mode) -> Result<Sidecar> {
        self.take_zeros(len);
        let name = self.path.file_name().unwrap_or_default();
        let path = sidecar_path(&self.path, self.algorithm);
        let line = line(&self.hash.finish(), name, self.algorithm);
        let written = AtomicFile::create(&path, replacing, mode).and_then(|file| {
            file.file().write_all(&line)?;
            file.file().sync_all()?;
            Ok(file)
        });
        match written {
            Ok(file) => Ok(Sidecar { file, path }),
            Err(error) => Err(Error::io("write", &path, error)),
        }
    }

    fn take_zeros(&mut self, end: u64) {
        while self.taken < end {
            let len = (end - self.taken).min(ZEROS.len() as u64);
            self.hash.update(&ZEROS[..len as usize]);
            self.taken += len;
        }
    }
}

impl Sidecar {
    /// Gives the checksum of a complete file its name.
    pub fn put(mut self) -> Result<()> {
        let put = self.file.put().and_then(|()| self.file.sync_name());
        put.map_err(|error| self.not_put(&error))
    }

    /// Gives the checksum its name.
    pub fn put_name(&mut self) -> io::Result<()> {
        self.file.put()
    }

    /// Takes its name from it again, as far as that can be done.
    pub fn take_back(&mut self) {
        if self.file.take_back().is_ok() {
            let _ = fs::remove_file(self.file.part());
        }
    }

    /// The name that it gets.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives `file` its name by `put`, and then the checksum: both, or neither. What
    /// described an older file is in `older`: it must never be beside another one.
    pub fn put_with(
        mut self,
        file: &mut AtomicFile,
        older: Asides,
        put: impl FnOnce(&mut AtomicFile) -> Result<()>,
    ) -> Result<()> {
        if let Err(error) = put(file) {
            older.put_back();
            return Err(error);
        }
        if let Err(error) = self.file.put() {
            let is_new = file.replacing() == Replacing::Never;
            if is_new && file.take_back().is_ok() {
                return Err(Error::refused(
                    &self.path,
                    format!("cannot be written: {error}"),
                    format!("the complete file is kept as {}", file.part().display()),
                ));
            }
            older.remove();
            return Err(self.not_put(&error));
        }
        older.remove();
        self.file.sync_name().map_err(|error| self.not_put(&error))
    }

    fn not_put(&self, error: &io::Error) -> Error {
        Error::refused(
            &self.path,
            format!("cannot be written: {error}"),
            "the file itself is complete; run b3sum or sha256sum on it",
        )
    }
}

/// As b3sum and sha256sum print it: a name with a line's end or a backslash is
/// escaped, and the line then begins with a backslash.
fn line(sum: &str, name: &OsStr, algorithm: Algorithm) -> Vec<u8> {
    let mut escaped = Vec::new();
    for &byte in device::name_bytes(name) {
        match (byte, algorithm) {
            (b'\\', _) => escaped.extend(b"\\\\"),
            (b'\n', _) => escaped.extend(b"\\n"),
            // b3sum knows no other escapes.
            (b'\r', Algorithm::Sha256) => escaped.extend(b"\\r"),
            _ => escaped.push(byte),
        }
    }
    let mut line = Vec::new();
    if escaped.len() != name.len() {
        line.push(b'\\');
    }
    line.extend(sum.bytes());
    line.extend(b"  ");
    line.extend(escaped);
    line.push(b'\n');
    line
}
