//! All of an image, from start to end: its structure and its checksums.

use std::sync::atomic::Ordering;

use ntfsclone_core::image::Index;
use ntfsclone_core::validate::{ImageCheck, ImageChecked};

use super::checksum::Sidecar;
use super::{Checked, unreadable};
use crate::error::{Error, Result};
use crate::options::{self, VerifyTask};
use crate::pipeline::{self, Flow};
use crate::progress::{Phase, Progress};
use crate::source::WholeReader;
use crate::source::input::Bytes;

/// Bytes of a cluster do not matter to what is read as it comes.
const GRANULE: u32 = 4096;

/// Reads the image, and compares the file with `sidecars`. Returns where its
/// clusters are, as far as they are whole.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Option<Index>> {
    let name = checked.input.name.clone();
    let files = checked.input.files.clone();
    let is_plain = !checked.input.is_compressed();
    // Of what is decompressed, the sum is of the file before that.
    let mut sidecars = match (is_plain, files.clone()) {
        (false, Some(files)) => {
            super::checksum::check(Bytes::Random(files), sidecars, task, how, checked)?;
            Vec::new()
        }
        _ => sidecars,
    };
    let is_on_device = files.is_some_and(|files| files.is_block_device()) && is_plain;

    let size = match &bytes {
        Bytes::Random(files) => ntfsclone_core::io::ReadAt::size(&**files),
        Bytes::Stream(_) => 0,
    };
    let reader = WholeReader::new(&name, bytes, task.direct);
    let enough = reader.enough();
    let flow = Flow {
        cluster_size: GRANULE,
        is_direct: reader.is_direct(),
        image: None,
    };
    let mut progress = Progress::start(how, Phase::Check, size);
    let mut check = match is_on_device {
        true => ImageCheck::on_device(),
        false => ImageCheck::new(),
    };
    let mut done = 0;
    let read = pipeline::start("reads", flow, reader.fill())?.for_each(|batch| {
        for (_, bytes) in batch.pieces() {
            sidecars
                .iter_mut()
                .for_each(|sidecar| sidecar.update(bytes));
            check
                .push(bytes)
                .map_err(|error| Error::read(&name, error))?;
            done += bytes.len() as u64;
        }
        if is_on_device && check.is_complete() {
            enough.store(true, Ordering::Relaxed);
        }
        progress.advance_to(done);
        Ok(())
    });
    let is_read = read.is_ok();
    if let Err(error) = read {
        checked.findings.push(unreadable(&name, error)?);
    }
    progress.finish();
    let bytes = check.taken();
    let (findings, index) = check.end().map_err(|error| Error::read(&name, error))?;
    // That the rest is missing is no news where it could not be read.
    if is_read {
        checked.findings.append(findings);
        for sidecar in sidecars {
            sidecar.finish(checked);
        }
    }
    checked.image = Some(ImageChecked {
        bytes,
        clusters: index.as_ref().map_or(0, Index::len),
    });
    Ok(index)
}
