//! A file that appears under its name complete, or not at all.
//!
//! The contract of [`AtomicFile`]:
//!
//! - It is created beside its final name, as `.NAME.XXXXXX.part`, with an
//!   explicit mode and never through a link.
//! - A signal that ends the program removes it, and so does dropping it.
//! - It is locked while it is in use: an unlocked one is left by a run that was
//!   killed (`leftovers.rs`).
//! - Whether the file system can give it its name without replacing another
//!   file is found out when it is created, not when it is complete.
//! - It gets its name when its bytes are on the disk, and then its directory is
//!   synced. An error of a sync is final: nothing is synced twice.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::device::{self, Mode};
use crate::host::signals;

/// Characters of the final name in the name of the part: of at most 4 bytes
/// each, and all names have at most 255.
const NAME_CHARS: usize = 60;

/// Characters that tell the parts of one file from each other.
const RANDOM_CHARS: usize = 6;

const SUFFIX: &str = ".part";

/// What becomes of a file that has the final name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacing {
    /// It stays, and the new one does not get its name.
    Never,
    /// The new one takes its place.
    Existing,
}

/// A new file, under its final name or on its way to it.
pub struct AtomicFile {
    file: File,
    /// Its name until it is complete.
    part: PathBuf,
    path: PathBuf,
    naming: Naming,
    fate: Fate,
    /// A file that speaks of this one, and is of no use once it has its name.
    note: Option<PathBuf>,
}

/// How it gets its final name.
enum Naming {
    /// By a rename that replaces.
    Replace,
    /// By a rename that does not.
    NoReplace,
    /// By a second name: the kernel or file system cannot do the above.
    Link,
    /// By replacing this empty file, which holds the name from the start: the
    /// file system, as exFAT, has no links either.
    Placeholder(File),
}

#[derive(PartialEq, Eq)]
enum Fate {
    /// Removed if it comes to nothing.
    Part,
    /// Stays as it is, under either name.
    Settled,
}

impl AtomicFile {
    /// Creates the file that is to have the name `path`.
    ///
    /// # Errors
    ///
    /// It cannot be created, or could not get its name in the end.
    pub fn create(path: &Path, replacing: Replacing, mode: Mode) -> io::Result<Self> {
        // An interruption waits until the file is in the list of those to be
        // removed.
        signals::with_parts(|parts| {
            let (file, first) = create_part(path, mode)?;
            // By nobody else: it is new.
            device::lock(&file);
            let (part, naming) = match replacing {
                Replacing::Existing => (first, Naming::Replace),
                Replacing::Never => find_naming(first, path)?,
            };
            parts.push(part.clone());
            if let Naming::Placeholder(_) = naming {
                parts.push(path.to_owned());
            }
            Ok(Self {
                file,
                part,
                path: path.to_owned(),
                naming,
                fate: Fate::Part,
                note: None,
            })
        })
    }

    /// Finds out whether such a file could be created, by one that is removed.
    pub fn try_create(path: &Path, replacing: Replacing) -> io::Result<()> {
        Self::create(path, replacing, Mode::OWNER).map(drop)
    }

    pub fn replacing(&self) -> Replacing {
        match self.naming {
            Naming::Replace => Replacing::Existing,
            Naming::NoReplace | Naming::Link | Naming::Placeholder(_) => Replacing::Never,
        }
    }

    /// To write to it, and to sync it before [`AtomicFile::put`].
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Where it is until it has its name.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Gives it its name. Its bytes must be on the disk.
    pub fn put(&mut self) -> io::Result<()> {
        signals::with_parts(|parts| {
            match &self.naming {
                Naming::Replace => fs::rename(&self.part, &self.path),
                Naming::NoReplace => device::rename_without_replacing(&self.part, &self.path),
                Naming::Link => fs::hard_link(&self.part, &self.path).inspect(|()| {
                    // It is complete under its name; a second one does no harm.
                    let _ = fs::remove_file(&self.part);
                }),
                Naming::Placeholder(placeholder) => match is_at(placeholder, &self.path) {
                    true => fs::rename(&self.part, &self.path),
                    false => Err(io::ErrorKind::AlreadyExists.into()),
                },
            }?;
            self.settle(parts);
            parts.extend(self.note.take());
            Ok(())
        })
    }

    /// Takes the name from it again; it stays as the part that it was.
    pub fn take_back(&mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.part)
    }

    /// Makes its name permanent.
    pub fn sync_name(&self) -> io::Result<()> {
        device::sync_directory(directory_of(&self.path))
    }

    /// Makes permanent what was written, and gives it its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        self.put()?;
        self.sync_name()
    }

    /// Leaves the part as it is, for good.
    pub fn keep(&mut self) {
        signals::with_parts(|parts| {
            self.remove_placeholder();
            self.settle(parts);
        });
    }

    /// Leaves the part to a later run if this one is interrupted, with the file
    /// `note` that says what is in it. The note is removed by an interruption
    /// before that, or after the file has its name.
    pub fn keep_if_interrupted(&mut self, note: &Path) {
        signals::with_parts(|parts| parts.retain(|path| *path != self.part && path != note));
        self.note = Some(note.to_owned());
    }

    fn settle(&mut self, parts: &mut Vec<PathBuf>) {
        let placeholder = match self.naming {
            Naming::Placeholder(_) => Some(&self.path),
            _ => None,
        };
        parts.retain(|path| *path != self.part && Some(path) != placeholder);
        self.fate = Fate::Settled;
    }

    fn remove_placeholder(&self) {
        if let Naming::Placeholder(placeholder) = &self.naming
            && is_at(placeholder, &self.path)
        {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if self.fate == Fate::Part {
            signals::with_parts(|parts| {
                let _ = fs::remove_file(&self.part);
                self.remove_placeholder();
                self.settle(parts);
            });
        }
    }
}

/// Creates the part of `path`, under a name that nobody has.
fn create_part(path: &Path, mode: Mode) -> io::Result<(File, PathBuf)> {
    loop {
        let part = unused_name(path)?;
        match device::create_new(&part, mode) {
            Ok(file) => return Ok((file, part)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
}

/// Finds out how a new file, which has the name `first` now, can get the name
/// `path` without replacing another; it gets another name by that.
fn find_naming(first: PathBuf, path: &Path) -> io::Result<(PathBuf, Naming)> {
    let found = try_namings(&first, path);
    if found.is_err() {
        let _ = fs::remove_file(&first);
    }
    found
}

fn try_namings(first: &Path, path: &Path) -> io::Result<(PathBuf, Naming)> {
    let second = unused_name(path)?;
    if device::rename_without_replacing(first, &second).is_ok() {
        return Ok((second, Naming::NoReplace));
    }
    if fs::hard_link(first, &second).is_ok() {
        fs::remove_file(first)?;
        return Ok((second, Naming::Link));
    }
    fs::rename(first, &second)?;
    let placeholder = File::create_new(path);
    let placeholder = placeholder.inspect_err(|_| {
        let _ = fs::remove_file(&second);
    })?;
    Ok((second, Naming::Placeholder(placeholder)))
}

/// A name beside `path` for a part of it, which nobody has.
pub fn unused_name(path: &Path) -> io::Result<PathBuf> {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let mut name = part_prefix(path);
    for _ in 0..RANDOM_CHARS {
        name.push(char::from(LETTERS[(random % 32) as usize]));
        random /= 32;
    }
    name.push_str(SUFFIX);
    Ok(path.with_file_name(name))
}

/// What the names of all parts of `path` begin with.
fn part_prefix(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // A name may be as long as names can be; there must be space for more.
    let name: String = name.chars().take(NAME_CHARS).collect();
    format!(".{name}.")
}

/// True if a part of `path` could have this name.
pub fn is_part_name(path: &Path, name: &OsString) -> bool {
    let name = name.to_str();
    let random = name.and_then(|name| {
        name.strip_prefix(&part_prefix(path))?
            .strip_suffix(SUFFIX)
            .map(str::as_bytes)
    });
    random.is_some_and(|random| {
        random.len() == RANDOM_CHARS && random.iter().all(u8::is_ascii_alphanumeric)
    })
}

/// True if the file has the name `path`.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(found)) => device::is_same(&file, &found),
        _ => false,
    }
}

pub fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn names_in(folder: &Path) -> Vec<OsString> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn dropped_file_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        for replacing in [Replacing::Never, Replacing::Existing] {
            let path = folder.path().join("out");
            let file = AtomicFile::create(&path, replacing, Mode::BY_UMASK).unwrap();
            file.file().write_all(b"half").unwrap();
            drop(file);
            assert!(names_in(folder.path()).is_empty());
        }
    }

    #[test]
    fn finished_file_has_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let file = AtomicFile::create(&path, Replacing::Never, Mode::OWNER).unwrap();
        file.file().write_all(b"all").unwrap();
        file.finish().unwrap();
        assert_eq!(names_in(folder.path()), ["out"]);
        assert_eq!(fs::read(&path).unwrap(), b"all");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn every_naming_keeps_a_file_that_appeared() {
        for naming in 0..3 {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("out");
            let mut file = AtomicFile::create(&path, Replacing::Never, Mode::BY_UMASK).unwrap();
            file.naming = match naming {
                0 => Naming::NoReplace,
                1 => Naming::Link,
                _ => {
                    let placeholder = File::create_new(&path).unwrap();
                    // Somebody removed it to put their own there.
                    fs::remove_file(&path).unwrap();
                    Naming::Placeholder(placeholder)
                }
            };
            fs::write(&path, b"another").unwrap();
            let error = file.put().unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
            drop(file);
            assert_eq!(names_in(folder.path()), ["out"]);
            assert_eq!(fs::read(&path).unwrap(), b"another");
        }
    }

    #[test]
    fn names_of_parts() {
        let path = Path::new("folder/out");
        let table = [
            (".out.abc234.part", true),
            (".out.abc23.part", false),
            (".out.b3.abc234.part", false),
            (".out.abc-34.part", false),
            ("out.abc234.part", false),
            (".out.abc234.part.map", false),
        ];
        for (name, expected) in table {
            assert_eq!(is_part_name(path, &name.into()), expected, "{name}");
        }
        let made = unused_name(path).unwrap();
        assert!(is_part_name(path, &made.file_name().unwrap().to_owned()));
    }
}
