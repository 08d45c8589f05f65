//! Reads the content of a file, from any position on.

use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Result, Structure};
use crate::image::Index;
use crate::io::{IoError, ReadAt, absent_in};
use crate::ntfs::Volume;
use crate::ntfs::content::{Content, ContentError, Span};
use crate::ntfs::lznt1;
use crate::ntfs::mft::LAST_SYSTEM_RECORD;
use crate::units::{Extent, Geometry, Lcn, RecordNumber, len_u64, len_usize};

/// Finds the content of a file in use, or of its stream of that name, empty for the content of the file itself.
/// `index` is that of the image that the volume is read from, if it is one.
///
/// # Errors
///
/// [`ContentError`]; [`Error::Wiped`] in it: an image of metadata does not have content that is in records.
pub fn open_content<R: ReadAt>(
    volume: &Volume<R>,
    index: Option<&Index>,
    record: RecordNumber,
    stream: &str,
) -> Result<Content, ContentError> {
    check_not_wiped(Content::open(volume, record, stream)?, index, record)
}

/// Like [`open_content`], of a deleted file. Its clusters may be in use again:
/// [`first_overwritten`](super::first_overwritten) finds out.
///
/// # Errors
///
/// Those of [`open_content`].
pub fn open_deleted<R: ReadAt>(
    volume: &Volume<R>,
    index: Option<&Index>,
    record: RecordNumber,
    stream: &str,
) -> Result<Content, ContentError> {
    check_not_wiped(
        Content::open_deleted(volume, record, stream)?,
        index,
        record,
    )
}

/// Finds an encrypted file as [`Content::open_efs_raw`] does.
///
/// # Errors
///
/// Those of [`open_content`].
pub fn open_efs_raw<R: ReadAt>(
    volume: &Volume<R>,
    index: Option<&Index>,
    record: RecordNumber,
) -> Result<Content, ContentError> {
    let content = Content::open_efs_raw(volume, record)?;
    // Its keys may be in the record.
    match is_of_metadata(index) {
        true => Err(Error::Wiped { record }.into()),
        false => Ok(content),
    }
}

/// Whether it is an image of metadata.
fn is_of_metadata(index: Option<&Index>) -> bool {
    index.is_some_and(|index| !index.is_ordinary())
}

fn check_not_wiped(
    content: Content,
    index: Option<&Index>,
    record: RecordNumber,
) -> Result<Content, ContentError> {
    if is_of_metadata(index)
        && content.is_resident()
        && content.size() > 0
        && record > LAST_SYSTEM_RECORD
    {
        return Err(Error::Wiped { record }.into());
    }
    Ok(content)
}

/// The next bytes of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All that was put into the buffer.
    Bytes,
    /// A hole of so many zeros.
    Hole(u64),
}

/// A reader of the content of one file. Clusters that an image does not store are an error, never zeros.
#[derive(Debug)]
pub struct ContentReader<'v, R> {
    volume: &'v Volume<R>,
    content: &'v Content,
    position: u64,
}

impl<'v, R: ReadAt> ContentReader<'v, R> {
    /// Reads `content`, of a file of `volume`, from its start on.
    pub fn new(volume: &'v Volume<R>, content: &'v Content) -> Self {
        Self {
            volume,
            content,
            position: 0,
        }
    }

    /// Where the next byte is in the content.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Continues at this byte of the content.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
    }

    /// Replaces what is in `buf` by the next bytes, or returns a hole; `None` at the end. Bytes are at least one and at
    /// most `limit`; what is compressed always comes up to the end of its unit or chunk, which is at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; [`Error::Compressed`], and others: the content is damaged;
    /// [`Error::NotStored`]: an image does not have it. The position stays, so that the call can be repeated.
    pub fn next(&mut self, limit: usize, buf: &mut Vec<u8>) -> Result<Option<Part>> {
        if self.position >= self.content.size() {
            buf.clear();
            return Ok(None);
        }
        let limit = limit.max(1);
        let start = self.content.span_start(self.position);
        let skipped = self.position.saturating_sub(start);
        let Some(span) = self.content.span_at(start)? else {
            buf.clear();
            return Ok(None);
        };
        match span {
            Span::Hole(len) => {
                buf.clear();
                let len = len.saturating_sub(skipped);
                self.position = self.position.saturating_add(len);
                return Ok(Some(Part::Hole(len)));
            }
            // Of a compressed file, a unit that is not compressed.
            Span::Stored { offset, len } => {
                let len = len.saturating_sub(skipped).min(len_u64(limit));
                // What was in it need not become zeros first.
                buf.resize(len_usize(len), 0);
                self.read_exact(offset.saturating_add(skipped), buf)?;
            }
            Span::Resident(bytes) => {
                let len = bytes.len().min(limit);
                buf.clear();
                buf.extend_from_slice(bytes.get(..len).unwrap_or_default());
            }
            Span::Compressed { extents, len } => {
                *buf = self.decompress(&extents, len)?;
                buf.drain(..len_usize(skipped).min(buf.len()));
            }
            Span::Wof { chunk, len } => {
                *buf = self.read_wof_chunk(chunk, len)?;
                buf.drain(..len_usize(skipped).min(buf.len()));
            }
        }
        self.position = self.position.saturating_add(len_u64(buf.len()));
        Ok(Some(Part::Bytes))
    }

    fn geometry(&self) -> &Geometry {
        self.volume.geometry()
    }

    /// Appends bytes of the volume, which must be stored.
    fn append(&self, offset: u64, len: u64, buf: &mut Vec<u8>) -> Result<()> {
        let start = buf.len();
        buf.resize(start.saturating_add(len_usize(len)), 0);
        self.read_exact(offset, buf.get_mut(start..).unwrap_or_default())
    }

    /// Fills `buf` with bytes of the volume, which must be stored.
    fn read_exact(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let len = len_u64(buf.len());
        check_stored(self.volume, offset, len)?;
        let read = self.volume.source().read_exact_at(offset, buf);
        read.map_err(|source| unread(offset, len, source))
    }

    /// A unit that NTFS compressed.
    fn decompress(&self, extents: &[Extent], len: usize) -> Result<Vec<u8>> {
        let mut unit = Vec::new();
        for extent in extents {
            let offset = self.geometry().offset(extent.start);
            self.append(offset, self.geometry().bytes(extent.len), &mut unit)?;
        }
        let first = extents.first().map_or(Lcn(0), |extent| extent.start);
        let offset = self.geometry().offset(first);
        lznt1::decompress(&unit, len).map_err(|reason| Error::Compressed { offset, reason })
    }

    /// A chunk that WOF compressed.
    fn read_wof_chunk(&self, chunk: u64, len: usize) -> Result<Vec<u8>> {
        let Some((wof, stream_size)) = self.content.wof() else {
            return Ok(Vec::new());
        };
        let damaged = |position| {
            let offset = self.offset_of_value(position);
            move |reason| Error::Compressed { offset, reason }
        };
        let entries = wof.entries(chunk);
        let table = self.read_value(entries.clone())?;
        let place = wof.place(chunk, &table, stream_size);
        let place = place.map_err(damaged(entries.start))?;
        let packed = self.read_value(place.clone())?;
        wof.decompress(packed, len).map_err(damaged(place.start))
    }

    /// Bytes of the stream that WOF compressed.
    fn read_value(&self, range: Range<u64>) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut position = range.start;
        while position < range.end {
            let left = range.end.saturating_sub(position);
            match self.content.value_at(position)? {
                Some(Span::Stored { offset, len }) => {
                    self.append(offset, len.min(left), &mut bytes)?
                }
                Some(Span::Resident(rest)) => {
                    let len = rest.len().min(len_usize(left));
                    bytes.extend_from_slice(rest.get(..len).unwrap_or_default());
                }
                _ => {
                    let reason = "its stream ends, or has a hole";
                    let offset = self.offset_of_value(range.start);
                    return Err(Error::Compressed { offset, reason });
                }
            }
            position = range.start.saturating_add(len_u64(bytes.len()));
        }
        Ok(bytes)
    }

    /// Byte position on the volume of a byte of the stream; 0 if unknown.
    fn offset_of_value(&self, position: u64) -> u64 {
        match self.content.value_at(position) {
            Ok(Some(Span::Stored { offset, .. })) => offset,
            _ => 0,
        }
    }
}

/// The ranges of content that are not holes, in order; no two touch.
///
/// # Errors
///
/// What reading would find, as far as it is known before: [`Error::NotStored`], and [`Error::Corrupt`] for clusters
/// that are not on the volume.
pub fn ranges_of_content<R: ReadAt>(
    volume: &Volume<R>,
    content: &Content,
) -> Result<Vec<Range<u64>>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    let mut position = 0;
    // Of content that WOF compressed, the stream that has it.
    while let Some(span) = content.value_at(position)? {
        let len = match span {
            Span::Hole(len) => {
                position = position.saturating_add(len);
                continue;
            }
            Span::Resident(bytes) => len_u64(bytes.len()),
            Span::Stored { offset, len } => {
                check_stored(volume, offset, len)?;
                len
            }
            Span::Compressed { extents, len } => {
                let geometry = volume.geometry();
                for extent in extents {
                    let offset = geometry.offset(extent.start);
                    check_stored(volume, offset, geometry.bytes(extent.len))?;
                }
                len_u64(len)
            }
            // Not of a stream.
            Span::Wof { .. } => break,
        };
        let end = position.saturating_add(len);
        match ranges.last_mut() {
            Some(last) if last.end == position => last.end = end,
            _ => ranges.push(position..end),
        }
        position = end;
    }
    if content.wof().is_some() {
        ranges.clear();
        ranges.push(0..content.size());
    }
    Ok(ranges)
}

/// Whether bytes of the volume are stored, with all of the last cluster.
fn check_stored<R: ReadAt>(volume: &Volume<R>, offset: u64, len: u64) -> Result<()> {
    let (source, geometry) = (volume.source(), volume.geometry());
    let end = offset.saturating_add(len);
    let whole = end.checked_next_multiple_of(geometry.bytes(1));
    let clusters = offset..whole.unwrap_or(u64::MAX).min(source.size());
    let Some(absent) = absent_in(source, clusters).next() else {
        return Ok(());
    };
    let offset = absent.map_err(|error| unread(offset, len, error))?.start;
    Err(Error::NotStored {
        cluster: geometry.vcn_at(offset).0.0,
    })
}

fn unread(offset: u64, len: u64, source: IoError) -> Error {
    Error::Io {
        structure: Structure::Value,
        offset,
        len,
        source,
    }
}
