//! Which files are touched by something that is wrong with their clusters.

use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use crate::clusters::Owner;
use crate::clusters::owners::Search;
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::{Volume, path};
use crate::sorted::sorted;
use crate::units::{Extent, RecordNumber};

/// Files with something wrong.
#[derive(Debug, Default)]
pub struct Touched {
    owners: Vec<Owner>,
    /// By record, the last one first.
    paths: Vec<(RecordNumber, String)>,
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
        let mut search = TouchedSearch::new(volume, extents, records);
        while search.step(volume)? {}
        Ok(search.finish())
    }

    /// The paths of the files that have clusters of an extent, at most `limit`
    /// of them.
    pub fn of_extent(&self, extent: Extent, limit: usize) -> Vec<String> {
        self.of_extents(&[extent], limit)
    }

    /// Like [`Touched::of_extent`], for several extents.
    pub fn of_extents(&self, extents: &[Extent], limit: usize) -> Vec<String> {
        let is_in = |owned: Extent| {
            let overlaps =
                |extent: &Extent| owned.start < extent.end() && extent.start < owned.end();
            extents.iter().any(overlaps)
        };
        let owners = self.owners.iter().filter(|owner| is_in(owner.extent));
        let records: Vec<RecordNumber> = owners.map(|owner| owner.record).collect();
        let mut records = sorted(records);
        records.dedup();
        let paths = records.iter().filter_map(|&record| self.path(record));
        paths.take(limit).map(String::from).collect()
    }

    /// The path of a file that was found.
    pub fn path(&self, record: RecordNumber) -> Option<&str> {
        let found = self
            .paths
            .binary_search_by(|(other, _)| record.cmp(other))
            .ok()?;
        self.paths.get(found).map(|(_, path)| path.as_str())
    }

    /// The paths of all of them and `more`, in alphabetical order. Without those
    /// of `left_out`, unless they have clusters of the extents.
    pub(super) fn into_paths(self, more: Vec<String>, left_out: &[RecordNumber]) -> Vec<String> {
        let Self { owners, paths, .. } = self;
        let is_touched = |record: &RecordNumber| {
            !left_out.contains(record) || owners.iter().any(|owner| owner.record == *record)
        };
        let own = paths.into_iter().filter(|(record, _)| is_touched(record));
        let mut paths = sorted(own.map(|(_, path)| path).chain(more).collect());
        paths.dedup();
        paths
    }
}

/// As [`Touched::find`], step by step.
#[derive(Debug)]
pub(super) struct TouchedSearch {
    search: Option<Search>,
    touched: Touched,
    /// Those whose paths are to be found yet.
    waiting: Vec<RecordNumber>,
}

impl TouchedSearch {
    pub(super) fn new<R: ReadAt>(
        volume: &Volume<R>,
        extents: &[Extent],
        records: impl IntoIterator<Item = RecordNumber>,
    ) -> Self {
        Self {
            search: Some(Search::new(volume, extents)),
            touched: Touched::default(),
            waiting: records.into_iter().collect(),
        }
    }

    /// False at the end. After an error, it can be tried again.
    pub(super) fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        if let Some(search) = &mut self.search {
            if search.step(volume)? {
                return Ok(true);
            }
            let owners = self.search.take().map(Search::finish).unwrap_or_default();
            let records = owners.list.iter().map(|owner| owner.record);
            self.waiting.extend(records);
            self.waiting = sorted(mem::take(&mut self.waiting));
            self.waiting.dedup();
            self.touched.owners = owners.list;
            self.touched.left_out = owners.left_out;
            return Ok(true);
        }
        let Some(&record) = self.waiting.last() else {
            return Ok(false);
        };
        let path = path::find(volume, record)?;
        self.touched.paths.push((record, path));
        self.waiting.pop();
        Ok(true)
    }

    pub(super) fn finish(self) -> Touched {
        self.touched
    }
}
