//! Clusters that differ.

use std::ops::Range;
use std::path::Path;

use ntfsclone_core::check::{Code, Finding, Findings, Place, Touched};
use ntfsclone_core::io::Source;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Geometry, Lcn};

use super::identity::OwnFields;
use crate::error::{Error, Result};
use crate::report;

/// How many differences are told one by one.
const LISTED: usize = 1000;

/// How many files a finding names.
const FILES_A_FINDING: usize = 10;

/// Clusters that differ.
pub(super) struct Different {
    /// Bytes of both boot sectors, from the start of the volume, that may differ.
    ignored: Vec<Range<u64>>,
    clusters: u64,
    /// The first ones that were found, joined.
    extents: Vec<Extent>,
}

impl Different {
    /// None yet.
    pub(super) fn new(geometry: &Geometry, own: OwnFields) -> Self {
        let boot_sectors = [0, geometry.backup_boot_sector()].into_iter();
        let ignored = boot_sectors.flat_map(|sector| {
            own.ranges()
                .map(move |range| sector + range.start..sector + range.end)
        });
        Self {
            ignored: ignored.collect(),
            clusters: 0,
            extents: Vec::new(),
        }
    }

    /// Compares consecutive clusters of the two, from the one with the number
    /// `first` on. What the other does not have is shorter there, or not `is_held`.
    pub(super) fn compare(
        &mut self,
        first: Lcn,
        cluster_size: usize,
        mine: &[u8],
        other: &[u8],
        is_held: impl Fn(Lcn) -> bool,
    ) {
        let clusters = mine.len().div_ceil(cluster_size) as u64;
        let all_held = || (first.0..first.0 + clusters).map(Lcn).all(&is_held);
        if mine == other && all_held() {
            return;
        }
        for (number, mine) in mine.chunks(cluster_size).enumerate() {
            let start = number * cluster_size;
            let lcn = Lcn(first.0 + number as u64);
            let offset = lcn.0 * cluster_size as u64;
            let other = other.get(start..start + mine.len());
            let is_same = other.is_some_and(|other| self.is_same(offset, mine, other));
            if !is_same || !is_held(lcn) {
                self.add(Extent::new(lcn, 1));
            }
        }
    }

    /// Whether two parts of the volume, of one length, are equal where they must be.
    fn is_same(&self, offset: u64, mine: &[u8], other: &[u8]) -> bool {
        let is_ignored = |place: usize| {
            let place = offset + place as u64;
            self.ignored.iter().any(|range| range.contains(&place))
        };
        let mut places = mine.iter().zip(other).enumerate();
        mine == other || places.all(|(place, (one, other))| one == other || is_ignored(place))
    }

    /// Adds clusters that differ.
    pub(super) fn add(&mut self, extent: Extent) {
        self.clusters += extent.len;
        let is_full = self.extents.len() == LISTED;
        match self.extents.last_mut() {
            Some(last) if last.end() == extent.start => last.len += extent.len,
            _ if is_full => {}
            _ => self.extents.push(extent),
        }
    }

    /// What differs, and the files that have it.
    pub(super) fn tell(
        mut self,
        volume: &Volume<Source>,
        other: &Path,
        findings: &mut Findings,
    ) -> Result<()> {
        if self.clusters == 0 {
            return Ok(());
        }
        self.extents.sort_unstable_by_key(|extent| extent.start);
        let geometry = volume.geometry();
        let touched =
            Touched::find(volume, &self.extents, []).map_err(|error| Error::read(other, error))?;
        let listed: u64 = self.extents.iter().map(|extent| extent.len).sum();
        for &extent in &self.extents {
            let place = Place::Volume {
                offset: geometry.offset(extent.start),
                length: Some(geometry.bytes(extent.len)),
            };
            let message = format!("{extent}: not the same in {}", other.display());
            let mut finding = Finding::new(Code::ContentDiffers, Some(place), message);
            finding.files = touched.of_extent(extent, FILES_A_FINDING);
            findings.push(finding);
        }
        if let more @ 1.. = self.clusters - listed {
            let more = report::count(more, "more cluster", "more clusters");
            let message = format!("{more}: not the same in {}", other.display());
            findings.push(Finding::new(Code::ContentDiffers, None, message));
        }
        Ok(())
    }
}
