//! The output, compressed: zstd in small frames, as `docs/image-format.md` has
//! it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use zstd_safe::{CCtx, CParameter};

use super::super::used::Counted;
use super::super::{Failure, Refusal};
use super::Target;
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::Header;
use crate::image::seekable::{
    FRAME_SIZE, Head, Kind, MapBuilder, SeekTableBuilder, SummaryBuilder,
};
use crate::units::{len_u64, len_usize};

/// Bytes of a map beyond which there is none: it is kept in memory.
const MAX_MAP_SIZE: usize = 16 << 20;

/// Bytes of frames of zeros that are made in one call, or a few more.
const ENOUGH: usize = 256 << 10;

/// How to compress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compression {
    /// The level of zstd, from 1 to 22.
    pub level: i32,
    /// When it is done, as RFC 3339 has it, to be told in the file.
    pub time: Option<String>,
}

/// What is known of what is compressed.
#[derive(Debug, Default)]
pub(super) struct Content {
    label: Option<String>,
    serial: Option<String>,
    is_metadata: bool,
}

/// Compresses a stream.
pub(super) struct Compressor {
    compression: Compression,
    context: CCtx<'static>,
    /// The frame that is being filled.
    current: Vec<u8>,
    /// One with nothing but zeros.
    zeros: Option<(Vec<u8>, [u8; 32])>,
    table: SeekTableBuilder,
    summary: SummaryBuilder,
    map: MapBuilder,
    /// Bytes of the stream in frames.
    len: u64,
    begun: Option<Begun>,
}

/// What is told at the end.
#[derive(Debug)]
struct Begun {
    kind: Kind,
    header: Header,
    facts: String,
}

impl Content {
    pub(super) fn of_volume(counted: &Counted, is_metadata: bool) -> Self {
        let serial = counted.volume.boot().serial_number;
        Self {
            label: Some(counted.label.clone()),
            serial: Some(alloc::format!("{serial:016X}")),
            is_metadata,
        }
    }
}

impl Compressor {
    pub(super) fn new(compression: Compression) -> Result<Self, Failure> {
        if !(1..=22).contains(&compression.level) {
            return Err(Failure::refused(
                Refusal::Target,
                alloc::format!("cannot be compressed at level {}", compression.level),
                "choose one from 1 to 22",
            ));
        }
        let mut context = CCtx::try_create().ok_or_else(no_memory)?;
        let level = CParameter::CompressionLevel(compression.level);
        for parameter in [level, CParameter::ChecksumFlag(true)] {
            context.set_parameter(parameter).map_err(|_| no_memory())?;
        }
        Ok(Self {
            compression,
            context,
            current: Vec::new(),
            zeros: None,
            table: SeekTableBuilder::new(),
            summary: SummaryBuilder::new(),
            map: MapBuilder::new(MAX_MAP_SIZE),
            len: 0,
            begun: None,
        })
    }

    /// Tells what will be compressed, before any of it comes.
    pub(super) fn begin(&mut self, name: &str, target: Target, header: Header, content: &Content) {
        let kind = match target {
            Target::Raw => Kind::RawVolume,
            Target::Image | Target::Metadata => Kind::NtfscloneImage,
        };
        let facts = self.facts(name, content);
        self.begun = Some(Begun {
            kind,
            header,
            facts,
        });
    }

    /// Where the clusters are noted that the stream holds.
    pub(super) fn map_mut(&mut self) -> &mut MapBuilder {
        &mut self.map
    }

    /// Adds bytes to the stream. Returns what was compressed.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = self.room().min(rest.len());
            let (now, later) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            self.current.extend_from_slice(now);
            rest = later;
            self.compress_if_full(&mut out)?;
        }
        Ok(out)
    }

    /// Adds zeros to the stream, as many as fill some frames, and takes them off
    /// `left`. Returns the compressed bytes.
    pub(super) fn put_zeros(&mut self, left: &mut u64) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        while *left > 0 && out.len() < ENOUGH {
            let len = (*left).min(len_u64(self.room()));
            if self.current.is_empty() && len == u64::from(FRAME_SIZE) {
                let (frame, hash) = match self.zeros.take() {
                    Some(zeros) => zeros,
                    None => self.compress(&vec![0; len_usize(len)])?,
                };
                out.extend_from_slice(&frame);
                self.note(frame.len(), len, &hash)?;
                self.zeros = Some((frame, hash));
            } else {
                let filled = self.current.len().saturating_add(len_usize(len));
                self.current.resize(filled, 0);
                self.compress_if_full(&mut out)?;
            }
            *left = left.saturating_sub(len);
        }
        Ok(out)
    }

    /// What is left, the summary and the seek table.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        if !self.current.is_empty() {
            self.compress_current(&mut out)?;
        }
        let Some(begun) = self.begun.take() else {
            return Ok(out);
        };
        let head = Head {
            kind: begun.kind,
            frame_size: FRAME_SIZE,
            stream_size: self.len,
            header: begun.header,
        };
        let map = mem::replace(&mut self.map, MapBuilder::new(0)).finish();
        let summary = mem::replace(&mut self.summary, SummaryBuilder::new());
        let size = summary.finish(&head, &begun.facts, map.as_deref(), |bytes| {
            out.extend_from_slice(bytes);
            Ok::<_, Error>(())
        })?;
        let mut table = mem::replace(&mut self.table, SeekTableBuilder::new());
        table.push(size, 0)?;
        out.extend(table.finish());
        Ok(out)
    }

    fn room(&self) -> usize {
        len_usize(FRAME_SIZE.into()).saturating_sub(self.current.len())
    }

    fn compress_if_full(&mut self, out: &mut Vec<u8>) -> Result<()> {
        match self.room() {
            0 => self.compress_current(out),
            _ => Ok(()),
        }
    }

    fn compress_current(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let content = mem::take(&mut self.current);
        let (frame, hash) = self.compress(&content)?;
        self.note(frame.len(), len_u64(content.len()), &hash)?;
        out.extend(frame);
        self.current = content;
        self.current.clear();
        Ok(())
    }

    fn compress(&mut self, content: &[u8]) -> Result<(Vec<u8>, [u8; 32])> {
        let mut frame = Vec::new();
        let bound = zstd_safe::compress_bound(content.len());
        frame.try_reserve_exact(bound).map_err(|_| no_memory())?;
        frame.resize(bound, 0);
        let compressed = self.context.compress2(frame.as_mut_slice(), content);
        frame.truncate(compressed.map_err(|_| no_memory())?);
        Ok((frame, *blake3::hash(content).as_bytes()))
    }

    /// Notes a frame that is given out.
    fn note(&mut self, compressed: usize, len: u64, hash: &[u8; 32]) -> Result<()> {
        self.summary.push(hash);
        self.len = self.len.saturating_add(len);
        let to_u32 = |len: u64| u32::try_from(len).unwrap_or(u32::MAX);
        self.table.push(to_u32(len_u64(compressed)), to_u32(len))
    }

    fn facts(&self, name: &str, content: &Content) -> String {
        let facts = Facts {
            tool: "ntfsclone",
            version: env!("CARGO_PKG_VERSION"),
            time: self.compression.time.as_deref(),
            source: name,
            label: content.label.as_deref(),
            serial: content.serial.as_deref(),
            content: match content.is_metadata {
                true => "metadata",
                false => "used",
            },
            level: self.compression.level,
            warnings: [],
        };
        // Of text and numbers there is always JSON.
        serde_json::to_string(&facts).unwrap_or_default()
    }
}

/// What is told of the making.
#[derive(serde::Serialize)]
struct Facts<'a> {
    tool: &'static str,
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<&'a str>,
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<&'a str>,
    content: &'static str,
    level: i32,
    warnings: [&'static str; 0],
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compressor = f.debug_struct("Compressor");
        compressor.field("len", &self.len).finish_non_exhaustive()
    }
}

fn no_memory() -> Error {
    Error::Memory {
        structure: Structure::CompressedFrame,
        len: FRAME_SIZE.into(),
    }
}
