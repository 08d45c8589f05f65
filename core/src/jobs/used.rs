//! Finding the clusters that a copy of a volume needs.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use super::job::Co;
use super::{Failure, Refusal};
use crate::clusters::{Auditor, ClusterMap, Selection};
use crate::error::with_causes;
use crate::io::Source;
use crate::ntfs::{Volume, VolumeInfo};
use crate::open::Inside;

/// A volume that can be copied.
pub(super) struct Counted {
    pub(super) inside: Inside,
    pub(super) volume: Volume<Source>,
    /// The clusters in use.
    pub(super) map: ClusterMap,
    pub(super) label: String,
    /// Files and `$Bitmap` agree: the owner of each cluster is known.
    pub(super) agree: bool,
    /// Clusters that `$BadClus` names; they are not in `map`.
    pub(super) bad: u64,
}

/// Finds the clusters in use.
///
/// # Errors
///
/// The files and `$Bitmap` disagree in a way that would lose data in a copy,
/// unless `allow_inconsistent`.
pub(super) async fn used(
    co: &Co,
    inside: Inside,
    allow_inconsistent: bool,
) -> Result<Counted, Failure> {
    let (volume, mut selection, info) = co
        .read(|| {
            let volume = if allow_inconsistent {
                inside.open_volume()?
            } else {
                let volume = Volume::open(Arc::clone(&inside.source))?;
                volume.mft().check_mirror(volume.source(), volume.boot())?;
                volume
            };
            let info = VolumeInfo::read(&volume)?;
            let selection = Selection::new(&volume)?;
            Ok((volume, selection, info))
        })
        .await?;
    co.walk(&volume, |walk, rest| {
        walk.claims_of_some(rest, &mut |claims| selection.add(claims))
    })
    .await?;
    let mut auditor = co.read(|| Auditor::new(&volume)).await?;
    while co.read(|| auditor.step(&volume, &mut selection)).await? {
        co.progress(0, 0);
    }
    let bad = bad_clusters(&selection);
    let (map, agree) = judge(selection, auditor, allow_inconsistent)?;
    Ok(Counted {
        inside,
        volume,
        map,
        label: info.label,
        agree,
        bad,
    })
}

/// How many clusters `$BadClus` names: a damaged runlist may name more than the volume has.
fn bad_clusters(selection: &Selection) -> u64 {
    let nr_clusters = selection.map.nr_clusters();
    let bad = selection.bad.iter();
    bad.filter_map(|extent| extent.before(nr_clusters))
        .fold(0, |count, extent| count.saturating_add(extent.len))
}

/// Decides which clusters are copied; also returns whether files and `$Bitmap` agree.
///
/// # Errors
///
/// As [`used`].
fn judge(
    mut selection: Selection,
    auditor: Auditor,
    allow_inconsistent: bool,
) -> Result<(ClusterMap, bool), Failure> {
    let audit = auditor.finish(&mut selection);
    if let Some(unknown) = audit.unknown {
        return Err(unknown.source.into());
    }
    let errors = selection.findings.errors();
    if errors > 0 && !allow_inconsistent {
        let listed = selection.findings.listed().iter();
        let mut listed = listed.filter(|finding| finding.is_error());
        let first = listed.next().map(|finding| with_causes(finding));
        let first = first.unwrap_or_default();
        return Err(Failure::refused(
            Refusal::Inconsistent,
            match errors {
                1 => format!("has a damaged account of clusters: {first}"),
                _ => format!(
                    "has a damaged account of clusters; {errors} findings, the first: {first}"
                ),
            },
            "run chkdsk /f on the volume in Windows; or copy it as it is with the program: \
             ntfsclone --rescue --ignore-fs-check",
        ));
    }
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    let agree = errors == 0 && audit.only_in_bitmap.clusters == 0;
    Ok((selection.map, agree))
}
