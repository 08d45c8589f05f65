//! Makes the index of a gzip stream in one pass, on all processors.

use std::io::{self, Write};
use std::num::{NonZeroU64, NonZeroUsize};
use std::thread::available_parallelism;

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::seek::{Point, Resume, SeekIndexBuilder};
use rapidgzip_core::{CheckpointKind, Decoder, IndexOptions, ReadAt, WindowStorage};

use super::Files;

/// Bytes of content between two points, at least: 32 KiB for each of them are at most 0.4 % of it.
const SPACING: NonZeroU64 = NonZeroU64::new(8 << 20).unwrap();

/// More do not help: checksums of the content are computed on one thread.
const MAX_THREADS: usize = 8;

/// The level of zstd that windows are compressed with.
const WINDOW_LEVEL: i32 = 3;

/// The file of an index of `files`, a gzip stream. `None` if it cannot be decoded to its end: whoever
/// reads it in order reports why.
pub(super) fn of_gzip(files: &Files, identity: [u8; 32]) -> Option<Vec<u8>> {
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let decoder = Decoder::builder()
        .decoder_threads(threads.min(MAX_THREADS))
        .build()
        .ok()?;
    let options = IndexOptions {
        checkpoint_spacing: SPACING,
        window_storage: WindowStorage::Zlib,
    };
    let mut content = Content(SeekIndexBuilder::new());
    let indexed = decoder.decode_with_index(&Compressed(files), &mut content, options);
    let index = indexed.ok()?.index;
    let Content(mut builder) = content;
    let mut last = None;
    for checkpoint in index.checkpoints() {
        let bit = checkpoint.compressed_offset_in_bits;
        let (resume, compressed_bit) = match checkpoint.kind {
            CheckpointKind::GzipMemberHeader => (Resume::Part, bit),
            CheckpointKind::GzipMemberDeflate {
                header_offset_in_bytes,
            } => (Resume::Part, header_offset_in_bytes * 8),
            CheckpointKind::DeflateBlock => (Resume::Deflate, bit),
            _ => continue,
        };
        let offset = checkpoint.uncompressed_offset_in_bytes;
        // Members without content, and the end.
        if last.is_some_and(|last| last >= offset) || offset >= builder.size().max(1) {
            continue;
        }
        last = Some(offset);
        let window = match (resume, index.windows().get(bit)) {
            (Resume::Deflate, Some(window)) => window.decompressed().ok()?.into_owned(),
            _ => Vec::new(),
        };
        let stored = match window.is_empty() {
            true => Vec::new(),
            false => zstd::bulk::compress(&window, WINDOW_LEVEL).ok()?,
        };
        let point = Point {
            offset,
            compressed_bit,
            resume,
        };
        builder.push(point, u32::try_from(window.len()).ok()?, stored);
    }
    (last.is_some()).then(|| builder.finish(Compression::Gzip, files.size(), identity))
}

/// The compressed bytes, for the decoder.
struct Compressed<'a>(&'a Files);

impl ReadAt for Compressed<'_> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.size())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.0.size().saturating_sub(offset);
        let len = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.0.read_exact_at(offset, &mut buffer[..len]);
        read.map_err(io::Error::other)?;
        Ok(len)
    }
}

/// The content, as it is decoded.
struct Content(SeekIndexBuilder);

impl Write for Content {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
