//! Reading an image from start to end, to index its clusters.

use super::job::Co;
use super::opened::Bytes;
use super::{Failure, STEP_BYTES};
use crate::image::Indexer;
use crate::image::ntfsclone::Event;
use crate::io::ReadAt;

/// Feeds all commands of `image` to `indexer`: the stepwise form of
/// [`Index::scan`](crate::image::Index::scan).
pub(super) async fn scan(co: &Co, image: &Bytes, indexer: &mut Indexer) -> Result<(), Failure> {
    loop {
        let offset = indexer.taken();
        let len = piece_len(offset, image.size());
        if len == 0 {
            return Ok(indexer.end_of_input()?);
        }
        let piece = co.read(|| image.piece(offset, len)).await?;
        let mut input = &*piece;
        loop {
            match indexer.next(&mut input)? {
                Event::Header(_) | Event::Data { .. } => {}
                Event::NeedInput => break,
                Event::End => return Ok(()),
            }
        }
        co.progress(indexer.taken(), image.size());
    }
}

/// Bytes of the next piece of a source that is read from start to end. Pieces
/// end where the requests of [`Pages`](crate::pages::Pages) do.
pub(super) fn piece_len(offset: u64, end: u64) -> u64 {
    let len = STEP_BYTES.saturating_sub(offset % STEP_BYTES);
    len.min(end.saturating_sub(offset))
}
