//! The content of a file or of one of its streams, as programs read it.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::attribute::{Attribute, AttributeBody, AttributeType, COMPRESSION_MASK, ENCRYPTED};
use super::efs_raw::EfsRaw;
use super::file_name::decode_utf16;
use super::file_record::FileRecord;
use super::record::u32_at;
use super::value::{self, Stream, Value};
use super::volume::Volume;
use super::wof::{self, Wof};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{Extent, Geometry, RecordNumber, Vcn, len_usize};

/// LZNT1, in the flags of an attribute.
const LZNT1: u16 = 1;

/// Ours: Windows makes units of 64 KiB at most, 16 clusters of 4 KiB.
const MAX_UNIT_BYTES: u64 = 1 << 20;

/// The largest reparse point, a limit of Windows.
const MAX_REPARSE_POINT: u64 = 16 << 10;

/// The content of a file or of one of its streams, and where its bytes are.
#[derive(Debug, Clone)]
pub struct Content {
    geometry: Geometry,
    value: Value,
    /// Clusters of a compression unit, if it is compressed.
    unit: Option<u64>,
    /// How `value`, another stream of the file, has its content.
    wof: Option<Wof>,
    /// Instead of `value`, the encrypted file as Windows backs it up.
    efs_raw: Option<EfsRaw>,
}

/// Consecutive bytes of content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span<'a> {
    /// These bytes.
    Resident(Cow<'a, [u8]>),
    /// So many zeros.
    Hole(u64),
    /// Bytes as they are on the volume.
    Stored {
        /// Where the first one is, in bytes from the start of the volume.
        offset: u64,
        /// How many.
        len: u64,
    },
    /// What these clusters, one after the other, [decompress](super::lznt1) to.
    Compressed {
        /// The clusters, at least one.
        extents: Vec<Extent>,
        /// Bytes that they come to: at most 1 MiB.
        len: usize,
    },
    /// What this chunk of [`Content::wof`] decompresses to.
    Wof {
        /// Its number.
        chunk: u64,
        /// Bytes that it comes to: at most 32 KiB.
        len: usize,
    },
}

/// Why content cannot be told.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// It cannot be read, or is damaged.
    #[error(transparent)]
    Error(#[from] Error),
    /// The record is not that of a file that exists.
    #[error("the record is that of no file")]
    NoFile,
    /// There is no such stream. Directories have no content either.
    #[error("the file has no such stream")]
    NoStream,
    /// By EFS: the keys are elsewhere.
    #[error("the content is encrypted (EFS)")]
    Encrypted,
    /// It is to be read as an encrypted file, and is not one.
    #[error("the content is not encrypted (EFS)")]
    NotEncrypted,
    /// An encrypted file that nobody can decrypt.
    #[error("the file is encrypted (EFS), and its keys are lost: it has no attribute $EFS")]
    NoKeys,
    /// Content that the volume has elsewhere, or not at all: the driver of this
    /// reparse tag knows.
    #[error("the content is where the driver of reparse tag {0:#x} has put it")]
    Elsewhere(u32),
}

impl Content {
    /// Finds the content of the file with that base record; of the stream of
    /// that name, empty for the content of the file itself. Names are compared
    /// as [`decode_utf16`] gives them.
    ///
    /// # Errors
    ///
    /// [`ContentError`].
    pub fn open<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
        stream: &str,
    ) -> Result<Self, ContentError> {
        Self::find(volume, number, stream, true)
    }

    /// Like [`Content::open`], of a file that was deleted: its record is not in use.
    ///
    /// # Errors
    ///
    /// [`ContentError`].
    pub fn open_deleted<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
        stream: &str,
    ) -> Result<Self, ContentError> {
        Self::find(volume, number, stream, false)
    }

    /// Finds an encrypted file, with all its streams and what is needed to decrypt it: the content is in the EFSRPC raw
    /// data format ([MS-EFSR] 2.2.3), which `ReadEncryptedFileRaw` makes of it, and `WriteEncryptedFileRaw` takes.
    ///
    /// # Errors
    ///
    /// [`ContentError`]; [`Error::Unsupported`]: Windows does not encrypt streams like those of the file.
    pub fn open_efs_raw<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
    ) -> Result<Self, ContentError> {
        let file = read_file(volume, number, true)?;
        let geometry = volume.geometry();
        let raw = EfsRaw::new(&file.attributes()?, geometry)?;
        Ok(Self {
            geometry: *geometry,
            value: Value::Resident(Vec::new()),
            unit: None,
            wof: None,
            efs_raw: Some(raw),
        })
    }

    fn find<R: ReadAt>(
        volume: &Volume<R>,
        number: RecordNumber,
        stream: &str,
        in_use: bool,
    ) -> Result<Self, ContentError> {
        let file = read_file(volume, number, in_use)?;
        let attributes = file.attributes()?;
        let content = Self::of_stream(&attributes, stream, volume.geometry())?;
        if stream.is_empty()
            && !content.is_all_there()
            && let Some(point) = reparse_point(volume, &attributes)?
        {
            let wof = Wof::new(&point, content.size());
            let packed = Self::of_stream(&attributes, wof::STREAM, volume.geometry());
            return match (wof, packed) {
                (Some(_), Ok(packed)) if packed.unit.is_none() => Ok(Self { wof, ..packed }),
                _ => Err(ContentError::Elsewhere(u32_at(&point, 0).unwrap_or(0))),
            };
        }
        Ok(content)
    }

    fn of_stream(
        attributes: &[Attribute<'_>],
        stream: &str,
        geometry: &Geometry,
    ) -> Result<Self, ContentError> {
        let is_wanted = |attribute: &&Attribute<'_>| {
            attribute.type_code == AttributeType::DATA && decode_utf16(attribute.name) == stream
        };
        let Some(first) = attributes.iter().find(is_wanted) else {
            return Err(ContentError::NoStream);
        };
        if first.flags & ENCRYPTED != 0 {
            return Err(ContentError::Encrypted);
        }
        let pieces = attributes.iter().filter(|attribute| {
            attribute.type_code == AttributeType::DATA && attribute.name == first.name
        });
        let value = value::join(pieces.copied())?;
        let content = Self {
            geometry: *geometry,
            value: value.ok_or(ContentError::NoStream)?,
            unit: unit_of(first, geometry)?,
            wof: None,
            efs_raw: None,
        };
        check_size(&content.value, geometry, first.offset)?;
        Ok(content)
    }

    /// How many bytes it has.
    pub fn size(&self) -> u64 {
        match (&self.efs_raw, self.wof) {
            (Some(raw), _) => raw.size(),
            (None, Some(wof)) => wof.size(),
            (None, None) => self.value.size(),
        }
    }

    /// How it is compressed by WOF, and the bytes of the stream that has it so.
    pub fn wof(&self) -> Option<(Wof, u64)> {
        Some((self.wof?, self.value.size()))
    }

    /// Where the compressed unit or chunk begins that the byte at `position` is in; `position` itself of content
    /// that is not compressed. A [span](Self::span_at) can be read from there.
    pub fn span_start(&self, position: u64) -> u64 {
        let block = match (self.wof, self.unit, &self.value) {
            (Some(wof), ..) => wof.chunk_size(),
            // What was not written of a unit is a hole, and no part of what it decompresses to.
            (None, Some(unit), Value::NonResident(stream))
                if position < stream.initialized_size() =>
            {
                self.geometry.bytes(unit)
            }
            _ => return position,
        };
        position.saturating_sub(position.checked_rem(block).unwrap_or(0))
    }

    /// Whether it is in the file's record.
    pub fn is_resident(&self) -> bool {
        self.efs_raw.is_none() && matches!(self.value, Value::Resident(_))
    }

    /// The bytes from `position` on, as many as are alike; none at the end.
    /// `position` is 0, the end of a span, or within one that is not compressed.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`]: the clusters are not on the volume, or make no
    /// compression unit.
    pub fn span_at(&self, position: u64) -> Result<Option<Span<'_>>> {
        match self.wof {
            None => self.value_at(position),
            Some(wof) => Ok(wof
                .chunk_at(position)
                .map(|(chunk, len)| Span::Wof { chunk, len })),
        }
    }

    /// As [`Content::span_at`], of the stream that has the content compressed by
    /// WOF.
    ///
    /// # Errors
    ///
    /// As [`Content::span_at`].
    pub fn value_at(&self, position: u64) -> Result<Option<Span<'_>>> {
        if let Some(raw) = &self.efs_raw {
            return raw.span_at(&self.geometry, position);
        }
        let left = self.value.size().saturating_sub(position);
        if left == 0 {
            return Ok(None);
        }
        let stream = match &self.value {
            Value::NonResident(stream) => stream,
            Value::Resident(bytes) => {
                let rest = bytes.get(len_usize(position)..).unwrap_or_default();
                return Ok(Some(Span::Resident(Cow::Borrowed(rest))));
            }
        };
        let written = stream.initialized_size().saturating_sub(position);
        if written == 0 {
            return Ok(Some(Span::Hole(left)));
        }
        if let Some(unit) = self.unit {
            return self.span_in_unit(stream, unit, position, written).map(Some);
        }
        self.stored(stream, position, written).map(Some)
    }

    fn stored(&self, stream: &Stream, position: u64, limit: u64) -> Result<Span<'_>> {
        let place = stream.place_at(&self.geometry, position)?;
        let len = place.len.min(limit);
        Ok(match place.offset {
            Some(offset) => Span::Stored { offset, len },
            None => Span::Hole(len),
        })
    }

    /// Whether a unit is compressed is told by its clusters: it is where they
    /// are fewer than a whole unit, and a hole follows.
    fn span_in_unit(
        &self,
        stream: &Stream,
        unit: u64,
        position: u64,
        written: u64,
    ) -> Result<Span<'_>> {
        let (vcn, _) = self.geometry.vcn_at(position);
        let first = Vcn(vcn.0.saturating_sub(vcn.0.checked_rem(unit).unwrap_or(0)));
        let end = first.plus(unit);
        let corrupt = |field, found, expected| Error::Corrupt {
            structure: Structure::Runlist,
            offset: stream.offset(),
            field,
            found,
            expected,
        };
        if stream.end() < end {
            let expected = "whole compression units";
            return Err(corrupt("the last VCN", stream.end().0, expected));
        }
        let mut next = first;
        let mut extents = Vec::new();
        for (vcn, extent) in stream.extents(first, end) {
            if vcn != next {
                let expected = "a cluster, as one of the same compression unit follows";
                return Err(corrupt("a hole at VCN", next.0, expected));
            }
            if extent.end().0 > self.geometry.nr_clusters() {
                let last = extent.end().0.saturating_sub(1);
                return Err(corrupt("a cluster", last, "one of the volume"));
            }
            next = vcn.plus(extent.len);
            extents.push(extent);
        }
        let unit_end = self.geometry.bytes(end.0);
        let left = unit_end.saturating_sub(position);
        if next == end {
            return self.stored(stream, position, left.min(written));
        }
        if next == first {
            // Holes of many units are one.
            let hole = stream.place_at(&self.geometry, position)?.len;
            let rest = hole.saturating_sub(left);
            let rest =
                rest.saturating_sub(rest.checked_rem(self.geometry.bytes(unit)).unwrap_or(0));
            return Ok(Span::Hole(left.saturating_add(rest).min(written)));
        }
        Ok(Span::Compressed {
            extents,
            len: len_usize(left.min(written)),
        })
    }

    /// Whether each byte was written, and is in a cluster.
    fn is_all_there(&self) -> bool {
        match &self.value {
            Value::Resident(_) => true,
            Value::NonResident(stream) => {
                let has_holes = stream.runs().iter().any(|run| run.lcn.is_none());
                stream.initialized_size() == self.size() && (self.unit.is_some() || !has_holes)
            }
        }
    }
}

/// The records of a file in use, or of a deleted one.
fn read_file<R: ReadAt>(
    volume: &Volume<R>,
    number: RecordNumber,
    in_use: bool,
) -> Result<FileRecord, ContentError> {
    if number.0 >= volume.mft().record_count() {
        return Err(ContentError::NoFile);
    }
    let file = FileRecord::read(volume, number)?;
    let base = file.base()?;
    if base.in_use != in_use || base.base.is_some() {
        return Err(ContentError::NoFile);
    }
    Ok(file)
}

/// What has no clusters has no content: a larger file would be zeros, made
/// up by its record alone.
pub(super) fn check_size(value: &Value, geometry: &Geometry, offset: u64) -> Result<()> {
    let Value::NonResident(stream) = value else {
        return Ok(());
    };
    let limit = geometry.bytes(stream.end().0);
    match stream.data_size() > limit {
        false => Ok(()),
        true => Err(Error::Limit {
            structure: Structure::Value,
            offset,
            found: stream.data_size(),
            limit,
        }),
    }
}

/// Clusters of a compression unit; none of what is not compressed.
fn unit_of(first: &Attribute<'_>, geometry: &Geometry) -> Result<Option<u64>> {
    let AttributeBody::NonResident(body) = first.body else {
        return Ok(None);
    };
    let unsupported = |field, found, expected| Error::Unsupported {
        structure: Structure::Attribute,
        offset: first.offset,
        field,
        found,
        expected,
    };
    match first.flags & COMPRESSION_MASK {
        0 => return Ok(None),
        LZNT1 => {}
        other => return Err(unsupported("its compression", other.into(), "LZNT1, 1")),
    }
    let exponent = body.compression_unit;
    let clusters = 1_u64.checked_shl(exponent.into()).unwrap_or(u64::MAX);
    if exponent == 0 || geometry.bytes(clusters) > MAX_UNIT_BYTES {
        let field = "its compression unit, of an exponent of";
        return Err(unsupported(field, exponent.into(), "up to 1 MiB"));
    }
    Ok(Some(clusters))
}

/// The value of the reparse point of a file that has one.
pub(crate) fn reparse_point<R: ReadAt>(
    volume: &Volume<R>,
    attributes: &[Attribute<'_>],
) -> Result<Option<Vec<u8>>> {
    let pieces = attributes
        .iter()
        .filter(|attribute| attribute.is_unnamed(AttributeType::REPARSE_POINT));
    let value = value::join(pieces.copied())?;
    value
        .map(|value| value.read_all(volume.source(), volume.geometry(), MAX_REPARSE_POINT))
        .transpose()
}
