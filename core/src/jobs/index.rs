//! A compressed stream that is read at any place by an index, which is made in one pass or given.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use super::decompress::{CompressedStream, DECODER_LIMITS, NewDecoder};
use super::job::{Co, Job};
use super::{Failure, Step, read_error};
use crate::io::{IoError, ReadAt, Source};
use crate::pages::Pages;
use crate::stream::resume::{NewDecoderAt, new_finding_decoder};
use crate::stream::seek::{
    IndexPass, IndexedReader, OtherContent, PassOptions, SeekIndex, identity_of, xz_blocks,
};
use crate::stream::{Compression, Stream, StreamError};
use crate::units::len_usize;
use crate::write::FrameCompressor;

/// Ours: less is decompressed as a whole in a moment, and mostly fits into memory.
const LEAST_BYTES: u64 = 4 << 20;

/// Ours: bytes of content that a read may have to decode, at most. With larger units, to decompress all of it once is
/// quicker. `xz -T0` makes blocks of 24 MiB, `pixz` the same.
const MOST_SPACING: u64 = 64 << 20;

/// Blocks of 1 MiB that are cached: those of two or three points.
const CACHED_BLOCKS: usize = 24;

/// Bytes that one step reads, and makes, at the most.
const PIECE: u64 = 1 << 20;

/// Decoders and a compressor that the library may be built without.
pub struct IndexCodecs {
    /// A decoder at the start of the stream that finds blocks; `None` for that of this library.
    pub first: Option<NewDecoder>,
    /// Makes decoders at points.
    pub new_decoder_at: NewDecoderAt,
    /// Compresses windows.
    pub compressor: Box<dyn FrameCompressor>,
}

/// A compressed stream and its index.
#[derive(Clone)]
pub struct Indexed {
    pages: Arc<Pages>,
    reader: Arc<IndexedReader>,
    file: Arc<[u8]>,
    is_new: bool,
}

impl CompressedStream {
    /// Whether an index can be of use.
    pub fn can_have_index(&self) -> bool {
        use Compression::{Bzip2, Gzip, Lz4, Xz, Zstd};
        matches!(self.compression, Gzip | Zstd | Xz | Bzip2 | Lz4)
            && self.source.size() >= LEAST_BYTES
    }

    /// Reads it from start to end and makes an index, unless the `given` file is one of this stream. The result is `None` if
    /// its parts are too large to be of use: then it has to be decompressed as a whole.
    pub fn index(&self, given: Option<Vec<u8>>, codecs: IndexCodecs) -> Job<Option<Indexed>> {
        let stream = self.clone();
        Job::new(Arc::clone(&self.pages), |co| {
            find_or_make(co, stream, given, codecs)
        })
    }
}

impl Indexed {
    /// Bytes of the content.
    pub fn size(&self) -> u64 {
        self.reader.size()
    }

    /// The file of the index: `docs/side-index.md`.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// Whether it was made now.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Reads a range of the content: [`Step::Bytes`].
    pub fn read(&self, range: Range<u64>) -> Job<()> {
        let reader: Source = Arc::<IndexedReader>::clone(&self.reader);
        Job::new(Arc::clone(&self.pages), |co| read(co, reader, range))
    }
}

impl fmt::Debug for Indexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indexed").finish_non_exhaustive()
    }
}

async fn find_or_make(
    co: Co,
    stream: CompressedStream,
    given: Option<Vec<u8>>,
    codecs: IndexCodecs,
) -> Result<Option<Indexed>, Failure> {
    let source = Arc::clone(&stream.source);
    let identity = co.read(|| identity_of(&source).map_err(|error| read_error(0, 0, error)));
    let identity = identity.await?;
    let new_decoder_at = codecs.new_decoder_at;
    let indexed = |file: Vec<u8>, is_new| {
        let file = Arc::<[u8]>::from(file);
        let index = SeekIndex::open(Arc::new(Arc::clone(&file))).ok()?;
        let is_of_stream = index.identity() == identity
            && index.compression() == stream.compression
            && index.compressed_size() == stream.source.size();
        let reader = IndexedReader::new(Arc::clone(&stream.source), index, DECODER_LIMITS);
        is_of_stream.then(|| Indexed {
            pages: Arc::clone(&stream.pages),
            reader: Arc::new(reader.with(new_decoder_at, CACHED_BLOCKS)),
            file,
            is_new,
        })
    };
    if let Some(found) = given.and_then(|file| indexed(file, false))
        && co.attempt(|| found.reader.is_sound()).await
    {
        return Ok(Some(found));
    }
    let file = make(&co, &stream, codecs, identity).await?;
    Ok(file.and_then(|file| indexed(file, true)))
}

async fn make(
    co: &Co,
    stream: &CompressedStream,
    codecs: IndexCodecs,
    identity: [u8; 32],
) -> Result<Option<Vec<u8>>, Failure> {
    let (compression, source) = (stream.compression, &stream.source);
    let decoder = codecs
        .first
        .or_else(|| new_finding_decoder(compression, DECODER_LIMITS))
        .ok_or(StreamError::NoDecoder { compression })?;
    let decoded = Stream::with(compression, decoder, stream.ends_anywhere)?;
    let xz = match compression {
        Compression::Xz => co.attempt(|| xz_blocks(source)).await,
        _ => Some(Vec::new()),
    };
    let pass = xz.and_then(|xz| {
        let options = PassOptions {
            size: source.size(),
            most_spacing: MOST_SPACING,
            compressor: codecs.compressor,
            xz,
        };
        IndexPass::new(decoded, options)
    });
    let Some(mut pass) = pass else {
        return Ok(None);
    };
    let mut output = vec![0; len_usize(PIECE)];
    while !pass.has_ended() {
        let position = pass.position();
        let len = source.size().saturating_sub(position).min(PIECE);
        let input = co.piece(source, position, len).await?;
        let is_end = position.saturating_add(len) == source.size();
        let mut rest = &*input;
        let mut left = output.len();
        while left > 0 && !pass.has_ended() && (rest.len() >= IndexPass::WANTED || is_end) {
            let (taken, made) = pass.decode(rest, &mut output)?;
            rest = rest.get(taken..).unwrap_or_default();
            left = left.saturating_sub(made);
        }
        if pass.is_in_vain() {
            return Ok(None);
        }
        co.progress(pass.position(), source.size());
    }
    Ok(pass.finish(identity))
}

async fn read(co: Co, reader: Source, range: Range<u64>) -> Result<(), Failure> {
    let mut start = range.start;
    let end = range.end.min(reader.size());
    while start < end {
        let len = end.saturating_sub(start).min(PIECE);
        let piece = co.attempt(|| reader.piece_at(start, len_usize(len)));
        let piece = piece.await.map_err(|error| failure(start, len, error))?;
        co.emit(Step::Bytes(piece));
        start = start.saturating_add(len);
    }
    Ok(())
}

/// Damage of the stream, and an index that is not of it, are what is wrong; all else is an error of reading.
fn failure(offset: u64, len: u64, error: IoError) -> Failure {
    if let Some(error) = error.downcast_ref::<StreamError>() {
        return Failure::Decompress(*error);
    }
    match error.downcast::<OtherContent>() {
        Ok(other) => Failure::OtherContent(other),
        Err(error) => read_error(offset, len_usize(len), error).into(),
    }
}
