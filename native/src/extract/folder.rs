//! A folder that files are written to.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::target_name::{strict_name, target_name};
use crate::device::{self, Directory, FileTime, Named};

/// A folder on the target. It gets its times when the last of what is written to it is done.
pub struct Folder {
    pub directory: Directory,
    /// Its names from the folder of the command line on, for hard links.
    pub names: Vec<String>,
    /// Where it is, for messages.
    pub path: PathBuf,
    /// The numbers of the files in it that this run has made.
    made: Mutex<HashSet<u64>>,
    /// The file system that it is on.
    pub file_system: u64,
    /// The times that it gets; `None` of one that was there before.
    times: Option<[FileTime; 2]>,
}

impl Folder {
    /// The folder of the command line.
    pub fn open(path: &Path) -> io::Result<Self> {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let directory = Directory::open(path)?;
        Ok(Self {
            file_system: device::file_system(&directory)?,
            directory,
            names: Vec::new(),
            path: path.to_owned(),
            made: Mutex::default(),
            times: None,
        })
    }

    /// Makes a folder in it, or opens the one that has the name already.
    ///
    /// # Errors
    ///
    /// It cannot be made; a file or link has the name.
    pub fn make(
        &self,
        name: &str,
        record: u64,
        times: [FileTime; 2],
    ) -> io::Result<(Self, String)> {
        let (name, is_new) =
            self.with_name(name, record, |name| match self.directory.make(name) {
                Ok(()) => Ok(true),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                Err(error) => match self.directory.find(name)? {
                    Some(found) if found.is_directory && !self.has_made(found.inode) => Ok(false),
                    _ => Err(error),
                },
            })?;
        let directory = self.directory.enter(&name)?;
        self.note(device::inode(&directory)?);
        let names = self.names.iter().chain([&name]).cloned().collect();
        let folder = Self {
            file_system: device::file_system(&directory)?,
            directory,
            names,
            path: self.path.join(&name),
            made: Mutex::default(),
            times: is_new.then_some(times),
        };
        Ok((folder, name))
    }

    /// Does what gives something in it a name: the one that the file has, or, if the target does not take that, or
    /// takes it for the same as another that this run has made, the next best. Returns the name.
    pub fn with_name<R>(
        &self,
        name: &str,
        record: u64,
        give: impl Fn(&str) -> io::Result<R>,
    ) -> io::Result<(String, R)> {
        let mut chosen: Cow<'_, str> = target_name(name);
        let mut given = give(&chosen);
        if given.as_ref().is_err_and(is_of_name) {
            let strict = strict_name(name);
            if strict != chosen {
                chosen = Cow::Owned(strict);
                given = give(&chosen);
            }
        }
        let exists = |error: &io::Error| error.kind() == io::ErrorKind::AlreadyExists;
        if given.as_ref().is_err_and(exists)
            && let Ok(Some(found)) = self.directory.find(&chosen)
            && self.has_made(found.inode)
        {
            let further = format!("{chosen}~{record}");
            chosen = Cow::Owned(target_name(&further).into_owned());
            given = give(&chosen);
        }
        given.map(|given| (chosen.into_owned(), given))
    }

    /// Whether this run has made it.
    pub fn is_new(&self) -> bool {
        self.times.is_some()
    }

    /// What has the name on the target that a file is to get, if anything.
    pub fn find(&self, name: &str) -> io::Result<Option<Named>> {
        self.directory.find(&target_name(name))
    }

    /// Notes that this run has made the file or folder of this number in it.
    pub fn note(&self, inode: u64) {
        self.lock().insert(inode);
    }

    pub fn has_made(&self, inode: u64) -> bool {
        self.lock().contains(&inode)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<u64>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(times) = self.times {
            // Not all file systems have them.
            let _ = device::set_times(&self.directory, times);
        }
    }
}

/// Whether the target refuses the characters of a name.
fn is_of_name(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, InvalidInput};
    // EILSEQ has no kind.
    matches!(error.kind(), InvalidFilename | InvalidInput) || error.raw_os_error() == Some(84)
}
