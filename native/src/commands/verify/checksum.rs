//! The file against the checksums beside it.

use std::ops::ControlFlow;

use ntfsclone_core::check::{Code, Finding, LostFrames};

use super::{Checked, unreadable, whole};
use crate::error::Result;
use crate::input::{Bytes, Recognised};
use crate::options::{self, VerifyTask};
use crate::source::Sidecar;

/// The checksums beside the file that is read, if it is one file.
pub(super) fn beside(input: &Recognised) -> Result<Vec<Sidecar>> {
    match &input.files {
        Some(files) => Sidecar::beside(files),
        None => Ok(Vec::new()),
    }
}

/// Notes whether the file has the checksum, all of it read.
pub(super) fn finish(sidecar: Sidecar, checked: &mut Checked) {
    let compared = sidecar.finish();
    checked.checksums.push(compared.kind.to_owned());
    if !compared.is_equal() {
        checked.different.push(compared);
    }
}

/// Reports the checksums that differ. One that is older than the file is not called damage
/// if all frames of the image have the checksums that are in it: it may be of an earlier
/// file of that name.
pub(super) fn report_different(checked: &mut Checked) {
    let has_own = checked.checksums.iter().any(|kind| kind == "frames");
    let is_whole = has_own && checked.findings.is_sound();
    for compared in std::mem::take(&mut checked.different) {
        let mut message = format!(
            "its checksum is {}, {} says {}",
            compared.found,
            compared.path.display(),
            compared.expected
        );
        if compared.is_older {
            message.push_str(", and is older than the file");
        }
        let code = match compared.is_older && is_whole {
            true => Code::ChecksumOutdated,
            false => Code::Checksum,
        };
        checked.findings.push(Finding::new(code, None, message));
    }
}

/// Reads all of the file for its checksums, if there are any.
pub(super) fn check(
    mut sidecars: Vec<Sidecar>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    let Some(files) = checked.input.files.clone().filter(|_| !sidecars.is_empty()) else {
        return Ok(());
    };
    let name = checked.input.name.clone();
    let bytes = Bytes::Random(files);
    // Nothing is decompressed.
    let mut lost = LostFrames::default();
    let read = whole::read(&name, bytes, task, how, &mut lost, |_, bytes| {
        sidecars
            .iter_mut()
            .for_each(|sidecar| sidecar.update(bytes));
        Ok(ControlFlow::Continue(()))
    })?;
    match read {
        Ok(()) => sidecars
            .into_iter()
            .for_each(|sidecar| finish(sidecar, checked)),
        Err(error) => checked.findings.push(unreadable(&name, error)?),
    }
    Ok(())
}
