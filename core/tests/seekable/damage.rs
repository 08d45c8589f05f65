//! Files that are damaged, or lie.

use ntfsclone_core::Error;
use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::io::ReadAt;

use crate::file::{FRAME, File, compress, head, seek_table};

/// Where the parts of a file lie.
struct Parts {
    frames: Vec<core::ops::Range<usize>>,
    summary: core::ops::Range<usize>,
}

impl Parts {
    fn of(file: &File) -> Self {
        let mut end = 0;
        let frames = file.frames.iter().map(|(frame, _)| {
            let start = end;
            end += frame.len();
            start..end
        });
        let frames: Vec<_> = frames.collect();
        Self {
            frames,
            summary: end..end + file.summary().len(),
        }
    }
}

/// Opens `bytes`, a changed `file`, and reads all frames but `lost`, which must not read as something
/// else.
#[track_caller]
fn check_frames<'a>(
    file: &File,
    bytes: &'a [u8],
    lost: impl Fn(usize) -> bool,
) -> SeekableReader<&'a [u8]> {
    let reader = SeekableReader::open(bytes).unwrap();
    let reader = reader.expect("it is seekable");
    assert_eq!(reader.size(), file.stream.len() as u64);
    let mut content = Vec::new();
    for (number, expected) in file.stream.chunks(FRAME).enumerate() {
        match reader.read_frame(number, &mut content) {
            Ok(()) => assert!(content == expected, "frame {number}: other content"),
            Err(error) => assert!(lost(number), "frame {number}: {error}"),
        }
        let at = (number * FRAME) as u64;
        let mut content = vec![0; expected.len()];
        match reader.read_exact_at(at, &mut content) {
            Ok(()) => assert!(content == expected, "frame {number}: other content"),
            Err(error) => assert!(lost(number), "frame {number}: {error}"),
        }
    }
    reader
}

/// Whatever byte is changed, it is noticed, and costs the frame that it is in.
#[test]
fn damage_costs_one_part() {
    let file = File::sample();
    let good = file.bytes();
    let parts = Parts::of(&file);
    for at in 0..good.len() {
        for change in [0x01, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let lost = |number: usize| parts.frames[number].contains(&at);
            let reader = check_frames(&file, &bytes, lost);
            let is_summary_sound = matches!(reader.summary(), Ok(Some(_)));
            assert_eq!(is_summary_sound, !parts.summary.contains(&at), "byte {at}");
            let is_noticed = at >= parts.summary.end;
            let damage = reader.end_damage();
            assert_eq!(damage.table.is_some(), is_noticed, "byte {at}: {damage:?}");
            assert_eq!(damage.trailing, None, "byte {at}");
        }
    }
}

/// Each bit is noticed but one that changes nothing: the type of a block of one byte, which
/// is stored as it is, or repeated once.
#[test]
fn every_bit_is_noticed() {
    let file = File::sample();
    let good = file.bytes();
    let parts = Parts::of(&file);
    let block_of_one_byte = (parts.frames[4].start + 6, 1);
    for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << bit;
        let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
        let damage = reader.end_damage();
        let is_around = damage.table.is_some() || reader.summary().is_err();
        let frames = 0..file.frames.len();
        let is_lost = frames.fold(false, |is_lost, number| {
            reader.read_frame(number, &mut Vec::new()).is_err() | is_lost
        });
        let is_noticed = is_around || is_lost || reader.header_damage().is_some();
        assert_eq!(
            is_noticed,
            (at, bit) != block_of_one_byte,
            "byte {at:#x}, bit {bit}"
        );
        assert_eq!(
            is_around,
            at >= parts.summary.start,
            "byte {at:#x}, bit {bit}"
        );
    }
}

/// Eight bytes, as a device loses them, anywhere.
#[test]
fn holes_cost_what_they_touch() {
    let file = File::sample();
    let good = file.bytes();
    let parts = Parts::of(&file);
    for at in 0..good.len() - 8 {
        let mut bytes = good.clone();
        bytes[at..at + 8].fill(0xEE);
        let hit = |part: &core::ops::Range<usize>| part.start < at + 8 && at < part.end;
        let reader = check_frames(&file, &bytes, |number| hit(&parts.frames[number]));
        let is_summary_sound = matches!(reader.summary(), Ok(Some(_)));
        assert_eq!(is_summary_sound, !hit(&parts.summary), "byte {at}");
    }
}

/// The summary and the table are cut off, as far as something is left of them.
#[test]
fn cut_short() {
    let file = File::sample();
    let bytes = file.bytes();
    let parts = Parts::of(&file);
    for len in 0..bytes.len() {
        let cut = &bytes[..len];
        if len < parts.summary.start + 16 {
            // No trace of more than an ordinary zstd file.
            let opened = SeekableReader::open(cut);
            assert!(matches!(opened, Ok(None)), "{len} of {}", bytes.len());
            continue;
        }
        if len < parts.summary.end {
            let reader = SeekableReader::open(cut).unwrap().expect("traces are left");
            for (number, expected) in file.stream.chunks(FRAME).enumerate() {
                let mut content = Vec::new();
                reader.read_frame(number, &mut content).unwrap();
                assert!(content == expected, "{len}: frame {number}");
            }
            continue;
        }
        let reader = check_frames(&file, cut, |_| false);
        assert!(matches!(reader.summary(), Ok(Some(_))), "{len}");
        assert!(reader.end_damage().table.is_some(), "{len}");
    }
}

/// The table is bad, and a frame as well.
#[test]
fn damage_in_two_places() {
    let file = File::sample();
    let good = file.bytes();
    let parts = Parts::of(&file);
    for at in 0..parts.summary.start {
        for change in [0x01, 0x80, 0xFF] {
            let mut bytes = good.clone();
            bytes[at] ^= change;
            let entry = parts.summary.end + 8 + 2;
            bytes[entry] ^= 0x10;
            let lost = |number: usize| parts.frames[number].contains(&at);
            let reader = check_frames(&file, &bytes, lost);
            assert!(matches!(reader.summary(), Ok(Some(_))), "byte {at}");
            assert!(reader.end_damage().table.is_some(), "byte {at}");
        }
    }
}

#[test]
fn bytes_that_follow_are_named() {
    let file = File::sample();
    let good = file.bytes();
    let end = good.len() as u64;
    for more in [
        &[0; 1][..],
        &[0; 5000],
        b"some text",
        &good[good.len() - 9..],
    ] {
        let bytes = [&good, more].concat();
        let reader = check_frames(&file, &bytes, |_| false);
        let damage = reader.end_damage();
        assert_eq!(damage.trailing, Some(end..bytes.len() as u64));
        assert!(damage.table.is_none(), "{damage:?}");
        assert!(matches!(reader.summary(), Ok(Some(_))));
    }
}

/// Only the summary knows: zstd's own checksum is as it should be.
#[test]
fn another_frame_in_its_place() {
    let mut file = File::sample();
    file.frames[1].0 = compress(&[1; FRAME]);
    let bytes = file.bytes();
    let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
    let error = reader.read_frame(1, &mut Vec::new()).unwrap_err();
    let Error::Corrupt { offset, field, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(offset, file.frames[0].0.len() as u64);
    assert_eq!(field, "the BLAKE3 of its content");
    // The others can still be read.
    reader.read_frame(2, &mut Vec::new()).unwrap();
}

/// The table is found damaged with this message, and the frame in spite of it.
fn check_table(frame: &[u8], table: Vec<u8>, expected: &str) {
    let bytes = [frame, &table].concat();
    let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
    let error = reader.end_damage().table.as_ref();
    let error = error.map_or_else(String::new, |error| error.to_string());
    assert!(error.contains(expected), "{expected}: {error}");
    let mut content = Vec::new();
    reader.read_frame(0, &mut content).unwrap();
    assert!(content == [5; 100]);
}

#[test]
fn tables_that_lie() {
    let frame = compress(&[5; 100]);
    let len = frame.len() as u32;
    let good = seek_table(&[(len, 100)]);
    let patched = |at: usize, bytes: &[u8]| {
        let mut table = good.clone();
        table[at..at + bytes.len()].copy_from_slice(bytes);
        table
    };
    check_table(&frame, good.clone(), "");
    let end = "the end of its frames is";
    check_table(&frame, seek_table(&[(len - 1, 100)]), end);
    check_table(&frame, seek_table(&[(len + 1, 100)]), end);
    check_table(&frame, seek_table(&[]), end);
    check_table(&frame, seek_table(&[(u32::MAX, 100); 3]), end);
    let count = "its number of frames is 0xffffffff";
    check_table(&frame, patched(16, &[0xFF; 4]), count);
    check_table(&frame, patched(16, &[2]), "its magic is");
    check_table(&frame, patched(0, &[0]), "its magic is");
    check_table(&frame, patched(4, &[18]), "its size is 0x12");
    check_table(&frame, patched(20, &[0x04]), "reserved bits");
}

/// What a frame claims to hold is not believed before it is there.
#[test]
fn frames_that_lie() {
    let frame = compress(&[5; 100]);
    let len = frame.len() as u32;
    let empty = [0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0];
    let long = [frame.clone(), vec![0; 1000]].concat();
    for (frame, sizes, expected) in [
        (&frame[..], (len, 128 << 20), "its content size is 0x64"),
        (&frame, (len, 99), "its content size is 0x64"),
        (&empty, (8, 50), "its content size is 0x0"),
        (&[0; 9], (9, 50), "is damaged: Unknown frame descriptor"),
        (&long, (long.len() as u32, 100), "is too large"),
    ] {
        let bytes = [frame, &seek_table(&[sizes])].concat();
        let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
        let error = reader.read_frame(0, &mut Vec::new()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(reader.read_exact_at(0, &mut [0]).is_err());
    }
}

/// The summary of a file, after `change`, has this error; the stream is read all the same.
fn check_summary(change: impl FnOnce(&mut File), expected: &str) {
    let mut file = File::sample();
    change(&mut file);
    let bytes = file.bytes();
    let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
    let error = reader.summary().err();
    let error = error.map_or_else(String::new, |error| error.to_string());
    assert!(error.contains(expected), "{expected}: {error}");
    assert_eq!(error.is_empty(), expected.is_empty(), "{error}");
    let mut stream = vec![0; file.stream.len()];
    reader.read_exact_at(0, &mut stream).unwrap();
    assert!(stream == file.stream);
}

#[test]
fn summaries_that_lie() {
    let set_head = |kind, frame_size, size| {
        move |file: &mut File| *file.section(b"HEAD") = head(kind, frame_size, size)
    };
    let (frame, size) = (FRAME as u32, 4 * FRAME as u64 + 1);
    check_summary(|_| {}, "");
    check_summary(set_head(2, frame, size), "");
    check_summary(set_head(3, frame, size), "kind of stream 0x3");
    check_summary(set_head(1, frame, size - 1), "its size of the stream is");
    check_summary(set_head(1, 2 * frame, size), "the content of a frame is");
    check_summary(set_head(1, 1000, size), "its bytes in a frame is 0x3e8");
    check_summary(set_head(1, 512, size), "its bytes in a frame is 0x200");
    check_summary(|file| file.version = 2, "version 0x2 is not supported");
    check_summary(
        |file| file.sections.clear(),
        "HEAD is 0x0, expected a section",
    );
    check_summary(
        |file| file.section(b"HEAD").truncate(43),
        "HEAD is 0x2b, expected at least 44 bytes",
    );
    check_summary(
        |file| file.section(b"HEAD")[16] = 3,
        "its cluster size, or a size is 0x103",
    );
    check_summary(
        |file| file.section(b"FACT")[0] = 0xFF,
        "FACT is 0x1d, expected UTF-8",
    );
    check_summary(
        |file| file.section(b"HASH").truncate(5 * 32),
        "HASH is 0xa0",
    );
    check_summary(|file| file.section(b"HASH").extend([0; 32]), "HASH is 0xe0");
    check_summary(
        |file| file.section(b"HASH")[0] ^= 1,
        "its checksum of the whole stream is",
    );
    check_summary(
        |file| file.sections.push((*b"FACT", Vec::new())),
        "a section's tag is 0x46414354, expected each one once",
    );
}

#[test]
fn a_section_beyond_the_summary() {
    // The last section claims what is not there; all else is right.
    let mut file = File::sample();
    let len = file.section(b"MAPS").len();
    let mut bytes = file.bytes();
    let start = file.data().len();
    let end = start + file.summary().len() - 48;
    let at = end - len - 8;
    for (claimed, what) in [
        (len as u64 + 1, "the length of a section is"),
        (u64::MAX, "the length of a section is"),
        (len as u64 - 1, "a section's header is 0x1"),
    ] {
        bytes[at..at + 8].copy_from_slice(&claimed.to_le_bytes());
        let hash = blake3::hash(&bytes[start..end]);
        bytes[end..end + 32].copy_from_slice(hash.as_bytes());
        let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
        let error = reader.summary().unwrap_err().to_string();
        assert!(error.contains(what), "{what}: {error}");
    }
}
