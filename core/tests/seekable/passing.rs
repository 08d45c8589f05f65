//! Files that are read once, from start to end.

use ntfsclone_core::image::seekable::{PassedFrames, PassingFrames};
use ntfsclone_core::stream::{Compression, Limits, Stream};

use crate::file::{File, compress, seek_table};

/// What is found around the frames of `bytes`, which pass in pieces of `len` bytes.
fn pass(bytes: &[u8], len: usize) -> Option<PassedFrames> {
    let mut frames = PassingFrames::new();
    bytes.chunks(len).for_each(|piece| frames.push(piece));
    frames.finish()
}

fn is_sound(passed: &PassedFrames) -> bool {
    passed.header.is_none() && passed.damage.table.is_none() && passed.summary.is_ok()
}

/// Whether `bytes` can be decompressed.
fn is_decompressed(mut bytes: &[u8]) -> bool {
    let limits = Limits {
        memory: 8 << 20,
        threads: 0,
    };
    let mut stream = Stream::new(Compression::Zstd, limits, false).unwrap();
    let mut output = vec![0; 1 << 16];
    while !stream.has_ended() {
        let Ok((taken, _)) = stream.decode(bytes, &mut output) else {
            return false;
        };
        bytes = &bytes[taken..];
    }
    true
}

#[test]
fn sound_file_is_followed_in_pieces_of_any_length() {
    let file = File::sample();
    let bytes = file.bytes();
    for len in [1, 2, 7, 1000, bytes.len()] {
        let passed = pass(&bytes, len).expect("it has a summary");
        assert!(is_sound(&passed), "{passed:?}");
        let summary = passed.summary.unwrap().expect("it has one");
        assert_eq!(summary.head().stream_size, file.stream.len() as u64);
    }
}

/// By decompression, or by what is around the frames; but for the type of a block of one
/// byte, which changes nothing.
#[test]
fn every_bit_is_noticed() {
    let file = File::sample();
    let good = file.bytes();
    let block_of_one_byte = (file.data().len() - 14 + 6, 1);
    for (at, bit) in (0..good.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << bit;
        let is_noticed = match pass(&bytes, 1000) {
            Some(passed) if is_sound(&passed) => !is_decompressed(&bytes),
            Some(_) => true,
            None => !is_decompressed(&bytes),
        };
        assert_eq!(
            is_noticed,
            (at, bit) != block_of_one_byte,
            "byte {at:#x}, bit {bit}"
        );
    }
}

/// It may lack the table, and what follows the frames need not be of this program.
#[test]
fn what_is_missing_is_noticed_only_after_a_summary() {
    let file = File::sample();
    let (data, summary) = (file.data(), file.summary());
    let passed = pass(&[&data[..], &summary].concat(), 100).expect("it has a summary");
    assert!(passed.damage.table.is_some() && passed.summary.is_ok());

    let skipped = |len: usize| {
        [
            &[0x50, 0x2A, 0x4D, 0x18, len as u8, 0, 0, 0][..],
            &[9; 99][..len],
        ]
        .concat()
    };
    for len in [0, 1, 8, 9, 99] {
        assert!(
            pass(&[&data[..], &skipped(len)].concat(), 100).is_none(),
            "{len}"
        );
    }
    for bytes in [&[][..], &data, &summary[..20], &compress(&[])] {
        assert!(pass(bytes, 100).is_none());
    }
    let sizes: Vec<_> = file
        .frames
        .iter()
        .map(|(bytes, size)| (bytes.len() as u32, *size))
        .collect();
    let passed = pass(&[&data[..], &seek_table(&sizes)].concat(), 100).expect("it has a table");
    assert!(is_sound(&passed) && passed.summary.unwrap().is_none());
    let passed = pass(&[&data[..], &skipped(0), &seek_table(&sizes)].concat(), 100);
    assert!(passed.expect("it has a table").damage.table.is_some());
}
