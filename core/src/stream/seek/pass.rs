//! A stream on its way from start to end, of which an index is made.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::builder::SeekIndexBuilder;
use super::bzip2_blocks::{Bzip2Mark, Bzip2Marks, STREAM_HEADER_BYTES};
use super::frame_points::FramePoints;
use super::point::Point;
use super::points::Points;
use super::recent::Recent;
use super::xz_blocks::XzBlock;
use crate::stream::resume::Resume;
use crate::stream::{Compression, START_BYTES, Stream, StreamError};
use crate::units::{len_u64, len_usize};
use crate::write::FrameCompressor;

/// Bytes of a mark of bzip2, which may begin at any bit.
const MARK_BYTES: usize = 7;

/// Decompresses a stream, and makes its index. Blocks are found where they begin; what they have to know of the content
/// before them is taken from that.
pub struct IndexPass {
    compression: Compression,
    /// Bytes of the compressed stream.
    size: u64,
    stream: Stream,
    /// Where the part that is decoded begins, in the stream and in the content.
    part: (u64, u64),
    /// True until the first bytes of the part are there.
    begins_part: bool,
    content: SeekIndexBuilder,
    recent: Recent,
    points: Points,
    compressor: Box<dyn FrameCompressor>,
    blocks: Blocks,
    /// Bytes up to the next block of frames or bzip2.
    left: usize,
    is_lost: bool,
}

/// What a pass is told of its stream.
pub struct PassOptions {
    /// Bytes of the compressed stream.
    pub size: u64,
    /// Bytes of content between two points, at most.
    pub most_spacing: u64,
    /// Compresses windows.
    pub compressor: Box<dyn FrameCompressor>,
    /// The blocks of a stream of xz; others have none.
    pub xz: Vec<XzBlock>,
}

/// What finds the blocks.
enum Blocks {
    /// The decoder of gzip, whether or not it does so now.
    Deflate {
        is_finding: bool,
    },
    /// zstd and lz4.
    Frames(Box<FramePoints>),
    Bzip2(Bzip2Blocks),
    /// xz: all points are known. Bytes of the content.
    Known(u64),
}

struct Bzip2Blocks {
    marks: Bzip2Marks,
    /// Where the bytes end in which marks were looked for.
    scanned: u64,
    /// Marks that were not decoded up to, in bits.
    found: VecDeque<u64>,
    /// The mark that is decoded up to.
    next: Option<u64>,
    header: [u8; STREAM_HEADER_BYTES],
    /// Content before the last block.
    offset: u64,
}

impl IndexPass {
    /// At the start of a stream. `None` if there are no points in such streams, or they are too far apart.
    pub fn new(stream: Stream, options: PassOptions) -> Option<Self> {
        let compression = stream.compression;
        let mut points = Points::new(options.most_spacing);
        let mut compressor = options.compressor;
        let blocks = match compression {
            Compression::Gzip => Blocks::Deflate { is_finding: false },
            Compression::Zstd | Compression::Lz4 => {
                Blocks::Frames(Box::new(FramePoints::new(compression)?))
            }
            Compression::Bzip2 => Blocks::Bzip2(Bzip2Blocks {
                marks: Bzip2Marks::new(),
                scanned: 0,
                found: VecDeque::new(),
                next: None,
                header: [0; STREAM_HEADER_BYTES],
                offset: 0,
            }),
            Compression::Xz => {
                let compress = |window: &[u8]| compressor.compress(window);
                let size = points.push_xz_blocks(options.xz, compress)?;
                // Of a single block, any read would decode all that is before.
                Blocks::Known((points.count() > 1).then_some(size)?)
            }
            _ => return None,
        };
        Some(Self {
            compression,
            size: options.size,
            stream,
            part: (0, 0),
            begins_part: true,
            content: SeekIndexBuilder::new(),
            recent: Recent::default(),
            points,
            compressor,
            blocks,
            left: 0,
            is_lost: false,
        })
    }

    /// Compressed bytes consumed so far.
    pub fn position(&self) -> u64 {
        self.stream.position()
    }

    /// True after the last part.
    pub fn has_ended(&self) -> bool {
        self.stream.has_ended()
    }

    /// Whether there will be no index: its points would be too far apart, or take too much memory.
    pub fn is_in_vain(&self) -> bool {
        let size = self.content.size();
        self.is_lost || self.points.is_too_far(size) || self.points.are_too_large(size)
    }

    /// The input that the next [`decode`](IndexPass::decode) needs at least, unless the stream ends before, in bytes.
    pub const WANTED: usize = START_BYTES;

    /// Decodes a part of `input`, the compressed bytes from [`position`](IndexPass::position) on, into `output`. Returns
    /// the bytes consumed and the bytes written.
    ///
    /// # Errors
    ///
    /// As [`Stream::decode`].
    pub fn decode(
        &mut self,
        input: &[u8],
        output: &mut [u8],
    ) -> Result<(usize, usize), StreamError> {
        if self.stream.is_between() {
            let (taken, _) = self.stream.step(input, output)?;
            self.begins_part = true;
            return Ok((taken, 0));
        }
        if self.begins_part && !self.stream.has_ended() {
            self.begin_part(input);
        }
        let now = match &mut self.blocks {
            Blocks::Known(_) => input,
            Blocks::Deflate { is_finding } => {
                if !*is_finding && self.points.want(self.content.size()) {
                    *is_finding = true;
                    self.stream.find_block();
                }
                input
            }
            Blocks::Frames(_) | Blocks::Bzip2(_) => {
                if self.left == 0 {
                    // The point is at the content, all of which is needed for that.
                    let made = self.stream.drain(output);
                    if made > 0 || self.stream.is_between() {
                        self.take(output.get(..made).unwrap_or_default());
                        return Ok((0, made));
                    }
                    self.left = self.next_block(input);
                }
                input.get(..self.left.min(input.len())).unwrap_or_default()
            }
        };
        let (taken, made) = self.stream.step(now, output)?;
        self.left = self.left.saturating_sub(taken);
        self.take(output.get(..made).unwrap_or_default());
        self.take_deflate_block();
        Ok((taken, made))
    }

    fn begin_part(&mut self, input: &[u8]) {
        self.begins_part = false;
        self.part = (self.stream.position(), self.content.size());
        self.left = 0;
        let (position, offset) = self.part;
        match &mut self.blocks {
            Blocks::Deflate { is_finding } => *is_finding = false,
            Blocks::Bzip2(blocks) => {
                blocks.offset = offset;
                if let Some(header) = input.first_chunk() {
                    blocks.header = *header;
                }
            }
            Blocks::Frames(_) => {}
            Blocks::Known(_) => return,
        }
        if self.points.want_part(offset) {
            let point = Point {
                offset,
                compressed_bit: position.saturating_mul(8),
                resume: Resume::Part,
            };
            self.points.push(point, 0, Vec::new());
        }
    }

    fn take(&mut self, content: &[u8]) {
        self.content.update(content);
        self.recent.push(content);
    }

    /// Adds a point at the block that begins here, if there should be one. Returns the bytes up to the next block, or
    /// fewer.
    fn next_block(&mut self, input: &[u8]) -> usize {
        let position = self.stream.position();
        let offset = self.content.size();
        let wants_point = self.points.want(offset);
        match &mut self.blocks {
            Blocks::Known(_) | Blocks::Deflate { .. } => input.len(),
            Blocks::Frames(frames) => {
                let recent = &self.recent;
                let found = wants_point
                    .then(|| frames.point_at(offset, position, || recent.window()))
                    .flatten();
                let Some((step, reduced)) = frames.advance(input) else {
                    // The decoder reports what is wrong.
                    self.is_lost = true;
                    return input.len();
                };
                self.recent.keep(frames.window_size());
                for (point, window) in found.into_iter().chain(reduced) {
                    self.push(point, &window);
                }
                step.taken
            }
            Blocks::Bzip2(blocks) => {
                let is_end = position.saturating_add(len_u64(input.len())) >= self.size;
                let found = blocks.pass(position, offset, wants_point);
                let left = blocks.scan(position, input, is_end);
                if let Some((point, header)) = found {
                    self.push(point, &header);
                }
                left
            }
        }
    }

    fn push(&mut self, point: Point, window: &[u8]) {
        let stored = self.compressor.compress(window);
        match (stored, u32::try_from(window.len())) {
            (Some(stored), Ok(len)) => self.points.push(point, len, stored),
            _ => self.is_lost = true,
        }
    }

    fn take_deflate_block(&mut self) {
        let Blocks::Deflate { is_finding } = &mut self.blocks else {
            return;
        };
        if let Some(block) = self.stream.take_block() {
            *is_finding = false;
            let (position, offset) = self.part;
            let point = Point {
                offset: offset.saturating_add(block.offset),
                compressed_bit: position.saturating_mul(8).saturating_add(block.bit),
                resume: Resume::Deflate,
            };
            self.push(point, &block.window);
        }
    }

    /// The file of the index, after the last part. `None` if its points are too few to be of use.
    pub fn finish(self, identity: [u8; 32]) -> Option<Vec<u8>> {
        let size = self.content.size();
        let is_other = matches!(self.blocks, Blocks::Known(known) if known != size);
        if self.is_lost || is_other || !self.stream.has_ended() {
            return None;
        }
        let builder = self.points.finish(self.content)?;
        Some(builder.finish(self.compression, self.size, identity))
    }
}

impl Bzip2Blocks {
    /// Looks for marks in bytes that are decoded next. Returns how many there are up to the byte in which a mark begins, or
    /// before one could.
    fn scan(&mut self, position: u64, input: &[u8], is_end: bool) -> usize {
        let known = len_usize(self.scanned.saturating_sub(position));
        let new = input.get(known..).unwrap_or_default();
        self.scanned = self.scanned.saturating_add(len_u64(new.len()));
        let mut found = Vec::new();
        self.marks.push(new, &mut found);
        let blocks = found
            .iter()
            .filter(|mark| matches!(mark, Bzip2Mark::Block(_)));
        self.found.extend(blocks.map(|mark| mark.bit()));
        // One in bytes that were decoded is that of the block that begins here.
        while self
            .found
            .front()
            .is_some_and(|bit| bit.div_ceil(8) <= position)
        {
            self.found.pop_front();
        }
        self.next = self.found.front().copied();
        let up_to_mark = self
            .next
            .map(|bit| bit.div_ceil(8).saturating_sub(position));
        let in_input = up_to_mark.map(len_usize).filter(|&len| len <= input.len());
        match (in_input, is_end) {
            (Some(len), _) => len,
            (None, true) => input.len(),
            (None, false) => input.len().saturating_sub(MARK_BYTES).max(1),
        }
    }

    /// Whether a block begins at the mark that was decoded up to. What looks like a mark within a block is not
    /// followed by content at once.
    fn pass(
        &mut self,
        position: u64,
        offset: u64,
        wants_point: bool,
    ) -> Option<(Point, [u8; STREAM_HEADER_BYTES])> {
        let bit = self.next.take_if(|bit| bit.div_ceil(8) == position)?;
        if offset == self.offset {
            return None;
        }
        self.offset = offset;
        let point = Point {
            offset,
            compressed_bit: bit,
            resume: Resume::Bzip2,
        };
        wants_point.then_some((point, self.header))
    }
}
