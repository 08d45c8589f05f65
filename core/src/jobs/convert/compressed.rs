//! The output, compressed in place.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use super::super::{Failure, Refusal};
use crate::error::{Error, Result, Structure};
use crate::image::seekable::FRAME_SIZE;
use crate::units::len_usize;
use crate::write::{Compress, Content, Facts, FrameCompressor, FrameLog, Framing};

/// The most bytes of a map, which is kept in memory.
pub(super) const MAX_MAP_SIZE: usize = 16 << 20;

/// Bytes of frames of zeros that are made in one call, or a few more.
const ENOUGH: usize = 256 << 10;

/// How to compress.
pub struct Compression {
    /// The level of zstd, from 1 to 22.
    pub level: i32,
    /// Compresses at that level.
    pub compressor: Box<dyn FrameCompressor>,
    /// When it is done, as RFC 3339 has it, to be told in the file.
    pub time: Option<String>,
    /// A note of the user's, to be told in the file.
    pub note: Option<String>,
    /// What the file tells that it was made from, if not the name of the source; empty for nothing.
    pub source: Option<String>,
}

/// Compresses a stream.
pub(super) struct Compressor {
    framing: Framing,
    frames: Frames,
    pub(super) facts: Facts,
}

/// Compresses frames, one after the other.
struct Frames {
    compressor: Box<dyn FrameCompressor>,
    /// A buffer that was used.
    spare: Vec<u8>,
    /// One with nothing but zeros, and the hash of its content.
    zeros: Option<(Vec<u8>, [u8; 32])>,
    /// How many of those are next.
    zeros_left: u64,
    /// Compressed frames that are not written yet.
    out: Vec<u8>,
    log: FrameLog,
}

impl Compressor {
    /// A compressor for what is made from the source `name`.
    pub(super) fn new(name: &str, compression: Compression) -> Result<Self, Failure> {
        let level = compression.level;
        if !(1..=22).contains(&level) {
            return Err(Failure::refused(
                Refusal::Target,
                alloc::format!("cannot be compressed at level {level}"),
                "choose one from 1 to 22",
            ));
        }
        let source = compression.source.unwrap_or_else(|| name.into());
        let mut facts = Facts::new(source, level);
        facts.time = compression.time;
        facts.note = compression.note;
        Ok(Self {
            framing: Framing::default(),
            frames: Frames {
                compressor: compression.compressor,
                spare: Vec::new(),
                zeros: None,
                zeros_left: 0,
                out: Vec::new(),
                log: FrameLog::new(),
            },
            facts,
        })
    }

    /// Appends bytes to the stream. Returns the compressed ones.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.framing.put(bytes, &mut self.frames)?;
        Ok(mem::take(&mut self.frames.out))
    }

    /// Appends zeros until the stream has `end` bytes. Returns compressed ones;
    /// [`Compressor::more_zeros`] makes the others.
    pub(super) fn zeros_to(&mut self, end: u64) -> Result<Option<Vec<u8>>> {
        self.framing.zeros_to(end, &mut self.frames)?;
        Ok(Some(mem::take(&mut self.frames.out)))
    }

    /// Compresses more of the zeros. `None` if there are no more.
    pub(super) fn more_zeros(&mut self) -> Result<Option<Vec<u8>>> {
        self.frames.write_zeros()
    }

    /// Returns the last frame, the summary and the seek table.
    pub(super) fn finish(&mut self, content: &Content) -> Result<Vec<u8>> {
        let frames = &mut self.frames;
        self.framing.finish(frames)?;
        let mut out = mem::take(&mut frames.out);
        let log = mem::replace(&mut frames.log, FrameLog::new());
        let write = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        log.finish(content, &self.facts.to_json(), write, |error| error)?;
        Ok(out)
    }
}

impl Compress for Frames {
    type Error = Error;

    fn buffer(&mut self) -> Result<Vec<u8>> {
        let mut buffer = mem::take(&mut self.spare);
        let reserved = buffer.try_reserve_exact(len_usize(FRAME_SIZE.into()));
        reserved.map_err(|_| no_memory())?;
        Ok(buffer)
    }

    fn frame(&mut self, mut content: Vec<u8>) -> Result<()> {
        let (frame, hash) = self.compress(&content)?;
        self.log.push(frame.len(), content.len(), &hash)?;
        self.out.extend(frame);
        content.clear();
        self.spare = content;
        Ok(())
    }

    fn zeros(&mut self, count: u64) {
        self.zeros_left = self.zeros_left.saturating_add(count);
    }
}

impl Frames {
    fn compress(&mut self, content: &[u8]) -> Result<(Vec<u8>, [u8; 32])> {
        let frame = self.compressor.compress(content).ok_or_else(no_memory)?;
        Ok((frame, *blake3::hash(content).as_bytes()))
    }

    /// Writes some of the frames of zeros.
    fn write_zeros(&mut self) -> Result<Option<Vec<u8>>> {
        let size = len_usize(FRAME_SIZE.into());
        while self.zeros_left > 0 && self.out.len() < ENOUGH {
            let (frame, hash) = match self.zeros.take() {
                Some(zeros) => zeros,
                None => {
                    let mut content = self.buffer()?;
                    content.resize(size, 0);
                    self.compress(&content)?
                }
            };
            self.log.push(frame.len(), size, &hash)?;
            self.out.extend_from_slice(&frame);
            self.zeros = Some((frame, hash));
            self.zeros_left = self.zeros_left.saturating_sub(1);
        }
        let out = mem::take(&mut self.out);
        Ok((!out.is_empty()).then_some(out))
    }
}

impl fmt::Debug for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compression = f.debug_struct("Compression");
        compression
            .field("level", &self.level)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut compressor = f.debug_struct("Compressor");
        compressor
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}

fn no_memory() -> Error {
    Error::Memory {
        structure: Structure::CompressedFrame,
        len: FRAME_SIZE.into(),
    }
}
