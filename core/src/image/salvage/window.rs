//! The bytes of a damaged image, read in large pieces.

use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt, Source, absent_in};
use crate::units::len_usize;

/// Bytes that are read at once.
const CHUNK_BYTES: u64 = 1 << 20;

/// Pieces that are cached: what lies ahead is looked at again soon.
const CHUNKS: usize = 4;

/// A view of the image at a few places.
pub(super) struct Window<'a> {
    source: &'a Source,
    /// The last one was used last.
    chunks: Vec<Chunk>,
    /// All before was read, and `absent` is known of it.
    covered: u64,
    absent: Vec<Range<u64>>,
    progress: &'a mut dyn FnMut(u64),
}

struct Chunk {
    start: u64,
    bytes: Vec<u8>,
    absent: Vec<Range<u64>>,
}

/// What is at a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Byte {
    Value(u8),
    Absent,
    End,
}

impl<'a> Window<'a> {
    pub(super) fn new(source: &'a Source, progress: &'a mut dyn FnMut(u64)) -> Self {
        Self {
            source,
            chunks: Vec::new(),
            covered: 0,
            absent: Vec::new(),
            progress,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.source.size()
    }

    /// Reads all before `end`, if that was not done.
    pub(super) fn cover(&mut self, end: u64) -> Result<()> {
        while self.covered < end.min(self.size()) {
            let start = self.covered;
            let chunk = self.chunk(start)?;
            let absent = chunk.absent.clone();
            for part in absent {
                match self.absent.last_mut() {
                    Some(last) if last.end == part.start => last.end = part.end,
                    _ => self.absent.push(part),
                }
            }
            self.covered = start.saturating_add(CHUNK_BYTES);
            (self.progress)(self.covered.min(self.source.size()));
        }
        Ok(())
    }

    /// The unreadable parts of all that was covered.
    pub(super) fn absent(self) -> Vec<Range<u64>> {
        self.absent
    }

    pub(super) fn byte(&mut self, offset: u64) -> Result<Byte> {
        if offset >= self.size() {
            return Ok(Byte::End);
        }
        let chunk = self.chunk(offset)?;
        let is_absent = |part: &Range<u64>| part.contains(&offset);
        if chunk.absent.iter().any(is_absent) {
            return Ok(Byte::Absent);
        }
        let within = len_usize(offset.saturating_sub(chunk.start));
        let byte = chunk.bytes.get(within).copied();
        Ok(byte.map_or(Byte::End, Byte::Value))
    }

    fn chunk(&mut self, offset: u64) -> Result<&Chunk> {
        let start = offset.saturating_sub(offset % CHUNK_BYTES);
        let cached = self.chunks.iter().position(|chunk| chunk.start == start);
        let last = self.chunks.len().saturating_sub(1);
        match cached {
            Some(at) if at == last => {}
            Some(at) => {
                let chunk = self.chunks.remove(at);
                self.chunks.push(chunk);
            }
            None => {
                let chunk = self.read(start)?;
                if self.chunks.len() == CHUNKS {
                    self.chunks.remove(0);
                }
                self.chunks.push(chunk);
            }
        }
        self.chunks.last().ok_or(Error::Memory {
            structure: Structure::ImageIndex,
            len: CHUNK_BYTES,
        })
    }

    fn read(&self, start: u64) -> Result<Chunk> {
        let len = self.size().saturating_sub(start).min(CHUNK_BYTES);
        let mut bytes = vec![0; len_usize(len)];
        let failed = |source: IoError| Error::Io {
            structure: Structure::ImageCommand,
            offset: start,
            len,
            source,
        };
        self.source
            .read_exact_at(start, &mut bytes)
            .map_err(failed)?;
        let absent = absent_in(self.source, start..start.saturating_add(len));
        let absent = absent.collect::<Result<_, _>>().map_err(failed)?;
        Ok(Chunk {
            start,
            bytes,
            absent,
        })
    }
}
