//! All of an image, from start to end: its structure and its checksums.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ntfsclone_core::image::Index;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::validate::{self, ImageCheck, ImageChecked};

use super::checksum::Sidecar;
use super::{Checked, unreadable};
use crate::error::{Error, Result};
use crate::options::{self, VerifyTask};
use crate::pipeline::{self, Flow};
use crate::progress::{Phase, Progress};
use crate::source::input::{Bytes, Seekable};
use crate::source::{self, WholeReader};

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
    let mut sidecars = match is_plain {
        true => sidecars,
        false => {
            super::checksum::check(sidecars, task, how, checked)?;
            Vec::new()
        }
    };
    let is_on_device = files.is_some_and(|files| files.is_block_device()) && is_plain;

    let seekable = match &bytes {
        Bytes::Seekable(seekable) => Some(Arc::clone(seekable)),
        Bytes::Random(_) | Bytes::Stream(_) => None,
    };
    let size = source::anywhere(&bytes).map_or(0, |image| image.size());
    let reader = WholeReader::new(&name, bytes, task.direct)?;
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
    if let Some(seekable) = seekable {
        check_summary(&seekable, index.as_ref(), checked);
    }
    checked.image = Some(ImageChecked {
        bytes,
        clusters: index.as_ref().map_or(0, Index::len),
    });
    Ok(index)
}

/// Decompresses all of a raw volume: that checks what its compression has to
/// be checked.
pub(super) fn read_through(
    bytes: Bytes,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    let name = checked.input.name.clone();
    let size = source::anywhere(&bytes).map_or(0, |volume| volume.size());
    let mut progress = Progress::start(how, Phase::Check, size);
    let reader = WholeReader::new(&name, bytes, task.direct)?;
    let flow = Flow {
        cluster_size: GRANULE,
        is_direct: reader.is_direct(),
        image: None,
    };
    let mut done = 0;
    let read = pipeline::start("reads", flow, reader.fill())?.for_each(|batch| {
        done += batch.volume_bytes();
        progress.advance_to(done);
        Ok(())
    });
    progress.finish();
    if let Err(error) = read {
        checked.findings.push(unreadable(&name, error)?);
    }
    Ok(())
}

/// What a compressed image tells of itself against what was read. The frames
/// were checked against its checksums when they were decompressed.
pub(super) fn check_summary(seekable: &Seekable, index: Option<&Index>, checked: &mut Checked) {
    let Checked {
        findings,
        checksums,
        ..
    } = checked;
    validate::check_summary(seekable.summary(), index, findings, checksums);
}
