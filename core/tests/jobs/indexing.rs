//! Compressed streams that are read at any place by an index.

use std::io::Write;
use std::sync::Arc;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Arrival, CompressedStream, Failure, IndexCodecs, Indexed, Opening};
use ntfsclone_core::stream::Compression;
use ntfsclone_core::stream::StreamError;
use ntfsclone_core::stream::resume::{Resume, new_decoder_at};
use ntfsclone_core::stream::seek::{Point, SeekIndex};
use ntfsclone_core::write::ZstdCompressor;
use proptest::prelude::*;
use zstd_safe::{CCtx, CParameter};

use crate::driver::Driver;

type Bytes = Arc<[u8]>;

/// Numbers, which refer to each other, between zeros.
fn content() -> Vec<u8> {
    let words = (0..1_700_000_u32).map(|number| number.wrapping_mul(number) >> 9);
    let mut content: Vec<u8> = words.flat_map(u32::to_le_bytes).collect();
    content.splice(3 << 20..3 << 20, vec![0; 2 << 20]);
    content
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// In blocks of 2 MiB.
fn xz(content: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    for block in content.chunks(2 << 20) {
        encoder.write_all(block).unwrap();
        encoder.flush().unwrap();
    }
    encoder.finish().unwrap()
}

fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn lz4(content: &[u8]) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_size(BlockSize::Max256KB)
        .block_mode(BlockMode::Linked)
        .block_checksums(true)
        .content_checksum(true);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn zstd(content: &[u8]) -> Vec<u8> {
    let mut context = CCtx::create();
    for parameter in [
        CParameter::ChecksumFlag(true),
        CParameter::WindowLog(18),
        CParameter::CompressionLevel(3),
    ] {
        context.set_parameter(parameter).unwrap();
    }
    let mut out = vec![0; zstd_safe::compress_bound(content.len())];
    let len = context.compress2(&mut out[..], content).unwrap();
    out.truncate(len);
    out
}

fn codecs() -> IndexCodecs {
    IndexCodecs {
        first: None,
        new_decoder_at,
        compressor: Box::new(ZstdCompressor::new(3).unwrap()),
    }
}

fn stream_in(driver: &mut Driver<Bytes>) -> CompressedStream {
    match driver.arrive(Opening::new("source", None)).unwrap() {
        Arrival::Stream(stream) => stream,
        other => panic!("{other:?}"),
    }
}

fn index(driver: &mut Driver<Bytes>, given: Option<Vec<u8>>) -> Result<Option<Indexed>, Failure> {
    let stream = stream_in(driver);
    driver.result(stream.index(given, codecs()))
}

fn points(file: &[u8]) -> Vec<Point> {
    let index = SeekIndex::open(Arc::new(Bytes::from(file))).unwrap();
    index.points().collect()
}

/// The content is read from every point on, the last point first.
#[track_caller]
fn check(compress: impl Fn(&[u8]) -> Vec<u8>, within: Resume) {
    let content = content();
    let (first, second) = content.split_at(content.len() / 5 * 4 + 77);
    let compressed = Bytes::from([compress(first), compress(second)].concat());
    let mut driver = Driver::new(Arc::clone(&compressed));
    let indexed = index(&mut driver, None).unwrap().unwrap();
    assert!(indexed.is_new());
    assert_eq!(indexed.size(), content.len() as u64);
    // One window more than in a longer stream, of which they are 0.4 %.
    assert!(indexed.file().len() < content.len() / 100);
    let points = points(indexed.file());
    let inner = points.iter().filter(|point| point.resume == within);
    assert!(inner.count() > 0, "{points:?}");
    for point in points.iter().rev() {
        let mut driver = Driver::new(Arc::clone(&compressed));
        let given = Some(indexed.file().to_vec());
        let again = index(&mut driver, given).unwrap().unwrap();
        assert!(!again.is_new());
        let start = (point.offset + 3).min(content.len() as u64);
        let end = (start + (3 << 20)).min(content.len() as u64);
        let read = driver.output(&mut again.read(start..end)).unwrap();
        assert!(read == content[start as usize..end as usize], "{point:?}");
    }
}

#[test]
fn gzip_is_read_from_every_block_with_a_point() {
    check(gzip, Resume::Deflate);
}

#[test]
fn zstd_is_read_from_every_block_with_a_point() {
    check(zstd, Resume::Zstd);
}

#[test]
fn lz4_is_read_from_every_block_with_a_point() {
    check(lz4, Resume::Lz4);
}

#[test]
fn bzip2_is_read_from_every_block_with_a_point() {
    check(bzip2, Resume::Bzip2);
}

#[test]
fn xz_is_read_from_every_block_with_a_point() {
    check(xz, Resume::Xz);
}

#[test]
fn frames_and_members_are_points_of_their_own() {
    let content = content();
    for compress in [gzip, zstd, lz4, bzip2, xz] {
        let parts = content.chunks(1 << 20).flat_map(compress);
        let mut driver = Driver::new(Bytes::from_iter(parts));
        let indexed = index(&mut driver, None).unwrap().unwrap();
        let read = driver.output(&mut indexed.read(5 << 20..6 << 20)).unwrap();
        assert!(read == content[5 << 20..6 << 20]);
    }
}

#[test]
fn few_bytes_are_read_again() {
    let content = content();
    let compressed = Bytes::from(zstd(&content));
    let mut driver = Driver::new(Arc::clone(&compressed));
    let file = index(&mut driver, None).unwrap().unwrap().file().to_vec();
    let mut driver = Driver::new(Arc::clone(&compressed));
    let indexed = index(&mut driver, Some(file)).unwrap().unwrap();
    let before = driver.read;
    let start = 6 << 20;
    let read = driver
        .output(&mut indexed.read(start..start + 1000))
        .unwrap();
    assert!(read == content[start as usize..][..1000]);
    let again = driver.read - before;
    assert!(
        again < compressed.size() / 3,
        "{again} of {}",
        compressed.size()
    );
}

#[test]
fn an_xz_stream_of_one_block_has_no_index() {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 0);
    encoder.write_all(&content()).unwrap();
    let mut driver = Driver::new(Bytes::from(encoder.finish().unwrap()));
    assert!(index(&mut driver, None).unwrap().is_none());
}

#[test]
fn an_index_of_another_stream_is_made_again() {
    let content = content();
    let mut driver = Driver::new(Bytes::from(gzip(&content)));
    let file = index(&mut driver, None).unwrap().unwrap().file().to_vec();
    let mut others = vec![zstd(&content), gzip(&content[5..])];
    others.push([gzip(&content), gzip(b"more")].concat());
    for other in others {
        let mut driver = Driver::new(Bytes::from(other));
        let indexed = index(&mut driver, Some(file.clone())).unwrap().unwrap();
        assert!(indexed.is_new());
    }
    let mut driver = Driver::new(Bytes::from(gzip(&content)));
    let cut = file[..file.len() - 1].to_vec();
    assert!(index(&mut driver, Some(cut)).unwrap().unwrap().is_new());
}

#[test]
fn damage_after_the_index_was_made_is_found() {
    let content = content();
    for compress in [gzip, zstd, lz4, bzip2, xz] {
        let sound = compress(&content);
        let mut driver = Driver::new(Bytes::from(sound.clone()));
        let file = index(&mut driver, None).unwrap().unwrap().file().to_vec();
        let mut damaged = sound;
        let middle = damaged.len() / 2;
        damaged[middle] ^= 0x10;
        let mut driver = Driver::new(Bytes::from(damaged));
        let indexed = index(&mut driver, Some(file)).unwrap().unwrap();
        assert!(!indexed.is_new());
        let mut position = 0;
        let mut errors = 0;
        while position < indexed.size() {
            match driver.output(&mut indexed.read(position..position + 1000)) {
                Ok(read) => assert!(read == content[position as usize..][..read.len()]),
                Err(Failure::OtherContent(_) | Failure::Decompress(_)) => errors += 1,
                Err(other) => panic!("{other}"),
            }
            position += 1 << 20;
        }
        assert!(errors > 0 && errors < 6, "{errors}");
    }
}

#[test]
fn streams_that_are_cut_or_damaged_are_reported_at_once() {
    let content = content();
    for compress in [gzip, zstd, lz4, bzip2] {
        let sound = compress(&content);
        let cut = sound.len() * 3 / 4;
        let mut driver = Driver::new(Bytes::from(&sound[..cut]));
        let Err(Failure::Decompress(error)) = index(&mut driver, None) else {
            panic!("it was taken for whole");
        };
        assert!(matches!(error, StreamError::CutShort { .. }), "{error}");
        assert_eq!(error.position(), cut as u64);
        let mut damaged = sound.clone();
        damaged[cut] ^= 0x10;
        let mut driver = Driver::new(Bytes::from(damaged));
        assert!(matches!(
            index(&mut driver, None),
            Err(Failure::Decompress(_))
        ));
        let mut driver = Driver::new(Bytes::from([&sound[..], b"other"].concat()));
        let error = index(&mut driver, None).unwrap_err();
        let is_found = matches!(
            error,
            Failure::Decompress(StreamError::TrailingBytes { .. })
        );
        assert!(is_found, "{error}");
    }
}

#[test]
fn small_streams_and_formats_without_points_have_no_index() {
    let mut driver = Driver::new(Bytes::from(gzip(&content()[..1 << 20])));
    assert!(!stream_in(&mut driver).can_have_index());
    let mut driver = Driver::new(Bytes::from(gzip(&content())));
    assert!(stream_in(&mut driver).can_have_index());
    let lzip = super::decompressing::compress(Compression::Lzip, &content());
    let mut driver = Driver::new(Bytes::from(lzip));
    assert!(!stream_in(&mut driver).can_have_index());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Whatever is changed in the file of an index: what is read by it is the content, or it is an error.
    #[test]
    fn a_changed_index_never_gives_other_content(at in any::<prop::sample::Index>(), bit in 0_u8..8, offset in 0_u64..9 << 20) {
        let (compressed, file, content) = sample();
        let mut changed = file.clone();
        *at.get_mut(&mut changed[..]) ^= 1 << bit;
        let mut driver = Driver::new(Arc::clone(compressed));
        let indexed = index(&mut driver, Some(changed)).unwrap().unwrap();
        if let Ok(read) = driver.output(&mut indexed.read(offset..offset + 5000)) {
            let expected = &content[(offset as usize).min(content.len())..];
            prop_assert!(read == expected[..expected.len().min(5000)]);
        }
    }
}

fn sample() -> &'static (Bytes, Vec<u8>, Vec<u8>) {
    static SAMPLE: std::sync::OnceLock<(Bytes, Vec<u8>, Vec<u8>)> = std::sync::OnceLock::new();
    SAMPLE.get_or_init(|| {
        let content = content();
        let compressed = Bytes::from(zstd(&content));
        let mut driver = Driver::new(Arc::clone(&compressed));
        let file = index(&mut driver, None).unwrap().unwrap().file().to_vec();
        (compressed, file, content)
    })
}
