//! All of an image of partclone, from start to end: its structure and its checksums.

use std::ops::ControlFlow;

use ntfsclone_core::check::{Code, Finding, ImageChecked, LostFrames, PartcloneCheck};
use ntfsclone_core::image::partclone::{BlockMap, Header};

use super::{Checked, stream, unreadable, whole};
use crate::error::{Error, Result};
use crate::input::Bytes;
use crate::options::{self, VerifyTask};
use crate::source::{Keeper, Sidecar};

/// Reads the image, keeps of its volume what `keeper` is for, and compares the file with
/// `sidecars`. Returns header and bitmap, if they are whole.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    mut keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Option<(Header, BlockMap)>> {
    let name = checked.input.name.clone();
    let is_plain = !checked.input.is_compressed();
    // The checksum beside a compressed file is of that, not of what is decompressed.
    let mut sidecars = if is_plain {
        sidecars
    } else {
        super::checksum::check(sidecars, task, how, checked)?;
        Vec::new()
    };
    let files = checked.input.files.as_ref();
    let is_on_device = files.is_some_and(|files| files.is_block_device()) && is_plain;
    let mut check = if is_on_device {
        PartcloneCheck::on_device()
    } else {
        PartcloneCheck::new()
    };
    let mut lost = LostFrames::default();
    let mut is_gapless = true;
    let read = whole::read(&name, bytes, task, how, &mut lost, |offset, bytes| {
        // After a lost frame, the checksums of the blocks in it are unknown.
        is_gapless &= offset == check.pushed();
        if !is_gapless {
            return Ok(ControlFlow::Continue(()));
        }
        for sidecar in &mut sidecars {
            sidecar.update(bytes);
        }
        let mut kept = Ok(());
        let take = |offset, bytes: &[u8]| {
            if let (Some(keeper), Ok(())) = (keeper.as_deref_mut(), &kept) {
                kept = keeper.take(offset, bytes);
            }
        };
        let pushed = check.push(bytes, take);
        pushed.map_err(|error| Error::read(&name, error))?;
        kept.map_err(|error| stream::no_room(&name, error))?;
        if is_on_device && check.is_complete() {
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let is_read = read.is_ok() && lost.is_empty();
    if let Err(error) = read {
        let mut finding = unreadable(&name, error)?;
        if check.is_complete() {
            finding = Finding::new(Code::StreamEnd, None, finding.message);
        }
        checked.findings.push(finding);
    }
    let bytes = check.taken();
    let found = check.end();
    // A truncation is not reported again where the rest could not be read.
    if is_read {
        checked.findings.append(found.findings);
        for sidecar in sidecars {
            super::checksum::finish(sidecar, checked);
        }
    }
    checked.losses.extend(found.losses);
    checked.losses.extend(lost.in_unknown());
    let clusters = found.layout.as_ref().map_or(0, |(_, blocks)| blocks.len());
    checked.image = Some(ImageChecked { bytes, clusters });
    Ok(found.layout)
}
