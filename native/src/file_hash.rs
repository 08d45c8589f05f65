//! The checksum of a file, and the file beside it that holds it, as b3sum and
//! sha256sum write and check them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::options::Algorithm;

/// The checksum of the bytes so far.
pub enum FileHash {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

impl FileHash {
    pub fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::B3 => Self::Blake3(Box::default()),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
        }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Self::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// In hexadecimal.
    pub fn finish(self) -> String {
        match self {
            Self::Blake3(hasher) => hasher.finalize().to_hex().to_string(),
            Self::Sha256(hasher) => {
                let sum = hasher.finalize();
                sum.iter().map(|byte| format!("{byte:02x}")).collect()
            }
        }
    }
}

/// How the name of a sidecar ends.
pub fn extension(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::B3 => "b3",
        Algorithm::Sha256 => "sha256",
    }
}

/// The path of the checksum of a file.
pub fn sidecar_path(path: &Path, algorithm: Algorithm) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".");
    name.push(extension(algorithm));
    PathBuf::from(name)
}
