//! Checking the NTFS of a volume, or in an image.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::content::{self, ContentCheck};
use super::files::FilesCheck;
use super::finding::{Finding, Findings, Place};
use super::lost_frames::Loss;
use super::touched::{Touched, TouchedSearch};
use crate::clusters::Finding::{RecordSkipped, RecordsLost};
use crate::clusters::audit::{Audit, Auditor};
use crate::clusters::{self, ClusterMap, Selection};
use crate::error::{Error, Result, Structure};
use crate::image::Index;
use crate::io::{self, ReadAt};
use crate::ntfs::Volume;
use crate::units::{Extent, Lcn, RecordNumber, len_u64};

/// How many files a finding names.
const FILES_A_FINDING: usize = 10;

/// What was found in a volume, and how much was looked at.
#[derive(Debug, Default)]
pub struct VolumeCheck {
    /// What is wrong.
    pub findings: Findings,
    /// The paths of all files with something wrong, in alphabetical order.
    pub files: Vec<String>,
    /// Parts of files with something wrong that are too many to list.
    pub files_left_out: u64,
    /// Files and directories in use.
    pub files_checked: u64,
    /// Clusters in use.
    pub clusters_in_use: u64,
}

/// Checks a volume whose files were walked over, which gave `selection`: its
/// records against each other and against `$Bitmap`, and, where it is in an
/// image, that all clusters in use are there.
///
/// # Errors
///
/// [`crate::Error::Io`]. All else is a finding.
pub fn check_volume<R: ReadAt>(
    volume: &Volume<R>,
    selection: Selection,
    image: Option<&Index>,
) -> Result<VolumeCheck> {
    let mut checking = Checking::new(selection);
    loop {
        if let Some(check) = checking.step(volume, image)? {
            return Ok(check);
        }
    }
}

/// A [`check_volume`] that goes on step by step.
#[derive(Debug)]
pub struct Checking {
    selection: Selection,
    findings: Findings,
    losses: Vec<Loss>,
    /// Clusters with sectors that a rescue could not read.
    marked: Vec<Extent>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Files(Box<FilesCheck>),
    Audit(Auditor),
    /// What of the clusters in use the source of the volume lacks.
    Absent(Box<Account>),
    /// Whose the clusters are with which something is wrong.
    Touched(Box<Account>, TouchedSearch),
}

impl Checking {
    /// A check that has not begun; `selection` as for [`check_volume`].
    pub fn new(selection: Selection) -> Self {
        Self {
            selection,
            findings: Findings::default(),
            losses: Vec::new(),
            marked: Vec::new(),
            stage: Stage::Files(Box::default()),
        }
    }

    /// The same, with a check of the files that was begun beside the walk.
    pub fn with_files(self, files: FilesCheck) -> Self {
        Self {
            stage: Stage::Files(Box::new(files)),
            ..self
        }
    }

    /// The same, with what a check of the content of all files has found.
    pub fn with_content(self, content: ContentCheck) -> Self {
        Self {
            findings: content.findings,
            marked: content.marked,
            ..self
        }
    }

    /// The same, of a volume in an image of which some is lost: that is told with
    /// the files it was in, and what follows from it is no finding.
    pub fn with_losses(self, losses: Vec<Loss>) -> Self {
        Self { losses, ..self }
    }

    /// Those of a check that was not finished.
    pub fn into_losses(self) -> Vec<Loss> {
        self.losses
    }

    /// Goes on; none if that was not the end. After an error, it can be tried
    /// again.
    ///
    /// # Errors
    ///
    /// As [`check_volume`].
    pub fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        image: Option<&Index>,
    ) -> Result<Option<VolumeCheck>> {
        let Self {
            selection,
            losses,
            findings,
            marked,
            ..
        } = self;
        match &mut self.stage {
            Stage::Files(files) => {
                if !files.step(volume)? {
                    let auditor = Auditor::new(volume)?;
                    findings.append(mem::take(&mut files.findings));
                    self.stage = Stage::Audit(auditor);
                }
            }
            Stage::Audit(auditor) => {
                if auditor.step(volume, selection)? {
                    return Ok(None);
                }
                let stage = mem::replace(&mut self.stage, Stage::Files(Box::default()));
                let Stage::Audit(auditor) = stage else {
                    return Ok(None);
                };
                let audit = auditor.finish(selection);
                for &extent in &selection.bad {
                    selection.map.remove(extent);
                }
                let account = Account::new(selection, audit, image, mem::take(marked));
                self.stage = Stage::Absent(Box::new(account));
            }
            Stage::Absent(account) => {
                let unknown = lost_part(&account.audit);
                account.missing = match image {
                    Some(index) => Missing::find(&mut selection.map, index, unknown),
                    None => Missing::in_source(&mut selection.map, volume, unknown)?,
                };
                let stage = mem::replace(&mut self.stage, Stage::Files(Box::default()));
                if let Stage::Absent(account) = stage {
                    self.stage = account.touched(volume, selection, losses, findings);
                }
            }
            Stage::Touched(account, search) => {
                if search.step(volume)? {
                    return Ok(None);
                }
                let touched = mem::replace(search, TouchedSearch::new(volume, &[], [])).finish();
                let mut findings = mem::take(&mut self.findings);
                account.tell_losses(losses, &touched, &mut findings);
                account.tell(&selection.findings, &touched, &mut findings);
                let (found, directories) = findings.name_files(&touched);
                return Ok(Some(VolumeCheck {
                    findings,
                    files_left_out: touched.left_out,
                    files: touched.into_paths(found, &directories),
                    files_checked: selection.files,
                    clusters_in_use: account.clusters_in_use,
                }));
            }
        }
        Ok(None)
    }
}

/// The clusters of which a lost part of `$Bitmap` says nothing: they are taken as
/// used.
fn lost_part(audit: &Audit) -> Option<Extent> {
    let unknown = audit.unknown.as_ref();
    let unknown = unknown.filter(|unknown| unknown.source.is_loss());
    unknown.map(|unknown| unknown.extent)
}

/// Clusters in use that an image does not hold.
#[derive(Debug, Default)]
struct Missing {
    extents: Vec<Extent>,
    /// More of them, not listed.
    left_out: u64,
    clusters: u64,
    /// That is how images of metadata are.
    is_metadata: bool,
}

impl Missing {
    /// What is in the image is taken out of `used`.
    fn find(used: &mut ClusterMap, index: &Index, unknown: Option<Extent>) -> Self {
        for extent in index.extents().chain(unknown) {
            used.remove(extent);
        }
        Self {
            is_metadata: !index.is_ordinary(),
            ..Self::of_clusters(used)
        }
    }

    /// What the source of a volume lacks. What it has is taken out of `used`.
    fn in_source<R: ReadAt>(
        used: &mut ClusterMap,
        volume: &Volume<R>,
        unknown: Option<Extent>,
    ) -> Result<Self> {
        let (source, geometry) = (volume.source(), volume.geometry());
        let cluster_at = |position| geometry.vcn_at(position).0.0;
        let end = geometry.bytes(geometry.nr_clusters()).min(source.size());
        let mut position = 0;
        for absent in io::absent_in(source, 0..end) {
            let absent = absent.map_err(|source| Error::Io {
                structure: Structure::Volume,
                offset: position,
                len: end.saturating_sub(position),
                source,
            })?;
            let first = cluster_at(position);
            let len = cluster_at(absent.start).saturating_sub(first);
            used.remove(Extent::new(Lcn(first), len));
            position = absent.end;
        }
        let first = cluster_at(position);
        let len = geometry.nr_clusters().saturating_sub(first);
        used.remove(Extent::new(Lcn(first), len));
        if let Some(unknown) = unknown {
            used.remove(unknown);
        }
        Ok(Self::of_clusters(used))
    }

    fn of_clusters(used: &ClusterMap) -> Self {
        let mut missing = Self::default();
        for extent in used.extents() {
            missing.clusters = missing.clusters.saturating_add(extent.len);
            match missing.extents.len() < clusters::finding::MAX_LISTED {
                true => missing.extents.push(extent),
                false => missing.left_out = missing.left_out.saturating_add(1),
            }
        }
        missing
    }
}

/// What is wrong with the clusters of a volume, beside what the walk found.
#[derive(Debug)]
struct Account {
    audit: Audit,
    /// Marked in `$BadClus`.
    bad: Vec<Extent>,
    missing: Missing,
    clusters_in_use: u64,
    /// The clusters of each loss.
    lost: Vec<Vec<Extent>>,
    /// Those that a rescue could not read.
    marked: Vec<Extent>,
    cluster_size: u32,
}

impl Account {
    /// What is wrong with the clusters, all of which have been looked at.
    fn new(
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
    fn touched<R: ReadAt>(
        mut self,
        volume: &Volume<R>,
        selection: &Selection,
        losses: &[Loss],
        findings: &Findings,
    ) -> Stage {
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
        Stage::Touched(Box::new(self), search)
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

    fn tell(&self, all: &clusters::finding::Findings, touched: &Touched, findings: &mut Findings) {
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
    fn tell_losses(&self, losses: &mut Vec<Loss>, touched: &Touched, findings: &mut Findings) {
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
