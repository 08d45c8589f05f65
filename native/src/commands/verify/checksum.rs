//! Checksums beside a file, as b3sum and sha256sum write and check them.

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ntfsclone_core::validate::{Code, Finding, LostFrames};
use sha2::{Digest, Sha256};

use super::{Checked, unreadable, whole};
use crate::error::{Error, Result};
use crate::options::{self, VerifyTask};
use crate::source::input::{Bytes, Recognised};
use crate::source::small_file;

/// The most bytes of a file with checksums that are looked at.
const MAX_BYTES: u64 = 1 << 20;

/// A checksum that stands beside a file, and what the file has so far.
pub(super) struct Sidecar {
    path: PathBuf,
    /// In hexadecimal.
    expected: String,
    hasher: Hasher,
}

enum Hasher {
    Blake3(Box<blake3::Hasher>),
    Sha256(Sha256),
}

/// The checksums beside the file that is read, if it is one file.
pub(super) fn beside(input: &Recognised) -> Result<Vec<Sidecar>> {
    let files = input.files.as_ref();
    let Some(path) = files.and_then(|files| files.whole_path()) else {
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
            Ok(text) => found.push(Sidecar {
                expected: expected(&text, path, &sidecar)?,
                path: sidecar,
                hasher,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &sidecar, error)),
        }
    }
    Ok(found)
}

/// The checksum of the file at `path` in the lines of `text`: that of its name,
/// or the only one.
fn expected(text: &str, path: &Path, sidecar: &Path) -> Result<String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
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

impl Sidecar {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.hasher {
            Hasher::Blake3(hasher) => {
                hasher.update(bytes);
            }
            Hasher::Sha256(hasher) => hasher.update(bytes),
        }
    }

    /// Tells whether the file has the checksum, all of it read.
    pub(super) fn finish(self, checked: &mut Checked) {
        let (kind, found) = match self.hasher {
            Hasher::Blake3(hasher) => ("b3", hasher.finalize().to_hex().to_string()),
            Hasher::Sha256(hasher) => ("sha256", hex(&hasher.finalize())),
        };
        if found != self.expected {
            let message = format!(
                "its checksum is {found}, {} says {}",
                self.path.display(),
                self.expected
            );
            let finding = Finding::new(Code::Checksum, None, message);
            checked.findings.push(finding);
        }
        checked.checksums.push(kind.to_owned());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads all of the file for its checksums, if there are any.
pub(super) fn check(
    mut sidecars: Vec<Sidecar>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    let Some(files) = checked.input.files.clone().filter(|_| !sidecars.is_empty()) else {
        return Ok(());
    };
    let name = checked.input.name.clone();
    let bytes = Bytes::Random(files);
    // Nothing is decompressed.
    let mut lost = LostFrames::default();
    let read = whole::read(&name, bytes, task, how, &mut lost, |_, bytes| {
        sidecars
            .iter_mut()
            .for_each(|sidecar| sidecar.update(bytes));
        Ok(ControlFlow::Continue(()))
    })?;
    match read {
        Ok(()) => sidecars
            .into_iter()
            .for_each(|sidecar| sidecar.finish(checked)),
        Err(error) => checked.findings.push(unreadable(&name, error)?),
    }
    Ok(())
}
