//! What a scan found to be wrong.

use crate::error::{Error, Structure};
use crate::units::{Extent, RecordNumber, len_u64};

/// Something wrong in what a volume records of its clusters. The caller decides
/// whether it stops a run.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A record begins with `FILE`, but none of it can be read. It is skipped, as
    /// by the original.
    #[error("MFT record {record} is damaged and was passed over")]
    RecordSkipped {
        /// The record.
        record: RecordNumber,
        /// What is wrong with it.
        source: Error,
    },

    /// Records are in a damaged part of an image and cannot be read.
    #[error("MFT records {first} and the next, {count} in all, are in a damaged part of the image")]
    RecordsLost {
        /// The first record.
        first: RecordNumber,
        /// How many records.
        count: u64,
        /// Why they cannot be read.
        source: Error,
    },

    /// A record in use has an attribute or an attribute list that is damaged.
    /// What can be read of it counts; the rest of its clusters, if it has more,
    /// only `$Bitmap` marks. ntfsclone has always passed over such damage.
    #[error("MFT record {record} is damaged and was read only in part")]
    RecordDamaged {
        /// The record.
        record: RecordNumber,
        /// What is wrong with it.
        source: Error,
    },

    /// A record in use has a runlist that is damaged, or some of its clusters
    /// could not be read: where others of its clusters are is not known.
    #[error("the clusters of MFT record {record} cannot be told")]
    ClustersUnknown {
        /// The record.
        record: RecordNumber,
        /// What is wrong with it.
        source: Error,
    },

    /// A run reaches past the end of the volume.
    #[error("MFT record {record} claims {extent}, the volume has {nr_clusters}")]
    PastEnd {
        /// The record.
        record: RecordNumber,
        /// The run.
        extent: Extent,
        /// How many clusters there are.
        nr_clusters: u64,
    },

    /// Clusters belong to two files, or twice to one.
    #[error(
        "MFT record {record} claims {clusters} {} in {extent} that {} claimed already",
        if *clusters == 1 { "cluster" } else { "clusters" },
        if *clusters == 1 { "is" } else { "are" }
    )]
    ClaimedTwice {
        /// The later of the two records.
        record: RecordNumber,
        /// The run.
        extent: Extent,
        /// How many clusters of it.
        clusters: u64,
    },

    /// Clusters of a file that are free according to `$Bitmap`: Windows may
    /// give them to another file at any time.
    #[error("{extent}: in use by a file, free in $Bitmap")]
    NotInBitmap {
        /// The clusters.
        extent: Extent,
    },
}

impl Finding {
    /// What is damaged in a record that is not damaged as a whole.
    pub(super) fn of_record(record: RecordNumber, source: Error) -> Self {
        match source {
            Error::Corrupt { structure, .. } if structure != Structure::Runlist => {
                Self::RecordDamaged { record, source }
            }
            Error::Limit { .. } | Error::Unsupported { .. } => {
                Self::RecordDamaged { record, source }
            }
            _ => Self::ClustersUnknown { record, source },
        }
    }

    /// False for records that are damaged: their clusters are marked in
    /// `$Bitmap`. True if the account of clusters contradicts itself.
    pub fn is_error(&self) -> bool {
        !matches!(
            self,
            Self::RecordSkipped { .. } | Self::RecordDamaged { .. }
        )
    }

    /// True if the volume is not to blame: its bytes are in a damaged part of an
    /// image.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::RecordsLost { .. } => true,
            Self::RecordSkipped { source, .. }
            | Self::RecordDamaged { source, .. }
            | Self::ClustersUnknown { source, .. } => source.is_loss(),
            _ => false,
        }
    }

    /// The first of lost records.
    pub(super) fn first_lost(&self) -> Option<RecordNumber> {
        match self {
            Self::RecordsLost { first, .. } => Some(*first),
            _ => None,
        }
    }

    /// The file concerned, if the finding tells.
    pub fn record(&self) -> Option<RecordNumber> {
        match self {
            Self::RecordDamaged { record, .. }
            | Self::ClustersUnknown { record, .. }
            | Self::PastEnd { record, .. } => Some(*record),
            _ => None,
        }
    }

    /// The clusters concerned, where their files are not told by the finding.
    pub fn extent(&self) -> Option<Extent> {
        match self {
            Self::ClaimedTwice { extent, .. } | Self::NotInBitmap { extent } => Some(*extent),
            _ => None,
        }
    }
}

/// How many findings of a kind are kept one by one; the rest is only counted.
pub const MAX_LISTED: usize = 1000;

/// Findings: the first ones, and how many there were.
#[derive(Debug, Default)]
pub struct Findings {
    listed: alloc::vec::Vec<Finding>,
    errors: u64,
    damaged: u64,
    skipped: u64,
}

impl Findings {
    /// Notes a finding.
    pub fn push(&mut self, finding: Finding) {
        let count = self.count_of(&finding);
        *count = count.saturating_add(1);
        // No kind takes the place of another.
        if *count <= len_u64(MAX_LISTED) {
            self.listed.push(finding);
        }
    }

    /// Adds the findings that were made after these.
    pub fn append(&mut self, mut next: Self) {
        for finding in core::mem::take(&mut next.listed) {
            let count = next.count_of(&finding);
            *count = count.saturating_sub(1);
            self.push(finding);
        }
        self.errors = self.errors.saturating_add(next.errors);
        self.damaged = self.damaged.saturating_add(next.damaged);
        self.skipped = self.skipped.saturating_add(next.skipped);
    }

    fn count_of(&mut self, finding: &Finding) -> &mut u64 {
        match finding {
            Finding::RecordSkipped { .. } => &mut self.skipped,
            Finding::RecordDamaged { .. } => &mut self.damaged,
            _ => &mut self.errors,
        }
    }

    /// The first findings of each kind (errors, damaged records, skipped
    /// records), at most [`MAX_LISTED`] of each, in the order in which they were
    /// found.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// How many findings are errors.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// How many records are damaged: [`Finding::RecordDamaged`].
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// How many records were passed over: [`Finding::RecordSkipped`].
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}
