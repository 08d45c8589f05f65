//! Files in memory, beside each other.

use std::collections::BTreeMap;

use ntfsclone_core::disk::{Absence, DiskFormat, Neighbour, Neighbours};
use ntfsclone_core::io::Source;
use ntfsclone_core::open::{Container, Contents};
use ntfsclone_core::{Error, Result};

use crate::read::source;

/// Files by their names, of which `top` is the first one.
#[derive(Default)]
pub(crate) struct Files(BTreeMap<String, Source>);

impl Files {
    pub(crate) fn with(mut self, name: &str, file: Vec<u8>) -> Self {
        self.0.insert(name.to_owned(), source(file));
        self
    }

    /// Opens the disk in the first file.
    pub(crate) fn open(&self, format: DiskFormat) -> Result<Contents> {
        let first = self.0.get(&self.first());
        Container::Disk(format).open(first.expect("a first file"), self)
    }
}

impl Neighbours for Files {
    fn first(&self) -> String {
        let names = ["top", "top.E01", "top.e01"];
        let found = names.into_iter().find(|name| self.0.contains_key(*name));
        found.unwrap_or_default().to_owned()
    }

    fn open(&self, _: &str, path: &str) -> Result<Neighbour> {
        let name = path.trim_start_matches(".\\");
        let source = self.0.get(name).ok_or_else(|| Error::FileNeeded {
            path: path.to_owned(),
            absence: Absence::Missing,
        })?;
        Ok(Neighbour {
            name: name.to_owned(),
            source: source.clone(),
        })
    }

    fn list(&self, _: &str, extension: &str) -> Result<Vec<String>> {
        let end = format!(".{extension}");
        let names = self.0.keys().filter(|name| name.ends_with(&end));
        Ok(names.cloned().collect())
    }
}
