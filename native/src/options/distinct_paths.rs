//! Paths of one command line that must be different files: what is written
//! under one of them would be lost under the other.

use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};

use crate::device::{self, FileKind};
use crate::error::{Error, Result};

/// How many links are followed to a file that does not exist.
const MOST_LINKS: usize = 8;

/// A file that is named, or follows from what is named.
struct Named {
    /// What names it.
    role: &'static str,
    /// The path without links, as far as that exists.
    real: PathBuf,
    /// `None` if it does not exist.
    metadata: Option<Metadata>,
}

/// Checks that no two of the paths are the same file; each comes with what
/// names it. Pipes and character devices may be named more than once.
///
/// # Errors
///
/// [`Error::Refused`], if two are the same.
pub(super) fn check(paths: &[(&'static str, PathBuf)]) -> Result<()> {
    let mut before: Vec<Named> = Vec::new();
    for (role, path) in paths {
        let named = Named::new(role, path);
        if named.metadata.as_ref().is_some_and(takes_many_writers) {
            continue;
        }
        if let Some(same) = before.iter().find(|other| other.is_same_as(&named)) {
            return Err(Error::refused(
                path,
                format!("is {} and {role}, which must be different files", same.role),
                "give each of them its own name",
            ));
        }
        before.push(named);
    }
    Ok(())
}

impl Named {
    fn new(role: &'static str, path: &Path) -> Self {
        Self {
            role,
            real: real_path(path),
            metadata: fs::metadata(path).ok(),
        }
    }

    fn is_same_as(&self, other: &Self) -> bool {
        // Hard links, and devices, have several names.
        let is_same = |(one, other)| device::is_same(one, other);
        let both = self.metadata.as_ref().zip(other.metadata.as_ref());
        self.real == other.real || both.is_some_and(is_same)
    }
}

/// A pipe, a socket, a terminal, /dev/null.
fn takes_many_writers(metadata: &Metadata) -> bool {
    matches!(
        device::file_kind(metadata),
        FileKind::Pipe | FileKind::CharacterDevice
    )
}

/// `path` without links; its folder is there, the file need not be.
fn real_path(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if let Ok(real) = fs::canonicalize(&path) {
            return real;
        }
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        match fs::read_link(&path) {
            // A link to what is not there yet.
            Ok(target) => path = folder.join(target),
            Err(_) => return folder.join(path.file_name().unwrap_or_default()),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn names_of_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::hard_link(at("file"), at("second")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("file", at("link")).unwrap();
        symlink("new", at("dangling")).unwrap();
        symlink(".", at("here")).unwrap();
        let table = [
            ("file", "file", true),
            ("file", "second", true),
            ("file", "link", true),
            ("file", "folder/../file", true),
            ("new", "./new", true),
            ("new", "here/new", true),
            ("new", "dangling", true),
            ("new", "file", false),
            ("new", "folder/new", false),
            ("file", "new.b3", false),
        ];
        for (one, other, is_same) in table {
            for (one, other) in [(one, other), (other, one)] {
                let checked = check(&[("--output", at(one)), ("--mapfile", at(other))]);
                assert_eq!(checked.is_err(), is_same, "{one}, {other}");
            }
        }
    }

    #[test]
    fn null_device_is_for_all() {
        check(&["--output", "--mapfile"].map(|role| (role, "/dev/null".into()))).unwrap();
    }
}
