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
    /// Bad clusters that `$BadClus` names no more.
    pub bad_clusters: u64,
    /// What did not survive.
    pub losses: Vec<Loss>,
}

impl Resized {
    /// A report on `relocated`: its check found `changes`; `bad_clusters` were left out.
    pub fn new<R: ReadAt>(
        relocated: &Relocated<R>,
        changes: Changes,
        bad_clusters: u64,
        losses: Vec<Loss>,
    ) -> Self {
        let from = relocated.relocation().from();
        Self {
            old_size: total_size(from),
            size: relocated.size(),
            moved_clusters: changes.moved_clusters,
            changed_records: changes.records,
            emptied_journal: relocated.journal_bytes(),
            bad_clusters,
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
