//! Decompressing what can be read from its start to its end only.

use alloc::rc::Rc;
use alloc::vec;

use super::{Failure, Halt, Step, Task, attempt, read_error};
use crate::decompress::{Decoded, Decoder, Problem};
use crate::error::Result;
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

/// Decompresses what is read through [`Pages`]. Each [`Step::Bytes`] or
/// [`Step::Hole`] goes on where the last one ended. Only at the end is it known
/// that all was sound.
#[derive(Debug)]
pub struct Decompress {
    pages: Rc<Pages>,
    compression: Compression,
    /// Of the part that is read; none after the last.
    decoder: Option<Decoder>,
    /// That part has ended, and it is to be seen whether another follows.
    has_ended: bool,
    /// Bytes that were taken.
    position: u64,
    /// What follows the stream is not part of it, as in a partition.
    ends_anywhere: bool,
}

impl Decompress {
    /// `compression` is what [`Failure::Stream`] told. What follows the stream
    /// is an error, unless it `ends_anywhere`.
    ///
    /// # Errors
    ///
    /// [`Failure::Stream`]: nothing here decompresses it.
    pub fn new(
        pages: Rc<Pages>,
        compression: Compression,
        ends_anywhere: bool,
    ) -> Result<Self, Failure> {
        let Some(decoder) = Decoder::new(compression) else {
            return Err(Failure::Stream(compression));
        };
        Ok(Self {
            pages,
            compression,
            decoder: Some(decoder),
            has_ended: false,
            position: 0,
            ends_anywhere,
        })
    }

    /// How many bytes were taken, and how many there are.
    pub fn progress(&self) -> (u64, u64) {
        (self.position, self.pages.size())
    }

    /// The compressed bytes from here on, `limit` at the most.
    fn input(&self, limit: u64) -> Result<Piece, Halt> {
        let (offset, pages) = (self.position, &self.pages);
        let len = len_usize(pages.size().saturating_sub(offset).min(limit));
        attempt(pages, || {
            let piece = pages.piece(offset, len);
            piece.map_err(|error| read_error(offset, len, error))
        })
    }

    fn damaged(&self, reason: &'static str) -> StreamError {
        StreamError::Damaged {
            compression: self.compression,
            position: self.position,
            reason,
        }
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

    /// Goes on to what follows the part that has ended, which may be nothing.
    fn next_part(&mut self) -> Result<(), Halt> {
        let (compression, position) = (self.compression, self.position);
        let start = self.input(len_u64(Compression::PROBE_BYTES))?;
        if Compression::of(&start) == Some(compression) {
            self.decoder = Decoder::new(compression);
            return Ok(());
        }
        if !start.is_empty() && !self.ends_anywhere {
            return Err(StreamError::TrailingBytes {
                compression,
                position,
            }
            .into());
        }
        self.decoder = None;
        Ok(())
    }
}

impl Task for Decompress {
    fn advance(&mut self) -> Result<Step, Halt> {
        if self.has_ended {
            self.next_part()?;
            self.has_ended = false;
        }
        if self.decoder.is_none() {
            return Ok(Step::Done);
        }
        let input = self.input(PIECE)?;
        let mut output = vec![0; len_usize(PIECE)];
        let Some(decoder) = &mut self.decoder else {
            return Ok(Step::Done);
        };
        let decoded = decoder.decode(&input, &mut output);
        let Decoded {
            taken,
            made,
            has_ended,
        } = decoded.map_err(|problem| self.explain(problem))?;
        self.position = self.position.saturating_add(len_u64(taken));
        self.has_ended = has_ended;
        if taken == 0 && made == 0 && !has_ended {
            return Err(match input.is_empty() {
                true => StreamError::CutShort {
                    compression: self.compression,
                    position: self.position,
                },
                false => self.damaged("it goes on, and there is nothing in it"),
            }
            .into());
        }
        output.truncate(made);
        Ok(match made {
            0 => {
                let (done, total) = self.progress();
                Step::Progress { done, total }
            }
            // Most of a volume may be empty.
            _ if output.iter().all(|&byte| byte == 0) => Step::Hole(len_u64(made)),
            _ => Step::Bytes(output.into()),
        })
    }
}
