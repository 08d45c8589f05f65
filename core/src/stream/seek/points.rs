//! The points of an index that is being made.

use alloc::vec::Vec;

use super::builder::SeekIndexBuilder;
use super::point::{POINT_BYTES, Point};
use super::xz_blocks::XzBlock;
use crate::stream::resume::Resume;
use crate::units::len_u64;

/// Bytes of content between two points, at least.
const LEAST_SPACING: u64 = 2 << 20;

/// Bytes of content for each byte of a point and its window: they are at most 0.4 % of it, but for windows of
/// more than 512 KiB.
const CONTENT_PER_BYTE: u64 = 250;

/// Ours: the content for each byte of points and windows that are kept in memory, at least, beyond the first
/// [`FEW_BYTES`]. Large windows of zstd, which refer to much of the content, can have more.
const LEAST_CONTENT_PER_BYTE: u64 = 200;

const FEW_BYTES: u64 = 4 << 20;

/// Points, in order.
pub struct Points {
    points: Vec<(Point, u32, Vec<u8>)>,
    /// Where the next one should be.
    next: u64,
    most_spacing: u64,
    /// Bytes of all points and windows.
    stored: u64,
}

impl Points {
    /// No points yet. Between two of them, there are at most `most_spacing` bytes of content: a read may
    /// decode as many.
    pub fn new(most_spacing: u64) -> Self {
        Self {
            points: Vec::new(),
            next: 0,
            most_spacing,
            stored: 0,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.points.len()
    }

    /// Adds points at blocks of xz, in order. `compress` makes of a window what the index has. Returns
    /// the bytes of their content; `None` if they are too far apart.
    pub fn push_xz_blocks(
        &mut self,
        blocks: Vec<XzBlock>,
        mut compress: impl FnMut(&[u8]) -> Option<Vec<u8>>,
    ) -> Option<u64> {
        let mut size: u64 = 0;
        for block in blocks {
            let (resume, position) = match block.stream_position {
                Some(position) => (Resume::Part, position),
                None => (Resume::Xz, block.position),
            };
            let point = Point {
                offset: size,
                compressed_bit: position.checked_mul(8)?,
                resume,
            };
            match resume {
                Resume::Part if self.want_part(size) => self.push(point, 0, Vec::new()),
                Resume::Xz if self.want(size) => {
                    let window = compress(&block.header)?;
                    self.push(point, u32::try_from(block.header.len()).ok()?, window);
                }
                _ => {}
            }
            size = size.checked_add(block.size)?;
            if self.is_too_far(size) {
                return None;
            }
        }
        Some(size)
    }

    /// Whether a part that begins at `offset` should have a point. One that follows a point within
    /// another part has to.
    pub fn want_part(&self, offset: u64) -> bool {
        let last = self.points.last();
        self.want(offset) || last.is_some_and(|(point, ..)| point.resume != Resume::Part)
    }

    /// Whether there should be a point at `offset`, within a part.
    pub fn want(&self, offset: u64) -> bool {
        offset >= self.next
    }

    /// Whether content up to `end` is too far from the last point: then the rest need not be decoded.
    pub fn is_too_far(&self, end: u64) -> bool {
        let last = self.points.last().map_or(0, |(point, ..)| point.offset);
        end.saturating_sub(last) > self.most_spacing
    }

    /// Whether the points take more than 0.5 % of that content, and more than little memory.
    pub fn are_too_large(&self, size: u64) -> bool {
        self.stored > (size / LEAST_CONTENT_PER_BYTE).saturating_add(FEW_BYTES)
    }

    /// Adds a point. It replaces one at the same offset, after which there was no content. `stored` is what its decoder has
    /// to know, `window_len` bytes, as a frame of zstd; empty if that is nothing.
    pub fn push(&mut self, point: Point, window_len: u32, stored: Vec<u8>) {
        let is_same = |(last, ..): &mut (Point, u32, Vec<u8>)| last.offset == point.offset;
        self.points.pop_if(is_same);
        let len = len_u64(POINT_BYTES).saturating_add(len_u64(stored.len()));
        self.stored = self.stored.saturating_add(len);
        let cost = len.saturating_mul(CONTENT_PER_BYTE);
        let spacing = cost.max(LEAST_SPACING).min(self.most_spacing / 2);
        self.next = point.offset.saturating_add(spacing);
        self.points.push((point, window_len, stored));
    }

    /// Adds them to the index of that content. `None` if they are too far apart.
    pub fn finish(mut self, mut builder: SeekIndexBuilder) -> Option<SeekIndexBuilder> {
        let size = builder.size();
        self.points.retain(|(point, ..)| point.offset < size.max(1));
        let starts = self.points.iter().map(|(point, ..)| point.offset);
        let ends = starts.clone().skip(1).chain([size]);
        if starts
            .zip(ends)
            .any(|(start, end)| end.saturating_sub(start) > self.most_spacing)
        {
            return None;
        }
        for (point, window_len, stored) in self.points {
            builder.push(point, window_len, stored);
        }
        Some(builder)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn points_that_are_too_far_apart_end_an_index_at_once() {
        const MOST: u64 = 256 << 20;
        let mut points = Points::new(MOST);
        assert!(points.is_too_far(MOST + 1));
        let point = |offset| Point {
            offset,
            compressed_bit: 0,
            resume: Resume::Part,
        };
        points.push(point(0), 0, Vec::new());
        assert!(!points.is_too_far(MOST));
        points.push(point(MOST), 0, Vec::new());
        assert!(!points.is_too_far(2 * MOST));
        assert!(points.is_too_far(2 * MOST + 1));
    }

    #[test]
    fn points_with_large_windows_end_an_index_that_is_kept_in_memory() {
        let mut points = Points::new(64 << 20);
        for number in 0..10 {
            let point = Point {
                offset: number << 25,
                compressed_bit: number << 20,
                resume: Resume::Zstd,
            };
            points.push(point, 1 << 20, vec![0; 1 << 20]);
        }
        assert!(points.are_too_large(10 << 25));
        assert!(!points.are_too_large(2 << 30));
    }
}
