//! Streams that are compressed, sound and not.

use std::io::Write;
use std::sync::Arc;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use ntfsclone_core::jobs::{self, Failure, Step};
use ntfsclone_core::stream::{Compression, Stream, StreamError};

use crate::driver::Driver;

pub(crate) fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    match compression {
        Compression::Zstd => {
            let mut context = zstd_safe::CCtx::create();
            let checksum = zstd_safe::CParameter::ChecksumFlag(true);
            context.set_parameter(checksum).unwrap();
            let mut out = vec![0; zstd_safe::compress_bound(bytes.len())];
            let len = context.compress2(&mut out[..], bytes).unwrap();
            out.truncate(len);
            out
        }
        Compression::Gzip => {
            let builder = flate2::GzBuilder::new()
                .filename("a.img")
                .comment("a comment");
            let builder = builder.extra([7; 300]);
            let mut encoder = builder.write(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Bzip2 => {
            let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        Compression::Lz4 => lz4(bytes, BlockSize::Max256KB, BlockMode::Independent),
        Compression::Xz => {
            let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
    }
}

fn lz4(bytes: &[u8], size: BlockSize, mode: BlockMode) -> Vec<u8> {
    let info = FrameInfo::new().block_size(size).block_mode(mode);
    let info = info.content_checksum(true).block_checksums(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Not to be compressed much, so that there are several blocks of it.
fn content(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..len).map(step).collect()
}

fn stream(compression: Compression, ends_anywhere: bool) -> Result<Stream, StreamError> {
    Stream::new(compression, jobs::DECODER_LIMITS, ends_anywhere)
}

fn decompress(
    compression: Compression,
    bytes: &[u8],
    ends_anywhere: bool,
) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(bytes);
    let pages = Arc::clone(&driver.pages);
    let mut task = jobs::decompress(pages, stream(compression, ends_anywhere)?);
    let output = driver.output(&mut task)?;
    assert!(driver.read < bytes.len() as u64 + (1 << 20));
    Ok(output)
}

fn error(compression: Compression, bytes: &[u8]) -> StreamError {
    match decompress(compression, bytes, false) {
        Err(Failure::Decompress(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken for sound"),
    }
}

#[test]
fn parts_are_joined() {
    let content = content(7_000_000);
    let (first, second) = content.split_at(3_000_000);
    for compression in Compression::ALL.iter().copied() {
        let mut bytes = compress(compression, first);
        bytes.extend(compress(compression, b""));
        if compression == Compression::Zstd {
            // A frame to be skipped.
            bytes.extend(b"\x5A\x2A\x4D\x18\x03\0\0\0abc");
        }
        bytes.extend(compress(compression, second));
        let found = decompress(compression, &bytes, false).unwrap();
        assert!(found == content, "{compression}");
        for byte in [b"\0", b"x"] {
            let longer = [&bytes[..], byte].concat();
            let expected = StreamError::TrailingBytes {
                compression,
                position: bytes.len() as u64,
            };
            assert_eq!(error(compression, &longer), expected);
            let found = decompress(compression, &longer, true).unwrap();
            assert!(found == content, "{compression} in a partition");
        }
    }
}

#[test]
fn many_small_members_are_joined() {
    let content = content(500_000);
    let members = content.chunks(999);
    let bytes: Vec<u8> = members
        .flat_map(|member| compress(Compression::Gzip, member))
        .collect();
    assert!(decompress(Compression::Gzip, &bytes, false).unwrap() == content);
}

/// `printf hello | gzip -n`, after its header.
const HELLO: &[u8] = b"\xCB\x48\xCD\xC9\xC9\x07\0\x86\xA6\x10\x36\x05\0\0\0";

#[test]
fn headers_of_gzip_may_hold_more() {
    let header =
        |flags: u8, more: &[u8]| [&[0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3], more].concat();
    for (flags, more) in [
        (0, &b""[..]),
        // It is text, the only flag that adds nothing.
        (1, b""),
        (1 << 1, b"cc"),
        (1 << 2, b"\x03\0abc"),
        (1 << 3, b"name\0"),
        (1 << 4, b"comment\0"),
        (0b11111, b"\x03\0abc\0\0cc"),
    ] {
        let header = header(flags, more);
        let whole = [header.as_slice(), HELLO].concat();
        let found = decompress(Compression::Gzip, &whole, false).unwrap();
        assert_eq!(found, b"hello", "{flags:#b}");
        for len in 3..header.len() {
            let found = error(Compression::Gzip, &header[..len]);
            assert!(
                matches!(found, StreamError::CutShort { .. }),
                "{flags:#b}, {len} bytes"
            );
        }
    }
    let endless = header(1 << 3, &[b'a'; 200_000]);
    for damaged in [[header(1 << 5, b"").as_slice(), HELLO].concat(), endless] {
        let found = error(Compression::Gzip, &damaged);
        assert!(matches!(found, StreamError::Damaged { .. }), "{found}");
    }
}

#[test]
fn no_part_of_a_stream_is_a_stream() {
    let content = content(300_000);
    for compression in Compression::ALL.iter().copied() {
        let bytes = compress(compression, &content);
        let near_ends = (16..400).chain(bytes.len() - 64..bytes.len());
        for len in near_ends.chain((400..bytes.len() - 64).step_by(9973)) {
            let expected = StreamError::CutShort {
                compression,
                position: len as u64,
            };
            assert_eq!(error(compression, &bytes[..len]), expected, "{len} bytes");
        }
    }
}

#[test]
fn damage_is_found() {
    let content = content(300_000);
    for compression in Compression::ALL.iter().copied() {
        let bytes = compress(compression, &content);
        for at in (400..bytes.len()).step_by(4999).chain([bytes.len() - 3]) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            error(compression, &damaged);
        }
    }
}

#[test]
fn zeros_come_as_holes() {
    let mut content = content(9 << 20);
    content[1 << 20..8 << 20].fill(0);
    for compression in Compression::ALL.iter().copied() {
        let bytes = compress(compression, &content);
        let mut driver = Driver::new(bytes.as_slice());
        let pages = Arc::clone(&driver.pages);
        let mut task = jobs::decompress(pages, stream(compression, false).unwrap());
        let (mut holes, mut len) = (0, 0);
        driver
            .run(&mut task, |step| match step {
                Step::Hole(hole) => (holes, len) = (holes + hole, len + hole),
                Step::Bytes(bytes) => len += bytes.len() as u64,
                _ => {}
            })
            .unwrap();
        assert_eq!(len, content.len() as u64, "{compression}");
        assert!(holes >= 5 << 20, "{compression}: {holes}");
        let total = bytes.len() as u64;
        assert_eq!(task.progress(), (total, total));
        // What is kept does not grow with what was read.
        assert!(driver.peak <= 24 << 20);
    }
}

#[test]
fn memory_is_limited() {
    // A frame with a window of 256 MiB, and no content yet.
    let mut context = zstd_safe::CCtx::create();
    for parameter in [
        zstd_safe::CParameter::WindowLog(28),
        zstd_safe::CParameter::EnableLongDistanceMatching(true),
    ] {
        context.set_parameter(parameter).unwrap();
    }
    let mut out = vec![0; 1 << 20];
    let mut output = zstd_safe::OutBuffer::around(&mut out[..]);
    let content = content(100_000);
    let mut input = zstd_safe::InBuffer::around(&content);
    context.compress_stream(&mut output, &mut input).unwrap();
    context.end_stream(&mut output).unwrap();
    let len = output.pos();
    let found = error(Compression::Zstd, &out[..len]);
    assert!(matches!(found, StreamError::Limit { limit, .. } if limit == 128 << 20));
    let found = Failure::Decompress(found);
    assert!(found.to_string().contains("zstd -d --long=31"), "{found}");
    assert_eq!(found.code(), "limit");
}

#[test]
fn what_cannot_be_decompressed_is_named() {
    let compression = Compression::Xz;
    let found = Failure::Decompress(StreamError::NoDecoder { compression });
    assert_eq!(found.code(), "not-seekable");
    assert!(found.to_string().ends_with("xz -d"), "{found}");
}

#[test]
fn blocks_of_lz4_are_of_any_size_and_may_be_linked() {
    // What repeats is found again in the blocks before.
    let content: Vec<u8> = content(50_000).repeat(100);
    for size in [
        BlockSize::Max64KB,
        BlockSize::Max256KB,
        BlockSize::Max1MB,
        BlockSize::Max4MB,
    ] {
        for mode in [BlockMode::Independent, BlockMode::Linked] {
            let bytes = lz4(&content, size, mode);
            let found = decompress(Compression::Lz4, &bytes, false).unwrap();
            assert!(found == content, "{size:?}, {mode:?}");
        }
    }
    // Neither sizes nor checksums, but for the header's.
    let info = FrameInfo::new().block_size(BlockSize::Max64KB);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&content).unwrap();
    let bytes = encoder.finish().unwrap();
    assert!(decompress(Compression::Lz4, &bytes, false).unwrap() == content);
    let without_end = &bytes[..bytes.len() - 4];
    let found = error(Compression::Lz4, without_end);
    assert!(matches!(found, StreamError::CutShort { .. }));
    let legacy = b"\x02\x21\x4C\x18\x06\0\0\0\x50hello";
    let found = error(Compression::Lz4, legacy);
    assert!(
        found.to_string().contains("does not begin as a frame"),
        "{found}"
    );
}
