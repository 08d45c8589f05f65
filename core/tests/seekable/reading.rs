//! What is written is read back, wherever it is read.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

use ntfs_volume_builder::pattern;
use ntfsclone_core::image::seekable::{
    Head, Kind, MapBuilder, SeekTableBuilder, SeekableReader, SummaryBuilder,
};
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::units::Lcn;
use proptest::prelude::*;

use crate::file::{FACTS, FRAME, File, MAP, compress, header};

fn open(bytes: &[u8]) -> SeekableReader<&[u8]> {
    SeekableReader::open(bytes).unwrap().expect("a seek table")
}

/// The file as core writes it.
fn written(stream: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut table = SeekTableBuilder::new();
    let mut summary = SummaryBuilder::new();
    for content in stream.chunks(FRAME) {
        let frame = compress(content);
        table
            .push(frame.len() as u32, content.len() as u32)
            .unwrap();
        summary.push(blake3::hash(content).as_bytes());
        file.extend(frame);
    }
    let mut map = MapBuilder::new(1 << 20);
    for (start, count) in [(3, 1), (4, 1), (1, 1), (10, 1)] {
        map.add(Lcn(start), count);
    }
    let head = Head {
        kind: Kind::NtfscloneImage,
        frame_size: FRAME as u32,
        stream_size: stream.len() as u64,
        header: header(),
    };
    let map = map.finish();
    let size = summary.finish(&head, FACTS, map.as_deref(), |bytes| {
        file.extend(bytes);
        Ok::<_, ()>(())
    });
    table.push(size.unwrap(), 0).unwrap();
    file.extend(table.finish());
    file
}

#[test]
fn written_as_described() {
    for len in [1, FRAME - 1, FRAME, FRAME + 1, 5 * FRAME] {
        let stream = pattern(1, len);
        assert!(written(&stream) == File::new(stream).bytes(), "{len} bytes");
    }
}

#[test]
fn the_summary_tells() {
    let bytes = File::sample().bytes();
    let reader = open(&bytes);
    let summary = reader.summary().unwrap().expect("there is one");
    assert_eq!(summary.head().kind, Kind::NtfscloneImage);
    assert_eq!(summary.head().frame_size, FRAME as u32);
    assert_eq!(summary.head().stream_size, 4 * FRAME as u64 + 1);
    assert_eq!(summary.head().header, header());
    assert_eq!(summary.facts(), Some(FACTS));
    let hash = blake3::hash(&[7]);
    assert_eq!(summary.frame_hash(4), Some(hash.as_bytes()));
    assert_eq!(summary.frame_hash(5), None);
    let hashes: Vec<u8> = (0..5)
        .flat_map(|number| *summary.frame_hash(number).unwrap())
        .collect();
    assert_eq!(
        summary.stream_hash(),
        Some(blake3::hash(&hashes).as_bytes())
    );
    assert_eq!(summary.map().unwrap().count(), 3);
}

#[test]
fn what_is_missing_is_not_needed() {
    for tag in [b"FACT", b"MAPS", b"HASH"] {
        let mut file = File::sample();
        file.sections.retain(|section| &section.0 != tag);
        let bytes = file.bytes();
        let reader = open(&bytes);
        let summary = reader.summary().unwrap().expect("there is one");
        assert_eq!(summary.facts().is_none(), tag == b"FACT");
        assert_eq!(summary.map().is_none(), tag == b"MAPS");
        assert_eq!(summary.stream_hash().is_none(), tag == b"HASH");
        let mut stream = vec![0; file.stream.len()];
        reader.read_exact_at(0, &mut stream).unwrap();
        assert!(stream == file.stream);
    }
}

/// Of later writers: sections in any order, unknown ones, and a longer HEAD.
#[test]
fn what_is_unknown_is_skipped() {
    let mut file = File::sample();
    file.section(b"HEAD").extend([1, 2, 3]);
    file.sections.reverse();
    for _ in 0..2 {
        file.sections.insert(1, (*b"NEW!", vec![9; 100]));
    }
    let bytes = file.bytes();
    let reader = open(&bytes);
    let summary = reader.summary().unwrap().expect("there is one");
    assert_eq!(summary.head().header, header());
    assert_eq!(summary.facts(), Some(FACTS));
}

proptest! {
    #[test]
    fn read_anywhere(
        seed in any::<u64>(),
        len in 1..6 * FRAME,
        ranges in prop::collection::vec((any::<prop::sample::Index>(), 0..3 * FRAME), 1..20),
    ) {
        let stream = pattern(seed, len);
        let bytes = written(&stream);
        let reader = open(&bytes);
        prop_assert_eq!(reader.size(), len as u64);
        for (start, count) in ranges {
            let start = start.index(len + 1);
            let mut found = vec![0; count];
            let read = reader.read_exact_at(start as u64, &mut found);
            match stream.get(start..start + count) {
                Some(expected) => prop_assert!(read.is_ok() && found == expected),
                None => prop_assert!(read.is_err()),
            }
        }
        for (number, expected) in stream.chunks(FRAME).enumerate() {
            let mut content = vec![1; 5];
            reader.read_frame(number, &mut content).unwrap();
            prop_assert!(content == expected);
        }
    }
}

/// Counts the bytes that are read.
struct Counting<'a>(&'a [u8], AtomicU64);

impl ReadAt for Counting<'_> {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        self.1.fetch_add(buf.len() as u64, Ordering::Relaxed);
        self.0.read_exact_at(offset, buf)
    }
}

#[test]
fn a_frame_is_read_once() {
    let bytes = File::sample().bytes();
    let source = Counting(&bytes, AtomicU64::new(0));
    let reader = SeekableReader::open(source).unwrap().unwrap();
    let read = || reader.source().1.load(Ordering::Relaxed);
    let before = Cell::new(read());
    let check = |offset, expected: u64| {
        reader.read_exact_at(offset, &mut [0; 10]).unwrap();
        assert_eq!(read() - before.replace(read()), expected, "{offset}");
    };
    let size = |number| reader.table().frame(number).unwrap().compressed_size;
    check(0, size(0));
    check(100, 0);
    check(FRAME as u64 - 5, size(1));
    check(FRAME as u64 * 3, size(3));
    check(20, 0);
}

#[test]
fn many_threads_read() {
    let file = File::sample();
    let bytes = file.bytes();
    let reader = open(&bytes);
    std::thread::scope(|scope| {
        for thread in 0..4_usize {
            let (reader, stream) = (&reader, &file.stream);
            scope.spawn(move || {
                for round in 0..100 {
                    let start = (thread * 997 + round * 571) % (stream.len() - 1000);
                    let mut found = [0; 1000];
                    reader.read_exact_at(start as u64, &mut found).unwrap();
                    assert!(found == stream[start..start + 1000]);
                }
            });
        }
    });
}

#[test]
fn map_of_the_sample() {
    let mut map = MapBuilder::new(MAP.len());
    map.add(Lcn(3), 2);
    map.add(Lcn(1), 1);
    map.add(Lcn(10), 1);
    assert_eq!(map.finish().as_deref(), Some(MAP));
}
