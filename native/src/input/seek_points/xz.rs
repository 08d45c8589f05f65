//! The index of an xz stream: its blocks, by its own indexes.

use std::io::Read as _;
use std::sync::Arc;

use ntfsclone_core::io::{ReadAt as _, Source};
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::seek::xz_blocks;

use super::content::Content;
use super::points::{compress, finish, no_points};
use crate::host::progress::Progress;
use crate::input::compression::Decompressor;
use crate::input::{Files, FilesReader};

pub(super) fn index_of(
    files: &Arc<Files>,
    identity: [u8; 32],
    progress: &mut Progress,
) -> Option<Vec<u8>> {
    let blocks = xz_blocks(&(Arc::clone(files) as Source))?;
    let mut points = no_points();
    let size = points.push_xz_blocks(blocks, compress)?;
    let reader = Box::new(FilesReader::new(Arc::clone(files)));
    let mut stream = Decompressor::new(Compression::Xz, reader, false).ok()?;
    let mut content = Content::new();
    loop {
        let len = stream.read(content.space()).ok()?;
        if len == 0 {
            break;
        }
        content.take(len)?;
        // As far as it was read, nearly.
        let share = u128::from(content.size()) * u128::from(files.size()) / u128::from(size.max(1));
        progress.advance_to(share as u64);
    }
    let is_whole = content.size() == size;
    is_whole.then(|| finish(points, content.finish()?, Compression::Xz, files, identity))?
}
