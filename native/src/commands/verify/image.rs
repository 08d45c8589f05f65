//! All of an image, from start to end: its structure and its checksums.

use std::ops::ControlFlow;
use std::sync::Arc;

use ntfsclone_core::check::{self, Code, Finding, ImageCheck, ImageChecked, LostFrames, Place};
use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::image::Index;
use ntfsclone_core::image::seekable::Summary;
use ntfsclone_core::io::Source;

use super::{Checked, stream, unreadable, whole};
use crate::error::{Error, Result};
use crate::input::{Bytes, Seekable};
use crate::options::{self, VerifyTask};
use crate::source::{Keeper, Sidecar};

/// Reads the image, keeps of it what `keeper` is for, and compares the file with
/// `sidecars`. Returns where its clusters are, as far as they are whole.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    mut keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Option<Index>> {
    let source = bytes.source();
    let name = checked.input.name.clone();
    let files = checked.input.files.clone();
    let is_plain = !checked.input.is_compressed();
    // Of what is decompressed, the sum is of the file before that.
    let mut sidecars = if is_plain {
        sidecars
    } else {
        super::checksum::check(sidecars, task, how, checked)?;
        Vec::new()
    };
    let is_on_device = files.is_some_and(|files| files.is_block_device()) && is_plain;

    let seekable = match &bytes {
        Bytes::Seekable(seekable) => Some(Arc::clone(seekable)),
        Bytes::Random(_) | Bytes::Stream(_) => None,
    };
    let mut check = if is_on_device {
        ImageCheck::on_device()
    } else {
        ImageCheck::new()
    };
    let mut lost = LostFrames::default();
    let mut is_gapless = true;
    let read = whole::read(&name, bytes, task, how, &mut lost, |offset, bytes| {
        // What follows a lost frame cannot be understood by itself.
        is_gapless &= offset == check.pushed();
        if !is_gapless {
            return Ok(ControlFlow::Continue(()));
        }
        sidecars
            .iter_mut()
            .for_each(|sidecar| sidecar.update(bytes));
        let mut kept = Ok(());
        let take = |offset, bytes: &[u8]| {
            if let (Some(keeper), Ok(())) = (keeper.as_deref_mut(), &kept) {
                kept = keeper.take(offset, bytes);
            }
        };
        check
            .push_telling(bytes, take)
            .map_err(|error| Error::read(&name, error))?;
        kept.map_err(|error| stream::no_room(&name, error))?;
        if is_on_device && check.is_complete() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let is_read = read.is_ok() && lost.is_empty();
    if let Err(error) = read {
        let mut finding = unreadable(&name, checked.input.explain(error))?;
        if check.is_complete() {
            finding = Finding::new(Code::StreamEnd, None, finding.message);
        }
        checked.findings.push(finding);
    }
    let bytes = check.taken();
    let (mut findings, index) = check.end().map_err(|error| Error::read(&name, error))?;
    if let Some(next) = checked
        .input
        .files
        .as_ref()
        .and_then(|files| files.next_piece())
    {
        let remark = format!("the next piece would be {}", next.display());
        findings.explain(Code::ImageTruncated, &remark);
    }
    // That the rest is missing is no news where it could not be read.
    if is_read {
        checked.findings.append(findings);
        for sidecar in sidecars {
            super::checksum::finish(sidecar, checked);
        }
    }
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
        checked.losses.extend(lost.in_image(index));
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

/// What a compressed image tells of itself against what was read. The frames
/// were checked against its checksums when they were decompressed.
pub(super) fn check_summary(seekable: &Seekable, index: Option<&Index>, checked: &mut Checked) {
    let Checked {
        findings,
        checksums,
        ..
    } = checked;
    check::check_end(seekable.end_damage(), findings);
    check::check_summary(seekable.summary(), index, findings, checksums);
}
