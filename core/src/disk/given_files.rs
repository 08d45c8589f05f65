//! Files that were given together: the [`Neighbours`] of a host without folders, such as a browser.

use alloc::borrow::ToOwned;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use super::neighbours::{Absence, Neighbour, Neighbours};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::open::PartitionReader;

/// Files that are read through one source, in which they follow each other. One of them is the first
/// file of a disk.
#[derive(Clone)]
pub(crate) struct GivenFiles {
    source: Source,
    /// Names, which differ, and ranges of the source. Never empty.
    files: Rc<[(String, Range<u64>)]>,
    first: usize,
}

impl GivenFiles {
    /// The files with these names and sizes in `source`. `None` if there are none, or more bytes
    /// than can be counted.
    pub(crate) fn new(source: &Source, files: &[(String, u64)]) -> Option<Self> {
        let mut start = 0_u64;
        let mut ranges = Vec::new();
        for (name, size) in files {
            let end = start.checked_add(*size)?;
            ranges.push((name.clone(), start..end));
            start = end;
        }
        (!ranges.is_empty()).then(|| Self {
            source: source.clone(),
            files: ranges.into(),
            first: 0,
        })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// The same, with another first file.
    pub(crate) fn beginning_with(&self, first: usize) -> Self {
        Self {
            first,
            ..self.clone()
        }
    }

    /// The bytes of the first file.
    pub(crate) fn first_source(&self) -> Source {
        let range = self.files.get(self.first).map(|(_, range)| range.clone());
        self.part(range.unwrap_or_default())
    }

    /// The file with that name, as [`Neighbours`] returned it.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|(given, _)| given == name)
    }

    fn part(&self, range: Range<u64>) -> Source {
        Arc::new(PartitionReader::of_range(self.source.clone(), range))
    }

    /// The file that `asker` calls `path`. Only the last part of a path has to match, in any case:
    /// files are given without their folders.
    fn find(&self, asker: &str, path: &str) -> Option<&(String, Range<u64>)> {
        let is_alike = |(name, _): &&(String, Range<u64>)| {
            let same = parts_from_end(name).zip(parts_from_end(path)).next();
            name != asker && same.is_some_and(|(name, path)| name.eq_ignore_ascii_case(path))
        };
        let agreement = |(name, _): &&(String, Range<u64>)| {
            let pairs = parts_from_end(name).zip(parts_from_end(path));
            pairs.take_while(|(name, path)| name == path).count()
        };
        self.files.iter().filter(is_alike).max_by_key(agreement)
    }
}

/// The parts of a path of any system, the last one first.
fn parts_from_end(path: &str) -> impl Iterator<Item = &str> {
    path.rsplit(['/', '\\'])
}

impl Neighbours for GivenFiles {
    fn first(&self) -> String {
        let first = self.files.get(self.first);
        first.map(|(name, _)| name.clone()).unwrap_or_default()
    }

    fn open(&self, asker: &str, path: &str) -> Result<Neighbour> {
        let Some((name, range)) = self.find(asker, path) else {
            return Err(Error::FileNeeded {
                path: path.to_owned(),
                absence: match self.files.len() {
                    1 => Absence::NotGiven,
                    _ => Absence::NotAmongGiven,
                },
            });
        };
        Ok(Neighbour {
            name: name.clone(),
            source: self.part(range.clone()),
        })
    }

    fn list(&self, _: &str, extension: &str) -> Result<Vec<String>> {
        let has_extension = |name: &&String| {
            let found = name.rsplit_once('.');
            found.is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
        };
        let names = self.files.iter().map(|(name, _)| name);
        Ok(names.filter(has_extension).cloned().collect())
    }
}
