//! The content of files, as far as it can be checked by itself: compressed units
//! that must decompress, and what a rescue left where it could not read. It takes
//! as long as to read all clusters in use.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use super::code::Code;
use super::finding::{Finding, Findings, Place};
use crate::clusters::finding::MAX_LISTED;
use crate::clusters::{Part, Selection, Walk};
use crate::error::{Error, Result, Structure, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::{AttributeBody, AttributeType, COMPRESSION_MASK};
use crate::ntfs::content::{Content, ContentError, Span};
use crate::ntfs::file_name::decode_utf16;
use crate::ntfs::{Volume, lznt1, wof};
use crate::sorted::sorted;
use crate::units::{Extent, RecordNumber, Vcn, len_u64, len_usize};

/// Bytes of clusters that one step reads.
const STEP_BYTES: u64 = 1 << 20;

/// What ntfsclone and this program fill a sector with that could not be read.
const MARK: &[u8] = b"BadSectoR\0";
const FILLING: u8 = b'?';
const SECTOR: usize = 512;

/// A check of the content of all files: of what its end is handed to
/// [`Checking::with_content`](super::Checking::with_content).
#[derive(Debug, Default)]
pub struct ContentCheck {
    pub(super) findings: Findings,
    /// Clusters in use that are yet to be read, the last ones first.
    clusters: Vec<Extent>,
    /// Bytes of clusters that were read.
    position: u64,
    /// Clusters with sectors that could not be read.
    pub(super) marked: Vec<Extent>,
    /// Records that are yet to be searched for compressed streams.
    rest: Part,
    /// Streams that were found.
    waiting: Vec<(RecordNumber, String)>,
    /// The last one of `waiting`, up to a position.
    current: Option<(Content, u64)>,
}

impl ContentCheck {
    /// Of all files, whose clusters a walk has `selected`.
    pub fn new<R: ReadAt>(volume: &Volume<R>, selected: &Selection) -> Self {
        Self {
            findings: Findings::default(),
            clusters: readable(selected),
            position: 0,
            marked: Vec::new(),
            rest: Part::all(volume),
            waiting: Vec::new(),
            current: None,
        }
    }

    /// Bytes of clusters that were read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Continues; false at the end. After an error, it can be tried again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]. All else is a finding.
    pub fn step<R: ReadAt>(&mut self, volume: &Volume<R>) -> Result<bool> {
        if let Some(extent) = self.clusters.last_mut() {
            let geometry = volume.geometry();
            let clusters = STEP_BYTES.div_ceil(geometry.cluster_size.into());
            let piece = Extent::new(extent.start, extent.len.min(clusters));
            if let Some(bytes) = read(volume, piece)? {
                let cluster_size = len_usize(geometry.cluster_size.into());
                for (number, cluster) in (0..).zip(bytes.chunks(cluster_size)) {
                    if cluster.chunks(SECTOR).any(is_mark) {
                        mark(&mut self.marked, Extent::new(piece.start.plus(number), 1));
                    }
                }
            }
            self.position = self.position.saturating_add(geometry.bytes(piece.len));
            extent.start = piece.end();
            extent.len = extent.len.saturating_sub(piece.len);
            if extent.len == 0 {
                self.clusters.pop();
            }
            return Ok(true);
        }
        let Some((record, name)) = self.waiting.last() else {
            if self.rest.is_empty() {
                return Ok(false);
            }
            let waiting = &mut self.waiting;
            Walk::new(volume).visit_some(&mut self.rest, &mut |record, attributes| {
                for attribute in attributes.unwrap_or_default() {
                    if attribute.type_code != AttributeType::DATA {
                        continue;
                    }
                    let name = decode_utf16(attribute.name);
                    let (is_first, is_compressed) = match attribute.body {
                        AttributeBody::Resident(_) => (true, false),
                        AttributeBody::NonResident(body) => (
                            body.lowest_vcn == Vcn(0),
                            attribute.flags & COMPRESSION_MASK != 0,
                        ),
                    };
                    if is_first && name == wof::STREAM {
                        // It has the content of the file itself.
                        waiting.push((record, String::new()));
                    } else if is_first && is_compressed {
                        waiting.push((record, name));
                    }
                }
            })?;
            return Ok(true);
        };
        let damage = match &mut self.current {
            None => match Content::open(volume, *record, name) {
                Ok(content) => {
                    self.current = Some((content, 0));
                    return Ok(true);
                }
                Err(ContentError::Error(error)) => Err(error),
                Err(ContentError::Elsewhere(wof::TAG)) => Err(Error::Compressed {
                    offset: volume.mft().record_offset(*record).unwrap_or(0),
                    reason: "its reparse point does not say how it is compressed",
                }),
                Err(_) => Ok(None),
            },
            Some((content, position)) => check_units(volume, content, position),
        };
        match damage {
            Ok(Some(true)) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.is_loss() => {}
            Err(error) if error.is_damage() => {
                let offset = error.offset();
                let what = with_causes(&error);
                self.findings
                    .report(Code::CompressedUnit, *record, offset, &what);
            }
            Err(error) => return Err(error),
        }
        self.waiting.pop();
        self.current = None;
        Ok(true)
    }
}

/// The clusters in use that are not bad, the last ones first.
fn readable(selected: &Selection) -> Vec<Extent> {
    let bad = sorted(selected.bad.clone());
    let mut clusters = Vec::new();
    for extent in selected.map.extents() {
        let mut start = extent.start;
        let first = bad.partition_point(|bad| bad.end() <= start);
        for bad in bad.get(first..).unwrap_or_default() {
            if bad.start >= extent.end() {
                break;
            }
            clusters.push(Extent::new(start, bad.start.0.saturating_sub(start.0)));
            start = bad.end();
        }
        clusters.push(Extent::new(start, extent.end().0.saturating_sub(start.0)));
    }
    clusters.retain(|extent| extent.len > 0);
    clusters.reverse();
    clusters
}

/// The finding for such clusters, without their files.
pub(super) fn of_marked(extent: Extent, cluster_size: u32) -> Finding {
    let what = alloc::format!("{extent}: a rescue could not read all sectors");
    let place = Place::of_clusters(extent, cluster_size);
    Finding::new(Code::RescueMark, Some(place), what)
}

fn is_mark(sector: &[u8]) -> bool {
    let filling = sector.strip_prefix(MARK);
    filling.is_some_and(|filling| filling.iter().all(|&byte| byte == FILLING))
}

/// Adds a cluster to those that are marked.
fn mark(marked: &mut Vec<Extent>, cluster: Extent) {
    let is_full = marked.len() >= MAX_LISTED;
    match marked.last_mut() {
        Some(last) if last.end() == cluster.start => last.len = last.len.saturating_add(1),
        _ if is_full => {}
        _ => marked.push(cluster),
    }
}

/// Decompresses the next units, of some MiB at most. `Some(true)` if others
/// follow.
fn check_units<R: ReadAt>(
    volume: &Volume<R>,
    content: &Content,
    position: &mut u64,
) -> Result<Option<bool>> {
    let limit = position.saturating_add(STEP_BYTES);
    while *position < limit {
        let Some(span) = content.span_at(*position)? else {
            return Ok(None);
        };
        let len = match span {
            Span::Compressed { extents, len } => {
                let mut unit = Vec::new();
                for extent in &extents {
                    unit.extend(read(volume, *extent)?.unwrap_or_default());
                }
                if let Err(reason) = lznt1::decompress(&unit, len) {
                    let first = extents.first().map(|extent| extent.start);
                    return Err(Error::Compressed {
                        offset: first.map_or(0, |lcn| volume.geometry().offset(lcn)),
                        reason,
                    });
                }
                len_u64(len)
            }
            Span::Wof { chunk, len } => {
                check_chunk(volume, content, chunk, len)?;
                len_u64(len)
            }
            Span::Hole(len) | Span::Stored { len, .. } => len,
            Span::Resident(_) => return Ok(None),
        };
        *position = position.saturating_add(len);
    }
    Ok(Some(true))
}

/// Decompresses a chunk that WOF compressed.
fn check_chunk<R: ReadAt>(
    volume: &Volume<R>,
    content: &Content,
    chunk: u64,
    len: usize,
) -> Result<()> {
    let Some((wof, stream_size)) = content.wof() else {
        return Ok(());
    };
    let damaged = |position: u64, reason| Error::Compressed {
        offset: match content.value_at(position) {
            Ok(Some(Span::Stored { offset, .. })) => offset,
            _ => 0,
        },
        reason,
    };
    let entries = wof.entries(chunk);
    let place = read_value(volume, content, entries.clone())?
        .ok_or("the table of its chunks ends, or has a hole")
        .and_then(|table| wof.place(chunk, &table, stream_size))
        .map_err(|reason| damaged(entries.start, reason))?;
    let start = place.start;
    read_value(volume, content, place)?
        .ok_or("its stream ends, or has a hole")
        .and_then(|packed| wof.decompress(packed, len))
        .map(|_| ())
        .map_err(|reason| damaged(start, reason))
}

/// Bytes of the stream that WOF compressed; `None` if they are not all there.
fn read_value<R: ReadAt>(
    volume: &Volume<R>,
    content: &Content,
    range: Range<u64>,
) -> Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut position = range.start;
    while position < range.end {
        let left = len_usize(range.end.saturating_sub(position));
        match content.value_at(position)? {
            Some(Span::Stored { offset, len }) => {
                let mut piece = vec![0; left.min(len_usize(len))];
                read_at(volume, offset, &mut piece)?;
                bytes.extend_from_slice(&piece);
            }
            Some(Span::Resident(rest)) => {
                bytes.extend_from_slice(rest.get(..rest.len().min(left)).unwrap_or_default());
            }
            _ => return Ok(None),
        }
        position = range.start.saturating_add(len_u64(bytes.len()));
    }
    Ok(Some(bytes))
}

/// Reads clusters; `None` if they are in a damaged part of an image.
fn read<R: ReadAt>(volume: &Volume<R>, extent: Extent) -> Result<Option<Vec<u8>>> {
    let geometry = volume.geometry();
    let offset = geometry.offset(extent.start);
    let len = geometry.bytes(extent.len);
    let mut bytes = vec![0; len_usize(len)];
    match read_at(volume, offset, &mut bytes) {
        Err(error) if error.is_loss() => Ok(None),
        read => read.map(|()| Some(bytes)),
    }
}

fn read_at<R: ReadAt>(volume: &Volume<R>, offset: u64, bytes: &mut [u8]) -> Result<()> {
    let read = volume.source().read_exact_at(offset, bytes);
    read.map_err(|source| Error::Io {
        structure: Structure::Value,
        offset,
        len: len_u64(bytes.len()),
        source,
    })
}
