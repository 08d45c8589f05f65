//! Which clusters the records of a part of `$MFT` name, on their way to the
//! [`Selection`](super::Selection).

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

/// How much is sent at once. A record with an attribute list can name millions
/// of runs: all that a part names may be more than there is room for.
const MAX_LEN: usize = 4096;

/// The name of the stream of `$BadClus` that holds the bad clusters, `$Bad`
/// in UTF-16.
pub(crate) const BAD_STREAM: &[u8] = b"$\0B\0a\0d\0";

/// What the files of some records name, in the order of the records.
#[derive(Debug, Default)]
pub struct Claims {
    /// Base records in use.
    pub(super) files: u64,
    pub(super) list: Vec<Claim>,
}

/// What is to be told of one run.
#[derive(Debug)]
pub(super) enum Claim {
    /// A file has these clusters.
    Clusters {
        record: RecordNumber,
        extent: Extent,
        /// They belong to `$BadClus`: nobody has them.
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
