//! Decompressing a stream of one part or several: `cat a.gz b.gz` is a file of
//! gzip, and so with the other formats.

use std::hint::black_box;
use std::io::{self, BufRead, Read};
use std::thread::available_parallelism;

use bzip2::bufread::BzDecoder;
use flate2::bufread::GzDecoder;
use liblzma::bufread::XzDecoder;
use liblzma::stream::MtStreamBuilder;
use lz4_flex::frame::FrameDecoder;
use ntfsclone_core::image::Compression;
use zstd::stream::raw::{DParameter, Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use super::counted::Counted;
use crate::device;
use crate::host::threads;
use crate::report;

/// Memory that is not too much to ask for if it is there: what the window of `zstd --ultra`
/// takes, and more than any level of xz does.
const LEAST_MEMORY: u64 = 128 << 20;

/// The largest window that zstd has.
const MOST_MEMORY: u64 = 2 << 30;

/// How much memory a decoder may take of what is `usable`: half of it, since what
/// is asked for is then used; of little, more.
fn memory_limit(usable: u64) -> u64 {
    let memory = (usable / 2).max(LEAST_MEMORY.min(usable / 4 * 3));
    // As windows are, and at least what any level without --ultra takes.
    1 << memory.clamp(8 << 20, MOST_MEMORY).ilog2()
}

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
        let memory = memory_limit(device::usable_memory());
        Self::with_memory(compression, reader, ends_anywhere, memory)
    }

    fn with_memory(
        compression: Compression,
        reader: Box<dyn Read + Send>,
        ends_anywhere: bool,
        memory: u64,
    ) -> io::Result<Self> {
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
        if is_out_of_memory(&error) {
            return io::ErrorKind::OutOfMemory.into();
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
        let start = source.peek(Compression::PROBE_BYTES)?;
        if Compression::of(start) == Some(compression) {
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

/// More than the state of a decoder of gzip takes, and little enough to come from
/// the same place of the allocator.
const GZIP_STATE_BYTES: usize = 96 << 10;

impl Part {
    fn new(compression: Compression, source: Counted, memory: u64) -> io::Result<Self> {
        Ok(match compression {
            Compression::Zstd => Self::Zstd(ZstdFrames::new(source, memory)?),
            Compression::Gzip => {
                // The library panics where it gets no memory for its state.
                let state = device::try_zeros(GZIP_STATE_BYTES);
                // Or the compiler would not allocate what nobody uses.
                black_box(state).ok_or(io::ErrorKind::OutOfMemory)?;
                Self::Gzip(GzDecoder::new(source))
            }
            Compression::Xz => Self::Xz(XzDecoder::new_stream(source, xz_decoder(memory)?)),
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
/// A decoder of xz on all cores; liblzma fails if it cannot start a thread.
fn xz_decoder(memory: u64) -> io::Result<liblzma::stream::Stream> {
    let processors = available_parallelism().map_or(1, |count| count.get());
    let startable = threads::startable(processors + THREADS_AROUND);
    let threads = startable.saturating_sub(THREADS_AROUND);
    let decoder = match u32::try_from(threads) {
        Ok(threads @ 1..) => MtStreamBuilder::new()
            .threads(threads)
            // More blocks at once than that allows are left to wait.
            .memlimit_threading(memory)
            .memlimit_stop(memory)
            .decoder()?,
        _ => liblzma::stream::Stream::new_stream_decoder(memory, 0)?,
    };
    Ok(decoder)
}

/// Threads that are started after the decoder: one has it read ahead, another
/// moves what is read.
const THREADS_AROUND: usize = 2;

/// There was no memory, within the limits.
fn is_out_of_memory(error: &io::Error) -> bool {
    let cause = error.get_ref();
    let lzma = cause.and_then(|cause| cause.downcast_ref::<liblzma::stream::Error>());
    matches!(lzma, Some(liblzma::stream::Error::Mem))
        || error.kind() == io::ErrorKind::OutOfMemory
        // zstd tells its errors by their names only.
        || cause.is_some_and(|cause| cause.to_string().contains("not enough memory"))
}

fn is_memory_error(error: &io::Error) -> bool {
    let cause = error.get_ref();
    let lzma = cause.and_then(|cause| cause.downcast_ref::<liblzma::stream::Error>());
    // zstd tells its errors by their names only.
    matches!(lzma, Some(liblzma::stream::Error::MemLimit))
        || cause.is_some_and(|cause| cause.to_string().contains("requires too much memory"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    const ALL: [Compression; 5] = [
        Compression::Zstd,
        Compression::Gzip,
        Compression::Xz,
        Compression::Bzip2,
        Compression::Lz4,
    ];

    fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match compression {
            Compression::Zstd => {
                let mut encoder = zstd::Encoder::new(&mut out, 1).unwrap();
                encoder.include_checksum(true).unwrap();
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut out, Default::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(&mut out, 1);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut out, Default::default());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
            Compression::Lz4 => {
                let info = lz4_flex::frame::FrameInfo::new().content_checksum(true);
                let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, &mut out);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap();
            }
        }
        assert!(Compression::of(&out) == Some(compression));
        out
    }

    /// Not to be compressed much, so that there are several blocks of it.
    fn content(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let step = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(step).collect()
    }

    fn decompress(
        compression: Compression,
        bytes: &[u8],
        ends_anywhere: bool,
    ) -> io::Result<Vec<u8>> {
        let reader = Box::new(Cursor::new(bytes.to_vec()));
        let mut out = Vec::new();
        Decompressor::new(compression, reader, ends_anywhere)?.read_to_end(&mut out)?;
        Ok(out)
    }

    fn error(compression: Compression, bytes: &[u8]) -> StreamError {
        let error = decompress(compression, bytes, false).expect_err("it was taken for sound");
        error.downcast().expect("it is an error of the stream")
    }

    #[test]
    fn parts_are_joined() {
        let content = content(700_000);
        let (first, second) = content.split_at(300_000);
        for compression in ALL {
            let mut bytes = compress(compression, first);
            bytes.extend(compress(compression, b""));
            match compression {
                // A frame to be skipped.
                Compression::Zstd => bytes.extend(b"\x5A\x2A\x4D\x18\x03\0\0\0abc"),
                Compression::Xz => bytes.extend([0; 8]),
                _ => {}
            }
            bytes.extend(compress(compression, second));
            let found = decompress(compression, &bytes, false).unwrap();
            assert!(found == content, "{compression}");
            for byte in [b"\0", b"x"] {
                let position = bytes.len() as u64;
                let longer = [&bytes[..], byte].concat();
                assert!(
                    matches!(error(compression, &longer), StreamError::TrailingBytes { position: at, .. } if at == position),
                    "{compression}"
                );
                let found = decompress(compression, &longer, true).unwrap();
                assert!(found == content, "{compression} on a device");
            }
        }
    }

    #[test]
    fn no_part_of_a_stream_is_a_stream() {
        let content = content(300_000);
        for compression in ALL {
            let bytes = compress(compression, &content);
            let near_ends = (8..64).chain(bytes.len() - 64..bytes.len());
            for len in near_ends.chain((64..bytes.len() - 64).step_by(9973)) {
                let found = error(compression, &bytes[..len]);
                assert!(
                    matches!(found, StreamError::CutShort { position, .. } if position == len as u64),
                    "{compression} of {len} bytes: {found:?}"
                );
            }
        }
    }

    /// Lz4 tells the end of a frame by a mark that may be what is cut off.
    #[test]
    fn lz4_frames_have_an_end() {
        let content = content(300_000);
        for size in [
            lz4_flex::frame::BlockSize::Max64KB,
            lz4_flex::frame::BlockSize::Max256KB,
        ] {
            let mut bytes = Vec::new();
            let info = lz4_flex::frame::FrameInfo::new().block_size(size);
            let mut encoder = lz4_flex::frame::FrameEncoder::with_frame_info(info, &mut bytes);
            encoder.write_all(&content).unwrap();
            encoder.finish().unwrap();
            let without = &bytes[..bytes.len() - 4];
            assert!(matches!(
                error(Compression::Lz4, without),
                StreamError::CutShort { .. }
            ));
        }
    }

    #[test]
    fn damage_is_found() {
        let content = content(300_000);
        for compression in ALL {
            let bytes = compress(compression, &content);
            for at in (20..bytes.len()).step_by(4999).chain([bytes.len() - 3]) {
                let mut damaged = bytes.clone();
                damaged[at] ^= 0x10;
                error(compression, &damaged);
            }
        }
    }

    #[test]
    fn memory_follows_what_is_usable() {
        const MIB: u64 = 1 << 20;
        for (usable, expected) in [
            (u64::MAX, 2048 * MIB),
            (20_000 * MIB, 2048 * MIB),
            (1000 * MIB, 256 * MIB),
            (200 * MIB, 128 * MIB),
            (60 * MIB, 32 * MIB),
            (13 * MIB, 8 * MIB),
            (0, 8 * MIB),
        ] {
            assert_eq!(memory_limit(usable), expected, "{usable}");
        }
    }

    #[test]
    fn memory_is_limited() {
        const LIMIT: u64 = 1 << 20;
        let content = content(3 << 20);
        let mut large_window = Vec::new();
        let mut encoder = zstd::Encoder::new(&mut large_window, 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(&content).unwrap();
        encoder.finish().unwrap();
        let mut large_dictionary = Vec::new();
        let mut encoder = liblzma::write::XzEncoder::new(&mut large_dictionary, 9);
        encoder.write_all(&content).unwrap();
        encoder.finish().unwrap();
        for (compression, bytes) in [
            (Compression::Zstd, large_window),
            (Compression::Xz, large_dictionary),
        ] {
            let reader = Box::new(Cursor::new(bytes));
            let stream = Decompressor::with_memory(compression, reader, false, LIMIT);
            let error = stream.unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            let error = error.to_string();
            let expected = format!(
                "the {compression} stream needs more memory to be decompressed than 1.00 MiB"
            );
            assert_eq!(error, expected);
        }
    }

    /// What fails below is no damage.
    #[test]
    fn errors_of_the_source_pass() {
        struct Failing(Cursor<Vec<u8>>);
        impl Read for Failing {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                match self.0.read(buf)? {
                    0 => Err(io::ErrorKind::TimedOut.into()),
                    len => Ok(len),
                }
            }
        }
        for compression in ALL {
            let bytes = compress(compression, &content(300_000));
            let half = bytes[..bytes.len() / 2].to_vec();
            let reader = Box::new(Failing(Cursor::new(half)));
            let mut stream = Decompressor::new(compression, reader, false).unwrap();
            let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{compression}");
        }
    }
}
