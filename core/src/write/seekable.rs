//! The compressed file: the output of any writer in zstd frames, then a summary
//! and a seek table (`docs/image-format.md`).
//!
//! [`Framing`] divides the output into frames, [`FrameLog`] records those that
//! are written and ends the file. Between the two a host compresses: the program
//! on threads, JavaScript in place.

use alloc::vec::Vec;
use core::mem;

use super::Writer;
use crate::error::{Error, Result};
use crate::image::ntfsclone::Header;
use crate::image::seekable::{
    FRAME_SIZE, Head, Kind, MapBuilder, SeekTableBuilder, SummaryBuilder,
};
use crate::units::{Extent, Lcn, len_u64, len_usize};

/// Compresses frames and writes them, in order.
pub trait Compress {
    /// Why it failed.
    type Error;

    /// An empty buffer with capacity for a frame.
    ///
    /// # Errors
    ///
    /// There is no memory for it.
    fn buffer(&mut self) -> Result<Vec<u8>, Self::Error>;

    /// Compresses the next frame.
    ///
    /// # Errors
    ///
    /// It, or one before it, cannot be compressed or written.
    fn frame(&mut self, content: Vec<u8>) -> Result<(), Self::Error>;

    /// Compresses the next `count` frames, which are full of zeros.
    fn zeros(&mut self, count: u64);
}

/// Divides a stream into frames.
#[derive(Debug, Default)]
pub struct Framing {
    /// The frame that is being filled.
    current: Vec<u8>,
    /// Bytes of the stream so far.
    len: u64,
}

impl Framing {
    /// Appends `bytes` to the stream.
    ///
    /// # Errors
    ///
    /// Those of `frames`.
    pub fn put<C: Compress>(&mut self, bytes: &[u8], frames: &mut C) -> Result<(), C::Error> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let len = self.begin(frames)?.min(rest.len());
            let (now, later) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            self.current.extend_from_slice(now);
            rest = later;
            self.end_if_full(len_u64(len), frames)?;
        }
        Ok(())
    }

    /// Appends zeros until the stream has `end` bytes; none if it has as many.
    ///
    /// # Errors
    ///
    /// Those of `frames`.
    pub fn zeros_to<C: Compress>(&mut self, end: u64, frames: &mut C) -> Result<(), C::Error> {
        while self.len < end {
            let left = end.saturating_sub(self.len);
            let whole = left.checked_div(FRAME_SIZE.into()).unwrap_or(0);
            if self.current.is_empty() && whole > 0 {
                frames.zeros(whole);
                let bytes = whole.saturating_mul(FRAME_SIZE.into());
                self.len = self.len.saturating_add(bytes);
            } else {
                let len = len_u64(self.begin(frames)?).min(left);
                let filled = self.current.len().saturating_add(len_usize(len));
                self.current.resize(filled, 0);
                self.end_if_full(len, frames)?;
            }
        }
        Ok(())
    }

    /// Ends the last frame, which may be shorter.
    ///
    /// # Errors
    ///
    /// Those of `frames`.
    pub fn finish<C: Compress>(&mut self, frames: &mut C) -> Result<(), C::Error> {
        if self.current.is_empty() {
            return Ok(());
        }
        frames.frame(mem::take(&mut self.current))
    }

    /// Makes sure that there is a frame to fill. Returns its free bytes.
    fn begin<C: Compress>(&mut self, frames: &mut C) -> Result<usize, C::Error> {
        if self.current.capacity() == 0 {
            self.current = frames.buffer()?;
        }
        Ok(len_usize(FRAME_SIZE.into()).saturating_sub(self.current.len()))
    }

    fn end_if_full<C: Compress>(&mut self, added: u64, frames: &mut C) -> Result<(), C::Error> {
        self.len = self.len.saturating_add(added);
        if len_u64(self.current.len()) < u64::from(FRAME_SIZE) {
            return Ok(());
        }
        frames.frame(mem::take(&mut self.current))
    }
}

/// What a stream holds, for the summary.
#[derive(Debug)]
pub struct Content {
    /// `None` if there is no summary.
    summarised: Option<Summarised>,
}

/// A volume in a stream.
#[derive(Debug)]
struct Summarised {
    kind: Kind,
    header: Header,
    map: Option<Vec<u8>>,
}

impl Content {
    /// The output of `writer` for these clusters, which are in its order, and the
    /// tail. There is no map if it had more than `max_map_size` bytes, or could not
    /// describe the output.
    pub fn new(
        writer: &Writer,
        header: &Header,
        extents: impl IntoIterator<Item = Extent>,
        max_map_size: usize,
    ) -> Self {
        let Some(kind) = writer.kind else {
            return Self::without_summary();
        };
        let mut map = MapBuilder::new(max_map_size);
        let mut is_complete = true;
        for extent in extents {
            // A jump to no clusters is a gap of its own, which a map cannot hold.
            is_complete &= extent.len > 0;
            map.add(extent.start, extent.len);
        }
        // An image has a command for its tail even if that is empty.
        let is_image = kind == Kind::NtfscloneImage;
        if header.has_tail() && (is_image || header.tail_size() > 0) {
            map.add(Lcn(header.nr_clusters), 1);
        }
        Self {
            summarised: Some(Summarised {
                kind,
                header: *header,
                map: map.finish().filter(|_| is_complete),
            }),
        }
    }

    /// Anything but one volume, which is all that a summary describes.
    pub fn without_summary() -> Self {
        Self { summarised: None }
    }
}

/// Records the frames of a file as they are written.
#[derive(Debug)]
pub struct FrameLog {
    table: SeekTableBuilder,
    summary: SummaryBuilder,
    /// Bytes of the frames in the file, and of the stream.
    written: u64,
    stream_size: u64,
}

impl FrameLog {
    /// A file without frames.
    #[expect(clippy::new_without_default, reason = "as its builders")]
    pub fn new() -> Self {
        Self {
            table: SeekTableBuilder::new(),
            summary: SummaryBuilder::new(),
            written: 0,
            stream_size: 0,
        }
    }

    /// Records the next frame: its bytes in the file, its bytes of the stream, and
    /// the BLAKE3 of these.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`]: there are too many frames.
    pub fn push(&mut self, compressed: usize, size: usize, hash: &[u8; 32]) -> Result<()> {
        self.summary.push(hash);
        self.written = self.written.saturating_add(len_u64(compressed));
        self.stream_size = self.stream_size.saturating_add(len_u64(size));
        // Both fit: a frame has 4 MiB.
        let to_u32 = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        self.table.push(to_u32(compressed), to_u32(size))
    }

    /// Writes the summary, if the content has one, and the seek table after the last frame. `facts` are a
    /// JSON object. Returns the bytes of the file.
    ///
    /// # Errors
    ///
    /// Those of `write`; what `failed` makes of [`Error::Limit`]: there are too many
    /// frames.
    pub fn finish<E>(
        mut self,
        content: &Content,
        facts: &str,
        mut write: impl FnMut(&[u8]) -> Result<(), E>,
        failed: impl FnOnce(Error) -> E,
    ) -> Result<u64, E> {
        let Some(summarised) = &content.summarised else {
            let table = self.table.finish();
            write(&table)?;
            return Ok(self.written.saturating_add(len_u64(table.len())));
        };
        let head = Head {
            kind: summarised.kind,
            frame_size: FRAME_SIZE,
            stream_size: self.stream_size,
            header: summarised.header,
        };
        let map = summarised.map.as_deref();
        let size = self.summary.finish(&head, facts, map, &mut write)?;
        self.table.push(size, 0).map_err(failed)?;
        let table = self.table.finish();
        write(&table)?;
        let end = u64::from(size).saturating_add(len_u64(table.len()));
        Ok(self.written.saturating_add(end))
    }
}
