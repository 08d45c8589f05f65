//! The files beside a virtual disk: parents, extents, segments.
//!
//! An image from somewhere else can name any file as its parent. So only regular files in the folder of the disk are
//! opened, or in folders in that: what an image names elsewhere is refused, and the user can put it there.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core as core;
use ntfsclone_core::disk::{Absence, Neighbour, Neighbours};
use ntfsclone_core::error::Structure;
use ntfsclone_core::io::IoError;

use super::Files;
use crate::device;

/// The files in the folder of a virtual disk.
pub(super) struct FilesBeside {
    /// `None` if the disk is not a file with a name.
    first: Option<FirstFile>,
    /// Files that were opened, by their names.
    opened: RefCell<Vec<(String, Arc<Files>)>>,
}

/// The file that was named.
struct FirstFile {
    name: String,
    /// Its folder, without symbolic links.
    folder: PathBuf,
}

impl FilesBeside {
    /// The files beside `path`.
    pub(super) fn of(path: Option<&Path>) -> Self {
        Self {
            first: path.and_then(FirstFile::of),
            opened: RefCell::default(),
        }
    }

    /// The opened files with these names.
    pub(super) fn into_files(self, names: &[String]) -> Vec<Arc<Files>> {
        let opened = self.opened.into_inner().into_iter();
        let named = opened.filter(|(name, _)| names.contains(name));
        named.map(|(_, files)| files).collect()
    }
}

impl FirstFile {
    fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_owned();
        let folder = match path.parent()? {
            parent if parent.as_os_str().is_empty() => Path::new("."),
            parent => parent,
        };
        let folder = fs::canonicalize(folder).ok()?;
        Some(Self { name, folder })
    }

    /// The folder of the file with that name.
    fn folder_of(&self, name: &str) -> PathBuf {
        let folder = Path::new(name).parent().unwrap_or(Path::new(""));
        self.folder.join(folder)
    }

    /// Finds the file that `asker` calls `path`. Nothing outside of the folder is looked at: that can be enough to
    /// have an effect, such as to mount it.
    fn find(&self, asker: &str, path: &str) -> Result<PathBuf, Absence> {
        let folder = self.folder_of(asker);
        let path = AskedPath::parse(path);
        let named = without_dots(&folder.join(&path.path));
        let is_inside = named.starts_with(&self.folder) && !path.is_of_other_system;
        // Disks are moved together with their parents: then it is beside the file that names it.
        let beside = path.path.file_name().map(|name| folder.join(name));
        let candidates = [is_inside.then_some(named), beside].into_iter().flatten();
        let asker = self.folder.join(asker);
        let found = candidates.filter_map(|path| in_any_case(&path)?.canonicalize().ok());
        // A parent elsewhere may have the same name.
        let mut others = found.filter(|found| *found != asker);
        match others.next() {
            Some(found) if found.starts_with(&self.folder) => Ok(found),
            // By a symbolic link.
            Some(_) => Err(Absence::Outside),
            None if is_inside || path.is_of_other_system => Err(Absence::Missing),
            None => Err(Absence::Outside),
        }
    }
}

/// The path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

/// A path in a virtual disk.
struct AskedPath {
    /// With the separators of this system.
    path: PathBuf,
    /// True for a path with a drive or server of Windows, elsewhere.
    is_of_other_system: bool,
}

impl AskedPath {
    fn parse(path: &str) -> Self {
        let has_drive = path.as_bytes().get(1) == Some(&b':') || path.starts_with("\\\\");
        let is_of_windows = has_drive || path.contains('\\') && !path.contains('/');
        if cfg!(windows) || !is_of_windows {
            return Self {
                path: path.into(),
                is_of_other_system: false,
            };
        }
        Self {
            path: path.replace('\\', "/").into(),
            is_of_other_system: has_drive,
        }
    }
}

/// The file at `path`; else the one whose name differs in the case of letters only, as systems that ignore it name files.
fn in_any_case(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return Some(path.to_owned());
    }
    let name = path.file_name()?;
    let entries = fs::read_dir(path.parent()?).ok()?.flatten();
    let mut alike = entries.filter(|entry| entry.file_name().eq_ignore_ascii_case(name));
    alike.next().map(|entry| entry.path())
}

impl Neighbours for FilesBeside {
    fn first(&self) -> String {
        let first = self.first.as_ref();
        first.map_or_else(String::new, |first| first.name.clone())
    }

    fn open(&self, asker: &str, path: &str) -> core::Result<Neighbour> {
        let refused = |absence| core::Error::FileNeeded {
            path: path.to_owned(),
            absence,
        };
        let first = self.first.as_ref();
        let first = first.ok_or_else(|| refused(Absence::NotGiven))?;
        let found = first.find(asker, path).map_err(refused)?;
        let name = name_from(&first.folder, &found).ok_or_else(|| refused(Absence::Missing))?;
        let mut opened = self.opened.borrow_mut();
        let known = opened.iter().find(|(known, _)| *known == name);
        let known = known.map(|(_, files)| Arc::clone(files));
        let files = match known {
            Some(files) => files,
            None => {
                device::allow_open_files(opened.len() + 1);
                let files = Files::open_regular(&found).map_err(|error| match error.kind() {
                    io::ErrorKind::InvalidInput => refused(Absence::NotRegular),
                    _ => unreadable(&name, error),
                })?;
                let files = Arc::new(files);
                opened.push((name.clone(), Arc::clone(&files)));
                files
            }
        };
        Ok(Neighbour {
            name,
            source: files,
        })
    }

    fn list(&self, asker: &str, extension: &str) -> core::Result<Vec<String>> {
        let Some(first) = &self.first else {
            return Ok(Vec::new());
        };
        let entries =
            fs::read_dir(first.folder_of(asker)).map_err(|error| unreadable(".", error))?;
        let names = entries.flatten().map(|entry| entry.file_name());
        let has_extension = |name: &OsStr| {
            let found = Path::new(name).extension();
            found.is_some_and(|found| found.eq_ignore_ascii_case(extension))
        };
        let mut names: Vec<String> = names
            .filter(|name| has_extension(name))
            .filter_map(|name| name.into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }
}

/// The path from the folder on, with slashes.
fn name_from(folder: &Path, path: &Path) -> Option<String> {
    let within = path.strip_prefix(folder).ok()?.components();
    let parts = within.map(|component| match component {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

fn unreadable(name: &str, error: io::Error) -> core::Error {
    core::Error::InNeighbour {
        name: name.to_owned(),
        source: Box::new(core::Error::Io {
            structure: Structure::Source,
            offset: 0,
            len: 0,
            source: IoError::new(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder `disks` with `disk.vhd`, `sub/base.vhd` and a link out of it, and a file beside the folder.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let disks = folder.path().join("disks");
        fs::create_dir_all(disks.join("sub")).unwrap();
        for name in ["disk.vhd", "Parent.VHD", "sub/base.vhd", "../secret"] {
            fs::write(disks.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(folder.path().join("secret"), disks.join("link")).unwrap();
        folder
    }

    #[track_caller]
    fn check(asker: &str, path: &str, expected: Result<&str, Absence>) {
        let folder = folder();
        let path = path.replace("FOLDER", folder.path().to_str().unwrap());
        let beside = FilesBeside::of(Some(&folder.path().join("disks/disk.vhd")));
        let found = beside.open(asker, &path).map(|found| found.name);
        match (found, expected) {
            (Ok(name), Ok(expected)) => assert_eq!(name, expected),
            (Err(core::Error::FileNeeded { absence, .. }), Err(expected)) => {
                assert_eq!(absence, expected);
            }
            (found, _) => panic!("{path}: {found:?}"),
        }
    }

    #[test]
    fn files_in_the_folder_are_found() {
        check("disk.vhd", "sub/base.vhd", Ok("sub/base.vhd"));
        check("disk.vhd", "./sub/../Parent.VHD", Ok("Parent.VHD"));
        check("disk.vhd", ".\\sub\\base.vhd", Ok("sub/base.vhd"));
        check("disk.vhd", "FOLDER/disks/sub/base.vhd", Ok("sub/base.vhd"));
        check("disk.vhd", "parent.vhd", Ok("Parent.VHD"));
        check("sub/base.vhd", "../disk.vhd", Ok("disk.vhd"));
        check("sub/base.vhd", "base2.vhd", Err(Absence::Missing));
    }

    #[test]
    fn files_that_were_moved_with_the_disk_are_found() {
        check("disk.vhd", "/gone/Parent.VHD", Ok("Parent.VHD"));
        check("disk.vhd", "C:\\VMs\\parent.vhd", Ok("Parent.VHD"));
        check(
            "disk.vhd",
            "\\\\server\\share\\Parent.VHD",
            Ok("Parent.VHD"),
        );
        check("disk.vhd", "..\\Base\\Parent.VHD", Ok("Parent.VHD"));
    }

    #[test]
    fn files_elsewhere_are_refused() {
        check("disk.vhd", "FOLDER/secret", Err(Absence::Outside));
        check("disk.vhd", "../secret", Err(Absence::Outside));
        check("disk.vhd", "/etc/passwd", Err(Absence::Outside));
        check("disk.vhd", "sub/../../secret", Err(Absence::Outside));
        check("disk.vhd", "link", Err(Absence::Outside));
        check("disk.vhd", "/dev/null", Err(Absence::Outside));
    }

    #[test]
    fn other_things_than_files_are_refused() {
        check("disk.vhd", "sub", Err(Absence::NotRegular));
        check("disk.vhd", "", Err(Absence::NotRegular));
        check("disk.vhd", "nbd://localhost:10809/", Err(Absence::Missing));
        check("disk.vhd", "disk.vhd", Err(Absence::Missing));
    }

    #[test]
    fn disks_without_a_name_have_no_neighbours() {
        let opened = FilesBeside::of(None).open("", "base");
        let Err(core::Error::FileNeeded { absence, .. }) = opened.map(|_| ()) else {
            panic!("it was opened");
        };
        assert_eq!(absence, Absence::NotGiven);
    }
}
