//! The points of an index that is being made.

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::seek::{Point, Resume, SeekIndexBuilder};

use crate::input::Files;

/// Bytes of content between two points, at least.
const LEAST_SPACING: u64 = 2 << 20;

/// Bytes of content for each byte of a point and its window: they are at most 0.4 % of it, but for windows of
/// more than 512 KiB.
const CONTENT_PER_BYTE: u64 = 250;

/// Bytes of a point itself, in the file.
const POINT_BYTES: u64 = 40;

/// Bytes of content between two points, at most: a read may decode as many. With more, to decompress all
/// of it once, to a temporary file, is quicker.
const MOST_SPACING: u64 = 256 << 20;

/// The level of zstd that windows are compressed with.
const WINDOW_LEVEL: i32 = 3;

/// Points, in order.
#[derive(Default)]
pub(super) struct Points {
    points: Vec<(Point, u32, Vec<u8>)>,
    /// Where the next one should be.
    next: u64,
}

impl Points {
    /// Whether a part that begins at `offset` should have a point. One that follows a point within
    /// another part has to.
    pub(super) fn want_part(&self, offset: u64) -> bool {
        let last = self.points.last();
        self.want(offset) || last.is_some_and(|(point, ..)| point.resume != Resume::Part)
    }

    /// Whether there should be a point at `offset`, within a part.
    pub(super) fn want(&self, offset: u64) -> bool {
        offset >= self.next
    }

    /// Whether content up to `end` is too far from the last point: then the rest need not be decoded.
    pub(super) fn is_too_far(&self, end: u64) -> bool {
        let last = self.points.last().map_or(0, |(point, ..)| point.offset);
        end.saturating_sub(last) > MOST_SPACING
    }

    /// Adds a point. It replaces one at the same offset, after which there was no content. `window` is
    /// what its decoder has to know.
    pub(super) fn push(&mut self, point: Point, window: &[u8]) -> Option<()> {
        let stored = match window.is_empty() {
            true => Vec::new(),
            false => compress(window)?,
        };
        let is_same = |(last, ..): &mut (Point, u32, Vec<u8>)| last.offset == point.offset;
        self.points.pop_if(is_same);
        let cost = (POINT_BYTES + stored.len() as u64) * CONTENT_PER_BYTE;
        self.next = point.offset + cost.clamp(LEAST_SPACING, MOST_SPACING / 2);
        let len = u32::try_from(window.len()).ok()?;
        self.points.push((point, len, stored));
        Some(())
    }

    /// The file of the index. `None` if the points are too far apart.
    pub(super) fn finish(
        mut self,
        mut builder: SeekIndexBuilder,
        compression: Compression,
        files: &Files,
        identity: [u8; 32],
    ) -> Option<Vec<u8>> {
        let size = builder.size();
        self.points.retain(|(point, ..)| point.offset < size.max(1));
        let starts = self.points.iter().map(|(point, ..)| point.offset);
        let ends = starts.clone().skip(1).chain([size]);
        if starts
            .zip(ends)
            .any(|(start, end)| end - start > MOST_SPACING)
        {
            return None;
        }
        for (point, len, stored) in self.points {
            builder.push(point, len, stored);
        }
        Some(builder.finish(compression, files.size(), identity))
    }
}

/// A window as the index has it.
pub(super) fn compress(window: &[u8]) -> Option<Vec<u8>> {
    let mut stored = zstd::bulk::compress(window, WINDOW_LEVEL).ok()?;
    // It has space for what cannot be compressed, and all windows are kept until the end.
    stored.shrink_to_fit();
    Some(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_that_are_too_far_apart_end_an_index_at_once() {
        let mut points = Points::default();
        assert!(points.is_too_far(MOST_SPACING + 1));
        let point = |offset| Point {
            offset,
            compressed_bit: 0,
            resume: Resume::Part,
        };
        points.push(point(0), &[]).unwrap();
        assert!(!points.is_too_far(MOST_SPACING));
        points.push(point(MOST_SPACING), &[]).unwrap();
        assert!(!points.is_too_far(2 * MOST_SPACING));
        assert!(points.is_too_far(2 * MOST_SPACING + 1));
    }
}
