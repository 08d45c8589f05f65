//! Finds the volume in an input, to be read at any place.

use ntfsclone_core::discovery::Discovery;
use ntfsclone_core::disk::NoNeighbours;
use ntfsclone_core::image::Index;
use ntfsclone_core::info::READ_AT_ONCE;
use ntfsclone_core::io::Source;
use ntfsclone_core::open::Inside;

use super::index_file;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::{Bytes, Format, Recognised};
use crate::options;

/// The volume in what was opened, if that can be read at any place.
///
/// # Errors
///
/// An image is damaged.
pub fn open(input: &Recognised, bytes: &Bytes, how: options::Progress) -> Result<Option<Inside>> {
    let Some(source) = bytes.source() else {
        return Ok(None);
    };
    if let Some(inside) = at_once(input, bytes)? {
        return Ok(Some(inside));
    }
    // The scan tells whether it is damaged.
    let mut progress = Progress::start(how, Phase::Check, source.size());
    let scanned = Index::scan(&source, |done| progress.advance_to(done));
    progress.finish();
    let index = scanned.map_err(|error| Error::read(&input.name, error))?;
    Ok(Some(Inside::of_image(source, index)))
}

/// As [`open`], without reading all of an image, whatever its size;
/// none if that cannot be done.
pub fn at_once(input: &Recognised, bytes: &Bytes) -> Result<Option<Inside>> {
    let Some(source) = bytes.source() else {
        return Ok(None);
    };
    if let Bytes::Seekable(seekable) = bytes
        && let Ok(Some(summary)) = seekable.summary()
        && let Ok(Some(index)) = summary.index()
    {
        return Ok(Some(Inside::of_image(source, index)));
    }
    if input.format == Format::Volume {
        return Ok(Some(Inside::of_volume(source)));
    }
    let failed = |error| Error::read(&input.name, error);
    if let Some(container) = input.container {
        let opened = container.open(&source, &NoNeighbours).map_err(failed)?;
        return Ok(Some(Inside::of_volume(opened.source)));
    }
    let declined = match Index::discover(&source).map_err(failed)? {
        Discovery::Found(index) => return Ok(Some(Inside::of_image(source, index))),
        Discovery::Declined(_) => kept_index(input, &source),
    };
    let index = match declined {
        None if source.size() <= READ_AT_ONCE => Index::scan(&source, |_| {}).ok(),
        found => found,
    };
    Ok(index.map(|index| Inside::of_image(source, index)))
}

/// The index beside the file, if it is one.
fn kept_index(input: &Recognised, source: &Source) -> Option<Index> {
    let files = input.files.as_ref()?;
    index_file::read(files.whole_path()?, source)
}
