//! The NTFS of a volume, or in an image.

use std::num::NonZeroUsize;
use std::path::Path;

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::validate::{Code, Finding, Findings, Place, VolumeCheck, check_volume};

use crate::error::{Error, Result};
use crate::options;
use crate::progress::{Phase, Progress};
use crate::scan;
use crate::source::Inside;

/// Checks it; none if there is nothing that can be checked, which is a finding.
pub(super) fn check(
    inside: &Inside,
    name: &Path,
    threads: Option<NonZeroUsize>,
    how: options::Progress,
    findings: &mut Findings,
) -> Result<Option<VolumeCheck>> {
    let volume = match Volume::open(inside.clone()) {
        Ok(volume) => volume,
        Err(error) => {
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
    let checked = selected.and_then(|selection| {
        check_volume(&volume, selection, inside.index()).map_err(|error| Error::read(name, error))
    });
    match checked {
        Ok(checked) => Ok(Some(checked)),
        Err(error) => {
            findings.push(super::unreadable(name, error)?);
            Ok(None)
        }
    }
}
