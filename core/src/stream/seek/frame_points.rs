//! Points at the blocks of zstd and lz4 frames, found while they are decompressed.

use alloc::vec::Vec;

use super::frames::{Frames, Step};
use super::point::Point;
use crate::stream::Compression;
use crate::stream::resume::Resume;

/// Windows of zstd between two points, at least: to reduce one, and to keep it, takes time for as much
/// content as it has.
const WINDOWS_APART: u64 = 4;

/// Bytes of content between two points of zstd, at least: a read that decodes them takes a few milliseconds.
const LEAST_SPACING: u64 = 8 << 20;

/// A point, and what its decoder has to know.
pub(super) type KnownPoint = (Point, Vec<u8>);

/// Follows the frames of a stream, from its start, and finds points.
pub struct FramePoints {
    frames: Frames,
    /// Its window is not known yet.
    pending: Option<Point>,
    next_reduced: u64,
}

impl FramePoints {
    /// At the start of a stream. `None` for formats without frames.
    pub fn new(compression: Compression) -> Option<Self> {
        Some(Self {
            frames: Frames::new(compression)?,
            pending: None,
            next_reduced: 0,
        })
    }

    /// True between frames.
    pub fn is_between(&self) -> bool {
        self.frames.is_between()
    }

    /// Bytes of content before a block that its decoder has to know; 0 in frames without points.
    pub fn window_size(&self) -> u64 {
        self.frames.window_size()
    }

    /// The point at the block that begins here, `offset` in the content and `position` in the stream, if a point is
    /// desired. That of a block of zstd comes later, with [`FramePoints::advance`]. `window` returns the last
    /// [`FramePoints::window_size`] bytes of the content.
    pub fn point_at(
        &mut self,
        offset: u64,
        position: u64,
        window: impl FnOnce() -> Vec<u8>,
    ) -> Option<KnownPoint> {
        if self.pending.is_some() || offset < self.next_reduced {
            return None;
        }
        let resume = self.frames.resume()?;
        let point = Point {
            offset,
            compressed_bit: position.saturating_mul(8),
            resume,
        };
        if resume == Resume::Zstd {
            self.frames.reduce_window(window());
            let apart = WINDOWS_APART.saturating_mul(self.frames.window_size());
            self.next_reduced = offset.saturating_add(apart.max(LEAST_SPACING));
            self.pending = Some(point);
            return None;
        }
        Some((point, [self.frames.header(), &window()].concat()))
    }

    /// Goes past the next bytes, see [`Frames::advance`]. With a point if its window is known now.
    pub fn advance(&mut self, bytes: &[u8]) -> Option<(Step, Option<KnownPoint>)> {
        let step = self.frames.advance(bytes)?;
        let mut found = None;
        if let Some(window) = self.frames.take_reduced_window()
            && let Some(point) = self.pending.take()
        {
            found = Some((point, window));
        }
        if !self.frames.is_reducing() {
            // It turned out that decoding cannot begin there.
            self.pending = None;
        }
        Some((step, found))
    }
}
