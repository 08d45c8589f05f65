//! An image of any format, read from start to end through its check.

use std::ops::ControlFlow;

use ntfsclone_core::check::{Code, Finding, Findings, LostFrames, StreamedCheck};

use super::{Checked, checksum, stream, unreadable, whole};
use crate::error::{Error, Result};
use crate::input::Bytes;
use crate::options::{self, VerifyTask};
use crate::source::{Keeper, Sidecar};

/// What came of it.
pub(super) struct Streamed {
    /// All of it was read.
    is_read: bool,
    pub lost: LostFrames,
    /// Compared with the file as far as it was read.
    sidecars: Vec<Sidecar>,
}

/// True for an image on a device, where what was there before may follow.
pub(super) fn is_on_device(checked: &Checked) -> bool {
    let files = checked.input.files.as_ref();
    files.is_some_and(|files| files.is_block_device()) && !checked.input.is_compressed()
}

/// Reads the image, keeps of its volume what `keeper` is for, and compares the file with
/// `sidecars`.
pub(super) fn read(
    check: &mut dyn StreamedCheck,
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    mut keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Streamed> {
    let name = checked.input.name.clone();
    // The checksum beside a compressed file is of that, not of what is decompressed.
    let mut sidecars = if checked.input.is_compressed() {
        checksum::check(sidecars, task, how, checked)?;
        Vec::new()
    } else {
        sidecars
    };
    let is_on_device = is_on_device(checked);
    let mut lost = LostFrames::default();
    let mut is_gapless = true;
    let read = whole::read(&name, bytes, task, how, &mut lost, |offset, bytes| {
        // After a lost frame, commands and checksums cannot be told from clusters.
        is_gapless &= offset == check.pushed();
        if !is_gapless {
            return Ok(ControlFlow::Continue(()));
        }
        for sidecar in &mut sidecars {
            sidecar.update(bytes);
        }
        let mut kept = Ok(());
        let pushed = check.push(bytes, &mut |offset, bytes| {
            if let (Some(keeper), Ok(())) = (keeper.as_deref_mut(), &kept) {
                kept = keeper.take(offset, bytes);
            }
        });
        pushed.map_err(|error| Error::read(&name, error))?;
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
    Ok(Streamed {
        is_read,
        lost,
        sidecars,
    })
}

impl Streamed {
    /// Reports what the check found. A truncation is not reported again where the rest
    /// could not be read.
    pub fn report(&mut self, mut findings: Findings, checked: &mut Checked) {
        if !self.is_read {
            return;
        }
        let files = checked.input.files.as_ref();
        if let Some(next) = files.and_then(|files| files.next_piece()) {
            let remark = format!("the next piece would be {}", next.display());
            findings.explain(Code::ImageTruncated, &remark);
        }
        checked.findings.append(findings);
        for sidecar in self.sidecars.drain(..) {
            checksum::finish(sidecar, checked);
        }
    }
}
