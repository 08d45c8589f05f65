//! Decompression of a stream that is read once, from start to end.

use std::io::{self, Read};
use std::thread::available_parallelism;

use ntfsclone_core::stream::{Compression, Limits, Stream, StreamError};

use crate::device;
use crate::host::threads;

/// Memory that is not too much to ask for if it is there: the window of
/// `zstd --ultra`, and more than any level of xz needs.
const LEAST_MEMORY: u64 = 128 << 20;

/// The largest window that zstd has.
const MOST_MEMORY: u64 = 2 << 30;

/// Threads that are started after the decoder: one reads ahead of it, another
/// moves what is read.
const THREADS_AROUND: usize = 2;

/// Bytes of compressed input that are buffered.
const BUFFER_BYTES: usize = 128 << 10;

/// The memory that a decoder may take of what is `usable`: half of it, since
/// what a stream asks for is then used; of little, more.
pub(super) fn memory_limit(usable: u64) -> u64 {
    let memory = (usable / 2).max(LEAST_MEMORY.min(usable / 4 * 3));
    // A power of two, as windows are, and at least what any level without --ultra takes.
    1 << memory.clamp(8 << 20, MOST_MEMORY).ilog2()
}

/// The threads that a decoder may start: one for each processor, if they can be
/// started. A decoder that starts one in vain fails.
fn thread_limit() -> u32 {
    let processors = available_parallelism().map_or(1, |count| count.get());
    let startable = threads::startable(processors + THREADS_AROUND);
    u32::try_from(startable.saturating_sub(THREADS_AROUND)).unwrap_or(0)
}

/// A compressed stream, decompressed.
pub struct Decompressor {
    stream: Stream,
    input: Input,
}

impl Decompressor {
    /// Bytes after the stream are an error unless it `ends_anywhere`, as on a device.
    pub fn new(
        compression: Compression,
        reader: Box<dyn Read + Send>,
        ends_anywhere: bool,
    ) -> io::Result<Self> {
        let limits = Limits {
            memory: memory_limit(device::usable_memory()),
            threads: thread_limit(),
        };
        Self::with_limits(compression, reader, ends_anywhere, limits)
    }

    fn with_limits(
        compression: Compression,
        reader: Box<dyn Read + Send>,
        ends_anywhere: bool,
        limits: Limits,
    ) -> io::Result<Self> {
        Ok(Self {
            stream: Stream::new(compression, limits, ends_anywhere).map_err(io_error)?,
            input: Input::new(reader),
        })
    }
}

impl Read for Decompressor {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while !buf.is_empty() && !self.stream.has_ended() {
            let input = self.input.peek(self.stream.wanted())?;
            let (taken, made) = self.stream.decode(input, buf).map_err(io_error)?;
            self.input.consume(taken);
            if made > 0 {
                return Ok(made);
            }
        }
        Ok(0)
    }
}

fn io_error(error: StreamError) -> io::Error {
    match error {
        StreamError::NoMemory { .. } => io::ErrorKind::OutOfMemory.into(),
        error => io::Error::other(error),
    }
}

/// Compressed bytes on their way to the decoder.
struct Input {
    reader: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// The part of the buffer that was read and not consumed.
    start: usize,
    end: usize,
}

impl Input {
    fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
        }
    }

    /// The next bytes: at least `len`, or all that are left.
    fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.end - self.start < len {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < len {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, len: usize) {
        self.start += len;
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

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
            Compression::Lzop => out = lzop(bytes),
            Compression::Lzip => out = lzip(bytes),
            Compression::Lzma => out = lzma(bytes),
        }
        assert!(Compression::of(&out) == Some(compression));
        out
    }

    /// Blocks that are stored as they are, with checksums by CRC-32.
    fn lzop(bytes: &[u8]) -> Vec<u8> {
        let mut header = b"\x10\x40\x20\xA0\x09\x40\x01\x05\0\0\x11\0".to_vec();
        header.extend([0; 13]);
        let mut out = [b"\x89LZO\0\r\n\x1A\n", &header[..]].concat();
        out.extend(crc32(&header).to_be_bytes());
        for block in bytes.chunks(256 << 10) {
            let len = block.len() as u32;
            let fields = [len, len, crc32(block)].map(u32::to_be_bytes);
            out.extend(fields.as_flattened());
            out.extend(block);
        }
        out.extend([0; 4]);
        out
    }

    fn lzma(bytes: &[u8]) -> Vec<u8> {
        let options = liblzma::stream::LzmaOptions::new_preset(1).unwrap();
        let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
        let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// The same code between another header, for a dictionary of 1 MiB, and a
    /// trailer.
    fn lzip(bytes: &[u8]) -> Vec<u8> {
        let code = &lzma(bytes)[13..];
        let sizes = [bytes.len() as u64, code.len() as u64 + 26].map(u64::to_le_bytes);
        let sum = crc32(bytes).to_le_bytes();
        [b"LZIP\x01\x14", code, &sum, sizes.as_flattened()].concat()
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
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
        for compression in Compression::ALL.iter().copied() {
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
        for compression in Compression::ALL.iter().copied() {
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
        // lzma has no checksums.
        let all = Compression::ALL.iter().copied();
        for compression in all.filter(|&one| one != Compression::Lzma) {
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
            let limits = Limits {
                memory: LIMIT,
                threads: 2,
            };
            let stream = Decompressor::with_limits(compression, reader, false, limits);
            let error = stream.unwrap().read_to_end(&mut Vec::new()).unwrap_err();
            let error = error.to_string();
            let expected =
                format!("the {compression} stream needs more memory to be decompressed than 1 MiB");
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
        for compression in Compression::ALL.iter().copied() {
            let bytes = compress(compression, &content(300_000));
            let half = bytes[..bytes.len() / 2].to_vec();
            let reader = Box::new(Failing(Cursor::new(half)));
            let mut stream = Decompressor::new(compression, reader, false).unwrap();
            let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{compression}");
        }
    }
}
