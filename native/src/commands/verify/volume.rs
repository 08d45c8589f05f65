//! The NTFS of a volume, or in an image.

use std::num::NonZeroUsize;
use std::path::Path;

use ntfsclone_core::open::Inside;
use ntfsclone_core::validate::{Checking, Code, Finding, Findings, Loss, Place, VolumeCheck};

use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::options;

/// Checks it; none if there is nothing that can be checked, which is a finding.
/// `losses` are told with the files that they touch.
pub(super) fn check(
    inside: &Inside,
    name: &Path,
    threads: Option<NonZeroUsize>,
    how: options::Progress,
    losses: Vec<Loss>,
    findings: &mut Findings,
) -> Result<Option<VolumeCheck>> {
    let volume = match inside.open_volume() {
        Ok(volume) => volume,
        Err(error) => {
            tell_losses(losses, findings);
            let place = Place::Volume {
                offset: 0,
                length: None,
            };
            let finding = Finding::of_error(Code::VolumeUnreadable, Some(place), &error);
            findings.push(finding);
            return Ok(None);
        }
    };
    let mut progress = Progress::start(how, Phase::Scan, volume.mft().record_count());
    let threads = scan::threads_of_sound(&volume, threads);
    let selected = scan::select_used_on(&volume, name, threads, |records| {
        progress.advance_to(records);
    });
    progress.finish();
    let selection = match selected {
        Ok(selection) => selection,
        Err(error) => {
            tell_losses(losses, findings);
            findings.push(super::unreadable(name, error)?);
            return Ok(None);
        }
    };
    let mut checking = Checking::new(selection).with_losses(losses);
    loop {
        match checking.step(&volume, inside.index()) {
            Ok(None) => {}
            Ok(checked) => return Ok(checked),
            Err(error) => {
                tell_losses(checking.into_losses(), findings);
                findings.push(super::unreadable(name, Error::read(name, error))?);
                return Ok(None);
            }
        }
    }
}

/// Without the files in them.
fn tell_losses(losses: Vec<Loss>, findings: &mut Findings) {
    for loss in losses {
        findings.push(loss.into_finding());
    }
}
