//! The NTFS of a volume, or in an image.

use std::path::Path;

use ntfsclone_core::check::{
    Checking, Code, ContentCheck, Finding, Findings, Loss, Place, VolumeCheck,
};
use ntfsclone_core::clusters::Selection;
use ntfsclone_core::error::Error as CoreError;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::Inside;

use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::options::{self, VerifyTask};

/// Checks it; none if there is nothing that can be checked, which is a finding.
/// `losses` are told with the files that they touch.
pub(super) fn check(
    inside: &Inside,
    name: &Path,
    task: &VerifyTask,
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
    let threads = scan::threads_of_sound(&volume, task.threads);
    let (selected, files) = scan::select_used_and_check(&volume, name, threads, |records| {
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
    let content = match task.deep {
        true => check_content(&volume, &selection, how),
        false => Ok(ContentCheck::default()),
    };
    let content = match content {
        Ok(content) => content,
        Err(error) => {
            tell_losses(losses, findings);
            findings.push(super::unreadable(name, Error::read(name, error))?);
            return Ok(None);
        }
    };
    let mut checking = Checking::new(selection)
        .with_content(content)
        .with_files(files)
        .with_losses(losses);
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

/// Reads the content of all files.
fn check_content<R: ReadAt>(
    volume: &Volume<R>,
    selection: &Selection,
    how: options::Progress,
) -> Result<ContentCheck, CoreError> {
    let mut content = ContentCheck::new(volume, selection);
    let total = volume.geometry().bytes(selection.map.len());
    let mut progress = Progress::start(how, Phase::Check, total);
    while content.step(volume)? {
        progress.advance_to(content.position());
    }
    progress.finish();
    Ok(content)
}

/// Without the files in them.
fn tell_losses(losses: Vec<Loss>, findings: &mut Findings) {
    for loss in losses {
        findings.push(loss.into_finding());
    }
}
