//! The other files of a virtual disk: parents, extents, segments.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::header::{NO_PARENT, not_read};
use crate::error::{Error, Result};
use crate::io::Source;

/// Ours: QEMU and VMware open chains of about 30.
const MAX_CHAIN: usize = 64;

/// Opens the files beside a virtual disk. Only the host knows paths.
///
/// A file is named by its path from the folder of the first file on, with slashes.
pub trait Neighbours {
    /// Name of the first file; empty if it has none.
    fn first(&self) -> String;

    /// Opens the file that `asker` calls `path`: relative to the folder of `asker` or absolute, of
    /// any system. The path is untrusted: it may be of any file of the host, or none.
    ///
    /// # Errors
    ///
    /// [`Error::FileNeeded`]; the file cannot be read.
    fn open(&self, asker: &str, path: &str) -> Result<Neighbour>;

    /// Lists the files in the folder of `asker` that end with `.` and `extension`, by their names
    /// from there on, in order.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    fn list(&self, asker: &str, extension: &str) -> Result<Vec<String>>;
}

/// A file beside a virtual disk.
pub struct Neighbour {
    /// Another one than that of any other file.
    pub name: String,
    /// Its bytes.
    pub source: Source,
}

impl Neighbour {
    /// Names the file in an error that is about it.
    pub(super) fn explain(&self, error: Error) -> Error {
        Error::InNeighbour {
            name: self.name.clone(),
            source: Box::new(error),
        }
    }
}

/// Why a file beside a virtual disk was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// There is none.
    #[error("which is not there")]
    Missing,
    /// The path leads out of the folder of the disk. Ours: an image from somewhere else could name
    /// any file.
    #[error("which is not in its folder, nor in a folder in that")]
    Outside,
    /// Another kind of file.
    #[error("which is not a regular file")]
    NotRegular,
    /// The host has the first file alone.
    #[error("and only this one is given")]
    NotGiven,
    /// The host has those files alone that were given.
    #[error("which is not among those given")]
    NotAmongGiven,
}

/// A disk without other files.
#[derive(Debug, Clone, Copy)]
pub struct NoNeighbours;

impl Neighbours for NoNeighbours {
    fn first(&self) -> String {
        String::new()
    }

    fn open(&self, _: &str, path: &str) -> Result<Neighbour> {
        Err(Error::FileNeeded {
            path: path.into(),
            absence: Absence::NotGiven,
        })
    }

    fn list(&self, _: &str, _: &str) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
}

/// The files that are opened for a disk, one after the other.
pub(super) struct Chain<'a> {
    neighbours: &'a dyn Neighbours,
    /// From the first file to the one that is being opened: each is the parent of the one before.
    names: Vec<String>,
    /// All files but the first, as they were opened.
    opened: Vec<String>,
}

impl<'a> Chain<'a> {
    pub(super) fn new(neighbours: &'a dyn Neighbours) -> Self {
        Self {
            neighbours,
            names: [neighbours.first()].into(),
            opened: Vec::new(),
        }
    }

    /// The name of the file that is being opened.
    pub(super) fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }

    /// Opens a file that holds a part of the disk.
    pub(super) fn open(&mut self, path: &str) -> Result<Neighbour> {
        let found = self.neighbours.open(self.name(), path)?;
        if !self.opened.contains(&found.name) {
            self.opened.push(found.name.clone());
        }
        Ok(found)
    }

    /// Opens a file to look whether it is one of the disk.
    pub(super) fn look_at(&self, name: &str) -> Result<Neighbour> {
        self.neighbours.open(self.name(), name)
    }

    /// Opens the first file of `paths` that is there.
    pub(super) fn open_any(&mut self, paths: &[String]) -> Result<Neighbour> {
        let mut refused = None;
        for path in paths {
            match self.open(path) {
                // The first path is the one that is best known.
                Err(error @ Error::FileNeeded { .. }) => {
                    refused.get_or_insert(error);
                }
                opened => return opened,
            }
        }
        Err(refused.unwrap_or_else(|| not_read(NO_PARENT)))
    }

    /// Names of the files beside the one that is being opened.
    pub(super) fn list(&self, extension: &str) -> Result<Vec<String>> {
        self.neighbours.list(self.name(), extension)
    }

    /// Opens the disk in `parent`, which may have a parent in turn.
    pub(super) fn enter<T>(
        &mut self,
        parent: &Neighbour,
        open: impl FnOnce(&Source, &mut Self) -> Result<T>,
    ) -> Result<T> {
        if self.names.contains(&parent.name) {
            return Err(not_read(
                "is a difference to itself: its parents are a circle",
            ));
        }
        if self.names.len() >= MAX_CHAIN {
            return Err(not_read("has more than 64 parents"));
        }
        self.names.push(parent.name.clone());
        let opened = open(&parent.source, self);
        self.names.pop();
        opened.map_err(|error| parent.explain(error))
    }

    /// All files but the first, in the order in which they were opened.
    pub(super) fn into_opened(self) -> Vec<String> {
        self.opened
    }
}
