//! What is wrong with the clusters of a volume, told with the files that have them.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::content;
use super::finding::{Finding, Findings, Place};
use super::lost_frames::Loss;
use super::missing::Missing;
use super::touched::{Touched, TouchedSearch};
use crate::clusters::Finding::{RecordSkipped, RecordsLost};
use crate::clusters::audit::Audit;
use crate::clusters::{self, Selection};
use crate::image::Index;
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::units::{Extent, RecordNumber, len_u64};

/// How many files a finding names.
const FILES_A_FINDING: usize = 10;

/// What is wrong with the clusters of a volume, beside what the walk found.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) audit: Audit,
    /// Marked in `$BadClus`.
    bad: Vec<Extent>,
    pub(super) missing: Missing,
    pub(super) clusters_in_use: u64,
    /// The clusters of each loss.
    lost: Vec<Vec<Extent>>,
    /// Those that a rescue could not read.
    marked: Vec<Extent>,
    cluster_size: u32,
}

impl Account {
    /// What is wrong with the clusters, all of which have been looked at.
    pub(super) fn new(
        selection: &Selection,
        audit: Audit,
        image: Option<&Index>,
        marked: Vec<Extent>,
    ) -> Self {
        let mut clusters_in_use = selection.map.len();
        if let (Some(_), Some(index)) = (lost_part(&audit), image) {
            clusters_in_use = index.len();
        }
        Self {
            audit,
            bad: Vec::new(),
            missing: Missing::default(),
            clusters_in_use,
            lost: Vec::new(),
            marked,
            cluster_size: 0,
        }
    }

    /// The search for the files that are touched.
    pub(super) fn touched<R: ReadAt>(
        mut self,
        volume: &Volume<R>,
        selection: &Selection,
        losses: &[Loss],
        findings: &Findings,
    ) -> (Self, TouchedSearch) {
        let geometry = volume.geometry();
        self.cluster_size = geometry.cluster_size;
        let bad = selection.bad.iter();
        self.bad = bad
            .filter_map(|extent| extent.before(geometry.nr_clusters()))
            .collect();
        self.lost = losses
            .iter()
            .map(|loss| loss.extents(volume.geometry()))
            .collect();
        let found = selection.findings.listed();
        let mut extents = self.extents(found);
        extents.extend(self.lost.iter().flatten());
        let records = found.iter().filter_map(clusters::Finding::record);
        let search = TouchedSearch::new(volume, &extents, records.chain(findings.records()));
        (self, search)
    }

    /// Clusters whose files are to be named, those in `found` among them.
    fn extents(&self, found: &[clusters::Finding]) -> Vec<Extent> {
        let found = found.iter().filter_map(clusters::Finding::extent);
        let missing = match self.missing.is_metadata {
            true => &[],
            false => self.missing.extents.as_slice(),
        };
        let more = missing.iter().chain(&self.marked).copied();
        found.chain(more).collect()
    }

    pub(super) fn tell(
        &self,
        all: &clusters::finding::Findings,
        touched: &Touched,
        findings: &mut Findings,
    ) {
        // Those that are skipped were read again, each with its bit in $MFT.
        let is_told = |found: &&clusters::Finding| {
            !matches!(found, RecordsLost { .. } | RecordSkipped { .. })
        };
        for found in all.listed().iter().filter(is_told) {
            findings.push(self.of_clusters(found, touched));
        }
        let is_lost = all.listed().iter().any(clusters::Finding::is_loss);
        for (first, count) in lost_records(all.listed()) {
            let end = first.0.saturating_add(count).saturating_sub(1);
            let message = match count {
                1 => format!("MFT record {first} is in what is lost"),
                _ => format!("MFT records {first} to {end} are in what is lost"),
            };
            findings.push(Finding::new(Code::RecordsLost, None, message));
        }
        let listed = len_u64(clusters::finding::MAX_LISTED);
        for (code, count) in [
            (Code::RecordDamaged, all.errors()),
            (Code::RecordDamaged, all.damaged()),
        ] {
            findings.count_more(code, count.saturating_sub(listed));
        }

        if let Some(unknown) = &self.audit.unknown
            && !unknown.source.is_loss()
        {
            let place = Place::of_clusters(unknown.extent, self.cluster_size);
            findings.push(Finding::of_error(Code::Bitmap, Some(place), unknown));
        }
        let extra = &self.audit.only_in_bitmap;
        // They may belong to the files whose records are lost.
        if let Some(&first) = extra.first.first()
            && !is_lost
        {
            let message = format!(
                "{} marked in $Bitmap and used by no file; the first: {first}",
                clusters_are(extra.clusters)
            );
            let place = Place::of_clusters(first, self.cluster_size);
            findings.push(Finding::new(
                Code::ClusterOnlyInBitmap,
                Some(place),
                message,
            ));
        }
        self.tell_missing(touched, findings);
        self.tell_bad(findings);
        for &extent in &self.marked {
            let mut finding = content::of_marked(extent, self.cluster_size);
            finding.files = touched.of_extent(extent, FILES_A_FINDING);
            findings.push(finding);
        }
    }

    fn tell_bad(&self, findings: &mut Findings) {
        let Some(&first) = self.bad.first() else {
            return;
        };
        let clusters = self
            .bad
            .iter()
            .fold(0_u64, |sum, extent| sum.saturating_add(extent.len));
        let message = format!(
            "{} marked as bad in $BadClus; the first: {first}",
            clusters_are(clusters)
        );
        let place = Place::of_clusters(first, self.cluster_size);
        findings.push(Finding::new(Code::BadClusters, Some(place), message));
    }

    /// What is lost, with its files.
    pub(super) fn tell_losses(
        &self,
        losses: &mut Vec<Loss>,
        touched: &Touched,
        findings: &mut Findings,
    ) {
        for (loss, extents) in mem::take(losses).into_iter().zip(&self.lost) {
            let mut finding = loss.into_finding();
            finding.files = touched.of_extents(extents, FILES_A_FINDING);
            findings.push(finding);
        }
    }

    fn tell_missing(&self, touched: &Touched, findings: &mut Findings) {
        let missing = &self.missing;
        if missing.is_metadata && missing.clusters > 0 {
            let message = format!(
                "an image of metadata: of what is in use, {} not in it",
                clusters_are(missing.clusters)
            );
            findings.push(Finding::new(Code::MetadataOnly, None, message));
            return;
        }
        for &extent in &missing.extents {
            let message = format!("{extent}: in use, and not in the image");
            let place = Place::of_clusters(extent, self.cluster_size);
            let mut finding = Finding::new(Code::ClusterMissing, Some(place), message);
            finding.files = touched.of_extent(extent, FILES_A_FINDING);
            findings.push(finding);
        }
        findings.count_more(Code::ClusterMissing, missing.left_out);
    }

    fn of_clusters(&self, found: &clusters::Finding, touched: &Touched) -> Finding {
        use clusters::Finding as Found;
        let (code, extent) = match found {
            Found::RecordSkipped { .. } => (Code::RecordSkipped, None),
            Found::RecordsLost { .. } => (Code::RecordsLost, None),
            Found::RecordDamaged { source, .. } | Found::ClustersUnknown { source, .. } => {
                match source.is_loss() {
                    true => (Code::RecordsLost, None),
                    false => (Code::RecordDamaged, None),
                }
            }
            Found::PastEnd { extent, .. } => (Code::RunPastEnd, Some(*extent)),
            Found::ClaimedTwice { extent, .. } => (Code::ClusterClaimedTwice, Some(*extent)),
            Found::NotInBitmap { extent } => (Code::ClusterNotInBitmap, Some(*extent)),
        };
        let place = extent.map(|extent| Place::of_clusters(extent, self.cluster_size));
        let mut finding = Finding::of_error(code, place, found);
        finding.record = found.record().map(|record| record.0);
        finding.files = match found.extent() {
            Some(extent) => touched.of_extent(extent, FILES_A_FINDING),
            None => {
                let path = found.record().and_then(|record| touched.path(record));
                path.into_iter().map(String::from).collect()
            }
        };
        finding
    }
}

fn clusters_are(count: u64) -> String {
    match count {
        1 => "1 cluster is".into(),
        _ => format!("{count} clusters are"),
    }
}

/// The lost records, those that follow each other as one: the first, and how
/// many.
fn lost_records(found: &[clusters::Finding]) -> Vec<(RecordNumber, u64)> {
    let mut lost: Vec<(RecordNumber, u64)> = Vec::new();
    for finding in found {
        let RecordsLost { first, count, .. } = finding else {
            continue;
        };
        match lost.last_mut() {
            Some((start, len)) if start.0.saturating_add(*len) == first.0 => {
                *len = len.saturating_add(*count);
            }
            _ => lost.push((*first, *count)),
        }
    }
    lost
}

/// The clusters of which a lost part of `$Bitmap` says nothing: they are taken as
/// used.
pub(super) fn lost_part(audit: &Audit) -> Option<Extent> {
    let unknown = audit.unknown.as_ref();
    let unknown = unknown.filter(|unknown| unknown.source.is_loss());
    unknown.map(|unknown| unknown.extent)
}
