//! What a scan found to be wrong.

use crate::error::Error;
use crate::units::{Extent, RecordNumber, len_u64};

/// Something wrong with a volume's account of its clusters. Whether it stops a
/// run is the caller's policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Finding {
    /// A record that says `FILE` is damaged as a whole. What it says, if it
    /// said anything, is not known; ntfsclone has always passed over these.
    #[error("MFT record {record} is damaged and was passed over")]
    RecordSkipped {
        /// The record.
        record: RecordNumber,
        /// What is wrong with it.
        source: Error,
    },

    /// Records are in a damaged part of an image: what they say is not known.
    #[error("MFT records {first} and the next, {count} in all, are in a damaged part of the image")]
    RecordsLost {
        /// The first record.
        first: RecordNumber,
        /// How many records.
        count: u64,
        /// Why they cannot be read.
        source: Error,
    },

    /// A record in use has an attribute, an attribute list or a runlist that
    /// is damaged: some of its clusters are not known.
    #[error("the clusters of MFT record {record} cannot be told")]
    RecordDamaged {
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
    #[error("MFT record {record} claims {clusters} clusters in {extent} that are claimed already")]
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
    /// False for findings that leave the account of clusters complete as far
    /// as it can be.
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::RecordSkipped { .. })
    }

    /// True if the volume is not to blame: its bytes are in a damaged part of an
    /// image.
    pub fn is_loss(&self) -> bool {
        match self {
            Self::RecordsLost { .. } => true,
            Self::RecordSkipped { source, .. } | Self::RecordDamaged { source, .. } => {
                source.is_loss()
            }
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
            Self::RecordDamaged { record, .. } | Self::PastEnd { record, .. } => Some(*record),
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

/// How many findings of a kind, errors or warnings, are kept one by one; the
/// rest is only counted.
pub const MAX_LISTED: usize = 1000;

/// Findings: the first ones, and how many there were.
#[derive(Debug, Default)]
pub struct Findings {
    listed: alloc::vec::Vec<Finding>,
    errors: u64,
    warnings: u64,
}

impl Findings {
    /// Notes a finding.
    pub fn push(&mut self, finding: Finding) {
        let count = match finding.is_error() {
            true => &mut self.errors,
            false => &mut self.warnings,
        };
        *count = count.saturating_add(1);
        // Neither kind takes the place of the other.
        if *count <= len_u64(MAX_LISTED) {
            self.listed.push(finding);
        }
    }

    /// Adds the findings that were made after these.
    pub fn append(&mut self, next: Self) {
        let errors = next.listed.iter().filter(|finding| finding.is_error());
        let errors = len_u64(errors.count());
        let warnings = len_u64(next.listed.len()).saturating_sub(errors);
        let more_errors = next.errors.saturating_sub(errors);
        let more_warnings = next.warnings.saturating_sub(warnings);
        for finding in next.listed {
            self.push(finding);
        }
        self.errors = self.errors.saturating_add(more_errors);
        self.warnings = self.warnings.saturating_add(more_warnings);
    }

    /// The first errors and the first warnings, at most [`MAX_LISTED`] of
    /// each, in the order in which they were found.
    pub fn listed(&self) -> &[Finding] {
        &self.listed
    }

    /// How many findings are errors.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// How many findings are not errors.
    pub fn warnings(&self) -> u64 {
        self.warnings
    }
}
