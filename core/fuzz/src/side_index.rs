//! The index of a compressed stream.

use std::sync::Arc;

use ntfsclone_core::io::{ReadAt, Source};
use ntfsclone_core::stream::resume::Resume;
use ntfsclone_core::stream::seek::{
    Frames, IndexedReader, Point, SeekIndex, SeekIndexBuilder, xz_blocks,
};
use ntfsclone_core::stream::{Compression, Limits, Stream};

/// Content that is looked at: some bytes may be decompressed to any number.
const MAX_CONTENT: usize = 4 << 20;

const LIMITS: Limits = Limits {
    memory: 8 << 20,
    threads: 0,
};

/// A number of points, what they are, and a stream. Whatever the points are, what is read with them is the
/// content, or an error. The same bytes are taken for the file of an index.
pub fn side_index(data: &[u8]) {
    open(data);
    let Some((&count, mut rest)) = data.split_first() else {
        return;
    };
    let mut points = Vec::new();
    for _ in 0..count % 8 {
        let Some(([kind, offset, position, len @ ..], after)) = rest.split_first_chunk::<5>()
        else {
            return;
        };
        let len = usize::from(u16::from_le_bytes(*len)).min(after.len());
        let (window, after) = after.split_at(len);
        points.push((*kind, *offset, *position, window));
        rest = after;
    }
    let stream = rest;
    let source: Source = Arc::new(Arc::<[u8]>::from(stream));
    let _ = xz_blocks(&source);
    let Some(compression) = Compression::of(stream) else {
        return;
    };
    let Some(content) = decompress(compression, stream) else {
        return;
    };
    let share = |of: usize, share: u8| (of as u64) * u64::from(share) / 256;
    let points = points.into_iter().map(|(kind, offset, position, window)| {
        let point = Point {
            offset: share(content.len(), offset),
            // Any bit.
            compressed_bit: share(stream.len(), position) * 8 + u64::from(offset % 8),
            resume: kind_of(kind),
        };
        (point, window.to_vec())
    });
    check(compression, stream, &content, points.collect());
    check(
        compression,
        stream,
        &content,
        points_of(compression, stream),
    );
}

/// The tables of an index are read, if they are those of one.
fn open(file: &[u8]) {
    let Ok(index) = SeekIndex::open(Arc::new(Arc::<[u8]>::from(file))) else {
        return;
    };
    let source: Source = Arc::new(Arc::<[u8]>::from(file));
    let reader = IndexedReader::new(source, index, LIMITS);
    let _ = reader.read_exact_at(reader.last_block_start(), &mut [0]);
}

fn kind_of(number: u8) -> Resume {
    match number % 6 {
        0 => Resume::Part,
        1 => Resume::Deflate,
        2 => Resume::Zstd,
        3 => Resume::Xz,
        4 => Resume::Bzip2,
        _ => Resume::Lz4,
    }
}

/// All of the content, if it is sound and not too long.
fn decompress(compression: Compression, stream: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = Stream::new(compression, LIMITS, false).ok()?;
    let mut content = Vec::new();
    let mut output = vec![0; 1 << 20];
    let mut position = 0;
    while !decoder.has_ended() {
        let (taken, made) = decoder.decode(&stream[position..], &mut output).ok()?;
        position += taken;
        content.extend(&output[..made]);
        if content.len() > MAX_CONTENT {
            return None;
        }
    }
    Some(content)
}

/// Points at blocks of zstd, as far as they are found.
fn points_of(compression: Compression, stream: &[u8]) -> Vec<(Point, Vec<u8>)> {
    let mut points = Vec::new();
    let Some(mut frames) = Frames::new(compression).filter(|_| compression == Compression::Zstd)
    else {
        return points;
    };
    let mut decoder = Stream::new(compression, LIMITS, false).unwrap();
    let mut output = vec![0; 1 << 20];
    let (mut position, mut pending) = (0, None);
    let mut content = Vec::new();
    while position < stream.len() {
        if pending.is_none()
            && let Some(resume) = frames.resume()
        {
            pending = Some(Point {
                offset: content.len() as u64,
                compressed_bit: position as u64 * 8,
                resume,
            });
            let window = usize::try_from(frames.window_size()).unwrap();
            frames.reduce_window(content[content.len().saturating_sub(window)..].to_vec());
        }
        let Some(step) = frames.advance(&stream[position..]) else {
            break;
        };
        let mut input = &stream[position..][..step.taken];
        while let Ok((taken, made)) = decoder.decode(input, &mut output) {
            content.extend(&output[..made]);
            input = &input[taken..];
            if taken == 0 && made == 0 || input.is_empty() && made < output.len() {
                break;
            }
        }
        position += step.taken;
        if let Some(window) = frames.take_reduced_window()
            && let Some(point) = pending.take()
        {
            points.push((point, window));
        }
        if !frames.is_reducing() {
            pending = None;
        }
    }
    points
}

/// Reads the content by an index with these points, from its end to its start.
fn check(
    compression: Compression,
    stream: &[u8],
    content: &[u8],
    mut points: Vec<(Point, Vec<u8>)>,
) {
    let start = Point {
        offset: 0,
        compressed_bit: 0,
        resume: Resume::Part,
    };
    points.push((start, Vec::new()));
    points.sort_by_key(|(point, _)| (point.offset, point.compressed_bit));
    points.dedup_by_key(|(point, _)| point.offset);
    points.dedup_by_key(|(point, _)| point.compressed_bit);
    let mut builder = SeekIndexBuilder::new();
    builder.update(content);
    for (point, window) in points {
        let stored = match window.is_empty() {
            true => Vec::new(),
            false => stored(&window),
        };
        builder.push(point, window.len() as u32, stored);
    }
    let file = builder.finish(compression, stream.len() as u64, [0; 32]);
    let Ok(index) = SeekIndex::open(Arc::new(Arc::<[u8]>::from(file))) else {
        return;
    };
    assert_eq!(index.size(), content.len() as u64);
    let source: Source = Arc::new(Arc::<[u8]>::from(stream));
    let reader = IndexedReader::new(source, index, LIMITS);
    for start in (0..content.len()).step_by(1 << 20).rev() {
        let mut read = vec![0; (content.len() - start).min(1 << 20)];
        if reader.read_exact_at(start as u64, &mut read).is_ok() {
            assert!(read == content[start..][..read.len()]);
        }
    }
}

/// A frame of zstd whose blocks are stored as they are.
fn stored(content: &[u8]) -> Vec<u8> {
    // A single segment, whose size has 4 bytes.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xA0];
    frame.extend((content.len() as u32).to_le_bytes());
    let mut blocks = content.chunks(1 << 16).peekable();
    while let Some(block) = blocks.next() {
        let is_last = u32::from(blocks.peek().is_none());
        let header = (block.len() as u32) << 3 | is_last;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.extend(block);
    }
    frame
}
