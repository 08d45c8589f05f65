//! A file that is being written, under a name that says so.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::folder::Folder;
use crate::host::signals;

/// A file on the target that gets its name when it is complete. Dropped before that, or interrupted, it is removed.
pub struct PartFile {
    folder: Arc<Folder>,
    pub file: File,
    name: String,
    /// In the list of what an interruption removes.
    path: PathBuf,
    is_named: bool,
}

impl PartFile {
    /// `name` is that of the part, which no other has.
    pub fn create(folder: &Arc<Folder>, name: String) -> io::Result<Self> {
        let path = folder.path.join(&name);
        signals::with_parts(|parts| {
            let file = folder.directory.create_new(&name)?;
            parts.push(path.clone());
            Ok(Self {
                folder: Arc::clone(folder),
                file,
                name,
                path,
                is_named: false,
            })
        })
    }

    /// Gives it its name. What has that is replaced if `replaces`, unless this run has made it.
    pub fn put(&mut self, name: &str, replaces: bool) -> io::Result<()> {
        let directory = &self.folder.directory;
        if replaces
            && let Some(found) = directory.find(name)?
            && (self.folder.has_made(found.inode) || found.is_directory)
        {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        signals::with_parts(|parts| {
            directory.rename(&self.name, name, replaces)?;
            parts.retain(|path| *path != self.path);
            self.is_named = true;
            Ok(())
        })
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_named {
            signals::with_parts(|parts| {
                let _ = self.folder.directory.remove(&self.name);
                parts.retain(|path| *path != self.path);
            });
        }
    }
}
