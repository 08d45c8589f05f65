//! Selects the clusters in use, by the runlists of all files.

use alloc::vec::Vec;

use super::claims::{Claim, Claims};
use super::finding::{Finding, Findings};
use super::map::ClusterMap;
use super::walk::{Walk, parts};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::units::{Extent, RecordNumber};

/// What a walk over all records found.
#[derive(Debug)]
pub struct Selection {
    /// Clusters that a runlist names, those of `$BadClus` among them.
    pub map: ClusterMap,
    /// Clusters that `$BadClus` names: marked as used, and never read.
    pub bad: Vec<Extent>,
    /// Base records in use.
    pub files: u64,
    /// What is wrong.
    pub findings: Findings,
}

/// Walks over every record that is in use and has no base record, and marks
/// the clusters of every run of its non-resident attributes, whatever their
/// type. Records that do not read as `FILE` records are passed over.
///
/// `progress` is called now and then with the number of records walked over.
///
/// The same can be done on several threads: each looks at some [`parts`] with
/// a [`Walk`] of its own, and the claims of all are added in the order of the
/// parts.
///
/// # Errors
///
/// [`Error::Io`]: `$MFT` cannot be read. What is wrong with single records is
/// a [`Finding`].
pub fn select_used<R: ReadAt>(
    volume: &Volume<R>,
    mut progress: impl FnMut(u64),
) -> Result<Selection> {
    let mut selection = Selection::new(volume)?;
    let mut walk = Walk::new(volume);
    for part in parts(volume) {
        walk.claims(&part, |claims| selection.add(claims))?;
        progress(part.end().0);
    }
    Ok(selection)
}

impl Selection {
    /// No clusters of `volume`.
    ///
    /// # Errors
    ///
    /// [`Error::Memory`].
    pub fn new<R: ReadAt>(volume: &Volume<R>) -> Result<Self> {
        let nr_clusters = volume.geometry().nr_clusters();
        let map = ClusterMap::new(nr_clusters).map_err(|_| Error::Memory {
            structure: Structure::Volume,
            len: ClusterMap::least_memory(nr_clusters),
        })?;
        Ok(Self {
            map,
            bad: Vec::new(),
            files: 0,
            findings: Findings::default(),
        })
    }

    /// Adds claims, which must come in the order of their records.
    pub fn add(&mut self, claims: Claims) {
        self.files = self.files.saturating_add(claims.files);
        for claim in claims.list {
            match claim {
                Claim::Clusters {
                    record,
                    extent,
                    are_bad,
                } => {
                    if are_bad {
                        self.bad.push(extent);
                    }
                    self.mark(record, extent);
                }
                Claim::Damage(finding) => self.findings.push(*finding),
            }
        }
    }

    fn mark(&mut self, record: RecordNumber, extent: Extent) {
        let nr_clusters = self.map.nr_clusters();
        if extent.end().0 > nr_clusters {
            self.findings.push(Finding::PastEnd {
                record,
                extent,
                nr_clusters,
            });
        }
        let clusters = self.map.insert(extent);
        if clusters > 0 {
            self.findings.push(Finding::ClaimedTwice {
                record,
                extent,
                clusters,
            });
        }
    }
}
