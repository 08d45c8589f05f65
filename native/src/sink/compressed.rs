//! A compressed file: `docs/image-format.md`. Frames are compressed on threads,
//! and written in order.

use std::collections::VecDeque;
use std::path::Path;

use ntfsclone_core as core;
use ntfsclone_core::image::seekable::{FRAME_SIZE, MAX_FRAMES};
use ntfsclone_core::write::{Compress, Content, Facts, FrameLog, Framing};

use super::Sink;
use super::image::in_pieces;
use super::target::Target;
use crate::bulk::pipeline::Batch;
use crate::compression::{CompressedFrame, Compressor, Pending};
use crate::error::{Error, Result};
use crate::report;

/// The most bytes of a map, which is kept in memory.
pub const MAX_MAP_SIZE: usize = 256 << 20;

/// Bytes written in one call where a frame is repeated.
const REPEATED_BYTES: usize = 256 << 10;

const FRAME_BYTES: usize = FRAME_SIZE as usize;

/// Compresses a stream that comes in batches; what lies between their pieces is
/// zeros.
pub struct CompressedSink {
    framing: Framing,
    frames: Frames,
    /// The stream has at least so many bytes.
    least_size: u64,
    content: Content,
    facts: Facts,
    /// Bytes of the file, when it is complete.
    size: u64,
}

/// Frames on their way to the target.
struct Frames {
    compressor: Compressor,
    /// Those that are not written yet, in their order.
    queue: VecDeque<Queued>,
    /// How many may be under way.
    limit: usize,
    /// One with nothing but zeros.
    zeros: Option<CompressedFrame>,
    log: FrameLog,
    target: Target,
}

enum Queued {
    Frame(Pending),
    /// So many frames of zeros.
    Zeros(u64),
}

/// Refuses a stream of so many bytes, at the most, if it has too many; `name` is
/// what it would be written to.
pub fn check_length(name: &Path, len: u64) -> Result<()> {
    // One more is the summary.
    if len.div_ceil(FRAME_SIZE.into()) < MAX_FRAMES.into() {
        return Ok(());
    }
    Err(Error::refused(
        name,
        format!("would have {} before compression", report::size(len)),
        "a seek table has room for 512 TiB; compress the output with zstd instead",
    ))
}

impl CompressedSink {
    /// The stream must be of a [checked](check_length) length, and gets zeros to
    /// have `least_size` bytes. `limit` frames of it may be under way.
    pub fn new(
        target: Target,
        (content, facts): (Content, Facts),
        least_size: u64,
        compressor: Compressor,
        limit: usize,
    ) -> Self {
        Self {
            framing: Framing::default(),
            frames: Frames {
                compressor,
                queue: VecDeque::new(),
                limit,
                zeros: None,
                log: FrameLog::new(),
                target,
            },
            least_size,
            content,
            facts,
            size: 0,
        }
    }
}

impl Sink for CompressedSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for (piece, bytes) in batch.pieces() {
            self.framing.zeros_to(piece.offset, &mut self.frames)?;
            self.framing.put(bytes, &mut self.frames)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let frames = &mut self.frames;
        self.framing.zeros_to(self.least_size, frames)?;
        self.framing.finish(frames)?;
        frames.write_all_but(0)?;
        self.facts.warnings = report::warnings();
        let log = std::mem::replace(&mut frames.log, FrameLog::new());
        let name = frames.target.name().to_owned();
        self.size = log.finish(
            &self.content,
            &self.facts.to_json(),
            |bytes| frames.target.write(bytes),
            |error| Error::read(&name, error),
        )?;
        Ok(())
    }

    fn target(&mut self) -> &mut Target {
        &mut self.frames.target
    }

    fn remark(&self) -> String {
        let pieces = in_pieces(&self.frames.target);
        format!(" as {}{pieces}", report::size(self.size))
    }
}

impl Compress for Frames {
    type Error = Error;

    fn buffer(&mut self) -> Result<Vec<u8>> {
        self.compressor.buffer()
    }

    fn frame(&mut self, content: Vec<u8>) -> Result<()> {
        let pending = self.compressor.submit(content)?;
        self.queue.push_back(Queued::Frame(pending));
        self.write_all_but(self.limit)
    }

    fn zeros(&mut self, count: u64) {
        self.queue.push_back(Queued::Zeros(count));
    }
}

impl Frames {
    /// Writes those that come first, until no more than `count` are left.
    fn write_all_but(&mut self, count: usize) -> Result<()> {
        while self.queue.len() > count {
            match self.queue.pop_front() {
                Some(Queued::Frame(pending)) => {
                    let frame = pending.wait()?;
                    self.target.write(&frame.bytes)?;
                    self.record(&frame)?;
                    self.compressor.recycle(frame);
                }
                Some(Queued::Zeros(count)) => self.write_zeros(count)?,
                None => {}
            }
        }
        Ok(())
    }

    /// Records a frame that is written.
    fn record(&mut self, frame: &CompressedFrame) -> Result<()> {
        let (compressed, size) = (frame.bytes.len(), frame.content.len());
        let recorded = self.log.push(compressed, size, &frame.hash);
        recorded.map_err(|error: core::Error| Error::read(self.target.name(), error))
    }

    /// Writes the same frame again and again.
    fn write_zeros(&mut self, count: u64) -> Result<()> {
        let frame = match self.zeros.take() {
            Some(frame) => frame,
            None => {
                let mut zeros = self.compressor.buffer()?;
                zeros.resize(FRAME_BYTES, 0);
                self.compressor.submit(zeros)?.wait()?
            }
        };
        let at_once = (REPEATED_BYTES / frame.bytes.len()).max(1) as u64;
        let repeated = frame.bytes.repeat(at_once.min(count) as usize);
        let mut left = count;
        while left > 0 {
            let now = left.min(at_once);
            self.target
                .write(&repeated[..now as usize * frame.bytes.len()])?;
            for _ in 0..now {
                self.record(&frame)?;
            }
            left -= now;
        }
        self.zeros = Some(frame);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_seek_table_has_room_for() {
        const TIB: u64 = 1 << 40;
        let most = 512 * TIB - u64::from(FRAME_SIZE);
        for (len, is_accepted) in [
            (0, true),
            (most, true),
            (most + 1, false),
            (600 * TIB, false),
        ] {
            let checked = check_length("out".as_ref(), len);
            assert_eq!(checked.is_ok(), is_accepted, "{len}");
        }
    }
}
