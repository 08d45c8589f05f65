//! All of an image of partclone, from start to end: its structure and its checksums.

use ntfsclone_core::check::{ImageChecked, PartcloneCheck};
use ntfsclone_core::image::partclone::Index;

use super::{Checked, streamed};
use crate::error::Result;
use crate::input::Bytes;
use crate::options::{self, VerifyTask};
use crate::source::{Keeper, Sidecar};

/// Reads the image, keeps of its volume what `keeper` is for, and compares the file with
/// `sidecars`. Returns where its blocks are, if header and bitmap are whole.
pub(super) fn check(
    bytes: Bytes,
    sidecars: Vec<Sidecar>,
    keeper: Option<&mut Keeper>,
    task: &VerifyTask,
    how: options::Progress,
    checked: &mut Checked,
) -> Result<Option<Index>> {
    let mut check = if streamed::is_on_device(checked) {
        PartcloneCheck::on_device()
    } else {
        PartcloneCheck::new()
    };
    let mut read = streamed::read(&mut check, bytes, sidecars, keeper, task, how, checked)?;
    let bytes = check.taken();
    let found = check.end();
    read.report(found.findings, checked);
    checked.losses.extend(found.losses);
    let index = found.index.as_ref();
    // Header and bitmap are at the start, and may be lost themselves.
    let block_size = index.map_or(0, |index| index.header().block_size);
    let losses = read.lost.in_image(block_size, |range| {
        index.map_or_else(Vec::new, |index| index.extents_in(range))
    });
    checked.losses.extend(losses);
    let clusters = index.map_or(0, |index| index.blocks().len());
    checked.image = Some(ImageChecked { bytes, clusters });
    Ok(found.index)
}
