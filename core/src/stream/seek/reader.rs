//! The content of a compressed stream, read at any place by an index.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use core::{fmt, mem};

use spin::Mutex;

use super::index::{BLOCK_BYTES, SUM_BYTES, SeekIndex};
use super::point::Point;
use crate::io::{IoError, ReadAt, Source};
use crate::stream::resume::{NewDecoderAt, Resume, Start, new_decoder_at};
use crate::stream::{Limits, Stream};
use crate::units::{len_u64, len_usize};

/// Blocks that are cached, unless another number is set.
const CACHED_BLOCKS: usize = 64;

/// Decoders that wait for the block after the one they ended with.
const IDLE_DECODERS: usize = 4;

/// Compressed bytes that are read in one call.
const INPUT_BYTES: u64 = 128 << 10;

/// The content of a compressed stream. Each block is compared with its checksum.
pub struct IndexedReader {
    compressed: Source,
    index: SeekIndex,
    limits: Limits,
    new_decoder_at: NewDecoderAt,
    /// Blocks that are cached.
    cached_blocks: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The latest last.
    blocks: VecDeque<(u64, Arc<Vec<u8>>)>,
    idle: VecDeque<BlockDecoder>,
}

/// The content of a block differs from what it was when the index was made.
#[derive(Debug, thiserror::Error)]
#[error(
    "the content at byte {offset:#x} of the decompressed stream differs from what its index says"
)]
pub struct OtherContent {
    /// Where the block begins.
    pub offset: u64,
}

impl IndexedReader {
    /// `compressed` is what `index` was made of; its decoders may use what `limits` say.
    pub fn new(compressed: Source, index: SeekIndex, limits: Limits) -> Self {
        Self {
            compressed,
            index,
            limits,
            new_decoder_at,
            cached_blocks: CACHED_BLOCKS,
            state: Mutex::default(),
        }
    }

    /// The same, with decoders that are not all of this build, and another number of cached blocks.
    pub fn with(self, new_decoder_at: NewDecoderAt, cached_blocks: usize) -> Self {
        Self {
            new_decoder_at,
            cached_blocks,
            ..self
        }
    }

    /// Whether the content is as the index says, at its start and from the last point on. All else is compared
    /// when it is read.
    pub fn is_sound(&self) -> bool {
        let starts = [0, self.last_block_start()];
        let mut byte = [0];
        self.size() == 0
            || starts
                .iter()
                .all(|&offset| self.read_exact_at(offset, &mut byte).is_ok())
    }

    /// The blocks that are decoded one after the other, from the same point on, with the one that has the byte at `offset`. Empty at
    /// the end.
    pub fn span_at(&self, offset: u64) -> Range<u64> {
        let size = self.index.size();
        let within = offset.checked_rem(BLOCK_BYTES).unwrap_or_default();
        let point = self.index.point_before(offset.saturating_sub(within));
        let Some(point) = point.filter(|_| offset < size) else {
            return offset..offset;
        };
        let mut points = self.index.points().skip(point);
        let mut next = || {
            let point = points.next();
            point.map_or(size, |point| {
                first_block(&point).saturating_mul(BLOCK_BYTES).min(size)
            })
        };
        next()..next()
    }

    /// The start of the block that is decoded with the least effort from the last point; 0 if nothing is there.
    pub fn last_block_start(&self) -> u64 {
        let last = self.index.points().last();
        let start = last.map_or(0, |point| point.offset);
        let next = start.div_ceil(BLOCK_BYTES).saturating_mul(BLOCK_BYTES);
        match next < self.size() {
            true => next,
            // Within the last block, which begins before the point.
            false => self.size().saturating_sub(1),
        }
    }

    fn block(&self, number: u64) -> Result<Arc<Vec<u8>>, IoError> {
        let mut decoder = {
            let mut state = self.state.lock();
            if let Some(found) = state.cached(number) {
                return Ok(found);
            }
            let point = self.index.point_before(number.saturating_mul(BLOCK_BYTES));
            let point = point.ok_or_else(IoError::end_of_input)?;
            let first = self.index.points().nth(point);
            let first = first.map_or(0, |point| first_block(&point));
            match state.take_idle(first, number) {
                Some(decoder) => decoder,
                None => {
                    drop(state);
                    BlockDecoder::start(self, point)?
                }
            }
        };
        loop {
            let found = decoder.next_block;
            let decoded = decoder.next(self);
            let mut state = self.state.lock();
            let block = match decoded {
                Ok(block) => Arc::new(block),
                Err(error) => {
                    // It continues when the bytes are there.
                    if error.is_missing() {
                        state.rest(decoder);
                    }
                    return Err(error);
                }
            };
            state.keep(found, &block, self.cached_blocks);
            if found == number {
                state.rest(decoder);
                return Ok(block);
            }
        }
    }
}

impl State {
    fn cached(&self, number: u64) -> Option<Arc<Vec<u8>>> {
        let mut blocks = self.blocks.iter();
        let found = blocks.find(|(found, _)| *found == number)?;
        Some(Arc::clone(&found.1))
    }

    /// The decoder that is nearest before block `number`, and not before `first`.
    fn take_idle(&mut self, first: u64, number: u64) -> Option<BlockDecoder> {
        let within = first..=number;
        let idle = self.idle.iter().enumerate();
        let nearest = idle
            .filter(|(_, decoder)| within.contains(&decoder.next_block))
            .max_by_key(|(_, decoder)| decoder.next_block)?;
        self.idle.remove(nearest.0)
    }

    fn keep(&mut self, number: u64, block: &Arc<Vec<u8>>, most: usize) {
        if self.blocks.len() >= most {
            self.blocks.pop_front();
        }
        self.blocks.push_back((number, Arc::clone(block)));
    }

    fn rest(&mut self, decoder: BlockDecoder) {
        if self.idle.len() >= IDLE_DECODERS {
            self.idle.pop_front();
        }
        self.idle.push_back(decoder);
    }
}

/// Decodes one block after the other.
struct BlockDecoder {
    stream: Stream,
    /// Compressed bytes that were read and not consumed.
    input: Vec<u8>,
    consumed: usize,
    /// Where the compressed bytes after `input` are.
    position: u64,
    /// Bytes of content before what is decoded next.
    offset: u64,
    next_block: u64,
    /// The content of that block, of which `filled` bytes are there; empty before its start.
    block: Vec<u8>,
    filled: usize,
    /// The number of the point at the start of a later part, and its offset in the content. Decoding
    /// begins anew there: the end of a part may not match what began within it.
    next_part: Option<(usize, u64)>,
}

impl BlockDecoder {
    /// At the first block that begins at the point with this number or after it.
    fn start(reader: &IndexedReader, number: usize) -> Result<Self, IoError> {
        let (point, window) = reader.index.point(number).map_err(IoError::new)?;
        let start = Start {
            compression: reader.index.compression(),
            resume: point.resume,
            skipped_bits: u8::try_from(point.compressed_bit % 8).unwrap_or_default(),
            known: &window,
        };
        let decoder = (reader.new_decoder_at)(start, reader.limits);
        let decoder = decoder.ok_or_else(IoError::end_of_input)?;
        let stream = Stream::with(start.compression, decoder, true).map_err(IoError::new)?;
        let stream = stream.at(point.compressed_bit / 8);
        let mut later = reader.index.points().enumerate();
        let next_part =
            later.find(|(later, point)| *later > number && point.resume == Resume::Part);
        Ok(Self {
            position: stream.position(),
            stream,
            input: Vec::new(),
            consumed: 0,
            offset: point.offset,
            next_block: first_block(&point),
            block: Vec::new(),
            filled: 0,
            next_part: next_part.map(|(number, point)| (number, point.offset)),
        })
    }

    /// The next block. Without the bytes that it needs, what was decoded of it stays.
    fn next(&mut self, reader: &IndexedReader) -> Result<Vec<u8>, IoError> {
        let start = self.next_block.saturating_mul(BLOCK_BYTES);
        let left = reader.index.size().saturating_sub(start);
        let mut block = mem::take(&mut self.block);
        block.resize(len_usize(left.min(BLOCK_BYTES)), 0);
        let filled = self.fill(reader, start, &mut block);
        if let Err(error) = filled {
            self.block = block;
            return Err(error);
        }
        self.filled = 0;
        let found = blake3::hash(&block);
        let expected = reader.index.sum(self.next_block);
        if found.as_bytes().first_chunk::<SUM_BYTES>() != expected.as_ref() {
            return Err(IoError::new(OtherContent { offset: start }));
        }
        self.next_block = self.next_block.saturating_add(1);
        Ok(block)
    }

    fn fill(
        &mut self,
        reader: &IndexedReader,
        start: u64,
        block: &mut [u8],
    ) -> Result<(), IoError> {
        while self.offset < start {
            let skipped = start.saturating_sub(self.offset);
            let len = len_usize(skipped.min(len_u64(block.len())));
            self.decode(reader, block.get_mut(..len).unwrap_or_default())?;
        }
        while self.filled < block.len() {
            let rest = block.get_mut(self.filled..).unwrap_or_default();
            let made = self.decode(reader, rest)?;
            self.filled = self.filled.saturating_add(made);
        }
        Ok(())
    }

    /// Fills the start of `output`, at least one byte.
    fn decode(&mut self, reader: &IndexedReader, output: &mut [u8]) -> Result<usize, IoError> {
        if let Some((number, start)) = self.next_part
            && self.offset == start
        {
            *self = Self {
                next_block: self.next_block,
                block: mem::take(&mut self.block),
                filled: self.filled,
                ..Self::start(reader, number)?
            };
        }
        let in_part = self.next_part.map_or(u64::MAX, |(_, start)| start);
        let len = len_usize(in_part.saturating_sub(self.offset)).min(output.len());
        let output = output.get_mut(..len).unwrap_or_default();
        if output.is_empty() {
            return Err(IoError::end_of_input());
        }
        loop {
            let waiting = self.input.len().saturating_sub(self.consumed);
            if waiting < self.stream.wanted() {
                self.read_on(reader)?;
            }
            if self.stream.has_ended() {
                return Err(IoError::end_of_input());
            }
            let input = self.input.get(self.consumed..).unwrap_or_default();
            let (taken, made) = self.stream.decode(input, output).map_err(IoError::new)?;
            self.consumed = self.consumed.saturating_add(taken);
            if made > 0 {
                self.offset = self.offset.saturating_add(len_u64(made));
                return Ok(made);
            }
        }
    }

    fn read_on(&mut self, reader: &IndexedReader) -> Result<(), IoError> {
        let size = reader.compressed.size().min(reader.index.compressed_size());
        let len = len_usize(size.saturating_sub(self.position).min(INPUT_BYTES));
        self.input.drain(..self.consumed.min(self.input.len()));
        self.consumed = 0;
        let start = self.input.len();
        self.input.resize(start.saturating_add(len), 0);
        let space = self.input.get_mut(start..).unwrap_or_default();
        if let Err(error) = reader.compressed.read_exact_at(self.position, space) {
            self.input.truncate(start);
            return Err(error);
        }
        self.position = self.position.saturating_add(len_u64(len));
        Ok(())
    }
}

/// The first block that begins at `point` or after it.
fn first_block(point: &Point) -> u64 {
    point.offset.div_ceil(BLOCK_BYTES)
}

impl ReadAt for IndexedReader {
    fn size(&self) -> u64 {
        self.index.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        if end.is_none_or(|end| end > self.size()) {
            return Err(IoError::end_of_input());
        }
        let (mut offset, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let number = offset.checked_div(BLOCK_BYTES).unwrap_or_default();
            let start = len_usize(offset.checked_rem(BLOCK_BYTES).unwrap_or_default());
            let block = self.block(number)?;
            let found = block.get(start..).unwrap_or_default();
            let len = found.len().min(rest.len());
            let (now, later) = rest
                .split_at_mut_checked(len)
                .ok_or_else(IoError::end_of_input)?;
            now.copy_from_slice(found.get(..len).unwrap_or_default());
            offset = offset.saturating_add(len_u64(len));
            rest = later;
        }
        Ok(())
    }
}

impl fmt::Debug for IndexedReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndexedReader").finish_non_exhaustive()
    }
}
