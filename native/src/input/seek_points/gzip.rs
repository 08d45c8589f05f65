//! Makes the index of a gzip stream in one pass, on all processors.

use std::io::{self, Write};
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::resume::Resume;
use ntfsclone_core::stream::seek::{Point, SeekIndexBuilder};
use rapidgzip_core::{CheckpointKind, Decoder, IndexOptions, ReadAt, WindowStorage};

use super::points;
use crate::host::progress::Progress;
use crate::input::Files;

/// Bytes of content between two points, at least: 32 KiB for each of them are at most 0.4 % of it.
const SPACING: NonZeroU64 = NonZeroU64::new(8 << 20).unwrap();

/// More do not help: checksums of the content are computed on one thread.
const MAX_THREADS: usize = 8;

/// The file of an index of `files`, a gzip stream. `None` if it cannot be decoded to its end: whoever
/// reads it in order reports why.
pub(super) fn index_of(
    files: &Files,
    identity: [u8; 32],
    progress: &mut Progress,
) -> Option<Vec<u8>> {
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let decoder = Decoder::builder()
        .decoder_threads(threads.min(MAX_THREADS))
        .build()
        .ok()?;
    let options = IndexOptions {
        checkpoint_spacing: SPACING,
        window_storage: WindowStorage::Zlib,
    };
    let compressed = Compressed {
        files,
        read: AtomicU64::new(0),
    };
    let mut content = Content {
        builder: SeekIndexBuilder::new(),
        read: &compressed.read,
        progress,
    };
    let indexed = decoder.decode_with_index(&compressed, &mut content, options);
    let index = indexed.ok()?.index;
    let mut builder = content.builder;
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
            false => points::compress(&window)?,
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
struct Compressed<'a> {
    files: &'a Files,
    /// Bytes up to the last that was read.
    read: AtomicU64,
}

impl ReadAt for Compressed<'_> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.files.size())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.files.size().saturating_sub(offset);
        let len = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        self.read.fetch_max(offset + len as u64, Ordering::Relaxed);
        let read = self.files.read_exact_at(offset, &mut buffer[..len]);
        read.map_err(io::Error::other)?;
        Ok(len)
    }
}

/// The content, as it is decoded.
struct Content<'a> {
    builder: SeekIndexBuilder,
    read: &'a AtomicU64,
    progress: &'a mut Progress,
}

impl Write for Content<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.builder.update(bytes);
        self.progress.advance_to(self.read.load(Ordering::Relaxed));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ntfsclone_core::io::Source;
    use ntfsclone_core::stream::Limits;
    use ntfsclone_core::stream::seek::{IndexedReader, OtherContent, SeekIndex};

    use super::*;
    use crate::host::progress::Phase;

    const LIMITS: Limits = Limits {
        memory: 8 << 20,
        threads: 0,
    };

    /// Two members, whose blocks of deflate refer to content before them.
    fn content() -> Vec<u8> {
        let words = (0..7_000_000_u32).map(|number| number.wrapping_mul(number) >> 9);
        words.flat_map(u32::to_le_bytes).collect()
    }

    fn compressed(content: &[u8]) -> Vec<u8> {
        let (first, second) = content.split_at(content.len() / 5 * 4);
        let mut stream = Vec::new();
        for member in [first, second] {
            let level = flate2::Compression::new(6);
            let mut encoder = flate2::write::GzEncoder::new(stream, level);
            encoder.write_all(member).unwrap();
            stream = encoder.finish().unwrap();
        }
        stream
    }

    fn no_progress() -> Progress {
        Progress::start(crate::options::Progress::None, Phase::Index, 0)
    }

    fn source(bytes: Vec<u8>) -> Source {
        Arc::new(Arc::<[u8]>::from(bytes))
    }

    fn file_of(stream: &[u8]) -> Vec<u8> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(stream).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut progress = no_progress();
        index_of(&Files::from_here(file).unwrap(), [7; 32], &mut progress).unwrap()
    }

    #[test]
    fn content_is_read_from_every_point() {
        let content = content();
        let stream = compressed(&content);
        let file = file_of(&stream);
        let index = SeekIndex::open(source(file.clone())).unwrap();
        assert_eq!(index.size(), content.len() as u64);
        let points: Vec<Point> = index.points().collect();
        assert!(points.iter().any(|point| point.resume == Resume::Deflate));
        // The last first: each is read by a decoder that begins at its own point.
        for point in points.iter().rev() {
            let index = SeekIndex::open(source(file.clone())).unwrap();
            let reader = IndexedReader::new(source(stream.clone()), index, LIMITS);
            let offset = point.offset.next_multiple_of(1 << 20) + 3;
            let left = (content.len() as u64).saturating_sub(offset).min(5 << 20);
            let mut read = vec![0; left as usize];
            reader.read_exact_at(offset, &mut read).unwrap();
            assert!(read == content[offset as usize..][..read.len()]);
        }
    }

    #[test]
    fn content_that_is_not_of_the_index_is_refused() {
        let content = content();
        let file = file_of(&compressed(&content));
        let mut other = content;
        other[5 << 20] ^= 1;
        let index = SeekIndex::open(source(file)).unwrap();
        let reader = IndexedReader::new(source(compressed(&other)), index, LIMITS);
        let error = reader.read_exact_at(5 << 20, &mut [0; 10]).unwrap_err();
        let found = error.downcast_ref::<OtherContent>().unwrap();
        assert_eq!(found.offset, 5 << 20);
    }

    #[test]
    fn damaged_streams_and_indexes_are_refused() {
        let stream = compressed(&content());
        let file = file_of(&stream);
        for at in (0..1000).chain([file.len() / 2]).step_by(7) {
            let mut damaged = file.clone();
            damaged[at] ^= 1;
            // What is behind the tables is found by the content.
            assert!(
                SeekIndex::open(source(damaged)).is_err() || at > 600,
                "{at}"
            );
        }
        for len in [0, 87, 88, 300] {
            assert!(SeekIndex::open(source(file[..len].to_vec())).is_err());
        }
        let mut damaged = stream;
        damaged[1 << 20] ^= 1;
        let mut temporary = tempfile::tempfile().unwrap();
        temporary.write_all(&damaged).unwrap();
        std::io::Seek::rewind(&mut temporary).unwrap();
        let files = Files::from_here(temporary).unwrap();
        assert!(index_of(&files, [7; 32], &mut no_progress()).is_none());
    }
}
