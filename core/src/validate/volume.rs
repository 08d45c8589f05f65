//! Checking the NTFS of a volume, or in an image.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::finding::{Finding, Findings, Place};
use super::lost_frames::Loss;
use super::touched::{Touched, TouchedSearch};
use crate::clusters::Finding::RecordsLost;
use crate::clusters::audit::{Audit, Auditor};
use crate::clusters::{self, ClusterMap, Selection};
use crate::error::{Error, Result, Structure};
use crate::image::Index;
use crate::io::{self, ReadAt};
use crate::ntfs::{OpenedFrom, Volume, VolumeInfo};
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
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    SystemFiles,
    Audit(Auditor),
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
            stage: Stage::SystemFiles,
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
            selection, losses, ..
        } = self;
        match &mut self.stage {
            Stage::SystemFiles => {
                let mut findings = Findings::default();
                check_system_files(volume, &mut findings)?;
                self.stage = Stage::Audit(Auditor::new(volume)?);
                self.findings.append(findings);
            }
            Stage::Audit(auditor) => {
                if !auditor.step(volume, selection)? {
                    let stage = mem::replace(&mut self.stage, Stage::SystemFiles);
                    if let Stage::Audit(auditor) = stage {
                        self.stage = Self::account(volume, selection, auditor, image, losses)?;
                    }
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
                return Ok(Some(VolumeCheck {
                    findings,
                    files_left_out: touched.left_out,
                    files: touched.into_paths(),
                    files_checked: selection.files,
                    clusters_in_use: account.clusters_in_use,
                }));
            }
        }
        Ok(None)
    }

    /// What is wrong with the clusters, all of which have been looked at.
    fn account<R: ReadAt>(
        volume: &Volume<R>,
        selection: &mut Selection,
        auditor: Auditor,
        image: Option<&Index>,
        losses: &[Loss],
    ) -> Result<Stage> {
        let audit = auditor.finish(selection);
        for &extent in &selection.bad {
            selection.map.remove(extent);
        }
        let nr_clusters = volume.geometry().nr_clusters();
        let bad = mem::take(&mut selection.bad).into_iter();
        let bad = bad
            .filter_map(|extent| extent.before(nr_clusters))
            .collect();
        let mut clusters_in_use = selection.map.len();
        // Those of which a lost part of $Bitmap says nothing are taken as used.
        let unknown = audit.unknown.as_ref();
        let unknown = unknown.filter(|unknown| unknown.source.is_loss());
        if let (Some(_), Some(index)) = (unknown, image) {
            clusters_in_use = index.len();
        }
        let missing = match image {
            Some(index) => Missing::find(
                &mut selection.map,
                index,
                unknown.map(|unknown| unknown.extent),
            ),
            None => Missing::in_source(
                &mut selection.map,
                volume,
                unknown.map(|unknown| unknown.extent),
            )?,
        };
        let account = Account {
            audit,
            bad,
            missing,
            clusters_in_use,
            lost: losses
                .iter()
                .map(|loss| loss.extents(volume.geometry()))
                .collect(),
            cluster_size: volume.geometry().cluster_size,
        };
        let found = selection.findings.listed();
        let mut extents = account.extents(found);
        extents.extend(account.lost.iter().flatten());
        let records = found.iter().filter_map(clusters::Finding::record);
        let search = TouchedSearch::new(volume, &extents, records);
        Ok(Stage::Touched(Box::new(account), search))
    }
}

/// What opening a volume tells: its boot sectors, its first records, its flags.
fn check_system_files<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<()> {
    if let OpenedFrom::Backup { offset } = volume.opened_from()
        && !is_lost(volume, 0)?
    {
        let message =
            format!("the first boot sector is damaged; the backup at byte {offset:#x} is not");
        findings.push(Finding::new(Code::BootSector, at(0), message));
    }
    let mut note = |code, result: Result<()>| match result {
        // The loss is a finding already.
        Err(error) if error.is_loss() => Ok(()),
        Err(error) if error.is_damage() => {
            findings.push(Finding::of_error(code, None, &error));
            Ok(())
        }
        other => other,
    };
    let mirror = volume.mft().check_mirror(volume.source(), volume.boot());
    note(Code::MftMirror, mirror)?;
    let mut is_dirty = false;
    let info = VolumeInfo::read(volume).map(|info| is_dirty = info.is_dirty());
    note(Code::VolumeInformation, info)?;
    let mut is_hibernated = false;
    let hibernated = volume.is_hibernated().map(|it_is| is_hibernated = it_is);
    note(Code::RootDirectory, hibernated)?;
    if is_dirty {
        findings.push(Finding::new(
            Code::Dirty,
            None,
            "the volume is marked dirty",
        ));
    }
    if is_hibernated {
        let message = "Windows is hibernated on the volume, or was shut down with fast startup";
        findings.push(Finding::new(Code::Hibernated, None, message));
    }
    Ok(())
}

/// Whether the sector there is in a damaged part of an image.
fn is_lost<R: ReadAt>(volume: &Volume<R>, offset: u64) -> Result<bool> {
    let mut sector = [0; 512];
    let read = volume.source().read_exact_at(offset, &mut sector);
    let read = read.map_err(|source| Error::Io {
        structure: Structure::BootSector,
        offset,
        len: 512,
        source,
    });
    match read {
        Err(error) if error.is_missing() => Err(error),
        read => Ok(read.is_err_and(|error| error.is_loss())),
    }
}

fn at(offset: u64) -> Option<Place> {
    Some(Place::Volume {
        offset,
        length: None,
    })
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
    cluster_size: u32,
}

impl Account {
    /// Clusters whose files are to be named, those in `found` among them.
    fn extents(&self, found: &[clusters::Finding]) -> Vec<Extent> {
        let found = found.iter().filter_map(clusters::Finding::extent);
        let missing = match self.missing.is_metadata {
            true => &[],
            false => self.missing.extents.as_slice(),
        };
        found.chain(missing.iter().copied()).collect()
    }

    fn tell(&self, all: &clusters::finding::Findings, touched: &Touched, findings: &mut Findings) {
        let is_told = |found: &&clusters::Finding| !matches!(found, RecordsLost { .. });
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
            (Code::RecordSkipped, all.skipped()),
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
