//! Decompression of streams, from start to end.
//!
//! A stream is a sequence of parts, each complete by itself: `cat a.gz b.gz` is
//! a gzip file of two parts. A [`Decoder`] reads one part at a time, a
//! [`Stream`] all of them. [`Compression`] lists the formats.

#[cfg(feature = "bzip2")]
mod bzip2;
mod compression;
#[cfg_attr(
    not(feature = "gzip"),
    allow(dead_code, reason = "only its deflate is used")
)]
mod gzip;
#[cfg(feature = "lz4")]
mod lz4;
#[cfg(feature = "lzma")]
mod lzma;
#[cfg(feature = "lzop")]
mod lzop;
#[cfg(any(feature = "lz4", feature = "lzop"))]
mod parts;
pub mod resume;
#[cfg(feature = "seek-index")]
pub mod seek;
#[cfg(feature = "zstd")]
mod zstd;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

pub use self::compression::{Compression, START_BYTES};
pub(crate) use self::gzip::Deflate;
#[cfg(feature = "zstd")]
pub(crate) use self::zstd::Zstd;
use crate::units::len_u64;

/// Decompresses the parts of a stream, one after the other.
pub trait Decoder: Send {
    /// Reads from `input`, empty only at the end of the stream, and writes to `output`.
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded;

    /// Prepares for the next part, after [`Then::End`].
    ///
    /// # Errors
    ///
    /// [`Problem::NoMemory`].
    fn restart(&mut self) -> Result<(), Problem>;

    /// Has the decoder note where the next block begins, until the part ends. Decoders of gzip can do that, of other
    /// formats nothing is noted.
    fn find_block(&mut self) {}

    /// The block that was noted. Its content is not decoded yet.
    fn take_block(&mut self) -> Option<BlockStart> {
        None
    }
}

/// Where a block of deflate begins in its part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockStart {
    /// Bytes of content before it.
    pub offset: u64,
    /// Bits of the part before it.
    pub bit: u64,
    /// The content before it that its decoder has to know, at most 32 KiB.
    pub window: Vec<u8>,
}

/// What one call of a decoder did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of the input that were consumed.
    pub taken: usize,
    /// Bytes of the output that were written.
    pub made: usize,
    /// What follows.
    pub then: Then,
}

/// What follows the bytes that a decoder consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// More of the part.
    More,
    /// The part ends there.
    End,
    /// It cannot be decoded.
    Failed(Problem),
}

/// Why a part cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// It is damaged: the reason.
    Damaged(&'static str),
    /// It needs more memory than this limit, in bytes.
    Limit(u64),
    /// The memory it needs, within the limit, is not available.
    NoMemory,
}

/// The resources that a decoder may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of memory. A window of zstd is at most as large.
    pub memory: u64,
    /// Threads; 0 to decode on the caller's.
    pub threads: u32,
}

/// Why a stream cannot be decompressed. Positions are in the compressed bytes.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    /// It is truncated.
    #[error("the {compression} stream ends too early, at byte {position:#x}")]
    CutShort {
        /// The format.
        compression: Compression,
        /// Where it ends.
        position: u64,
    },

    /// It cannot be decoded.
    #[error("the {compression} stream is damaged near byte {position:#x}: {reason}")]
    Damaged {
        /// The format.
        compression: Compression,
        /// What was decoded before.
        position: u64,
        /// What is wrong.
        reason: &'static str,
    },

    /// It is complete, and followed by bytes that are not of its format.
    #[error("the {compression} stream ends at byte {position:#x}, but other bytes follow it")]
    TrailingBytes {
        /// The format.
        compression: Compression,
        /// Where it ends.
        position: u64,
    },

    /// It needs more memory than its decoder may use.
    #[error(
        "the {compression} stream needs more memory to be decompressed than {} MiB",
        limit >> 20
    )]
    Limit {
        /// The format.
        compression: Compression,
        /// Where that was found.
        position: u64,
        /// The most that it may use, in bytes.
        limit: u64,
    },

    /// The memory it needs is not available.
    #[error("there is no memory to decompress the {compression} stream")]
    NoMemory {
        /// The format.
        compression: Compression,
        /// Where that was found.
        position: u64,
    },

    /// This build has no decoder of the format.
    #[error("{compression} streams cannot be decompressed here")]
    NoDecoder {
        /// The format.
        compression: Compression,
    },
}

impl StreamError {
    fn new(compression: Compression, position: u64, problem: Problem) -> Self {
        match problem {
            Problem::Damaged(reason) => Self::Damaged {
                compression,
                position,
                reason,
            },
            Problem::Limit(limit) => Self::Limit {
                compression,
                position,
                limit,
            },
            Problem::NoMemory => Self::NoMemory {
                compression,
                position,
            },
        }
    }

    /// Where it is, in the compressed bytes.
    pub fn position(self) -> u64 {
        match self {
            Self::CutShort { position, .. }
            | Self::Damaged { position, .. }
            | Self::TrailingBytes { position, .. }
            | Self::Limit { position, .. }
            | Self::NoMemory { position, .. } => position,
            Self::NoDecoder { .. } => 0,
        }
    }
}

/// A compressed stream, from its first part to its last.
pub struct Stream {
    compression: Compression,
    decoder: Box<dyn Decoder>,
    state: State,
    /// Compressed bytes consumed.
    position: u64,
    /// Bytes of another format may follow, as in a partition.
    ends_anywhere: bool,
}

#[derive(Clone, Copy)]
enum State {
    Within,
    /// A part has ended; whether another follows is not known yet.
    Between,
    Ended,
    /// What was decoded before it has been returned.
    Failed(StreamError),
}

impl Stream {
    /// A stream at its start. Bytes after it are an error unless it `ends_anywhere`.
    ///
    /// # Errors
    ///
    /// [`StreamError::NoMemory`]; [`StreamError::NoDecoder`].
    pub fn new(
        compression: Compression,
        limits: Limits,
        ends_anywhere: bool,
    ) -> Result<Self, StreamError> {
        let decoder = compression
            .new_decoder(limits)
            .ok_or(StreamError::NoDecoder { compression })?;
        Self::with(compression, decoder, ends_anywhere)
    }

    /// A stream of the format that `decoder` reads, if there is one.
    ///
    /// # Errors
    ///
    /// [`StreamError::NoMemory`], and others that `decoder` is.
    pub fn with(
        compression: Compression,
        decoder: Result<Box<dyn Decoder>, Problem>,
        ends_anywhere: bool,
    ) -> Result<Self, StreamError> {
        let decoder = decoder.map_err(|problem| StreamError::new(compression, 0, problem))?;
        Ok(Self {
            compression,
            decoder,
            state: State::Within,
            position: 0,
            ends_anywhere,
        })
    }

    /// The same, which begins at `position` of what it is a part of.
    #[cfg(feature = "seek-index")]
    fn at(self, position: u64) -> Self {
        Self { position, ..self }
    }

    /// Compressed bytes consumed so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// True after the last part.
    pub fn has_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// The input that the next [`decode`](Stream::decode) needs at least, in bytes.
    pub fn wanted(&self) -> usize {
        match self.state {
            State::Between => START_BYTES,
            _ => 1,
        }
    }

    /// Decodes `input`, the compressed bytes from [`position`](Stream::position)
    /// on, into `output`: until one of them is used up. `input` has
    /// [`wanted`](Stream::wanted) bytes, or fewer if the source ends there.
    /// Returns the bytes consumed and the bytes written.
    ///
    /// # Errors
    ///
    /// After everything before the error has been returned.
    pub fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize), StreamError> {
        let (mut taken, mut made) = (0, 0);
        loop {
            let input = input.get(taken..).unwrap_or_default();
            let output = output.get_mut(made..).unwrap_or_default();
            let is_first = taken == 0 && made == 0;
            if !is_first && (input.len() < self.wanted() || output.is_empty()) {
                break;
            }
            let (step_taken, step_made) = match self.state {
                State::Ended => break,
                State::Failed(_) if !is_first => break,
                _ => self.step(input, output)?,
            };
            taken = taken.saturating_add(step_taken);
            made = made.saturating_add(step_made);
        }
        Ok((taken, made))
    }

    /// Like [`decode`](Stream::decode), in one call of the decoder: it never goes beyond the start or the end of a part.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<(usize, usize), StreamError> {
        match self.state {
            State::Within => Ok(self.decode_part(input, output)),
            State::Between => Ok((self.begin_part(input), 0)),
            State::Ended => Ok((0, 0)),
            State::Failed(error) => Err(error),
        }
    }

    /// Writes content to `output` whose compressed bytes were consumed. Returns its length; 0 if there is none.
    #[cfg(feature = "seek-index")]
    fn drain(&mut self, output: &mut [u8]) -> usize {
        if !matches!(self.state, State::Within) {
            return 0;
        }
        let Decoded { made, then, .. } = self.decoder.decode(&[], output);
        match then {
            Then::End => self.state = State::Between,
            Then::Failed(problem) => self.fail(problem),
            Then::More => {}
        }
        made
    }

    /// Has the decoder find the next block, see [`Decoder::find_block`].
    #[cfg(feature = "seek-index")]
    fn find_block(&mut self) {
        self.decoder.find_block();
    }

    #[cfg(feature = "seek-index")]
    fn take_block(&mut self) -> Option<BlockStart> {
        self.decoder.take_block()
    }

    /// True after a part, before it is known whether another follows.
    #[cfg(feature = "seek-index")]
    fn is_between(&self) -> bool {
        matches!(self.state, State::Between)
    }

    fn decode_part(&mut self, input: &[u8], output: &mut [u8]) -> (usize, usize) {
        let Decoded { taken, made, then } = self.decoder.decode(input, output);
        self.position = self.position.saturating_add(len_u64(taken));
        match then {
            Then::End => self.state = State::Between,
            Then::Failed(problem) => self.fail(problem),
            Then::More if taken == 0 && made == 0 && input.is_empty() => {
                self.state = State::Failed(StreamError::CutShort {
                    compression: self.compression,
                    position: self.position,
                });
            }
            Then::More if taken == 0 && made == 0 => {
                self.fail(Problem::Damaged("its decoder makes no progress"));
            }
            Then::More => {}
        }
        (taken, made)
    }

    /// Begins the part at the start of `input`, if there is one. Returns the
    /// length of what separates it from the part before.
    fn begin_part(&mut self, input: &[u8]) -> usize {
        let padding = self.compression.padding();
        if !padding.is_empty()
            && self.position.is_multiple_of(len_u64(padding.len()))
            && input.starts_with(padding)
        {
            self.position = self.position.saturating_add(len_u64(padding.len()));
            return padding.len();
        }
        if Compression::of(input) == Some(self.compression) {
            match self.decoder.restart() {
                Ok(()) => self.state = State::Within,
                Err(problem) => self.fail(problem),
            }
        } else if input.is_empty() || self.ends_anywhere {
            self.state = State::Ended;
        } else {
            self.state = State::Failed(StreamError::TrailingBytes {
                compression: self.compression,
                position: self.position,
            });
        }
        0
    }

    fn fail(&mut self, problem: Problem) {
        let error = StreamError::new(self.compression, self.position, problem);
        self.state = State::Failed(error);
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("compression", &self.compression)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

/// Fails unless `len` bytes can be allocated, for libraries that panic if they cannot.
fn require_memory(len: usize) -> Result<(), Problem> {
    let mut memory: Vec<u8> = Vec::new();
    let reserved = memory.try_reserve_exact(len);
    // The compiler would leave out an allocation that nothing uses.
    core::hint::black_box(memory);
    reserved.map_err(|_| Problem::NoMemory)
}

/// The difference of two counts of bytes of one call.
#[cfg(any(feature = "bzip2", feature = "lzma", feature = "fast-gzip"))]
fn since(before: u64, now: u64) -> usize {
    crate::units::len_usize(now.saturating_sub(before))
}
