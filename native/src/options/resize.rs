//! Another size of the volume, or another disk, resolved.

use super::usage;
use crate::cli::NewSize;
use crate::error::Result;

/// What a volume becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resize {
    /// `None` for the size that it has.
    pub size: Option<NewSize>,
    /// Bytes of a sector; `None` for those that it has.
    pub sector_size: Option<u32>,
    /// Clusters that are marked as bad stay so.
    pub keeps_bad: bool,
}

/// `None` if the volume stays as it is.
pub(super) fn resolve(
    size: Option<NewSize>,
    sector_size: Option<u32>,
    keeps_bad: bool,
) -> Result<Option<Resize>> {
    if size.is_some() || sector_size.is_some() {
        return Ok(Some(Resize {
            size,
            sector_size,
            keeps_bad,
        }));
    }
    if keeps_bad {
        return usage(
            "--keep-bad goes with --size or --sector-size: without them, clusters that are marked \
             as bad stay marked in any case",
        );
    }
    Ok(None)
}
