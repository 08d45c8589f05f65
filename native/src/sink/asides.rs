//! Files that gave up their names to new ones, until those have them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::atomic_file::unused_name;

/// Nothing happens to them if this is dropped: they stay under the other names.
#[derive(Default)]
pub struct Asides {
    list: Vec<Aside>,
}

/// A file under another name, and the name that it had.
struct Aside {
    path: PathBuf,
    name: PathBuf,
}

impl Asides {
    /// Renames the file `name` to an unused name of a part of `output`. A file that is
    /// not there needs none.
    pub fn add(&mut self, name: PathBuf, output: &Path) -> io::Result<()> {
        let path = unused_name(output)?;
        match fs::rename(&name, &path) {
            Ok(()) => self.list.push(Aside { path, name }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Gives all of them their names again, as far as that is possible.
    pub fn put_back(self) {
        for aside in self.list {
            let _ = fs::rename(aside.path, aside.name);
        }
    }

    /// Removes all of them.
    pub fn remove(self) {
        for aside in self.list {
            let _ = fs::remove_file(aside.path);
        }
    }
}
