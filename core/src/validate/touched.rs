//! Which files are touched by something that is wrong with their clusters.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::clusters::{Owner, Owners, owners};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::{Volume, path};
use crate::units::{Extent, RecordNumber};

/// Files with something wrong.
#[derive(Debug, Default)]
pub struct Touched {
    owners: Vec<Owner>,
    paths: BTreeMap<RecordNumber, String>,
    /// Parts of files that are too many to list.
    pub left_out: u64,
}

impl Touched {
    /// The files that have clusters of `extents`, and those of `records`. Walks
    /// over all records, if there are extents.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`]: `$MFT` cannot be read.
    pub fn find<R: ReadAt>(
        volume: &Volume<R>,
        extents: &[Extent],
        records: impl IntoIterator<Item = RecordNumber>,
    ) -> Result<Self> {
        let owners = match extents.is_empty() {
            true => Owners::default(),
            false => owners(volume, extents)?,
        };
        let mut paths = BTreeMap::new();
        let found = owners.list.iter().map(|owner| owner.record);
        for record in found.chain(records) {
            let entry = paths.entry(record);
            entry.or_insert_with(|| path::path_of(volume, record));
        }
        Ok(Self {
            owners: owners.list,
            paths,
            left_out: owners.left_out,
        })
    }

    /// The paths of the files that have clusters of an extent, at most `limit`
    /// of them.
    pub fn of_extent(&self, extent: Extent, limit: usize) -> Vec<String> {
        let mut records: Vec<RecordNumber> = self
            .owners
            .iter()
            .filter(|owner| owner.extent.start < extent.end() && extent.start < owner.extent.end())
            .map(|owner| owner.record)
            .collect();
        records.sort_unstable();
        records.dedup();
        let paths = records.iter().filter_map(|&record| self.path(record));
        paths.take(limit).map(String::from).collect()
    }

    /// The path of a file that was found.
    pub fn path(&self, record: RecordNumber) -> Option<&str> {
        self.paths.get(&record).map(String::as_str)
    }

    /// The paths of all of them, in alphabetical order.
    pub fn into_paths(self) -> Vec<String> {
        let mut paths: Vec<String> = self.paths.into_values().collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }
}
