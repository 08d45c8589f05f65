//! A checksum beside a file, made of its bytes as they are written.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::place::Place;
use super::target::directory_of;
use crate::error::{Error, Result};
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
    if !matches!(place, Place::NewFile | Place::ExistingFile) {
        return Err(Error::Usage {
            message: "--checksum goes with a file: a device or pipe has no name that the checksum \
                      could stand beside"
                .to_owned(),
        });
    }
    let beside = Output::File {
        path: sidecar_path(path, algorithm),
        existing: *existing,
    };
    match Place::of(&beside, sources)? {
        Place::NewFile | Place::ExistingFile => Ok(()),
        _ => Err(Error::refused(
            &beside.name(),
            "is no file, and the checksum would go there",
            "remove it, or leave out --checksum",
        )),
    }
}

/// A checksum on its way.
pub struct Checksum {
    hasher: Hasher,
    /// Bytes of the file that it has taken.
    taken: u64,
    /// The file that is checked.
    path: PathBuf,
    algorithm: Algorithm,
}

/// A checksum, complete.
pub struct Sidecar {
    path: PathBuf,
    line: Vec<u8>,
}

enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl Checksum {
    /// Of a file without any bytes, which is to have the name `path`.
    pub fn new(algorithm: Algorithm, path: &Path) -> Self {
        let hasher = match algorithm {
            Algorithm::B3 => Hasher::Blake3(Box::new(blake3::Hasher::new())),
            Algorithm::Sha256 => Hasher::Sha256(Sha256::new()),
        };
        Self {
            hasher,
            taken: 0,
            path: path.to_owned(),
            algorithm,
        }
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
        self.hasher.update(bytes);
        self.taken += bytes.len() as u64;
        Ok(())
    }

    /// The checksum of the file, which has `len` bytes.
    pub fn finish(mut self, len: u64) -> Sidecar {
        self.take_zeros(len);
        let name = self.path.file_name().unwrap_or_default();
        Sidecar {
            line: line(&self.hasher.finish(), name, self.algorithm),
            path: sidecar_path(&self.path, self.algorithm),
        }
    }

    fn take_zeros(&mut self, end: u64) {
        while self.taken < end {
            let len = (end - self.taken).min(ZEROS.len() as u64);
            self.hasher.update(&ZEROS[..len as usize]);
            self.taken += len;
        }
    }
}

impl Hasher {
    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> [u8; 32] {
        match self {
            Self::Blake3(hasher) => hasher.finalize().into(),
            Self::Sha256(hasher) => hasher.finalize().into(),
        }
    }
}

impl Sidecar {
    /// Takes away one of a file that is replaced: it must never stand beside
    /// another. Then calls `put`, which gives the file its name, and writes
    /// this one.
    pub fn put_beside(self, existing: Existing, put: impl FnOnce() -> Result<()>) -> Result<()> {
        // Before, so that it is there as soon as the file.
        let part = self.write();
        if existing != Existing::Refuse {
            match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::io("replace", &self.path, error));
                }
                _ => {}
            }
        }
        put()?;
        let persisted = part.and_then(|part| match existing {
            Existing::Refuse => part.persist_noclobber(&self.path).map_err(|e| e.error),
            _ => part.persist(&self.path).map_err(|e| e.error),
        });
        match persisted {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::refused(
                &self.path,
                format!("cannot be written: {error}"),
                "the file itself is complete; run b3sum or sha256sum on it",
            )),
        }
    }

    fn write(&self) -> io::Result<NamedTempFile> {
        let mut part = tempfile::Builder::new()
            .prefix(".checksum.")
            .suffix(".part")
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
            .tempfile_in(directory_of(&self.path))?;
        part.write_all(&self.line)?;
        part.as_file().sync_all()?;
        Ok(part)
    }
}

/// The path of the checksum of a file.
pub fn sidecar_path(path: &Path, algorithm: Algorithm) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(match algorithm {
        Algorithm::B3 => ".b3",
        Algorithm::Sha256 => ".sha256",
    });
    PathBuf::from(name)
}

/// As b3sum and sha256sum print it: a name with a line's end or a backslash is
/// escaped, and the line then begins with a backslash.
fn line(sum: &[u8; 32], name: &OsStr, algorithm: Algorithm) -> Vec<u8> {
    let mut escaped = Vec::new();
    for &byte in name.as_bytes() {
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
    for byte in sum {
        line.extend(format!("{byte:02x}").bytes());
    }
    line.extend(b"  ");
    line.extend(escaped);
    line.push(b'\n');
    line
}
