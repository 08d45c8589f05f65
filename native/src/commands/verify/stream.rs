//! What can only be read from start to end: it passes by, parts of it are kept,
//! and the NTFS in it is checked then. Whatever that lacks is kept when it
//! passes by again.

use std::io;
use std::mem;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::check::{Code, Finding, Findings, LostFrames};
use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::open::Inside;

use super::{Checked, checksum, image, partclone, unreadable, volume, whole};
use crate::error::{Error, Result};
use crate::input::{self, Bytes, Format, OpenInput};
use crate::options::{self, VerifyTask};
use crate::report::Reports;
use crate::source::{Keeper, KeptVolume, Sidecar};

/// Two are enough for most volumes. Each fragment of `$MFT` that is found by
/// another one may take one more.
const MOST_PASSES: usize = 8;

/// Checks the bytes of an image or a volume, and the volume.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    // Its metadata is read by an index, if that can be made; else as much as may be needed is kept.
    if let Ok(Some(indexed)) = input::open_indexed(&checked.input, Reports::TO_STDERR)
        && let Some(source) = indexed.bytes.source()
    {
        return check_indexed(bytes, &source, sidecars, task, how, checked);
    }
    if task.deep {
        return Err(Error::refused(
            &checked.input.name,
            "is read from its start to its end, and --deep reads files here and there",
            "decompress it into a file first; or leave out --deep",
        ));
    }
    let name = checked.input.name.clone();
    let mut keeper = Keeper::new().map_err(|error| no_room(&name, error))?;
    let mut kept = match checked.input.format {
        Format::Image => {
            let keep = Some(&mut keeper);
            let index = image::check(bytes, sidecars, keep, task, how, checked)?;
            image::check_passed(index.as_ref(), checked);
            match index {
                Some(index) => keeper.into_image(index),
                None => return Ok(()),
            }
        }
        Format::Partclone => {
            let keep = Some(&mut keeper);
            let index = partclone::check(bytes, sidecars, keep, task, how, checked)?;
            image::check_passed(None, checked);
            match index {
                Some(index) => keeper.into_partclone(index),
                None => return Ok(()),
            }
        }
        Format::Volume => {
            checksum::check(sidecars, task, how, checked)?;
            let size = read_volume(bytes, Some(&mut keeper), task, how, checked)?;
            image::check_passed(None, checked);
            keeper.into_volume(size)
        }
    };
    let mut passes = 1;
    loop {
        let shared = Arc::new(kept);
        let inside = shared.inside();
        let mut findings = Findings::default();
        let losses = checked.losses.clone();
        let found = volume::check(&inside, &name, task, how, losses, &mut findings);
        let missed = shared.missed_bytes();
        if missed == 0 {
            checked.findings.append(findings);
            checked.losses.clear();
            checked.volume = found?;
            checked.inside = Some(inside);
            checked.kept = Some(shared);
            return Ok(());
        }
        drop(inside);
        // What was found is not worth anything.
        let cannot = match (&checked.input.files, Arc::into_inner(shared)) {
            (None, _) => "it cannot be read a second time",
            (Some(_), Some(volume)) if passes < MOST_PASSES && checked.findings.is_sound() => {
                kept = volume;
                checked.losses.clear();
                read_again(&mut kept, task, how, checked)?;
                passes += 1;
                continue;
            }
            _ => "what it lacks is not there",
        };
        if checked.findings.is_sound() {
            let message = format!(
                "the volume was not checked: {missed} bytes of its metadata were passed by, and \
                 {cannot}"
            );
            let finding = Finding::new(Code::VolumeNotChecked, None, message);
            checked.findings.push(finding);
        }
        for loss in mem::take(&mut checked.losses) {
            checked.findings.push(loss.into_finding());
        }
        return Ok(());
    }
}

/// The same, with `source` for the content at any place. It is read from start to end too, with all checksums
/// of the stream, which the index is not made of.
fn check_indexed(
    bytes: Bytes,
    source: &Source,
    sidecars: Vec<Sidecar>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    match checked.input.format {
        Format::Image => {
            let index = image::check(bytes, sidecars, None, task, how, checked)?;
            image::check_passed(index.as_ref(), checked);
            checked.inside = index.map(|index| Inside::of_image(Arc::clone(source), index));
        }
        Format::Partclone => {
            let index = partclone::check(bytes, sidecars, None, task, how, checked)?;
            image::check_passed(None, checked);
            if index.is_some() {
                checked.open_container(source);
            }
        }
        Format::Volume => {
            checksum::check(sidecars, task, how, checked)?;
            read_volume(bytes, None, task, how, checked)?;
            image::check_passed(None, checked);
            checked.inside = Some(Inside::of_volume(Arc::clone(source)));
        }
    }
    Ok(())
}

/// Keeps what was missed.
fn read_again(
    kept: &mut KeptVolume,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<()> {
    let index = kept.index().cloned();
    let size = kept.size();
    let keeper = kept.want_missed();
    let OpenInput { bytes, .. } = input::open_again(checked.input.clone(), task.image.partition)?;
    // All that can be found was found the first time.
    let before = mem::take(&mut checked.findings);
    let is_the_same = match checked.input.format {
        Format::Image => {
            let nothing = Vec::new();
            image::check(bytes, nothing, Some(keeper), task, how, checked)? == index
        }
        Format::Partclone => {
            let nothing = Vec::new();
            let index = partclone::check(bytes, nothing, Some(keeper), task, how, checked)?;
            index.is_some_and(|index| index.header().restored_size() == size)
        }
        Format::Volume => read_volume(bytes, Some(keeper), task, how, checked)? == size,
    };
    let now = mem::replace(&mut checked.findings, before);
    if !now.is_sound() {
        checked.findings.append(now);
    } else if !is_the_same {
        let message = "it changed while it was read";
        let finding = Finding::new(Code::ImageUnreadable, None, message);
        checked.findings.push(finding);
    }
    Ok(())
}

/// Reads all of a raw volume: what it is compressed with checks it. Returns how
/// many bytes that are.
pub(super) fn read_volume(
    bytes: Bytes,
    mut keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<u64> {
    let name = checked.input.name.clone();
    let mut size = 0;
    let mut lost = LostFrames::default();
    let read = whole::read(&name, bytes, task, how, &mut lost, |offset, bytes| {
        size = offset + bytes.len() as u64;
        if let Some(keeper) = keeper.as_deref_mut() {
            let kept = keeper.take(offset, bytes);
            kept.map_err(|error| no_room(&name, error))?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Err(error) = read {
        checked.findings.push(unreadable(&name, error)?);
    }
    checked.losses.extend(lost.in_volume());
    Ok(size)
}

/// There is no room for what is kept.
pub(super) fn no_room(name: &Path, source: io::Error) -> Error {
    Error::refused(
        name,
        format!("its metadata cannot be kept in a temporary file: {source}"),
        "make room there, or name another folder in TMPDIR",
    )
}
