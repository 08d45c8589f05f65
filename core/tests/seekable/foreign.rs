//! Files of other programs, and what is no such file.

use ntfsclone_core::image::seekable::{MAX_FRAME_SIZE, SeekTable, SeekableReader};
use ntfsclone_core::io::ReadAt;

use crate::file::{FRAME, File, compress, seek_table};

fn check_read(bytes: &[u8], stream: &[u8]) {
    let reader = SeekableReader::open(bytes).unwrap().expect("a seek table");
    assert!(reader.summary().unwrap().is_none());
    let mut found = vec![0; stream.len()];
    reader.read_exact_at(0, &mut found).unwrap();
    assert!(found == stream);
    assert!(reader.read_exact_at(1, &mut found).is_err());
}

fn sizes(file: &File) -> Vec<(u32, u32)> {
    let frames = file.frames.iter();
    frames
        .map(|(bytes, size)| (bytes.len() as u32, *size))
        .collect()
}

#[test]
fn without_a_summary() {
    let file = File::sample();
    let bytes = [file.data(), seek_table(&sizes(&file))].concat();
    check_read(&bytes, &file.stream);
}

/// Frames of any size, and empty ones between.
#[test]
fn of_other_frames() {
    let skipped = [0x50, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3];
    let empty = compress(&[]);
    let (a, b) = (vec![1; 3000], vec![2; 10]);
    let [first, second] = [&a, &b].map(|content| compress(content));
    let frames = [&skipped[..], &empty, &first, &skipped, &second, &empty];
    let contents = [0, 0, 3000, 0, 10, 0];
    let sizes: Vec<_> = frames
        .iter()
        .zip(contents)
        .map(|(frame, size)| (frame.len() as u32, size))
        .collect();
    let bytes = [frames.concat(), seek_table(&sizes)].concat();
    check_read(&bytes, &[a, b].concat());
}

#[test]
fn with_checksums_in_the_table() {
    let file = File::sample();
    let mut table = 0x184D_2A5E_u32.to_le_bytes().to_vec();
    table.extend((file.frames.len() as u32 * 12 + 9).to_le_bytes());
    for (compressed, size) in sizes(&file) {
        table.extend([compressed, size, 0].map(u32::to_le_bytes).concat());
    }
    table.extend((file.frames.len() as u32).to_le_bytes());
    // The lowest bits mean nothing yet.
    table.push(0x83);
    table.extend(0x8F92_EAB1_u32.to_le_bytes());
    check_read(&[file.data(), table].concat(), &file.stream);
}

#[test]
fn without_a_seek_table() {
    let file = File::sample();
    let large = MAX_FRAME_SIZE as u32 + 1;
    let frame = compress(&[0; 100]);
    let table = seek_table(&[(frame.len() as u32, large)]);
    for bytes in [
        Vec::new(),
        vec![1; 8],
        vec![0; 100],
        file.data(),
        // It has one, and can be read from the start only.
        [frame, table].concat(),
    ] {
        let reader = SeekableReader::open(bytes.as_slice()).unwrap();
        assert!(reader.is_none(), "{} bytes", bytes.len());
    }
}

#[test]
fn frames_are_found() {
    let file = File::sample();
    let bytes = file.bytes();
    let table = SeekTable::read(bytes.as_slice()).unwrap().unwrap();
    assert_eq!(table.len(), 6);
    let frame = FRAME as u64;
    for (offset, expected) in [
        (0, Some(0)),
        (frame - 1, Some(0)),
        (frame, Some(1)),
        (4 * frame, Some(4)),
        (4 * frame + 1, None),
        (u64::MAX, None),
    ] {
        assert_eq!(table.frame_at(offset), expected, "{offset}");
    }
    assert_eq!(table.frame(6), None);
    assert_eq!(table.frame(5).map(|frame| frame.size), Some(0));
}
