//! Where `$MFT` lies.

use crate::runlist::Run;

/// The shape of `$MFT`'s data.
#[derive(Clone, Debug, Default)]
pub enum MftLayout {
    /// In one run.
    #[default]
    Contiguous,
    /// In so many runs that do not touch. The first holds at least the records 0 to 23.
    Fragmented(u64),
    /// In exactly these runs, which it fills with records.
    Runs(Vec<Run>),
    /// In so many runs, with at most `runs_per_record` of them mapped by record 0 and by each of its extension
    /// records, the first of which is record 16. Record 0 has a resident attribute list.
    AttributeList {
        /// Runs of the data.
        pieces: u64,
        /// Most runs that one record maps.
        runs_per_record: usize,
    },
}

impl MftLayout {
    pub(crate) fn pieces(&self) -> u64 {
        match self {
            Self::Contiguous => 1,
            Self::Fragmented(pieces) | Self::AttributeList { pieces, .. } => (*pieces).max(1),
            Self::Runs(runs) => runs.len() as u64,
        }
    }
}
