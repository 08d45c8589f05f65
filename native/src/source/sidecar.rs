//! Checksums beside a file, as b3sum and sha256sum write and check them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::small_file;
use crate::device;
use crate::error::{Error, Result};
use crate::file_hash::{FileHash, extension, sidecar_path};
use crate::input::Files;
use crate::options::Algorithm;

/// The most bytes of a file with checksums that are looked at.
const MAX_BYTES: u64 = 1 << 20;

/// The checksums of one kind that stand beside a file, or beside each of its
/// pieces; and what the file has so far.
pub struct Sidecar {
    algorithm: Algorithm,
    /// In order, at least one.
    parts: Vec<Part>,
    /// The one that the next bytes are of.
    current: usize,
}

/// A file with its checksum.
struct Part {
    path: PathBuf,
    /// In hexadecimal.
    expected: String,
    hash: FileHash,
    is_older: bool,
    /// Bytes that are to come.
    left: u64,
}

/// What a file of checksums is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The file beside it, and nothing else.
    File,
    /// Other files as well.
    FileAndOthers,
}

/// What the checksums in `sidecar` are of. `None` if it is not there or has none of the
/// file at `path`.
pub fn subject_of(sidecar: &Path, path: &Path) -> Option<Subject> {
    let text = small_file::read(sidecar, MAX_BYTES).ok()?;
    expected(&text, path, sidecar).ok()?;
    let has_text = |line: &&[u8]| !line.trim_ascii().is_empty();
    Some(
        match text.split(|&byte| byte == b'\n').filter(has_text).count() {
            0 | 1 => Subject::File,
            _ => Subject::FileAndOthers,
        },
    )
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
    /// It was written before the file.
    pub is_older: bool,
}

impl Sidecar {
    /// Reads those beside `files`; of pieces, if each has its own.
    ///
    /// # Errors
    ///
    /// One of them cannot be read, or has no checksum of the file.
    pub fn beside(files: &Files) -> Result<Vec<Self>> {
        let Some(files) = files.whole_paths() else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        for algorithm in [Algorithm::B3, Algorithm::Sha256] {
            let parts = files
                .iter()
                .map(|&(path, size)| Part::beside(path, size, algorithm));
            if let Some(parts) = parts.collect::<Result<Option<Vec<_>>>>()? {
                found.push(Self {
                    algorithm,
                    parts,
                    current: 0,
                });
            }
        }
        Ok(found)
    }

    /// The first one.
    pub fn path(&self) -> &Path {
        self.parts.first().map_or(Path::new(""), |part| &part.path)
    }

    /// Takes the next bytes of the file.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let is_last = self.current + 1 == self.parts.len();
            let Some(part) = self.parts.get_mut(self.current) else {
                return;
            };
            let left = usize::try_from(part.left).unwrap_or(usize::MAX);
            let len = match is_last {
                true => bytes.len(),
                false => bytes.len().min(left),
            };
            let (here, rest) = bytes.split_at(len);
            part.hash.update(here);
            part.left = part.left.saturating_sub(len as u64);
            if !rest.is_empty() || (part.left == 0 && !is_last) {
                self.current += 1;
            }
            bytes = rest;
        }
    }

    /// The checksum of the file, which was taken to its end; of pieces, that of the
    /// first that is not as it should be.
    pub fn finish(self) -> Compared {
        let kind = extension(self.algorithm);
        let compared = self.parts.into_iter().map(|part| Compared {
            path: part.path,
            kind,
            expected: part.expected,
            found: part.hash.finish(),
            is_older: part.is_older,
        });
        let mut compared: Vec<Compared> = compared.collect();
        let wrong = compared.iter().position(|compared| !compared.is_equal());
        compared.swap_remove(wrong.unwrap_or(0))
    }
}

impl Part {
    /// `None` if no checksum stands beside the file.
    fn beside(path: &Path, size: u64, algorithm: Algorithm) -> Result<Option<Self>> {
        let sidecar = sidecar_path(path, algorithm);
        match small_file::read(&sidecar, MAX_BYTES) {
            Ok(text) => Ok(Some(Self {
                expected: expected(&text, path, &sidecar)?,
                is_older: is_older(&sidecar, path),
                path: sidecar,
                hash: FileHash::new(algorithm),
                left: size,
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(&sidecar, &error)),
        }
    }
}

impl Compared {
    pub fn is_equal(&self) -> bool {
        self.found == self.expected
    }
}

/// Whether a sidecar was written before its file, as far as that is known.
pub fn is_older(sidecar: &Path, file: &Path) -> bool {
    let [sidecar, file] = [sidecar, file].map(|path| fs::metadata(path)?.modified());
    matches!((sidecar, file), (Ok(sidecar), Ok(file)) if sidecar < file)
}

fn unreadable(sidecar: &Path, error: &io::Error) -> Error {
    Error::refused(
        sidecar,
        format!("cannot be read: {error}"),
        "it would tell whether the file beside it is whole; if it is not needed, move it away",
    )
}

/// The checksum of the file at `path` in the lines of `text`: that of its name,
/// or the only one. Names need not be UTF-8.
fn expected(text: &[u8], path: &Path, sidecar: &Path) -> Result<String> {
    let lines = lines(text);
    let is_sum = |sum: &&[u8]| sum.len() == 64 && sum.iter().all(u8::is_ascii_hexdigit);
    match line_of(path, &lines).map(|(sum, _)| *sum).filter(is_sum) {
        Some(sum) => Ok(String::from_utf8_lossy(sum).to_ascii_lowercase()),
        None => Err(Error::refused(
            sidecar,
            format!(
                "has no checksum of {}",
                String::from_utf8_lossy(device::name_bytes(path.file_name().unwrap_or_default()))
            ),
            "was it made by b3sum or sha256sum? If it belongs to another file, move it away",
        )),
    }
}

type Line<'a> = (&'a [u8], Vec<u8>);

fn lines(text: &[u8]) -> Vec<Line<'_>> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.filter_map(sum_and_name).collect()
}

/// The line of the file at `path`: that with its name, or the only one.
fn line_of<'a, 'b>(path: &Path, lines: &'a [Line<'b>]) -> Option<&'a Line<'b>> {
    let name = device::name_bytes(path.file_name().unwrap_or_default());
    let has_name = |line: &&Line<'_>| line.1.rsplit(|&byte| byte == b'/').next() == Some(name);
    lines.iter().find(has_name).or(match lines {
        [only] => Some(only),
        _ => None,
    })
}

/// A line takes a backslash at its start if there are escapes in the name: of a
/// line's end or a backslash.
fn sum_and_name(line: &[u8]) -> Option<(&[u8], Vec<u8>)> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (is_escaped, line) = match line.strip_prefix(b"\\") {
        Some(line) => (true, line),
        None => (false, line),
    };
    let end = line.iter().position(|byte| b" \t".contains(byte))?;
    let (sum, name) = line.split_at(end);
    let begin = name.iter().position(|byte| !b" \t*".contains(byte));
    let name = name.get(begin.unwrap_or(name.len())..).unwrap_or_default();
    if !is_escaped {
        return Some((sum, name.to_vec()));
    }
    let mut plain = Vec::new();
    let mut bytes = name.iter();
    while let Some(&byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next() } else { None };
        plain.push(match escaped {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(&other) => other,
            None => byte,
        });
    }
    Some((sum, plain))
}
