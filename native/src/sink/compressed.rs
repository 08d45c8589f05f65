//! An image or a raw volume, compressed: `docs/image-format.md`.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::mpsc::Receiver;

use ntfsclone_core as core;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::image::seekable::{
    FRAME_SIZE, Head, Kind, MAX_FRAMES, MapBuilder, SeekTableBuilder, SummaryBuilder,
};
use ntfsclone_core::units::Lcn;

use super::Sink;
use super::target::Target;
use crate::bulk::pipeline::Batch;
use crate::compression::{CompressedFrame, Compressor, Pending};
use crate::error::{Error, Result};
use crate::facts::Facts;
use crate::report;

/// Bytes of a map beyond which there is none: it is kept in memory.
pub const MAX_MAP_SIZE: usize = 256 << 20;

/// Bytes written at once where a frame is repeated.
const REPEATED_BYTES: usize = 256 << 10;

const FRAME_BYTES: usize = FRAME_SIZE as usize;

/// Fills frames with the stream, one after the other, and writes them in that
/// order as they are compressed.
pub struct CompressedSink {
    target: Target,
    form: CompressedForm,
    header: Header,
    /// None when it is written.
    facts: Option<Facts>,
    frames: Frames,
}

/// What is compressed.
pub enum CompressedForm {
    /// An image, of which the side that makes it tells the map in the end.
    Image(Receiver<MapBuilder>),
    /// A raw volume.
    Raw(MapBuilder),
}

/// The frames of a file, on their way.
struct Frames {
    compressor: Compressor,
    /// The one that is being filled.
    current: Vec<u8>,
    /// Those that are not written yet, in their order.
    queue: VecDeque<Queued>,
    /// How many may be under way.
    limit: usize,
    /// One with nothing but zeros.
    zeros: Option<CompressedFrame>,
    /// Bytes of the stream.
    len: u64,
    table: SeekTableBuilder,
    summary: SummaryBuilder,
    /// Bytes in the file.
    written: u64,
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
    match len.div_ceil(FRAME_SIZE.into()) < MAX_FRAMES.into() {
        true => Ok(()),
        false => Err(Error::refused(
            name,
            format!("would have {} before compression", report::size(len)),
            "a seek table has room for 512 TiB; compress the output with zstd instead",
        )),
    }
}

impl CompressedSink {
    /// The stream must be of a [checked](check_length) length; `frames` of it may be
    /// under way.
    pub fn new(
        target: Target,
        form: CompressedForm,
        header: Header,
        facts: Facts,
        compressor: Compressor,
        frames: usize,
    ) -> Self {
        Self {
            target,
            form,
            header,
            facts: Some(facts),
            frames: Frames::new(compressor, frames),
        }
    }

    /// What it became, as a part of a report.
    pub fn remark(&self) -> String {
        format!(" as {}", report::size(self.frames.written))
    }

    /// The summary and the seek table.
    fn write_end(&mut self) -> Result<()> {
        let (kind, map) = match &mut self.form {
            CompressedForm::Image(map) => {
                let map = map.recv().map_err(|_| Error::Thread("reads"))?;
                (Kind::NtfscloneImage, map)
            }
            CompressedForm::Raw(map) => {
                let map = std::mem::replace(map, MapBuilder::new(0));
                (Kind::RawVolume, map)
            }
        };
        let head = Head {
            kind,
            frame_size: FRAME_SIZE,
            stream_size: self.frames.len,
            header: self.header,
        };
        let facts = match self.facts.take() {
            Some(facts) => facts.into_json()?,
            None => String::new(),
        };
        let target = &mut self.target;
        self.frames.end(target, &head, &facts, map.finish())
    }
}

impl Sink for CompressedSink {
    fn take(&mut self, batch: &Batch) -> Result<()> {
        for (piece, bytes) in batch.pieces() {
            if let CompressedForm::Raw(map) = &mut self.form {
                let cluster_size = u64::from(self.header.cluster_size);
                // What follows the last cluster may be less than one.
                let count = (piece.len as u64).div_ceil(cluster_size);
                map.add(Lcn(piece.offset / cluster_size), count);
                debug_assert!(piece.offset >= self.frames.len, "not in order");
                self.frames.zeros_to(piece.offset, &mut self.target)?;
            }
            self.frames.put(bytes, &mut self.target)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        if let CompressedForm::Raw(_) = self.form {
            let cluster_size = u64::from(self.header.cluster_size);
            let volume_size = self.header.nr_clusters * cluster_size;
            self.frames.zeros_to(volume_size, &mut self.target)?;
        }
        self.write_end()
    }

    fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}

impl Frames {
    fn new(compressor: Compressor, limit: usize) -> Self {
        Self {
            compressor,
            current: Vec::new(),
            queue: VecDeque::new(),
            limit,
            zeros: None,
            len: 0,
            table: SeekTableBuilder::new(),
            summary: SummaryBuilder::new(),
            written: 0,
        }
    }

    /// Adds bytes to the stream.
    fn put(&mut self, bytes: &[u8], target: &mut Target) -> Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.begin_frame()?;
            let room = FRAME_BYTES - self.current.len();
            let (now, later) = rest.split_at(rest.len().min(room));
            self.current.extend_from_slice(now);
            self.len += now.len() as u64;
            rest = later;
            self.submit_if_full(target)?;
        }
        Ok(())
    }

    /// Adds zeros to the stream, until it has `end` bytes; none if it has.
    fn zeros_to(&mut self, end: u64, target: &mut Target) -> Result<()> {
        while self.len < end {
            let left = end - self.len;
            let whole = left / FRAME_BYTES as u64;
            if self.current.is_empty() && whole > 0 {
                self.queue.push_back(Queued::Zeros(whole));
                self.len += whole * FRAME_BYTES as u64;
            } else {
                self.begin_frame()?;
                let room = (FRAME_BYTES - self.current.len()) as u64;
                let len = self.current.len() + left.min(room) as usize;
                self.len += left.min(room);
                self.current.resize(len, 0);
                self.submit_if_full(target)?;
            }
        }
        Ok(())
    }

    /// Sees to a buffer for the current frame.
    fn begin_frame(&mut self) -> Result<()> {
        if self.current.capacity() == 0 {
            self.current = self.compressor.buffer()?;
        }
        Ok(())
    }

    fn submit_if_full(&mut self, target: &mut Target) -> Result<()> {
        match self.current.len() {
            FRAME_BYTES => self.submit(target),
            _ => Ok(()),
        }
    }

    fn submit(&mut self, target: &mut Target) -> Result<()> {
        let content = std::mem::take(&mut self.current);
        let pending = self.compressor.submit(content)?;
        self.queue.push_back(Queued::Frame(pending));
        self.write_all_but(self.limit, target)
    }

    /// Writes those that come first, until no more than `count` are left.
    fn write_all_but(&mut self, count: usize, target: &mut Target) -> Result<()> {
        while self.queue.len() > count {
            match self.queue.pop_front() {
                Some(Queued::Frame(pending)) => {
                    let frame = pending.wait()?;
                    self.write(&frame, target)?;
                    self.compressor.recycle(frame);
                }
                Some(Queued::Zeros(count)) => self.write_zeros(count, target)?,
                None => {}
            }
        }
        Ok(())
    }

    fn write(&mut self, frame: &CompressedFrame, target: &mut Target) -> Result<()> {
        target.write(&frame.bytes)?;
        self.note(frame, target)
    }

    /// Notes a frame that is written.
    fn note(&mut self, frame: &CompressedFrame, target: &Target) -> Result<()> {
        self.written += frame.bytes.len() as u64;
        self.summary.push(&frame.hash);
        // Both fit: a frame has 4 MiB.
        let (compressed, size) = (frame.bytes.len() as u32, frame.content.len() as u32);
        let added = self.table.push(compressed, size);
        added.map_err(|error| written_wrong(target, error))
    }

    /// The same frame again and again.
    fn write_zeros(&mut self, count: u64, target: &mut Target) -> Result<()> {
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
            target.write(&repeated[..now as usize * frame.bytes.len()])?;
            for _ in 0..now {
                self.note(&frame, target)?;
            }
            left -= now;
        }
        self.zeros = Some(frame);
        Ok(())
    }

    fn end(
        &mut self,
        target: &mut Target,
        head: &Head,
        facts: &str,
        map: Option<Vec<u8>>,
    ) -> Result<()> {
        if !self.current.is_empty() {
            self.submit(target)?;
        }
        self.write_all_but(0, target)?;
        let summary = std::mem::replace(&mut self.summary, SummaryBuilder::new());
        let map = map.as_deref();
        let size = summary.finish(head, facts, map, |bytes| target.write(bytes))?;
        let mut table = std::mem::replace(&mut self.table, SeekTableBuilder::new());
        let added = table.push(size, 0);
        added.map_err(|error| written_wrong(target, error))?;
        let table = table.finish();
        target.write(&table)?;
        self.written += u64::from(size) + table.len() as u64;
        Ok(())
    }
}

fn written_wrong(target: &Target, error: core::Error) -> Error {
    Error::read(target.name(), error)
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
