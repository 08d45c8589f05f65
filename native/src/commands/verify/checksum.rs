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

/// Reports whether the file has the checksum, all of it read.
pub(super) fn finish(sidecar: Sidecar, checked: &mut Checked) {
    let compared = sidecar.finish();
    if !compared.is_equal() {
        let mut message = format!(
            "its checksum is {}, {} says {}",
            compared.found,
            compared.path.display(),
            compared.expected
        );
        let code = if compared.is_older {
            message.push_str(", and is older than the file");
            Code::ChecksumOutdated
        } else {
            Code::Checksum
        };
        let finding = Finding::new(code, None, message);
        checked.findings.push(finding);
    }
    checked.checksums.push(compared.kind.to_owned());
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
