//! The points of an index that is being made: their windows are compressed here.

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::seek::{Point, Points, SeekIndexBuilder};

use crate::input::Files;

/// Bytes of content between two points, at most: a read may decode as many. With more, to decompress all
/// of it once, to a temporary file, is quicker.
const MOST_SPACING: u64 = 256 << 20;

/// The level of zstd that windows are compressed with.
const WINDOW_LEVEL: i32 = 3;

/// No points yet.
pub(super) fn no_points() -> Points {
    Points::new(MOST_SPACING)
}

/// Adds a point. `window` is what its decoder has to know.
pub(super) fn push(points: &mut Points, point: Point, window: &[u8]) -> Option<()> {
    let stored = match window.is_empty() {
        true => Vec::new(),
        false => compress(window)?,
    };
    points.push(point, u32::try_from(window.len()).ok()?, stored);
    Some(())
}

/// The file of the index. `None` if the points are too far apart.
pub(super) fn finish(
    points: Points,
    content: SeekIndexBuilder,
    compression: Compression,
    files: &Files,
    identity: [u8; 32],
) -> Option<Vec<u8>> {
    let builder = points.finish(content)?;
    Some(builder.finish(compression, files.size(), identity))
}

/// A window as the index has it.
pub(super) fn compress(window: &[u8]) -> Option<Vec<u8>> {
    let mut stored = zstd::bulk::compress(window, WINDOW_LEVEL).ok()?;
    // It has space for what cannot be compressed, and all windows are kept until the end.
    stored.shrink_to_fit();
    Some(stored)
}
