//! The frames and blocks of zstd and lz4 streams, followed while they are decompressed.

use alloc::vec::Vec;

use super::zstd_state::{NeededWindow, ZstdState};
use crate::image::seekable::frame_header::{BLOCK_HEADER, FrameHeader, MAX_FRAME_HEADER, block};
use crate::stream::Compression;
use crate::stream::resume::{MAX_ZSTD_WINDOW, Resume};
use crate::units::{len_u64, len_usize};

/// The distance that a linked block of lz4 may refer to those before it.
const LZ4_WINDOW: u64 = 64 << 10;

/// Follows the frames of a stream, from its start.
pub struct Frames {
    compression: Compression,
    state: State,
    /// The header of the frame, or a part of it.
    header: Vec<u8>,
    frame: Frame,
    /// `None` in frames without points, and in those of lz4.
    zstd: Option<ZstdBlocks>,
}

/// The blocks of a frame of zstd.
struct ZstdBlocks {
    state: ZstdState,
    block: ZstdBlock,
    /// That of the last point, until it is known what blocks refer to.
    window: Option<NeededWindow>,
}

enum ZstdBlock {
    /// Content that the block has itself, in bytes.
    Plain(u64),
    /// The next `left` bytes belong to it.
    Compressed { block: Vec<u8>, left: usize },
}

/// What the header of a frame says.
#[derive(Debug, Clone, Copy, Default)]
struct Frame {
    /// Bytes before a block that it may refer to.
    window_size: u64,
    /// Bytes after each block, and after the last of them.
    block_trailer: u64,
    trailer: u64,
    /// Blocks can be decoded without those before them.
    has_points: bool,
}

#[derive(Debug)]
enum State {
    /// The header of a frame, which is in `header` as far as it was seen.
    Header,
    /// The header of a block, as far as it was seen.
    Block(Vec<u8>),
    /// Bytes of a block, or of a frame that is skipped; then that ends the frame.
    Inside { left: u64, is_last: bool },
}

/// What [`Frames::advance`] went past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Bytes of it, at least one.
    pub taken: usize,
    /// A frame ends there.
    pub is_end: bool,
}

impl Frames {
    /// At the start of a stream. `None` for formats without frames.
    pub fn new(compression: Compression) -> Option<Self> {
        let is_known = matches!(compression, Compression::Zstd | Compression::Lz4);
        is_known.then(|| Self {
            compression,
            state: State::Header,
            header: Vec::new(),
            frame: Frame::default(),
            zstd: None,
        })
    }

    /// True between frames.
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Header) && self.header.is_empty()
    }

    /// The kind of a point at the block that begins here. `None` if no block does, or it cannot be
    /// decoded without those before it.
    pub fn resume(&mut self) -> Option<Resume> {
        let is_block = matches!(&self.state, State::Block(header) if header.is_empty());
        if !is_block || !self.frame.has_points {
            return None;
        }
        if self.compression == Compression::Lz4 {
            return Some(Resume::Lz4);
        }
        let zstd = self.zstd.as_mut()?;
        let is_known = zstd.window.is_none() && zstd.state.dictionary_start().is_some();
        is_known.then_some(Resume::Zstd)
    }

    /// Begins to find out which parts of `window`, the content before, blocks of zstd refer to from here on.
    pub fn reduce_window(&mut self, window: Vec<u8>) {
        if let Some(zstd) = &mut self.zstd
            && let Some(start) = zstd.state.dictionary_start()
        {
            zstd.window = Some(NeededWindow::new(
                self.header.clone(),
                start,
                window,
                self.frame.window_size,
            ));
        }
    }

    /// Whether that is not known yet, and will be.
    pub fn is_reducing(&self) -> bool {
        self.zstd.as_ref().is_some_and(|zstd| zstd.window.is_some())
    }

    /// What the decoder of the block has to know at which that was begun: the header of its frame, and
    /// a dictionary. `None` until that is known.
    pub fn take_reduced_window(&mut self) -> Option<Vec<u8>> {
        let window = &mut self.zstd.as_mut()?.window;
        let complete = window.take_if(|window| window.is_complete());
        complete.map(NeededWindow::into_known)
    }

    /// The header of the frame, which the decoder of a block has to know.
    pub fn header(&self) -> &[u8] {
        &self.header
    }

    /// Bytes of content before a block that its decoder has to know; 0 in frames without points.
    pub fn window_size(&self) -> u64 {
        match self.frame.has_points {
            true => self.frame.window_size,
            false => 0,
        }
    }

    /// Goes past the next bytes: up to the start of a block, the end of a frame, or the end of `bytes`.
    /// `None` where no frame can be; decompression fails there.
    pub fn advance(&mut self, bytes: &[u8]) -> Option<Step> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..)?;
            let &next = rest.first()?;
            match &mut self.state {
                State::Header => {
                    self.header.push(next);
                    taken = taken.saturating_add(1);
                    self.read_header()?;
                }
                State::Block(header) => {
                    header.push(next);
                    taken = taken.saturating_add(1);
                    if let Some((len, is_last)) = block_in(self.compression, header)? {
                        if let Some(zstd) = &mut self.zstd {
                            zstd.block = ZstdBlock::new(header, len)?;
                        }
                        let trailer = match (self.compression, is_last) {
                            // The mark that ends a frame of lz4 is no block.
                            (Compression::Lz4, true) => 0,
                            _ => self.frame.block_trailer,
                        };
                        let after = if is_last { self.frame.trailer } else { 0 };
                        let left = len.saturating_add(trailer).saturating_add(after);
                        self.state = State::Inside { left, is_last };
                    }
                }
                State::Inside { left, .. } => {
                    let len = rest.len().min(len_usize(*left));
                    if let Some(zstd) = &mut self.zstd {
                        zstd.take(rest.get(..len)?);
                    }
                    taken = taken.saturating_add(len);
                    *left = left.saturating_sub(len_u64(len));
                }
            }
            if let State::Inside { left: 0, is_last } = self.state {
                self.state = match is_last {
                    true => State::Header,
                    false => State::Block(Vec::new()),
                };
                if self
                    .zstd
                    .as_mut()
                    .is_some_and(|zstd| zstd.end_block(is_last).is_none())
                {
                    self.zstd = None;
                    self.frame.has_points = false;
                }
                if is_last {
                    self.header.clear();
                }
                return Some(Step {
                    taken,
                    is_end: is_last,
                });
            }
            if taken == bytes.len() {
                return Some(Step {
                    taken,
                    is_end: false,
                });
            }
        }
    }

    /// Reads the header of a frame, if all of it was seen.
    fn read_header(&mut self) -> Option<()> {
        self.zstd = None;
        match self.compression {
            Compression::Lz4 => {
                if let Some(frame) = lz4_frame(&self.header)? {
                    self.frame = frame;
                    self.state = State::Block(Vec::new());
                }
            }
            _ => match FrameHeader::parse(&self.header) {
                Some(FrameHeader::Skippable { len, .. }) => {
                    let left = len.saturating_sub(len_u64(self.header.len()));
                    self.frame = Frame::default();
                    self.state = State::Inside {
                        left,
                        is_last: true,
                    };
                }
                Some(FrameHeader::Data {
                    window_size,
                    has_dictionary,
                    trailer,
                    ..
                }) => {
                    self.frame = Frame {
                        window_size,
                        block_trailer: 0,
                        trailer,
                        has_points: window_size <= MAX_ZSTD_WINDOW && !has_dictionary,
                    };
                    self.zstd = self.frame.has_points.then(ZstdBlocks::new);
                    self.state = State::Block(Vec::new());
                }
                None if self.header.len() >= MAX_FRAME_HEADER => return None,
                None => {}
            },
        }
        Some(())
    }
}

impl ZstdBlocks {
    fn new() -> Self {
        Self {
            state: ZstdState::new(),
            block: ZstdBlock::Plain(0),
            window: None,
        }
    }

    /// Takes bytes of the block, and of what follows it.
    fn take(&mut self, bytes: &[u8]) {
        if let ZstdBlock::Compressed { block, left } = &mut self.block {
            let taken = bytes.get(..bytes.len().min(*left)).unwrap_or_default();
            block.extend_from_slice(taken);
            *left = left.saturating_sub(taken.len());
        }
    }

    /// Goes past the block. `None` if there can be no points after it.
    fn end_block(&mut self, is_last: bool) -> Option<()> {
        match &self.block {
            ZstdBlock::Compressed { block, .. } => self.state.push(block, &mut self.window)?,
            ZstdBlock::Plain(len) => {
                if let Some(window) = &mut self.window {
                    window.skip(*len);
                }
            }
        }
        if let Some(window) = &mut self.window
            && is_last
        {
            window.end();
        }
        Some(())
    }
}

impl ZstdBlock {
    /// A block with this header, which `len` bytes follow.
    fn new(header: &[u8], len: u64) -> Option<Self> {
        let [a, b, c] = *header.first_chunk()?;
        let header = u32::from_le_bytes([a, b, c, 0]);
        // RFC 8878, 3.1.1.2.
        let block = match header >> 1 & 3 {
            2 => Self::Compressed {
                block: Vec::new(),
                left: len_usize(len),
            },
            _ => Self::Plain((header >> 3).into()),
        };
        Some(block)
    }
}

/// What a frame of lz4 with this header has; its decoder checks the rest of it. `Some(None)` if it
/// continues.
fn lz4_frame(header: &[u8]) -> Option<Option<Frame>> {
    const MAGIC: [u8; 4] = 0x184D_2204_u32.to_le_bytes();
    let Some((magic, [flags, _, rest @ ..])) = header.split_first_chunk() else {
        return Some(None);
    };
    if *magic != MAGIC {
        return None;
    }
    let has = |bit: u8| flags & bit != 0;
    // The size of the content, and the checksum of the header.
    let len = if has(1 << 3) { 9 } else { 1 };
    let frame = Frame {
        window_size: if has(1 << 5) { 0 } else { LZ4_WINDOW },
        block_trailer: if has(1 << 4) { 4 } else { 0 },
        trailer: if has(1 << 2) { 4 } else { 0 },
        has_points: true,
    };
    Some((rest.len() >= len).then_some(frame))
}

/// The bytes of a block after its header, and whether that is the last one. `Some(None)` if the header
/// continues; `None` if it is damaged.
fn block_in(compression: Compression, header: &[u8]) -> Option<Option<(u64, bool)>> {
    if compression == Compression::Lz4 {
        let size = header.first_chunk().copied().map(u32::from_le_bytes);
        return Some(size.map(|size| ((size & 0x7FFF_FFFF).into(), size == 0)));
    }
    if len_u64(header.len()) < BLOCK_HEADER {
        return Some(None);
    }
    Some(Some(block(*header.first_chunk()?)?))
}
