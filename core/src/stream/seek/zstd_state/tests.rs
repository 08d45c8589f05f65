use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use zstd_safe::{CCtx, CParameter};

use super::fse::Distribution;
use super::*;
use crate::stream::resume::Resume;
use crate::stream::resume::resumed_zstd;
use crate::stream::seek::frames::Frames;
use crate::stream::zstd::Zstd;
use crate::stream::{Compression, Decoder, Limits, Then};

const LIMITS: Limits = Limits {
    memory: 8 << 20,
    threads: 0,
};

/// Bytes before a block that the frames of these tests refer to.
const WINDOW_LOG: u32 = 17;

fn frame(content: &[u8], level: i32) -> Vec<u8> {
    let mut context = CCtx::create();
    for parameter in [
        CParameter::CompressionLevel(level),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::ChecksumFlag(true),
    ] {
        context.set_parameter(parameter).unwrap();
    }
    let mut frame = vec![0; zstd_safe::compress_bound(content.len())];
    let len = context.compress2(frame.as_mut_slice(), content).unwrap();
    frame.truncate(len);
    frame
}

/// Decodes all of `input`; whether that ends a frame.
fn decode(decoder: &mut dyn Decoder, mut input: &[u8], content: &mut Vec<u8>) -> bool {
    let mut output = vec![0; 1 << 16];
    loop {
        let decoded = decoder.decode(input, &mut output);
        content.extend(&output[..decoded.made]);
        input = &input[decoded.taken..];
        match decoded.then {
            Then::End => return true,
            Then::More if decoded.taken == 0 && decoded.made == 0 => return false,
            Then::More => {}
            Then::Failed(problem) => panic!("{problem:?}"),
        }
    }
}

/// Where blocks begin: in the frame, and in the content.
fn blocks(frame: &[u8]) -> Vec<(usize, usize)> {
    let mut frames = Frames::new(Compression::Zstd).unwrap();
    let mut decoder = Zstd::new(LIMITS).unwrap();
    let (mut position, mut content, mut blocks) = (0, Vec::new(), Vec::new());
    while position < frame.len() {
        let step = frames.advance(&frame[position..]).unwrap();
        decode(&mut decoder, &frame[position..][..step.taken], &mut content);
        position += step.taken;
        blocks.push((position, content.len()));
    }
    blocks.pop();
    blocks
}

/// What the decoder has to know at the block at `position`, after `content`.
fn known_at(frame: &[u8], position: usize, content: &[u8]) -> Option<Vec<u8>> {
    let mut frames = Frames::new(Compression::Zstd).unwrap();
    let mut passed = 0;
    while passed < position {
        passed += frames.advance(&frame[passed..position]).unwrap().taken;
    }
    assert_eq!(frames.resume()?, Resume::Zstd);
    let window = content.len().saturating_sub(1 << WINDOW_LOG);
    frames.reduce_window(content[window..].to_vec());
    while passed < frame.len() {
        passed += frames.advance(&frame[passed..]).unwrap().taken;
        if let Some(known) = frames.take_reduced_window() {
            return Some(known);
        }
    }
    // A block refers to a table that the dictionary does not have.
    assert!(!frames.is_reducing());
    None
}

/// From every block of a frame of `content` that has a point, the rest is decoded. Returns the share of blocks
/// that have one.
fn check(name: &str, content: &[u8], level: i32) -> f64 {
    let frame = frame(content, level);
    let blocks = blocks(&frame);
    let mut points = 0.0;
    for &(position, offset) in &blocks {
        let Some(known) = known_at(&frame, position, &content[..offset]) else {
            continue;
        };
        let mut decoder = resumed_zstd(&known, LIMITS).unwrap();
        let mut rest = Vec::new();
        // The checksum of all of it is not a part of the frame that the decoder sees.
        let is_end = decode(&mut *decoder, &frame[position..frame.len() - 4], &mut rest);
        assert!(is_end, "{name}, level {level}, block at {position}");
        assert!(
            rest == content[offset..],
            "{name}, level {level}, block at {position}"
        );
        points += 1.0;
    }
    points / blocks.len() as f64
}

fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// Numbers that refer to each other.
fn numbers(count: u32) -> Vec<u8> {
    let numbers = (0..count).map(|number| number.wrapping_mul(number) >> 9);
    numbers.flat_map(u32::to_le_bytes).collect()
}

fn text() -> Vec<u8> {
    let lines = (0..20_000_u32).map(|line| {
        let number = line.wrapping_mul(2_654_435_761) >> 20;
        format!(
            "{line:>8}: the file {number:x} has {} records\n",
            number % 37
        )
    });
    lines.flat_map(|line| line.into_bytes()).collect()
}

/// Records that differ in one number, so that all sequences are alike.
fn records() -> Vec<u8> {
    let records = (0..3000_u32).map(|number| {
        let mut record = [0x55; 256];
        record[16..20].copy_from_slice(&number.to_be_bytes());
        record
    });
    records.flatten().collect()
}

fn mixed() -> Vec<u8> {
    let parts = [
        text()[..200_000].to_vec(),
        vec![0; 300_000],
        noise(150_000),
        numbers(60_000),
        vec![7; 10],
        records()[..100_000].to_vec(),
        text()[100_000..400_000].to_vec(),
    ];
    parts.concat()
}

#[test]
fn decoding_continues_at_blocks() {
    for level in [-5, 1, 3, 6, 12, 19] {
        for (name, content, least) in [
            ("text", text(), 0.5),
            ("numbers", numbers(200_000), 0.5),
            ("records", records(), 0.5),
            ("zeros", vec![0; 700_000], 0.5),
            ("noise", noise(500_000), 1.0),
            ("mixed", mixed(), 0.5),
        ] {
            let share = check(name, &content, level);
            assert!(share >= least, "{name}, level {level}: {share}");
        }
    }
}

/// A window is mostly zeros if blocks refer to little of it.
#[test]
fn windows_have_what_is_referred_to_alone() {
    let content = [text(), noise(400_000)].concat();
    let frame = frame(&content, 3);
    let blocks = blocks(&frame);
    let is_late = |&&(_, offset): &&(usize, usize)| offset > text().len() + (1 << WINDOW_LOG);
    let &(position, offset) = blocks.iter().find(is_late).unwrap();
    let known = known_at(&frame, position, &content[..offset]).unwrap();
    let window = &known[known.len() - (1 << WINDOW_LOG)..];
    let zeros = window.iter().filter(|&&byte| byte == 0).count();
    assert!(zeros > window.len() / 10 * 9, "{zeros}");
}

/// RFC 8878, 3.1.1.3.2.2.
#[test]
fn predefined_tables_are_those_of_the_format() {
    let check = |description: &[u8], log: u32, expected: &[i32]| {
        let found = Distribution::parse(description).unwrap();
        assert_eq!(found.len, description.len());
        assert_eq!(found.accuracy_log, log);
        let rare = |&count: &i32| u32::try_from(count).ok();
        let expected: Vec<Option<u32>> = expected.iter().map(rare).collect();
        assert_eq!(found.counts, expected);
    };
    let literal_lengths = [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1,
        1, 1, -1, -1, -1, -1,
    ];
    check(&DEFAULT_LITERAL_LENGTHS, 6, &literal_lengths);
    let offsets = [
        1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1,
    ];
    check(&DEFAULT_OFFSETS, 5, &offsets);
    let match_lengths = [
        1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
        1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1,
    ];
    check(&DEFAULT_MATCH_LENGTHS, 6, &match_lengths);
}

/// What is damaged is refused, or taken for something else.
#[test]
fn damaged_blocks_are_harmless() {
    let frame = frame(&mixed(), 3);
    for at in (0..frame.len()).step_by(97) {
        let mut damaged = frame.clone();
        damaged[at] ^= 0x24;
        let mut frames = Frames::new(Compression::Zstd).unwrap();
        let mut position = 0;
        while let Some(step) = damaged
            .get(position..)
            .and_then(|rest| frames.advance(rest))
        {
            position += step.taken;
            let _ = frames.resume();
            frames.reduce_window(noise(1 << 10));
            let _ = frames.take_reduced_window();
        }
    }
}
