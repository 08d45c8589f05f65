//! Reads a compressed image at any position.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use spin::Mutex;
use zstd_safe::DCtx;

use super::frame_finder::FrameFinder;
use super::frame_header::FrameHeader;
use super::seek_table::{EndDamage, Frame, SeekTable};
use super::summary::Summary;
use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::units::{len_u64, len_usize};

/// Bytes of content of a frame that is read at all: each byte of it costs as
/// much.
pub const MAX_FRAME_SIZE: u64 = 128 << 20;

/// Bytes of content that are kept for the next read, if nothing else is asked
/// for.
const CACHE_SIZE: u64 = 32 << 20;

/// The stream in a zstd file with a seek table, to be read at any position.
///
/// Each frame is checked against the summary, if there is one, when it is
/// decompressed. Some that were read last are kept. Several threads can read at
/// once; none waits while another decompresses.
pub struct SeekableReader<S> {
    source: S,
    table: SeekTable,
    summary: Result<Option<Summary>>,
    damage: EndDamage,
    cache_size: u64,
    state: Mutex<State>,
}

struct State {
    /// The last one was used last.
    cache: Vec<Cached>,
    /// Errors of frames that cannot be decompressed, so that they are not tried
    /// again; by number.
    damaged: Vec<(usize, Error)>,
    /// What is wrong with the header of a frame whose content is sound all the same.
    header: Option<Error>,
    /// Decompressors that are not in use.
    idle: Vec<DCtx<'static>>,
}

struct Cached {
    number: usize,
    content: Arc<Vec<u8>>,
}

impl<S: ReadAt> SeekableReader<S> {
    /// Opens a zstd file, its seek table sound or not: see [`FrameFinder`].
    ///
    /// # Errors
    ///
    /// Those of [`FrameFinder::finish`]. A summary that cannot be read is no
    /// error here: see [`SeekableReader::summary`].
    pub fn open(source: S) -> Result<Option<Self>> {
        let mut finder = FrameFinder::new();
        while finder.step(&source)? {}
        finder.finish(source)
    }

    /// `None` if there are frames beyond [`MAX_FRAME_SIZE`].
    pub(super) fn new(
        source: S,
        table: SeekTable,
        summary: Result<Option<Summary>>,
        damage: EndDamage,
    ) -> Option<Self> {
        if table.frames().any(|frame| frame.size > MAX_FRAME_SIZE) {
            return None;
        }
        Some(Self {
            source,
            table,
            summary,
            damage,
            cache_size: CACHE_SIZE,
            state: Mutex::new(State {
                cache: Vec::new(),
                damaged: Vec::new(),
                header: None,
                idle: Vec::new(),
            }),
        })
    }

    /// Keeps so many bytes of content for the next read; one frame may have
    /// more.
    pub fn with_cache(self, cache_size: u64) -> Self {
        Self { cache_size, ..self }
    }

    /// Where the frames are.
    pub fn table(&self) -> &SeekTable {
        &self.table
    }

    /// What the file tells of itself; `None` if it has no summary. Without one,
    /// nothing is checked but what zstd itself does.
    ///
    /// # Errors
    ///
    /// It cannot be read: it is damaged, or of a later version.
    pub fn summary(&self) -> Result<Option<&Summary>, &Error> {
        self.summary.as_ref().map(Option::as_ref)
    }

    /// What is wrong behind the frames.
    pub fn end_damage(&self) -> &EndDamage {
        &self.damage
    }

    /// What is wrong with the header of a frame that was read, and whose content is sound
    /// all the same: bits that no compressor of such an image sets.
    pub fn header_damage(&self) -> Option<Error> {
        self.state.lock().header.as_ref().and_then(damage_like)
    }

    /// The file as it is.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Decompresses a frame by its number in the table, and checks it. What
    /// is in `content` is replaced; its memory is used again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Compressed`] and [`Error::Corrupt`] where it is
    /// damaged; [`Error::Memory`].
    pub fn read_frame(&self, number: usize, content: &mut Vec<u8>) -> Result<()> {
        content.clear();
        match self.table.frame(number) {
            Some(frame) if frame.size > 0 => self.decompress(number, frame, content),
            _ => Ok(()),
        }
    }

    fn decompress(&self, number: usize, frame: Frame, content: &mut Vec<u8>) -> Result<()> {
        let offset = frame.position;
        // What zstd could not compress, and a little.
        let limit = len_u64(zstd_safe::compress_bound(len_usize(frame.size)));
        if frame.compressed_size > limit {
            return Err(Error::Limit {
                structure: Structure::CompressedFrame,
                offset,
                found: frame.compressed_size,
                limit,
            });
        }
        let mut compressed = Vec::new();
        make_room(&mut compressed, frame.compressed_size)?;
        self.source
            .read_exact_at(offset, &mut compressed)
            .map_err(|source| Error::Io {
                structure: Structure::CompressedFrame,
                offset,
                len: frame.compressed_size,
                source,
            })?;
        // Checked before memory is reserved: a header can claim any size.
        if let Ok(Some(size)) = zstd_safe::get_frame_content_size(&compressed)
            && size != frame.size
        {
            let expected = "that of the seek table";
            return Err(corrupt(offset, "its content size", size, expected));
        }
        make_room(content, frame.size)?;

        let idle = self.state.lock().idle.pop();
        let Some(mut context) = idle.or_else(DCtx::try_create) else {
            return Err(no_memory(frame.size));
        };
        let decompressed = context.decompress(content.as_mut_slice(), &compressed);
        self.state.lock().idle.push(context);
        let len = decompressed.map_err(|code| Error::Compressed {
            offset,
            reason: zstd_safe::get_error_name(code),
        })?;
        if len != content.len() {
            let expected = "that of the seek table";
            return Err(corrupt(offset, "its content size", len_u64(len), expected));
        }
        if let Ok(Some(summary)) = &self.summary
            && let Some(expected) = summary.frame_hash(number)
        {
            let found = blake3::hash(content);
            if found != *expected {
                let [a, b, c, d, e, f, g, h, ..] = *found.as_bytes();
                let found = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
                let expected = "the checksum in the summary";
                return Err(corrupt(
                    offset,
                    "the BLAKE3 of its content",
                    found,
                    expected,
                ));
            }
            self.check_header(offset, &compressed);
        }
        Ok(())
    }

    /// Notes what `docs/image-format.md` excludes in the header of a sound frame.
    fn check_header(&self, offset: u64, frame: &[u8]) {
        if let Some(FrameHeader::Data {
            content_size,
            has_unused_bit,
            ..
        }) = FrameHeader::parse(frame)
            && let Some(error) = header_error(offset, content_size, has_unused_bit)
        {
            self.state.lock().header.get_or_insert(error);
        }
    }

    /// The content of a frame, from the cache if it is there.
    fn content(&self, number: usize, frame: Frame) -> Result<Arc<Vec<u8>>> {
        {
            let mut state = self.state.lock();
            if let Some(content) = state.find(number) {
                return Ok(content);
            }
            if let Ok(place) = state.damage_of(number)
                && let Some((_, error)) = state.damaged.get(place)
                && let Some(error) = damage_like(error)
            {
                return Err(error);
            }
        }
        let mut content = Vec::new();
        if let Err(error) = self.decompress(number, frame, &mut content) {
            if let Some(damage) = damage_like(&error) {
                let mut state = self.state.lock();
                if let Err(place) = state.damage_of(number) {
                    state.damaged.insert(place, (number, damage));
                }
            }
            return Err(error);
        }
        let content = Arc::new(content);
        let kept = Arc::clone(&content);
        self.state.lock().keep(number, kept, self.cache_size);
        Ok(content)
    }
}

impl<S> fmt::Debug for SeekableReader<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let frames = self.table.len();
        let mut reader = f.debug_struct("SeekableReader");
        reader.field("frames", &frames).finish_non_exhaustive()
    }
}

impl<S: ReadAt> ReadAt for SeekableReader<S> {
    fn size(&self) -> u64 {
        self.table.stream_size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        if end.is_none_or(|end| end > self.size()) {
            return Err(IoError::end_of_input());
        }
        let (mut offset, mut left) = (offset, buf);
        while !left.is_empty() {
            let number = self.table.frame_at(offset);
            let found = number.and_then(|number| Some((number, self.table.frame(number)?)));
            let Some((number, frame)) = found else {
                return Err(IoError::end_of_input());
            };
            let content = self.content(number, frame).map_err(IoError::new)?;
            let within = len_usize(offset.saturating_sub(frame.offset));
            let content = content.get(within..).unwrap_or_default();
            let len = content.len().min(left.len());
            let (now, later) = left.split_at_mut_checked(len).unwrap_or_default();
            now.copy_from_slice(content.get(..len).unwrap_or_default());
            offset = offset.saturating_add(len_u64(len));
            left = later;
        }
        Ok(())
    }
}

impl State {
    fn find(&mut self, number: usize) -> Option<Arc<Vec<u8>>> {
        let at = self.cache.iter().position(|kept| kept.number == number)?;
        let kept = self.cache.remove(at);
        let content = Arc::clone(&kept.content);
        self.cache.push(kept);
        Some(content)
    }

    /// Where the error of a frame is, or is to be.
    fn damage_of(&self, number: usize) -> Result<usize, usize> {
        self.damaged
            .binary_search_by_key(&number, |(other, _)| *other)
    }

    fn keep(&mut self, number: usize, content: Arc<Vec<u8>>, cache_size: u64) {
        // Another thread may have decompressed the same frame.
        self.cache.retain(|kept| kept.number != number);
        self.cache.push(Cached { number, content });
        let mut size = 0_u64;
        let fits = |kept: &&Cached| {
            size = size.saturating_add(len_u64(kept.content.len()));
            size <= cache_size
        };
        let kept = self.cache.iter().rev().take_while(fits).count().max(1);
        let old = self.cache.len().saturating_sub(kept);
        self.cache.drain(..old);
    }
}

/// A copy of the error of a frame that cannot be decompressed.
fn damage_like(error: &Error) -> Option<Error> {
    match *error {
        Error::Io { offset, .. } if !error.is_missing() => Some(Error::Compressed {
            offset,
            reason: "it cannot be read",
        }),
        Error::Corrupt {
            structure,
            offset,
            field,
            found,
            expected,
        } => Some(Error::Corrupt {
            structure,
            offset,
            field,
            found,
            expected,
        }),
        Error::Compressed { offset, reason } => Some(Error::Compressed { offset, reason }),
        Error::Limit {
            structure,
            offset,
            found,
            limit,
        } => Some(Error::Limit {
            structure,
            offset,
            found,
            limit,
        }),
        _ => None,
    }
}

/// What `docs/image-format.md` excludes in the header of the frame at `offset`.
pub(super) fn header_error(
    offset: u64,
    content_size: Option<u64>,
    has_unused_bit: bool,
) -> Option<Error> {
    let size_error = || corrupt(offset, "its content size", 0, "one in its header");
    let bit_error = || corrupt(offset, "the unused bit of its header", 1, "0");
    match content_size {
        None => Some(size_error()),
        Some(_) => has_unused_bit.then(bit_error),
    }
}

/// Makes `bytes`, which are none yet, so many zeros.
fn make_room(bytes: &mut Vec<u8>, len: u64) -> Result<()> {
    let reserved = bytes.try_reserve_exact(len_usize(len));
    reserved.map_err(|_| no_memory(len))?;
    bytes.resize(len_usize(len), 0);
    Ok(())
}

fn no_memory(len: u64) -> Error {
    Error::Memory {
        structure: Structure::CompressedFrame,
        len,
    }
}

fn corrupt(offset: u64, field: &'static str, found: u64, expected: &'static str) -> Error {
    Error::Corrupt {
        structure: Structure::CompressedFrame,
        offset,
        field,
        found,
        expected,
    }
}
