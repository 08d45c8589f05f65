//! Checksums beside a file, as b3sum and sha256sum write and check them.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::small_file;
use crate::error::{Error, Result};
use crate::input::Files;

/// The most bytes of a file with checksums that are looked at.
const MAX_BYTES: u64 = 1 << 20;

/// A checksum that stands beside a file, and what the file has so far.
pub struct Sidecar {
    path: PathBuf,
    /// In hexadecimal.
    expected: String,
    hasher: Hasher,
}

enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

/// A checksum of all of a file, and what stands beside it.
pub struct Compared {
    /// The sidecar.
    pub path: PathBuf,
    /// The extension of the sidecar.
    pub kind: &'static str,
    /// In hexadecimal, as is `found`.
    pub expected: String,
    pub found: String,
}

impl Sidecar {
    /// Reads those beside `files`, if that is one file.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or has no checksum of the file.
    pub fn beside(files: &Files) -> Result<Vec<Self>> {
        let Some(path) = files.whole_path() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for (extension, hasher) in [
            ("b3", Hasher::Blake3(Box::default())),
            ("sha256", Hasher::Sha256(Sha256::new())),
        ] {
            let mut name = path.as_os_str().to_owned();
            name.push(".");
            name.push(extension);
            let sidecar = PathBuf::from(name);
            match small_file::read_text(&sidecar, MAX_BYTES) {
                Ok(text) => found.push(Self {
                    expected: expected(&text, path, &sidecar)?,
                    path: sidecar,
                    hasher,
                }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(unreadable(&sidecar, &error)),
            }
        }
        Ok(found)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// The checksum of the file, which was taken to its end.
    pub fn finish(self) -> Compared {
        let (kind, found) = match self.hasher {
            Hasher::Blake3(hasher) => ("b3", hasher.finalize().to_hex().to_string()),
            Hasher::Sha256(hasher) => ("sha256", hex(&hasher.finalize())),
        };
        Compared {
            path: self.path,
            kind,
            expected: self.expected,
            found,
        }
    }
}

impl Compared {
    pub fn is_equal(&self) -> bool {
        self.found == self.expected
    }
}

fn unreadable(sidecar: &Path, error: &io::Error) -> Error {
    Error::refused(
        sidecar,
        format!("cannot be read: {error}"),
        "it would tell whether the file beside it is whole; if it is not needed, move it away",
    )
}

/// The checksum of the file at `path` in the lines of `text`: that of its name,
/// or the only one.
fn expected(text: &str, path: &Path, sidecar: &Path) -> Result<String> {
    let name = path
        .file_name()
        .map(OsStr::to_string_lossy)
        .unwrap_or_default();
    let lines: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.trim_start_matches('\\').split_once([' ', '\t']))
        .collect();
    let of_name = |(_, named): &&(&str, &str)| {
        let named = named.trim_start_matches([' ', '*']);
        Path::new(named)
            .file_name()
            .is_some_and(|named| *named == *name)
    };
    let line = lines.iter().find(of_name).or(match &lines[..] {
        [only] => Some(only),
        _ => None,
    });
    let is_sum = |sum: &&str| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit());
    match line.map(|(sum, _)| *sum).filter(is_sum) {
        Some(sum) => Ok(sum.to_ascii_lowercase()),
        None => Err(Error::refused(
            sidecar,
            format!("has no checksum of {name}"),
            "was it made by b3sum or sha256sum? If it belongs to another file, move it away",
        )),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
