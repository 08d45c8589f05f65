//! The frames and blocks of zstd and lz4 streams, followed while they are decompressed.

use alloc::vec::Vec;

use super::point::{MAX_ZSTD_WINDOW, Resume};
use crate::image::seekable::frame_header::{BLOCK_HEADER, FrameHeader, MAX_FRAME_HEADER, block};
use crate::stream::Compression;
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
        })
    }

    /// True between frames.
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Header) && self.header.is_empty()
    }

    /// The kind of a point at the block that begins here. `None` if none does; if it can only be decoded
    /// after those before it, as far as that is known from `following`, the next bytes.
    pub fn resume(&self, _following: &[u8]) -> Option<Resume> {
        let is_block = matches!(&self.state, State::Block(header) if header.is_empty());
        if !is_block || !self.frame.has_points {
            return None;
        }
        match self.compression {
            Compression::Lz4 => Some(Resume::Lz4),
            _ => None,
        }
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
                    taken = taken.saturating_add(len);
                    *left = left.saturating_sub(len_u64(len));
                }
            }
            if let State::Inside { left: 0, is_last } = self.state {
                self.state = match is_last {
                    true => State::Header,
                    false => State::Block(Vec::new()),
                };
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
                    self.state = State::Block(Vec::new());
                }
                None if self.header.len() >= MAX_FRAME_HEADER => return None,
                None => {}
            },
        }
        Some(())
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
