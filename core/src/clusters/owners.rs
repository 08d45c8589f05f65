//! Finds the files to which given clusters belong.

use alloc::string::String;
use alloc::vec::Vec;

use super::walk::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::file_name::decode_utf16;
use crate::ntfs::{Run, Volume};
use crate::sorted::sorted;
use crate::units::{Extent, RecordNumber, Vcn, len_u64};

/// Our limit: on a damaged volume every run may claim every cluster.
const MAX_OWNERS: usize = 10_000;

/// Clusters that an attribute of a file has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The file.
    pub record: RecordNumber,
    /// The kind of attribute.
    pub type_code: AttributeType,
    /// Its name, that of a stream; empty for the content of a file.
    pub name: String,
    /// The clusters.
    pub extent: Extent,
    /// Which cluster of the attribute the first one is.
    pub vcn: Vcn,
}

/// The files that have some of the wanted clusters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners {
    /// In the order of their records, the first 10000.
    pub list: Vec<Owner>,
    /// How many more there are.
    pub left_out: u64,
}

/// Finds the files in use that have clusters of `extents`, and which of them.
/// It is for naming files after clusters were lost: it reads all records once
/// more.
///
/// # Errors
///
/// [`crate::Error::Io`]: `$MFT` cannot be read.
pub fn owners<R: ReadAt>(volume: &Volume<R>, extents: &[Extent]) -> Result<Owners> {
    let mut search = Search::new(volume, extents);
    while search.step(volume)? {}
    Ok(search.finish())
}

/// As [`owners`], step by step.
#[derive(Debug)]
pub struct Search {
    wanted: Vec<Extent>,
    rest: Part,
    owners: Owners,
    /// How many owners are listed.
    limit: usize,
}

impl Search {
    /// A search that has not begun.
    pub fn new<R: ReadAt>(volume: &Volume<R>, extents: &[Extent]) -> Self {
        Self {
            wanted: merged(extents),
            rest: Part::all(volume),
            owners: Owners::default(),
            limit: MAX_OWNERS,
        }
    }

    /// The same, with this many owners listed.
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Looks at the next records; false if there are none. After an error, it
    /// can be tried again.
    ///
    /// # Errors
    ///
    /// As [`owners`].
    pub fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        let Self {
            wanted,
            rest,
            owners,
            limit,
        } = self;
        if wanted.is_empty() || rest.is_empty() {
            return Ok(false);
        }
        Walk::new(volume).visit_some(rest, &mut |number, result| {
            for attribute in result.unwrap_or_default() {
                let AttributeBody::NonResident(body) = attribute.body else {
                    continue;
                };
                for run in body.runs().map_while(Result::ok) {
                    owners.add(number, attribute, &run, wanted, *limit);
                }
            }
        })?;
        Ok(true)
    }

    /// The owners found.
    pub fn finish(self) -> Owners {
        self.owners
    }
}

impl Owners {
    /// Adds what a run has of `wanted`.
    fn add(
        &mut self,
        record: RecordNumber,
        attribute: &Attribute<'_>,
        run: &Run,
        wanted: &[Extent],
        limit: usize,
    ) {
        let Some(owned) = run.extent() else { return };
        let first = wanted.partition_point(|extent| extent.end() <= owned.start);
        let after = wanted.partition_point(|extent| extent.start < owned.end());
        let shared = wanted.get(first..after).unwrap_or_default();

        let room = limit.saturating_sub(self.list.len());
        let (listed, left_out) = shared.split_at(room.min(shared.len()));
        self.left_out = self.left_out.saturating_add(len_u64(left_out.len()));
        self.list.extend(listed.iter().map(|extent| {
            let start = owned.start.max(extent.start);
            let end = owned.end().min(extent.end());
            Owner {
                record,
                type_code: attribute.type_code,
                name: decode_utf16(attribute.name),
                extent: Extent::new(start, end.0.saturating_sub(start.0)),
                vcn: run.vcn.plus(start.0.saturating_sub(owned.start.0)),
            }
        }));
    }
}

/// The same clusters in ascending extents that neither overlap nor touch.
fn merged(extents: &[Extent]) -> Vec<Extent> {
    let mut extents = extents.to_vec();
    extents.retain(|extent| extent.len > 0);
    let mut merged: Vec<Extent> = Vec::with_capacity(extents.len());
    for extent in sorted(extents) {
        match merged.last_mut() {
            Some(last) if extent.start <= last.end() => {
                let end = last.end().max(extent.end());
                last.len = end.0.saturating_sub(last.start.0);
            }
            _ => merged.push(extent),
        }
    }
    merged
}
