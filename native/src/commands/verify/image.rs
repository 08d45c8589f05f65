//! All of an image, from start to end: its structure and its checksums.

use std::sync::Arc;

use ntfsclone_core::check::{self, Code, Finding, ImageCheck, ImageChecked, Place};
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::Index;
use ntfsclone_core::image::seekable::Summary;
use ntfsclone_core::io::Source;

use super::{Checked, streamed};
use crate::error::{Error, Result};
use crate::input::{Bytes, Seekable};
use crate::options::{self, VerifyTask};
use crate::source::{Keeper, Sidecar};

/// Reads the image, keeps of it what `keeper` is for, and compares the file with
/// `sidecars`. Returns where its clusters are, as far as they are whole.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Option<Index>> {
    let source = bytes.source();
    let seekable = match &bytes {
        Bytes::Seekable(seekable) => Some(Arc::clone(seekable)),
        Bytes::Random(_) | Bytes::Disk(_) | Bytes::Stream(_) => None,
    };
    let mut check = if streamed::is_on_device(checked) {
        ImageCheck::on_device()
    } else {
        ImageCheck::new()
    };
    let mut read = streamed::read(&mut check, bytes, sidecars, keeper, task, how, checked)?;
    let bytes = check.taken();
    let ended = check.end();
    let (findings, index) = ended.map_err(|error| Error::read(&checked.input.name, error))?;
    read.report(findings, checked);
    let lost = read.lost;
    let index = match (lost.first(), source) {
        (Some(first), Some(source)) => {
            let located = locate(seekable.as_deref(), &source);
            if located.is_none() {
                let message = format!(
                    "where the clusters after byte {first:#x} of the image are is not known"
                );
                let place = Some(Place::Image { offset: first });
                let finding = Finding::new(Code::ImageUnreadable, place, message);
                checked.findings.push(finding);
            }
            located.or(index)
        }
        _ => index,
    };
    if let Some(index) = &index {
        checked
            .losses
            .extend(lost.in_image(index.header().cluster_size, |range| index.extents_in(range)));
    } else {
        checked.losses.extend(lost.in_volume());
    }
    if let Some(seekable) = seekable {
        check_summary(&seekable, index.as_ref(), checked);
    }
    checked.image = Some(ImageChecked {
        bytes,
        clusters: index.as_ref().map_or(0, Index::len),
    });
    Ok(index)
}

/// Where the clusters are in an image of which frames are lost, so that its
/// commands cannot be followed: by its summary, or by its `$Bitmap`.
fn locate(seekable: Option<&Seekable>, source: &Source) -> Option<Index> {
    let summary = seekable.and_then(|seekable| seekable.summary().ok().flatten());
    if let Some(Ok(Some(index))) = summary.map(Summary::index) {
        return Some(index);
    }
    match Index::discover(source) {
        Ok(Discovery::Found(index)) => Some(index),
        _ => None,
    }
}

/// What is around the frames of a compressed image that came through a pipe. Their content
/// was not compared with the checksums in the summary.
pub(super) fn check_passed(index: Option<&Index>, checked: &mut Checked) {
    let passing = checked.input.passing.take();
    let Some(passed) = passing.and_then(|passing| passing.finish()) else {
        return;
    };
    let findings = &mut checked.findings;
    check::check_frames(passed.header.as_ref(), &passed.damage, findings);
    let summary = passed.summary.as_ref().map(Option::as_ref);
    check::check_summary(summary, index, findings, &mut Vec::new());
}

/// What a compressed image tells of itself against what was read. The frames
/// were checked against its checksums when they were decompressed.
pub(super) fn check_summary(seekable: &Seekable, index: Option<&Index>, checked: &mut Checked) {
    let Checked {
        findings,
        checksums,
        ..
    } = checked;
    let header = seekable.header_damage();
    check::check_frames(header.as_ref(), seekable.end_damage(), findings);
    check::check_summary(seekable.summary(), index, findings, checksums);
}
