//! The reader of content: its parts, one after the other, are the content, whatever the limits and where it begins.

use ntfs_volume_builder::attribute_type;
use ntfsclone_core::ntfs::{Content, Volume};
use ntfsclone_core::tree::{ContentReader, Part};
use ntfsclone_core::units::RecordNumber;

use crate::contents::all_ways;
use crate::wof;

const LIMITS: [usize; 5] = [777, 4096, 65_536, 100_000, usize::MAX];

/// The next part, with its zeros; nothing at the end.
fn next(reader: &mut ContentReader<'_, &[u8]>, limit: usize) -> Vec<u8> {
    let start = reader.position();
    let mut bytes = Vec::new();
    match reader.next(limit, &mut bytes).unwrap() {
        Some(Part::Bytes) => {}
        Some(Part::Hole(len)) => bytes.resize(len as usize, 0),
        None => return Vec::new(),
    }
    assert!(!bytes.is_empty(), "a part has bytes");
    assert_eq!(reader.position(), start + bytes.len() as u64);
    bytes
}

#[track_caller]
fn check(source: &[u8], record: u64, stream: &str, expected: &[u8]) {
    let volume = Volume::open(source).unwrap();
    let content = Content::open(&volume, RecordNumber(record), stream).unwrap();
    for limit in LIMITS {
        let mut reader = ContentReader::new(&volume, &content);
        let mut found = Vec::new();
        while found.len() <= expected.len() {
            let part = next(&mut reader, limit);
            if part.is_empty() {
                break;
            }
            found.extend(part);
        }
        assert!(found == expected, "by {limit}: {} bytes", found.len());
    }
    let mut reader = ContentReader::new(&volume, &content);
    let size = expected.len();
    let around = |position: usize| [position.saturating_sub(1), position, position + 1];
    let starts = (0..size).step_by(4096).chain([size, size + 65_536]);
    for start in starts.flat_map(around) {
        reader.seek(start as u64);
        let part = next(&mut reader, 3);
        let rest = expected.get(start..).unwrap_or_default();
        assert!(rest.starts_with(&part), "from {start}");
        assert_eq!(part.is_empty(), rest.is_empty(), "from {start}");
    }
}

#[test]
fn parts_are_the_content_however_it_is_stored() {
    let built = all_ways();
    for content in &built.contents {
        let record = built.record_number(&content.path);
        check(&built.bytes, record, &content.stream, &content.bytes);
    }
}

#[test]
fn parts_of_wof_files_are_the_content() {
    let built = &*wof::BUILT;
    for (name, ..) in wof::PACKED {
        check(&built.bytes, built.record_number(name), "", &wof::written());
    }
}

#[test]
fn parts_end_with_zeros_where_nothing_was_written() {
    for path in ["one run", "compressed"] {
        for written in [200_001, 65_536, 3] {
            let mut built = all_ways();
            let record = built.record_number(path);
            let contents = &built.contents;
            let content = contents.iter().find(|content| content.path == path);
            let mut expected = content.unwrap().bytes.clone();
            expected[written..].fill(0);
            // 0x38: the initialized size.
            let bytes = (written as u64).to_le_bytes();
            built.patch_attribute(record, attribute_type::DATA, "", 0x38, &bytes);
            check(&built.bytes, record, "", &expected);
        }
    }
}
