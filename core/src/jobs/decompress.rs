//! Decompressing a stream that can only be read from start to end.

use alloc::sync::Arc;
use alloc::vec;

use super::job::{Co, Job};
use super::{Failure, Step};
use crate::io::{ReadAt, Source};
use crate::pages::Pages;
use crate::piece::Piece;
use crate::stream::{Limits, Stream};
use crate::units::{len_u64, len_usize};

/// Bytes that one step reads, and makes, at the most.
const PIECE: u64 = 1 << 20;

/// The window of `zstd --ultra`; `--long=31` makes larger ones. xz needs less at
/// any level.
pub const DECODER_LIMITS: Limits = Limits {
    memory: 128 << 20,
    threads: 0,
};

/// Decompresses the source of `pages`: [`Step::Bytes`] and [`Step::Hole`], in
/// order. The stream is known to be sound only after the last step.
///
/// `stream` is at its start, of the format that [`Failure::Stream`] names.
pub fn decompress(pages: Arc<Pages>, stream: Stream) -> Job<()> {
    Job::new(Arc::clone(&pages), move |co| run(co, pages, stream))
}

async fn run(co: Co, source: Source, mut stream: Stream) -> Result<(), Failure> {
    while !stream.has_ended() {
        let input = read_piece(&co, &source, stream.position()).await?;
        let mut output = vec![0; len_usize(PIECE)];
        let (_, made) = stream.decode(&input, &mut output)?;
        output.truncate(made);
        co.set_progress(stream.position(), source.size());
        if output.is_empty() {
            co.progress(stream.position(), source.size());
        } else if output.iter().all(|&byte| byte == 0) {
            // Most of a volume may be empty.
            co.emit(Step::Hole(len_u64(made)));
        } else {
            co.emit(Step::Bytes(output.into()));
        }
    }
    Ok(())
}

/// The compressed bytes from `offset` on, as many as one step reads.
async fn read_piece(co: &Co, source: &Source, offset: u64) -> Result<Piece, Failure> {
    let len = source.size().saturating_sub(offset).min(PIECE);
    co.piece(source, offset, len).await
}
