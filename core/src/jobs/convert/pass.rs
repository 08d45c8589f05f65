//! Writing an image as it is, with its commands checked.

use super::super::Failure;
use super::super::job::Co;
use super::super::opened::Bytes;
use super::super::scan::piece_len;
use super::output::Output;
use crate::image::Indexer;
use crate::image::ntfsclone::Event;
use crate::io::ReadAt;
use crate::units::len_usize;
use crate::write::NTFSCLONE;

/// Copies an image from start to end. Bytes after its end are not part of it.
pub(super) async fn pass_image(
    co: &Co,
    image: &Bytes,
    mut output: Output<'_>,
) -> Result<(), Failure> {
    let mut indexer = Indexer::new();
    let mut has_ended = false;
    while !has_ended {
        let offset = indexer.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            indexer.end_of_input()?;
            break;
        }
        let mut piece = co.read(|| image.piece(offset, len)).await?;
        let mut input = &*piece;
        loop {
            match indexer.next(&mut input)? {
                Event::Header(_) | Event::Data { .. } => {}
                Event::NeedInput => break,
                Event::End => {
                    has_ended = true;
                    break;
                }
            }
        }
        let taken = indexer.taken().saturating_sub(offset);
        piece.truncate(len_usize(taken));
        output.set_progress(indexer.taken(), image.size());
        output.bytes(piece)?;
    }
    if output.facts().is_none() {
        return Ok(());
    }
    let index = indexer.finish()?;
    let extents = index.stored_extents();
    output.finish(&NTFSCLONE, index.header(), extents).await?;
    Ok(())
}
