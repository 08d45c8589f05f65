//! Streams that are compressed, sound and not.

use std::io::Write;
use std::sync::Arc;

use liblzma::stream::LzmaOptions;
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use ntfsclone_core::jobs::{self, Failure, Step};
use ntfsclone_core::stream::{Compression, Limits, Stream, StreamError};

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
        Compression::Lzop => lzop(bytes, 0x3),
        Compression::Lzip => lzip(bytes),
        Compression::Lzma => lzma(bytes),
    }
}

/// Blocks of 256 KiB, with checksums by these flags, and a name of five bytes.
fn lzop(bytes: &[u8], flags: u32) -> Vec<u8> {
    let adler32 = adler2::adler32_slice;
    let mut header = b"\x10\x40\x20\xA0\x09\x40\x01\x05".to_vec();
    header.extend(flags.to_be_bytes());
    header.extend([0; 12]);
    header.extend(b"\x05a.img");
    let sum = if flags & 0x1000 == 0 {
        adler32(&header)
    } else {
        crc32(&header)
    };
    let mut out = [b"\x89LZO\0\r\n\x1A\n", &header[..], &sum.to_be_bytes()].concat();
    for content in bytes.chunks(256 << 10) {
        let packed = lzokay::compress::compress(content).unwrap();
        let is_smaller = packed.len() < content.len();
        let block = if is_smaller { &packed } else { content };
        let mut fields = vec![content.len() as u32, block.len() as u32];
        for (flag, sum) in [
            (0x1, adler32(content)),
            (0x100, crc32(content)),
            (0x2, adler32(block)),
            (0x200, crc32(block)),
        ] {
            let is_there = flags & flag != 0 && (is_smaller || flag & 0x202 == 0);
            fields.extend(is_there.then_some(sum));
        }
        out.extend(fields.iter().flat_map(|field| field.to_be_bytes()));
        out.extend(block);
    }
    out.extend([0; 4]);
    out
}

fn lzma(bytes: &[u8]) -> Vec<u8> {
    let options = LzmaOptions::new_preset(1).unwrap();
    let stream = liblzma::stream::Stream::new_lzma_encoder(&options).unwrap();
    let mut encoder = liblzma::write::XzEncoder::new_stream(Vec::new(), stream);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The same code between another header, for a dictionary of 1 MiB, and a
/// trailer.
fn lzip(bytes: &[u8]) -> Vec<u8> {
    let code = &lzma(bytes)[13..];
    let len = code.len() as u64 + 26;
    let size = (bytes.len() as u64).to_le_bytes();
    let sum = crc32(bytes).to_le_bytes();
    [b"LZIP\x01\x14", code, &sum, &size, &len.to_le_bytes()].concat()
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
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
    // lzma has no checksums: an image within has to be looked at.
    let all = Compression::ALL.iter().copied();
    for compression in all.filter(|&one| one != Compression::Lzma) {
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
fn files_of_lzop_have_any_checksums() {
    // What repeats is compressed, the rest is stored.
    let content = [&content(600_000)[..], &b"some text ".repeat(60_000)].concat();
    for flags in [0, 0x1, 0x2, 0x3, 0x100, 0x200, 0x303, 0x1101] {
        let bytes = lzop(&content, flags);
        let found = decompress(Compression::Lzop, &bytes, false).unwrap();
        assert!(found == content, "{flags:#x}");
        // A byte of the name, of a stored block, and of one that is compressed.
        for (at, has_sum) in [
            (36, true),
            (1000, flags & 0x101 != 0),
            (bytes.len() - 50, flags != 0),
        ] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            let found = decompress(Compression::Lzop, &damaged, false);
            assert!(found.is_err() || !has_sum, "{flags:#x} at {at}");
        }
    }
    // Filters and files in several parts are unknown; so are other methods.
    for flags in [0x800, 0x400] {
        let found = error(Compression::Lzop, &lzop(&content, flags));
        assert!(
            found.to_string().contains("options that are unknown"),
            "{found}"
        );
    }
    let mut other_method = lzop(&content, 0);
    other_method[15] = 128;
    let found = error(Compression::Lzop, &other_method);
    assert!(
        found.to_string().contains("options that are unknown"),
        "{found}"
    );
}

#[test]
fn blocks_of_lzop_are_limited() {
    let compression = Compression::Lzop;
    let sound = lzop(b"hello", 0);
    let with_size = |size: u32| {
        let mut bytes = sound.clone();
        let at = bytes.len() - 4 - 5 - 8;
        bytes[at..at + 4].copy_from_slice(&size.to_be_bytes());
        bytes
    };
    // More than the format allows.
    for size in [(64 << 20) + 1, u32::MAX] {
        let found = error(compression, &with_size(size));
        assert!(matches!(found, StreamError::Damaged { .. }), "{found}");
    }
    // A block, and what it is compressed to.
    let limits = Limits {
        memory: 1 << 20,
        threads: 0,
    };
    let mut stream = Stream::new(compression, limits, false).unwrap();
    let bytes = with_size((512 << 10) + 1);
    stream.decode(&bytes, &mut [0; 100]).unwrap();
    let position = stream.position() as usize;
    let found = stream
        .decode(&bytes[position..], &mut [0; 100])
        .unwrap_err();
    assert!(matches!(found, StreamError::Limit { limit, .. } if limit == 1 << 20));
}

/// A dictionary of 512 MiB, the largest of lzip, and one of 1 GiB.
#[test]
fn dictionaries_of_lzip_and_lzma_are_limited() {
    let mut member = lzip(b"hello");
    member[5] = 29;
    let mut file = lzma(b"hello");
    file[1..5].copy_from_slice(&(1_u32 << 30).to_le_bytes());
    for (compression, bytes) in [(Compression::Lzip, member), (Compression::Lzma, file)] {
        let found = error(compression, &bytes);
        assert!(matches!(found, StreamError::Limit { .. }), "{found}");
    }
}

/// lzma has no magic: its header has to be one that encoders write.
#[test]
fn lzma_is_detected_by_its_header() {
    let file = lzma(b"hello");
    let mut of_known_size = file.clone();
    of_known_size[5..13].copy_from_slice(&5_u64.to_le_bytes());
    for sound in [&file, &of_known_size] {
        assert_eq!(Compression::of(sound), Some(Compression::Lzma));
        assert_eq!(
            decompress(Compression::Lzma, sound, false).unwrap(),
            b"hello"
        );
    }
    let changes: [(usize, &[u8]); 4] = [
        (0, b"\xEB"),
        (1, b"\x01"),
        (5, &(1_u64 << 40).to_le_bytes()),
        (13, b"\x01"),
    ];
    for (at, bytes) in changes {
        let mut other = file.clone();
        other[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!(Compression::of(&other), None, "{at}");
    }
    assert_eq!(Compression::of(&file[..13]), None);
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
