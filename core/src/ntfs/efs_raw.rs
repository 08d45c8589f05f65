//! An encrypted file as Windows backs it up, in the EFSRPC raw data format ([MS-EFSR] 2.2.3): its `$EFS` attribute, then
//! all its streams as they are on the volume, in segments. `WriteEncryptedFileRaw` makes the file again of it.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::attribute::{Attribute, AttributeBody, AttributeType, COMPRESSION_MASK, ENCRYPTED};
use super::content::{ContentError, Span, check_size};
use super::value::{self, Stream, Value};
use crate::error::{Error, Result, Structure};
use crate::units::{Geometry, len_u64, len_usize};

/// The name of the attribute with the keys of a file, each encrypted for somebody who may read it.
const KEYS: [u8; 8] = *b"$\0E\0F\0S\0";

/// Ours: Windows makes `$EFS` attributes of at most 256 KiB.
const MAX_KEYS: u64 = 1 << 20;

/// What the file begins with: a version, `ROBS`, and 8 bytes that are reserved.
const FILE_HEADER: &[u8; 20] = b"\0\x01\0\0R\0O\0B\0S\0\0\0\0\0\0\0\0\0";
/// The name of the stream that is the `$EFS` attribute.
const NAME_OF_KEYS: &[u8] = &[0x10, 0x19];

/// Bytes of a stream in one segment. Windows makes segments so.
const SEGMENT_BYTES: u64 = 64 << 10;
/// What a segment begins with, before the header of encrypted data.
const SEGMENT_HEADER: usize = 16;
/// Bytes before the data of a segment of an encrypted stream: Windows fills the header up with zeros.
const ENCRYPTED_HEADER: usize = 512;
/// EFS encrypts blocks of this size, the last one with what follows the end of the stream.
const BLOCK: u64 = 512;

/// An encrypted file in the EFSRPC raw data format.
#[derive(Debug, Clone)]
pub(super) struct EfsRaw {
    /// In order, without gaps.
    streams: Vec<MarshaledStream>,
    size: u64,
}

/// A stream in the format ([MS-EFSR] 2.2.3.1).
#[derive(Debug, Clone)]
struct MarshaledStream {
    /// Where it begins.
    start: u64,
    /// The bytes before its first segment; of the first stream, with the header of the file.
    header: Vec<u8>,
    value: Value,
    segments: Segments,
}

/// How a stream is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Segments {
    /// All of `$EFS` is one.
    Keys,
    /// Bytes as they are, in the middle of an encrypted file.
    Plain,
    /// Whole blocks, each segment with a header for encrypted data.
    Encrypted,
}

impl EfsRaw {
    /// # Errors
    ///
    /// [`ContentError::NotEncrypted`]; [`ContentError::NoKeys`]; [`Error::Unsupported`] of streams that Windows does not
    /// encrypt: with holes, compressed, or in the record.
    pub(super) fn new(
        attributes: &[Attribute<'_>],
        geometry: &Geometry,
    ) -> Result<Self, ContentError> {
        let first_pieces = || {
            let is_data = |attribute: &&Attribute<'_>| attribute.type_code == AttributeType::DATA;
            attributes.iter().filter(is_data).filter(is_first_piece)
        };
        if !first_pieces().any(|stream| stream.flags & ENCRYPTED != 0) {
            return Err(ContentError::NotEncrypted);
        }
        let mut raw = Self {
            streams: Vec::new(),
            size: 0,
        };
        let mut header = Vec::from(FILE_HEADER);
        header.extend(stream_header(NAME_OF_KEYS, Segments::Keys));
        raw.push(header, keys_of(attributes, geometry)?, Segments::Keys);
        for first in first_pieces() {
            let pieces = attributes.iter().filter(|attribute| {
                attribute.type_code == AttributeType::DATA && attribute.name == first.name
            });
            let Some(value) = value::join(pieces.copied())? else {
                continue;
            };
            check_size(&value, geometry, first.offset)?;
            check_storage(first, &value, geometry)?;
            let segments = match first.flags & ENCRYPTED {
                0 => Segments::Plain,
                _ => Segments::Encrypted,
            };
            let header = stream_header(&name_of(first), segments);
            raw.push(header, value, segments);
        }
        Ok(raw)
    }

    fn push(&mut self, header: Vec<u8>, value: Value, segments: Segments) {
        let stream = MarshaledStream {
            start: self.size,
            header,
            value,
            segments,
        };
        self.size = self.size.saturating_add(stream.size());
        self.streams.push(stream);
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// As [`Content::span_at`](super::Content::span_at).
    pub(super) fn span_at(&self, geometry: &Geometry, position: u64) -> Result<Option<Span<'_>>> {
        if position >= self.size {
            return Ok(None);
        }
        let after = self
            .streams
            .partition_point(|stream| stream.start <= position);
        let stream = after
            .checked_sub(1)
            .and_then(|index| self.streams.get(index));
        stream
            .map(|stream| stream.span_at(geometry, position.saturating_sub(stream.start)))
            .transpose()
    }
}

impl MarshaledStream {
    /// Bytes before the data of a segment.
    fn segment_header_len(&self) -> u64 {
        let len = match self.segments {
            Segments::Encrypted => ENCRYPTED_HEADER,
            Segments::Plain | Segments::Keys => SEGMENT_HEADER,
        };
        len_u64(len)
    }

    /// Bytes of the stream in a segment that is not the last one.
    fn segment_bytes(&self) -> u64 {
        match self.segments {
            Segments::Keys => MAX_KEYS,
            Segments::Plain | Segments::Encrypted => SEGMENT_BYTES,
        }
    }

    /// Bytes of the stream in all segments.
    fn data_size(&self) -> u64 {
        match self.segments {
            Segments::Encrypted => whole_blocks(self.value.size()),
            Segments::Plain | Segments::Keys => self.value.size(),
        }
    }

    fn size(&self) -> u64 {
        let segments = self.data_size().div_ceil(self.segment_bytes());
        len_u64(self.header.len())
            .saturating_add(segments.saturating_mul(self.segment_header_len()))
            .saturating_add(self.data_size())
    }

    /// `position` is within the stream.
    fn span_at(&self, geometry: &Geometry, position: u64) -> Result<Span<'_>> {
        let Some(in_segments) = position.checked_sub(len_u64(self.header.len())) else {
            let rest = self.header.get(len_usize(position)..).unwrap_or_default();
            return Ok(Span::Resident(Cow::Borrowed(rest)));
        };
        let header_len = self.segment_header_len();
        let segment_len = header_len.saturating_add(self.segment_bytes());
        let segment = in_segments.checked_div(segment_len).unwrap_or(0);
        let in_segment = in_segments.checked_rem(segment_len).unwrap_or(0);
        let start = segment.saturating_mul(self.segment_bytes());
        let left = self.data_size().saturating_sub(start);
        let len = left.min(self.segment_bytes());
        let Some(in_data) = in_segment.checked_sub(header_len) else {
            let mut header = match self.segments {
                Segments::Encrypted => self.encrypted_header(geometry, start, len),
                Segments::Plain | Segments::Keys => segment_header(SEGMENT_HEADER, len),
            };
            header.drain(..len_usize(in_segment).min(header.len()));
            return Ok(Span::Resident(Cow::Owned(header)));
        };
        let left = len.saturating_sub(in_data);
        self.data_at(geometry, start.saturating_add(in_data), left)
    }

    /// Bytes of the stream, at most `limit`.
    fn data_at(&self, geometry: &Geometry, position: u64, limit: u64) -> Result<Span<'_>> {
        let stream = match &self.value {
            Value::Resident(bytes) => {
                let end = len_usize(position.saturating_add(limit));
                let rest = bytes.get(len_usize(position)..end).unwrap_or_default();
                return Ok(Span::Resident(Cow::Borrowed(rest)));
            }
            Value::NonResident(stream) => stream,
        };
        let written = match self.segments {
            Segments::Encrypted => whole_blocks(stream.initialized_size()),
            Segments::Plain | Segments::Keys => stream.initialized_size(),
        };
        let written = written.saturating_sub(position);
        if written == 0 {
            return Ok(Span::Hole(limit));
        }
        let place = stream.place_at(geometry, position)?;
        let len = place.len.min(written).min(limit);
        Ok(match place.offset {
            Some(offset) => Span::Stored { offset, len },
            None => Span::Hole(len),
        })
    }

    /// The header of a segment of encrypted data ([MS-EFSR] 2.2.3.2 to 2.2.3.4), of the bytes of the stream from `start`
    /// on, `len` with those that fill the last block.
    fn encrypted_header(&self, geometry: &Geometry, start: u64, len: u64) -> Vec<u8> {
        let within = |end: u64| low_32_bits(end.saturating_sub(start).min(len));
        let written = match &self.value {
            Value::Resident(bytes) => len_u64(bytes.len()),
            Value::NonResident(stream) => stream.initialized_size(),
        };
        // The data unit of streams without holes is the whole segment.
        let unit_shift = len.next_power_of_two().trailing_zeros().to_le_bytes()[0];
        let cluster_shift = geometry.bytes(1).trailing_zeros().to_le_bytes()[0];
        let header_len = ENCRYPTED_HEADER.saturating_sub(SEGMENT_HEADER);
        let mut header = segment_header(ENCRYPTED_HEADER, len);
        header.extend(start.to_le_bytes());
        header.extend(low_32_bits(len_u64(header_len)).to_le_bytes());
        header.extend(within(self.value.size()).to_le_bytes());
        header.extend(within(written).to_le_bytes());
        // Not compressed; the sizes; encrypted; one block of data, which has all bytes.
        header.extend([0, 0, unit_shift, unit_shift, cluster_shift, 1, 1, 0]);
        header.extend(low_32_bits(len).to_le_bytes());
        // The extended header: its size, and no flag for holes.
        header.extend(b"EXTD\x10\0\0\0\0\0\0\0\0\0\0\0");
        header.resize(ENCRYPTED_HEADER, 0);
        header
    }
}

/// The value of `$EFS`.
fn keys_of(attributes: &[Attribute<'_>], geometry: &Geometry) -> Result<Value, ContentError> {
    let pieces = || {
        attributes.iter().filter(|attribute| {
            attribute.type_code == AttributeType::LOGGED_UTILITY_STREAM && attribute.name == KEYS
        })
    };
    let keys = value::join(pieces().copied())?.filter(|keys| keys.size() > 0);
    let keys = keys.ok_or(ContentError::NoKeys)?;
    let offset = pieces().next().map_or(0, |attribute| attribute.offset);
    check_size(&keys, geometry, offset)?;
    match keys.size() <= MAX_KEYS {
        true => Ok(keys),
        false => Err(ContentError::Error(Error::Limit {
            structure: Structure::Attribute,
            offset,
            found: keys.size(),
            limit: MAX_KEYS,
        })),
    }
}

/// Refuses what the format has no place for, as far as that is published.
fn check_storage(first: &Attribute<'_>, value: &Value, geometry: &Geometry) -> Result<()> {
    let unsupported = |field, found: u16, expected| Error::Unsupported {
        structure: Structure::Attribute,
        offset: first.offset,
        field,
        found: found.into(),
        expected,
    };
    let compression = first.flags & COMPRESSION_MASK;
    if compression != 0 {
        let field = "the compression of a stream of an encrypted file";
        return Err(unsupported(field, compression, "none"));
    }
    if first.flags & ENCRYPTED == 0 {
        return Ok(());
    }
    match value {
        Value::Resident(bytes) if !bytes.is_empty() => {
            let field = "an encrypted stream in the record, with flags";
            Err(unsupported(field, first.flags, "one in clusters"))
        }
        Value::NonResident(stream) if has_holes(stream, geometry) => {
            let field = "an encrypted stream with holes, with flags";
            Err(unsupported(field, first.flags, "one without holes"))
        }
        _ => Ok(()),
    }
}

/// Whether bytes that were written are in a hole.
fn has_holes(stream: &Stream, geometry: &Geometry) -> bool {
    let mut holes = stream.runs().iter().filter(|run| run.lcn.is_none());
    let first = holes.next().map(|run| geometry.bytes(run.vcn.0));
    first.is_some_and(|first| first < stream.initialized_size())
}

/// Whether it is not a later piece of a stream in several records.
fn is_first_piece(attribute: &&Attribute<'_>) -> bool {
    match attribute.body {
        AttributeBody::Resident(_) => true,
        AttributeBody::NonResident(piece) => piece.lowest_vcn.0 == 0,
    }
}

/// Rounds up to whole blocks of EFS.
fn whole_blocks(bytes: u64) -> u64 {
    bytes.checked_next_multiple_of(BLOCK).unwrap_or(bytes)
}

/// The name of a stream in the format: `:NAME:$DATA`, and a zero.
fn name_of(attribute: &Attribute<'_>) -> Vec<u8> {
    let mut name = Vec::from(b":\0");
    name.extend(attribute.name);
    name.extend(b":\0$\0D\0A\0T\0A\0\0\0");
    name
}

fn stream_header(name: &[u8], segments: Segments) -> Vec<u8> {
    const FIXED: usize = 28;
    let mut header = Vec::new();
    let len = FIXED.saturating_add(name.len());
    header.extend(low_32_bits(len_u64(len)).to_le_bytes());
    header.extend(b"N\0T\0F\0S\0");
    // 1 if the data is not encrypted; 0 of the keys, too.
    header.extend(u32::from(segments == Segments::Plain).to_le_bytes());
    header.extend([0; 8]);
    header.extend(low_32_bits(len_u64(name.len())).to_le_bytes());
    header.extend(name);
    header
}

/// What a segment begins with, of `len` bytes of data after a header of `header_len` bytes in all.
fn segment_header(header_len: usize, len: u64) -> Vec<u8> {
    let mut header = Vec::new();
    let total = len_u64(header_len).saturating_add(len);
    header.extend(low_32_bits(total).to_le_bytes());
    header.extend(b"G\0U\0R\0E\0\0\0\0\0");
    header
}

/// What is less than 4 GiB.
fn low_32_bits(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
