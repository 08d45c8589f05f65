//! Which clusters of a damaged volume are in use, as far as anything of it
//! reports that.

use std::path::Path;

use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::image::salvage::Expected;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::salvage::DamagedVolume;
use ntfsclone_core::units::{Extent, Lcn};

use super::find::Scan;
use crate::error::Result;
use crate::host::progress::{Phase, Progress};
use crate::host::scan::{select_used_on, threads_of_sound};

/// Which clusters of a damaged volume are in use.
pub(super) struct InUse {
    /// By the runs of its files, as far as they are known.
    claimed: Option<ClusterMap>,
    /// By `$Bitmap`.
    expected: Option<Expected>,
}

impl InUse {
    pub(super) fn new(
        name: &Path,
        volume: Option<&Volume<DamagedVolume>>,
        expected: Option<Expected>,
        scan: Scan,
    ) -> Result<Self> {
        let Some(volume) = volume else {
            return Ok(Self {
                claimed: None,
                expected,
            });
        };
        let mut progress = Progress::start(scan.progress, Phase::Scan, volume.mft().record_count());
        let threads = threads_of_sound(volume, scan.threads);
        let mut selection = select_used_on(volume, name, threads, |records| {
            progress.advance_to(records);
        })?;
        progress.finish();
        for &extent in &selection.bad {
            selection.map.remove(extent);
        }
        Ok(Self {
            claimed: Some(selection.map),
            expected,
        })
    }

    /// Those of `extents` that are in use, and how many more there are of which
    /// that is unknown.
    pub(super) fn split(&mut self, extents: &[Extent]) -> (Vec<Extent>, u64) {
        let (mut lost, mut untold) = (Vec::new(), 0);
        for &extent in extents {
            let mut rest = extent.start.0..extent.end().0;
            while rest.start < rest.end {
                let lcn = rest.start;
                let (by_bitmap, end) = match &self.expected {
                    Some(expected) => expected.state_at(lcn),
                    None => (None, rest.end),
                };
                let (by_files, files_end) = match &self.claimed {
                    Some(map) => claimed_at(map, lcn),
                    None => (false, rest.end),
                };
                let end = end.min(files_end).clamp(lcn + 1, rest.end);
                match by_bitmap {
                    _ if by_files => lost.push(Extent::new(Lcn(lcn), end - lcn)),
                    Some(true) => lost.push(Extent::new(Lcn(lcn), end - lcn)),
                    Some(false) => {}
                    None => untold += end - lcn,
                }
                rest.start = end;
            }
        }
        (lost, untold)
    }
}

/// Whether a file claims the cluster, and where that ends.
fn claimed_at(map: &ClusterMap, lcn: u64) -> (bool, u64) {
    match map.extents_from(Lcn(lcn)).next() {
        Some(extent) if extent.start.0 <= lcn => (true, extent.end().0),
        Some(extent) => (false, extent.start.0),
        None => (false, u64::MAX),
    }
}
