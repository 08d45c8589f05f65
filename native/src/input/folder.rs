//! Folders with one image in them, as Winclone's bundles are: an image of
//! ntfsclone, compressed with gzip, beside files about the disk.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use ntfsclone_core::open::{Content, Probe};

use super::compression::Decompressor;
use super::not_opened::refuse_several;
use super::partition::Start;
use super::stream::read_up_to;
use super::{START_BYTES, piece_names};
use crate::device;
use crate::error::{Error, Result};

/// Files of a folder that are looked at. Ours: with more it is no bundle.
const MAX_FILES: usize = 256;

/// The only image or volume in a folder, or the first piece of it. `None` if there
/// is none, or where another file system is mounted: that one may be meant.
///
/// # Errors
///
/// There are several.
pub fn image_in(folder: &Path) -> Result<Option<PathBuf>> {
    if device::is_mount_point(folder) {
        return Ok(None);
    }
    let files = files_in(folder).map_err(|error| Error::io("list", folder, error))?;
    if files.len() > MAX_FILES {
        return Ok(None);
    }
    // Pieces but the first are refused.
    let is_whole = |path: &PathBuf| piece_names::of(path).is_ok();
    let images: Vec<PathBuf> = files
        .into_iter()
        .filter(|path| is_whole(path) && holds_image(path).unwrap_or(false))
        .collect();
    match &images[..] {
        [] => Ok(None),
        [image] => Ok(Some(image.clone())),
        several => Err(refuse_several(folder, "is a folder with images:", several)),
    }
}

/// Regular files, by name; at most one more than are looked at.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if fs::metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            break;
        }
    }
    files.sort_unstable();
    Ok(files)
}

/// Whether a file begins as an image or volume does, compressed or not.
fn holds_image(path: &Path) -> io::Result<bool> {
    let mut start = [0; START_BYTES];
    let len = read_up_to(&mut File::open(path)?, &mut start)?;
    let content = match content_of(&start[..len]) {
        Content::Compressed(compression) => {
            let file = Box::new(File::open(path)?);
            let mut stream = Decompressor::new(compression, file, true)?;
            let len = read_up_to(&mut stream, &mut start)?;
            content_of(&start[..len])
        }
        content => content,
    };
    Ok(matches!(
        content,
        Content::Image | Content::Volume | Content::Container(_)
    ))
}

fn content_of(start: &[u8]) -> Content {
    Probe::with_start(&Start(start), start).content()
}
