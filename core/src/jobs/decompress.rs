//! Decompressing a stream that can only be read from start to end.

use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;

use super::job::{Co, Job};
use super::{Failure, Step, read_error};
use crate::decompress::{Decoded, Decoder, Problem};
use crate::image::Compression;
use crate::io::ReadAt;
use crate::pages::{Pages, Piece};
use crate::units::{len_u64, len_usize};

/// Bytes that one step reads, and makes, at the most.
const PIECE: u64 = 1 << 20;

/// Why a compressed stream cannot be read on. Positions are in the compressed
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It was cut off.
    #[error(
        "the {compression} stream ends too early, after {position} bytes; was it copied completely?"
    )]
    CutShort {
        /// How it is compressed.
        compression: Compression,
        /// Where it ends.
        position: u64,
    },

    /// What is there cannot be decompressed.
    #[error(
        "the {compression} stream is damaged near byte {position}: {reason}; look for another copy"
    )]
    Damaged {
        /// How it is compressed.
        compression: Compression,
        /// What was decompressed until then.
        position: u64,
        /// What is wrong.
        reason: &'static str,
    },

    /// It is sound, but something follows it that belongs not to it.
    #[error(
        "the {compression} stream ends at byte {position}, but other bytes follow it; \
         was something else written into the file?"
    )]
    TrailingBytes {
        /// How it is compressed.
        compression: Compression,
        /// Where it ends.
        position: u64,
    },

    /// There may not be as much memory.
    #[error(
        "the {compression} stream needs more memory to be decompressed than {limit} bytes; \
         decompress it first: {}",
        compression.command()
    )]
    Memory {
        /// How it is compressed.
        compression: Compression,
        /// Where that was found.
        position: u64,
        /// The most that it may take, in bytes.
        limit: u64,
    },
}

impl StreamError {
    /// One of those of [`Failure::code`].
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Memory { .. } => "limit",
            _ => "compressed-data",
        }
    }

    /// Where it is, in the compressed bytes.
    pub fn position(self) -> u64 {
        match self {
            Self::CutShort { position, .. }
            | Self::Damaged { position, .. }
            | Self::TrailingBytes { position, .. }
            | Self::Memory { position, .. } => position,
        }
    }
}

/// Decompresses the source of `pages`: [`Step::Bytes`] and [`Step::Hole`], in
/// order. The stream is known to be sound only after the last step.
///
/// `compression` comes from [`Failure::Stream`]. Bytes after the stream are an
/// error unless it `ends_anywhere`, as in a partition.
///
/// # Errors
///
/// [`Failure::Stream`] if core has no decoder for it.
pub fn decompress(
    pages: Rc<Pages>,
    compression: Compression,
    ends_anywhere: bool,
) -> Result<Job<()>, Failure> {
    let Some(decoder) = Decoder::new(compression) else {
        return Err(Failure::Stream(compression));
    };
    Ok(Job::new(Rc::clone(&pages), move |co| {
        let stream = Stream {
            co,
            pages,
            compression,
            ends_anywhere,
            position: 0,
        };
        stream.run(decoder)
    }))
}

/// A compressed stream: one part or several.
struct Stream {
    co: Co,
    pages: Rc<Pages>,
    compression: Compression,
    ends_anywhere: bool,
    /// Compressed bytes consumed.
    position: u64,
}

impl Stream {
    async fn run(mut self, mut decoder: Decoder) -> Result<(), Failure> {
        loop {
            self.decode_part(decoder).await?;
            match self.next_part().await? {
                Some(next) => decoder = next,
                None => return Ok(()),
            }
        }
    }

    async fn decode_part(&mut self, mut decoder: Decoder) -> Result<(), Failure> {
        loop {
            let input = self.input(PIECE).await?;
            let mut output = vec![0; len_usize(PIECE)];
            let decoded = decoder.decode(&input, &mut output);
            let Decoded {
                taken,
                made,
                has_ended,
            } = decoded.map_err(|problem| self.explain(problem))?;
            self.position = self.position.saturating_add(len_u64(taken));
            self.co.set_progress(self.position, self.pages.size());
            if taken == 0 && made == 0 && !has_ended {
                return Err(self.stuck(input.is_empty()).into());
            }
            output.truncate(made);
            self.emit(output);
            if has_ended {
                return Ok(());
            }
        }
    }

    fn emit(&self, output: Vec<u8>) {
        let co = &self.co;
        if output.is_empty() {
            co.progress(self.position, self.pages.size());
        } else if output.iter().all(|&byte| byte == 0) {
            // Most of a volume may be empty.
            co.emit(Step::Hole(len_u64(output.len())));
        } else {
            co.emit(Step::Bytes(output.into()));
        }
    }

    /// The decoder of the part that follows, if one does.
    async fn next_part(&self) -> Result<Option<Decoder>, Failure> {
        let (compression, position) = (self.compression, self.position);
        let start = self.input(len_u64(Compression::PROBE_BYTES)).await?;
        if Compression::of(&start) == Some(compression) {
            let decoder = Decoder::new(compression);
            return decoder.ok_or(Failure::Stream(compression)).map(Some);
        }
        if !start.is_empty() && !self.ends_anywhere {
            let error = StreamError::TrailingBytes {
                compression,
                position,
            };
            return Err(error.into());
        }
        Ok(None)
    }

    /// The next compressed bytes, `limit` at most.
    async fn input(&self, limit: u64) -> Result<Piece, Failure> {
        let (offset, pages) = (self.position, &self.pages);
        let len = len_usize(pages.size().saturating_sub(offset).min(limit));
        self.co
            .read(|| {
                let piece = pages.piece(offset, len);
                piece.map_err(|error| read_error(offset, len, error))
            })
            .await
    }

    fn stuck(&self, is_at_end: bool) -> StreamError {
        if is_at_end {
            return StreamError::CutShort {
                compression: self.compression,
                position: self.position,
            };
        }
        self.damaged("it goes on, and there is nothing in it")
    }

    fn explain(&self, problem: Problem) -> StreamError {
        match problem {
            Problem::Damaged(reason) => self.damaged(reason),
            Problem::Memory(limit) => StreamError::Memory {
                compression: self.compression,
                position: self.position,
                limit,
            },
        }
    }

    fn damaged(&self, reason: &'static str) -> StreamError {
        StreamError::Damaged {
            compression: self.compression,
            position: self.position,
            reason,
        }
    }
}
