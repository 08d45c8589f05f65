//! Decompressing a stream that can only be read from start to end.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use core::fmt;

use super::job::{Co, Job};
use super::open::Opening;
use super::{Failure, Step};
use crate::io::{ReadAt, Source};
use crate::pages::Pages;
use crate::piece::Piece;
use crate::stream::{Compression, Decoder, Limits, Problem, Stream};
use crate::units::{len_u64, len_usize};

/// Bytes that one step reads, and makes, at the most.
const PIECE: u64 = 1 << 20;

/// The window of `zstd --ultra`; `--long=31` makes larger ones. xz needs less at
/// any level.
pub const DECODER_LIMITS: Limits = Limits {
    memory: 128 << 20,
    threads: 0,
};

/// A compressed stream on the way in, which can be read from start to end only.
#[derive(Clone)]
pub struct CompressedStream {
    pub(super) compression: Compression,
    /// Whether other bytes may follow the stream.
    pub(super) ends_anywhere: bool,
    pub(super) source: Source,
    pub(super) pages: Arc<Pages>,
    pub(super) opening: Opening,
}

impl CompressedStream {
    /// How it is compressed.
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Decompresses it, like [`decompress`]. `decoder` is one for its format;
    /// `None` for that of this library.
    ///
    /// # Errors
    ///
    /// [`Failure::Decompress`]: there is no decoder, or it cannot start.
    pub fn decompress(&self, decoder: Option<NewDecoder>) -> Result<Job<()>, Failure> {
        let stream = match decoder {
            Some(decoder) => Stream::with(self.compression, decoder, self.ends_anywhere),
            None => Stream::new(self.compression, DECODER_LIMITS, self.ends_anywhere),
        };
        let (pages, source) = (Arc::clone(&self.pages), Arc::clone(&self.source));
        let stream = stream?;
        Ok(Job::new(pages, move |co| run(co, source, stream)))
    }

    /// The way into what comes of it.
    pub fn opening(&self) -> Opening {
        self.opening.clone()
    }
}

/// A decoder at the start of a stream, or why there is none.
pub type NewDecoder = Result<Box<dyn Decoder>, Problem>;

impl fmt::Debug for CompressedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompressedStream").finish_non_exhaustive()
    }
}

/// Decompresses the source of `pages`: [`Step::Bytes`] and [`Step::Hole`], in
/// order. The stream is known to be sound only after the last step. `stream` is at
/// its start.
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
