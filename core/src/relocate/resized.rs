//! What was changed to give a volume another size.

use alloc::vec::Vec;

use super::loss::Loss;
use super::relocated::{Changes, Relocated};
use super::relocation::total_size;
use crate::io::ReadAt;

/// What was changed to give a volume another size.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Resized {
    /// Bytes of the volume as it was, with its backup boot sector.
    pub old_size: u64,
    /// Bytes of the volume as it is now, with its backup boot sector.
    pub size: u64,
    /// Clusters that are elsewhere now.
    pub moved_clusters: u64,
    /// MFT records with other runlists or sizes.
    pub changed_records: u64,
    /// Bytes of the journal, `$LogFile`, which is emptied.
    pub emptied_journal: u64,
    /// Bytes of a sector of the volume as it was.
    pub old_sector_size: u32,
    /// Bytes of a sector of the volume as it is now.
    pub sector_size: u32,
    /// Bad clusters that `$BadClus` names no more.
    pub bad_clusters: u64,
    /// Bad clusters that `$BadClus` still names.
    pub kept_bad_clusters: u64,
    /// What did not survive.
    pub losses: Vec<Loss>,
}

impl Resized {
    /// A report on `relocated`: its check found `changes`; the volume as it was has
    /// `bad_clusters`.
    pub fn new<R: ReadAt>(
        relocated: &Relocated<R>,
        changes: Changes,
        bad_clusters: u64,
        losses: Vec<Loss>,
    ) -> Self {
        let relocation = relocated.relocation();
        let (from, to) = (relocation.from(), relocation.to());
        let kept_bad_clusters = relocation.bad_clusters();
        Self {
            old_size: total_size(from),
            size: relocated.size(),
            moved_clusters: changes.moved_clusters,
            changed_records: changes.records,
            emptied_journal: relocated.journal_bytes(),
            old_sector_size: from.sector_size,
            sector_size: to.sector_size,
            bad_clusters: bad_clusters.saturating_sub(kept_bad_clusters),
            kept_bad_clusters,
            losses,
        }
    }

    /// For programs.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Memory`].
    #[cfg(feature = "serde")]
    pub fn to_json(&self) -> crate::Result<alloc::string::String> {
        crate::info::to_json(self)
    }
}
