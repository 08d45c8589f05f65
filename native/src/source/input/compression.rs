//! Decompressing a stream of one part or several: `cat a.gz b.gz` is a file of
//! gzip, and so with the other formats.

use std::io::{self, BufRead, Read};
use std::thread::available_parallelism;

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;
use lz4_flex::frame::FrameDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::counted::Counted;
use super::format::Compression;
use crate::device;
use crate::report;

/// Memory that is never too much to ask for: what the window of `zstd --ultra`
/// takes, and more than any level of xz does.
const LEAST_MEMORY: u64 = 128 << 20;

/// The largest window that zstd has.
const MOST_MEMORY: u64 = 2 << 30;

/// Why a compressed stream cannot be read on. Positions are in the compressed
/// bytes.
#[derive(Debug, thiserror::Error)]
pub enum StreamError {
    #[error("the {compression} stream ends too early, after {position} bytes")]
    CutShort {
        compression: Compression,
        position: u64,
    },

    #[error("the {compression} stream is damaged near byte {position:#x}")]
    Damaged {
        compression: Compression,
        position: u64,
        source: io::Error,
    },

    #[error("the {compression} stream ends at byte {position:#x}, but other bytes follow it")]
    TrailingBytes {
        compression: Compression,
        position: u64,
    },

    #[error(
        "the {compression} stream needs more memory to be decompressed than {}",
        report::size(*limit)
    )]
    Memory {
        compression: Compression,
        limit: u64,
    },
}

/// A compressed stream, decompressed.
pub struct Decompressor {
    compression: Compression,
    /// None when the end was reached, or an error.
    part: Option<Part>,
    /// What follows the stream is not part of it, as on a device.
    ends_anywhere: bool,
    memory: u64,
}

/// A part of a stream that makes sense by itself.
enum Part {
    Zstd(ZstdFrames),
    Gzip(GzDecoder<Counted>),
    Xz(XzDecoder<Counted>),
    Bzip2(BzDecoder<Counted>),
    Lz4(FrameDecoder<Counted>),
}

impl Decompressor {
    pub fn new(
        compression: Compression,
        reader: Box<dyn Read + Send>,
        ends_anywhere: bool,
    ) -> io::Result<Self> {
        // Of what is free, since what is asked for is then used.
        let memory = (device::available_memory() / 2).clamp(LEAST_MEMORY, MOST_MEMORY);
        Ok(Self {
            compression,
            part: Some(Part::new(compression, Counted::new(reader), memory)?),
            ends_anywhere,
            memory,
        })
    }

    fn explain(&self, source: &Counted, error: io::Error) -> io::Error {
        let (compression, position) = (self.compression, source.position());
        if source.has_failed() {
            return error;
        }
        let error = match error.kind() {
            _ if is_memory_error(&error) => StreamError::Memory {
                compression,
                limit: self.memory,
            },
            io::ErrorKind::UnexpectedEof => StreamError::CutShort {
                compression,
                position,
            },
            _ => StreamError::Damaged {
                compression,
                position,
                source: error,
            },
        };
        io::Error::other(error)
    }

    /// Goes on to the next part of the stream, if there is one.
    fn next_part(&self, mut part: Part) -> io::Result<Option<Part>> {
        let (compression, source) = (self.compression, part.source());
        // The decoder of lz4 takes a frame without its end for a whole one.
        if compression == Compression::Lz4 && source.is_at_end() {
            let cut_short = io::ErrorKind::UnexpectedEof.into();
            return Err(self.explain(source, cut_short));
        }
        if compression == Compression::Xz {
            // Streams are padded with zeros to whole words.
            while source.position().is_multiple_of(4) && source.peek(4)? == [0; 4] {
                source.consume(4);
            }
        }
        let start = source.peek(Compression::MAGIC_BYTES)?;
        if compression.begins(start) {
            return part.next(compression, self.memory).map(Some);
        }
        match start.is_empty() || self.ends_anywhere {
            true => Ok(None),
            false => Err(io::Error::other(StreamError::TrailingBytes {
                compression,
                position: source.position(),
            })),
        }
    }
}

impl Read for Decompressor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        while let Some(mut part) = self.part.take() {
            match part.read(buf) {
                Ok(0) => self.part = self.next_part(part)?,
                Ok(len) => {
                    self.part = Some(part);
                    return Ok(len);
                }
                Err(error) => return Err(self.explain(part.source(), error)),
            }
        }
        Ok(0)
    }
}

impl Part {
    fn new(compression: Compression, source: Counted, memory: u64) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd => Self::Zstd(ZstdFrames::new(source, memory)?),
            Compression::Gzip => Self::Gzip(GzDecoder::new(source)),
            Compression::Xz => {
                let threads = available_parallelism().map_or(1, |threads| threads.get());
                let decoder = MtStreamBuilder::new()
                    .threads(u32::try_from(threads).unwrap_or(1))
                    // More blocks at once than that allows are left to wait.
                    .memlimit_threading(memory)
                    .memlimit_stop(memory)
                    .decoder()?;
                Self::Xz(XzDecoder::new_stream(source, decoder))
            }
            Compression::Bzip2 => Self::Bzip2(BzDecoder::new(source)),
            Compression::Lz4 => Self::Lz4(FrameDecoder::new(source)),
        })
    }

    fn source(&mut self) -> &mut Counted {
        match self {
            Self::Zstd(frames) => &mut frames.source,
            Self::Gzip(part) => part.get_mut(),
            Self::Xz(part) => part.get_mut(),
            Self::Bzip2(part) => part.get_mut(),
            Self::Lz4(part) => part.get_mut(),
        }
    }

    /// The part after this one, which has ended.
    fn next(self, compression: Compression, memory: u64) -> io::Result<Self> {
        let source = match self {
            Self::Zstd(mut frames) => {
                // Frames may be many and small: a decoder does for all.
                frames.has_ended = false;
                return Ok(Self::Zstd(frames));
            }
            Self::Gzip(part) => part.into_inner(),
            Self::Xz(part) => part.into_inner(),
            Self::Bzip2(part) => part.into_inner(),
            Self::Lz4(part) => part.into_inner(),
        };
        Self::new(compression, source, memory)
    }
}

impl Read for Part {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(frames) => frames.read(buf),
            Self::Gzip(part) => part.read(buf),
            Self::Xz(part) => part.read(buf),
            Self::Bzip2(part) => part.read(buf),
            Self::Lz4(part) => part.read(buf),
        }
    }
}

/// Frames of zstd, read one at a time; those to be skipped hold nothing.
struct ZstdFrames {
    source: Counted,
    decoder: ZstdDecoder<'static>,
    has_ended: bool,
}

impl ZstdFrames {
    fn new(source: Counted, memory: u64) -> io::Result<Self> {
        let mut decoder = ZstdDecoder::new()?;
        decoder.set_parameter(DParameter::WindowLogMax(memory.ilog2()))?;
        Ok(Self {
            source,
            decoder,
            has_ended: false,
        })
    }
}

impl Read for ZstdFrames {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut output = OutBuffer::around(buf);
        while !self.has_ended && output.pos() == 0 {
            let bytes = self.source.fill_buf()?;
            let is_at_end = bytes.is_empty();
            let mut input = InBuffer::around(bytes);
            let left = self.decoder.run(&mut input, &mut output)?;
            let taken = input.pos();
            self.source.consume(taken);
            self.has_ended = left == 0;
            if is_at_end && !self.has_ended && output.pos() == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(output.pos())
    }
}

/// True if a decoder refuses a stream for the memory it would take.
fn is_memory_error(error: &io::Error) -> bool {
    let cause = error.get_ref();
    let lzma = cause.and_then(|cause| cause.downcast_ref::<liblzma::stream::Error>());
    // zstd tells its errors by their names only.
    matches!(lzma, Some(liblzma::stream::Error::MemLimit))
        || cause.is_some_and(|cause| cause.to_string().contains("requires too much memory"))
}
