//! The index of a zstd or lz4 stream: frames, and blocks of them that can be decoded alone.

use ntfsclone_core::io::ReadAt as _;
use ntfsclone_core::stream::seek::{Frames, Point, Resume};
use ntfsclone_core::stream::{Compression, Decoder, Limits, Then};

use super::content::Content;
use super::points::Points;
use crate::device;
use crate::host::progress::Progress;
use crate::input::Files;
use crate::input::compression::memory_limit;

/// Compressed bytes that are read in one call.
const INPUT_BYTES: u64 = 1 << 20;

/// Windows of zstd between two points, at least: to reduce one, and to keep it, takes time for as much
/// content as it has.
const WINDOWS_APART: u64 = 4;

/// Bytes of content between two points of zstd, at least: a read that decodes them takes a few milliseconds.
const LEAST_SPACING: u64 = 8 << 20;

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
    let mut frames = Frames::new(compression)?;
    let mut content = Content::new();
    let mut points = Points::default();
    // Its window is not known yet.
    let mut pending: Option<Point> = None;
    let mut next_reduced = 0;
    let mut position = 0;
    let mut input = Vec::new();
    while position < files.size() {
        let len = INPUT_BYTES.min(files.size() - position);
        input.resize(usize::try_from(len).ok()?, 0);
        files.read_exact_at(position, &mut input).ok()?;
        let mut rest = &input[..];
        while !rest.is_empty() {
            let offset = content.size();
            let at = |resume| Point {
                offset,
                compressed_bit: position * 8,
                resume,
            };
            if frames.is_between() {
                if position > 0 {
                    decoder.restart().ok()?;
                }
                if points.want_part(offset) {
                    points.push(at(Resume::Part), &[])?;
                }
            } else if pending.is_none()
                && offset >= next_reduced
                && points.want(offset)
                && let Some(resume) = frames.resume()
            {
                content.keep(frames.window_size());
                if resume == Resume::Zstd {
                    frames.reduce_window(content.window());
                    next_reduced = offset + LEAST_SPACING.max(WINDOWS_APART * frames.window_size());
                    pending = Some(at(resume));
                } else {
                    let window = [frames.header(), &content.window()].concat();
                    points.push(at(resume), &window)?;
                }
            }
            let step = frames.advance(rest)?;
            content.keep(frames.window_size());
            if let Some(window) = frames.take_reduced_window()
                && let Some(point) = pending.take()
            {
                points.push(point, &window)?;
            }
            if !frames.is_reducing() {
                // It turned out that decoding cannot begin there.
                pending = None;
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
    is_whole.then(|| points.finish(content.finish()?, compression, files, identity))?
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
