//! The index of a zstd or lz4 stream: frames, and blocks of them that can be decoded alone.

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::resume::Resume;
use ntfsclone_core::stream::seek::{FramePoints, Point};
use ntfsclone_core::stream::{Compression, Decoder, Limits, Then};

use super::content::Content;
use super::points::{finish, no_points, push};
use crate::device;
use crate::host::progress::Progress;
use crate::input::Files;
use crate::input::compression::memory_limit;

/// Compressed bytes that are read in one call.
const INPUT_BYTES: u64 = 1 << 20;

pub(super) fn index_of(
    files: &Files,
    compression: Compression,
    identity: [u8; 32],
    progress: &mut Progress,
) -> Option<Vec<u8>> {
    let limits = Limits {
        memory: memory_limit(device::usable_memory()),
        threads: 0,
    };
    let mut decoder = compression.new_decoder(limits)?.ok()?;
    let mut frames = FramePoints::new(compression)?;
    let mut content = Content::new();
    let mut points = no_points();
    let mut position = 0;
    let mut input = Vec::new();
    while position < files.size() {
        let len = INPUT_BYTES.min(files.size() - position);
        input.resize(usize::try_from(len).ok()?, 0);
        files.read_exact_at(position, &mut input).ok()?;
        let mut rest = &input[..];
        while !rest.is_empty() {
            let offset = content.size();
            if frames.is_between() {
                if position > 0 {
                    decoder.restart().ok()?;
                }
                if points.want_part(offset) {
                    let point = Point {
                        offset,
                        compressed_bit: position * 8,
                        resume: Resume::Part,
                    };
                    push(&mut points, point, &[])?;
                }
            } else if points.want(offset) {
                content.keep(frames.window_size());
                let found = frames.point_at(offset, position, || content.window());
                if let Some((point, window)) = found {
                    push(&mut points, point, &window)?;
                }
            }
            let (step, reduced) = frames.advance(rest)?;
            content.keep(frames.window_size());
            if let Some((point, window)) = reduced {
                push(&mut points, point, &window)?;
            }
            let (now, later) = rest.split_at(step.taken);
            let ends = decode(&mut *decoder, now, &mut content)?;
            if ends != step.is_end || points.is_too_far(content.size()) {
                return None;
            }
            position += now.len() as u64;
            rest = later;
        }
        progress.advance_to(position);
    }
    // Cut short otherwise.
    let is_whole = frames.is_between();
    is_whole.then(|| finish(points, content.finish()?, compression, files, identity))?
}

/// Decodes all of `input`. Returns whether the frame ends there.
fn decode(decoder: &mut dyn Decoder, mut input: &[u8], content: &mut Content) -> Option<bool> {
    loop {
        let decoded = decoder.decode(input, content.space());
        content.take(decoded.made)?;
        input = &input[decoded.taken..];
        match decoded.then {
            Then::Failed(_) => return None,
            Then::End => return input.is_empty().then_some(true),
            Then::More if decoded.taken == 0 && decoded.made == 0 => {
                return input.is_empty().then_some(false);
            }
            Then::More => {}
        }
    }
}
