//! The index of a bzip2 stream, whose blocks are decoded on all processors.

use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::resume::Resume;
use ntfsclone_core::stream::seek::{
    Bzip2Mark, Bzip2Marks, Bzip2Stream, Point, Points, STREAM_HEADER_BYTES,
};
use ntfsclone_core::stream::{Compression, Limits, Then};

use super::content::Content;
use super::points::{finish, no_points, push};
use crate::device;
use crate::host::progress::Progress;
use crate::host::threads;
use crate::input::Files;

/// Compressed bytes in which marks are looked for together.
const INPUT_BYTES: u64 = 1 << 20;

/// Bytes that a block of 900,000 bytes of runs decompresses to, at most.
const MOST_BLOCK_BYTES: u64 = 46 << 20;

/// Bytes of content that there is space for at first.
const USUAL_BLOCK_BYTES: usize = 1 << 20;

pub(super) fn index_of(
    files: &Files,
    identity: [u8; 32],
    progress: &mut Progress,
) -> Option<Vec<u8>> {
    let mut pass = Pass {
        files,
        stream: None,
        block: None,
        blocks: Vec::new(),
        content: Content::new(),
        points: no_points(),
    };
    pass.begin_stream(0)?;
    let threads = available_parallelism().map_or(1, NonZeroUsize::get);
    let in_memory = device::usable_memory() / 2 / MOST_BLOCK_BYTES;
    let together = usize::try_from(in_memory).ok()?.clamp(1, threads * 2);
    let mut marks = Bzip2Marks::new();
    let mut found = Vec::new();
    let mut input = Vec::new();
    let mut position = 0;
    while position < files.size() {
        let len = INPUT_BYTES.min(files.size() - position);
        input.resize(usize::try_from(len).ok()?, 0);
        files.read_exact_at(position, &mut input).ok()?;
        position += len;
        marks.push(&input, &mut found);
        for mark in found.drain(..) {
            pass.take(mark)?;
            if pass.blocks.len() >= together {
                pass.decode()?;
            }
        }
        progress.advance_to(position);
    }
    pass.decode()?;
    // Cut short otherwise.
    let is_whole = pass.stream.is_none();
    let content = pass.content.finish()?;
    is_whole.then(|| finish(pass.points, content, Compression::Bzip2, files, identity))?
}

struct Pass<'a> {
    files: &'a Files,
    /// The stream that has not ended, and where it begins.
    stream: Option<(Bzip2Stream, u64)>,
    /// Where the block begins that has not ended, in bits.
    block: Option<u64>,
    blocks: Vec<Block>,
    content: Content,
    points: Points,
}

/// A block that is decoded alone.
struct Block {
    compressed: Vec<u8>,
    /// `None` if it cannot be decoded.
    content: Option<Vec<u8>>,
    /// What starts there, and where in bits.
    resume: Resume,
    bit: u64,
    header: [u8; STREAM_HEADER_BYTES],
}

impl Pass<'_> {
    fn begin_stream(&mut self, position: u64) -> Option<()> {
        let mut header = [0; STREAM_HEADER_BYTES];
        self.files.read_exact_at(position, &mut header).ok()?;
        self.stream = Some((Bzip2Stream::new(header)?, position));
        Some(())
    }

    /// Goes on to a mark, which ends the block before it.
    fn take(&mut self, mark: Bzip2Mark) -> Option<()> {
        let (mut stream, start) = self.stream?;
        let first = (start + STREAM_HEADER_BYTES as u64) * 8;
        let resume = match self.block {
            None if mark.bit() != first => return None,
            Some(bit) if bit == first => Resume::Part,
            _ => Resume::Bzip2,
        };
        if let Some(bit) = self.block {
            let bytes = self.bytes_at(bit, mark.bit())?;
            let skipped = (bit % 8) as u32;
            let compressed = stream.take_block(&bytes, skipped, mark.bit() - bit)?;
            self.blocks.push(Block {
                compressed,
                content: None,
                resume,
                bit: if resume == Resume::Part {
                    start * 8
                } else {
                    bit
                },
                header: *stream.header(),
            });
        }
        self.stream = Some((stream, start));
        match mark {
            Bzip2Mark::Block(bit) => self.block = Some(bit),
            Bzip2Mark::End(bit) => {
                let end = Bzip2Stream::end_of(bit);
                let bytes = self.bytes_at(bit, end * 8)?;
                if !stream.is_complete(&bytes, (bit % 8) as u32) {
                    return None;
                }
                self.block = None;
                self.stream = None;
                if end < self.files.size() {
                    self.begin_stream(end)?;
                }
            }
        }
        Some(())
    }

    /// The bytes that have these bits.
    fn bytes_at(&self, bit: u64, end: u64) -> Option<Vec<u8>> {
        let start = bit / 8;
        let mut bytes = vec![0; usize::try_from(end.div_ceil(8).checked_sub(start)?).ok()?];
        self.files.read_exact_at(start, &mut bytes).ok()?;
        Some(bytes)
    }

    /// Decodes the blocks that were found.
    fn decode(&mut self) -> Option<()> {
        let threads = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        threads::for_each(threads, &mut self.blocks, |block| {
            block.content = content_of(&block.compressed);
        });
        for block in self.blocks.drain(..) {
            let offset = self.content.size();
            let point = Point {
                offset,
                compressed_bit: block.bit,
                resume: block.resume,
            };
            match block.resume {
                Resume::Part if self.points.want_part(offset) => {
                    push(&mut self.points, point, &[])?;
                }
                Resume::Bzip2 if self.points.want(offset) => {
                    push(&mut self.points, point, &block.header)?;
                }
                _ => {}
            }
            self.content.push(&block.content?)?;
        }
        Some(())
    }
}

/// All that a stream of one block decompresses to. What looked like a mark within a block is an error.
fn content_of(compressed: &[u8]) -> Option<Vec<u8>> {
    let limits = Limits {
        memory: 0,
        threads: 0,
    };
    let mut decoder = Compression::Bzip2.new_decoder(limits)?.ok()?;
    let mut content = vec![0; USUAL_BLOCK_BYTES];
    let (mut input, mut filled) = (compressed, 0);
    loop {
        if filled == content.len() {
            content.resize(filled * 2, 0);
        }
        let decoded = decoder.decode(input, &mut content[filled..]);
        input = &input[decoded.taken..];
        filled += decoded.made;
        match decoded.then {
            Then::End => break,
            Then::More if decoded.taken > 0 || decoded.made > 0 => {}
            _ => return None,
        }
    }
    content.truncate(filled);
    Some(content)
}
