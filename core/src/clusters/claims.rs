//! Claims: the clusters that the records of one part of `$MFT` name. Threads
//! collect them part by part, and a [`Selection`](super::Selection) adds them up.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::mem;

use super::finding::Finding;
use super::walk::{Part, Walk};
use crate::error::Result;
use crate::io::ReadAt;
use crate::ntfs::attribute::{Attribute, AttributeBody, AttributeType};
use crate::ntfs::mft::RECORD_BAD_CLUSTERS;
use crate::units::{Extent, RecordNumber};

/// Claims that are sent at once. A file with an attribute list can have millions
/// of runs, so the claims of a whole part may not fit into memory.
const MAX_LEN: usize = 4096;

/// The name of the stream of `$BadClus` that holds the bad clusters, `$Bad`
/// in UTF-16.
pub(crate) const BAD_STREAM: &[u8] = b"$\0B\0a\0d\0";

/// The clusters that some files name, in the order of their base records.
#[derive(Debug, Default)]
pub struct Claims {
    /// Base records in use.
    pub(super) files: u64,
    pub(super) list: Vec<Claim>,
}

/// One run, and who claims it.
#[derive(Debug)]
pub(super) enum Claim {
    /// A file has these clusters.
    Clusters {
        record: RecordNumber,
        extent: Extent,
        /// The run of `$BadClus` that lists bad clusters: no file has them.
        are_bad: bool,
    },
    /// The runs are not known.
    Damage(Box<Finding>),
}

impl<R: ReadAt> Walk<'_, R> {
    /// Calls `send` with the runs of all non-resident attributes, whatever
    /// their type, of the files whose base records are in `part` and in use:
    /// once or more. Records that do not read as `FILE` records are passed
    /// over.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io): `$MFT` cannot be read. What is wrong
    /// with single records is sent.
    pub fn claims(&mut self, part: &Part, mut send: impl FnMut(Claims)) -> Result<()> {
        let mut rest = part.clone();
        while !rest.is_empty() {
            self.claims_of_some(&mut rest, &mut send)?;
        }
        Ok(())
    }

    /// As [`Walk::claims`], of the first records of `rest`, as many as are read
    /// at once: those that were looked at are taken off it, after an error too,
    /// which can then be tried again.
    ///
    /// # Errors
    ///
    /// As [`Walk::claims`].
    pub fn claims_of_some(&mut self, rest: &mut Part, send: &mut impl FnMut(Claims)) -> Result<()> {
        let mut claims = Claims::default();
        let visited = self.visit_some(rest, &mut |number, result| match result {
            Ok(attributes) => {
                claims.files = claims.files.saturating_add(1);
                for attribute in attributes {
                    claims.add_runs(number, attribute, send);
                }
            }
            Err(finding) => claims.add(Claim::Damage(Box::new(finding)), send),
        });
        send(claims);
        visited
    }
}

impl Claims {
    fn add_runs(
        &mut self,
        record: RecordNumber,
        attribute: &Attribute<'_>,
        send: &mut impl FnMut(Self),
    ) {
        let AttributeBody::NonResident(body) = attribute.body else {
            return;
        };
        let are_bad = record == RECORD_BAD_CLUSTERS
            && attribute.type_code == AttributeType::DATA
            && attribute.name == BAD_STREAM;
        for run in body.runs() {
            let claim = match run {
                Ok(run) => match run.extent() {
                    Some(extent) => Claim::Clusters {
                        record,
                        extent,
                        are_bad,
                    },
                    None => continue,
                },
                Err(source) => Claim::Damage(Box::new(Finding::of_record(record, source))),
            };
            self.add(claim, send);
        }
    }

    fn add(&mut self, claim: Claim, send: &mut impl FnMut(Self)) {
        self.list.push(claim);
        if self.list.len() >= MAX_LEN {
            send(mem::take(self));
        }
    }
}
