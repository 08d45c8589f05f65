//! Commands that make no sense, each with its byte position in the error.

use ntfsclone_core::error::{EndPlace, Structure};
use ntfsclone_core::image::ntfsclone::{Decoder, Event};

use crate::decoded::{ByHand, Fields, SMALL, decode_whole, refused, small_image, truncated};

const COMMAND: Structure = Structure::ImageCommand;

/// The first command of an image stands here.
const FIRST: u64 = 56;
/// And a command after a cluster here.
const SECOND: u64 = FIRST + 257;

fn image() -> ByHand {
    ByHand::current(SMALL, 56)
}

#[test]
fn unknown_commands() {
    for command in 2..=255 {
        let mut first = image();
        first.bytes.push(command);
        assert_eq!(refused(&first.bytes), (COMMAND, FIRST, "a command"));
        let mut second = image().next(1, 256);
        second.bytes.push(command);
        assert_eq!(refused(&second.bytes), (COMMAND, SECOND, "a command"));
    }
}

#[test]
fn gaps_that_lead_out_of_the_volume() {
    for count in [0, -1, 5, 6, i64::MAX, i64::MIN] {
        let found = refused(&image().gap(count).bytes);
        assert_eq!(found, (COMMAND, FIRST, "a gap's count"), "{count}");
    }
    for count in [0, -2, 4, i64::MAX, i64::MIN] {
        let found = refused(&image().next(1, 256).gap(count).bytes);
        assert_eq!(found, (COMMAND, SECOND, "a gap's count"), "{count}");
    }
    // As far as they may.
    let there_and_back = image().gap(4).gap(-4).gap(4).next(9, 100);
    assert!(decode_whole(&there_and_back.bytes).is_ok());
}

/// The count of an old image is in the byte order of its header.
#[test]
fn gaps_of_old_images() {
    for is_big in [false, true] {
        let version = (3, 1);
        let old = ByHand::old(Fields { version, ..SMALL }, is_big);
        assert!(decode_whole(&old.clone().gap(4).bytes).is_ok());
        let found = refused(&old.gap(5).bytes);
        assert_eq!(found, (COMMAND, 46, "a gap's count"));
    }
}

#[test]
fn bytes_after_the_end() {
    let mut table = vec![small_image()];
    let old = Fields {
        version: (3, 1),
        ..SMALL
    };
    for is_big in [false, true] {
        table.push(ByHand::old(old, is_big).gap(3).next(1, 256).bytes);
        table.push(ByHand::old(old, is_big).gap(4).bytes);
    }
    let version = (10, 0);
    let without_tail = ByHand::current(Fields { version, ..SMALL }, 56);
    table.push(without_tail.gap(4).bytes);
    for sound in table {
        assert!(decode_whole(&sound).is_ok());
        for byte in [0, 1, 2, 255] {
            let image = [sound.as_slice(), &[byte]].concat();
            let expected = (COMMAND, sound.len() as u64, "the byte after its end");
            assert_eq!(refused(&image), expected);
        }
    }
}

/// What follows is left to the caller: a block device is longer than the image
/// on it.
#[test]
fn the_end_leaves_what_follows() {
    let sound = small_image();
    let image = [sound.as_slice(), &[1, 2, 3]].concat();
    let mut decoder = Decoder::new();
    let mut input = image.as_slice();
    while decoder.next(&mut input).unwrap() != Event::End {}
    assert_eq!(input, [1, 2, 3]);
    assert_eq!(decoder.taken(), sound.len() as u64);
    assert!(decoder.end_of_input().is_ok());
    assert!(decoder.next(&mut input).is_err());
}

#[test]
fn a_tail_of_no_bytes() {
    let device_size = 4 * 256;
    let image = ByHand::current(
        Fields {
            device_size,
            ..SMALL
        },
        56,
    );
    let image = image.gap(3).next(5, 256).next(0, 0);
    let decoded = decode_whole(&image.bytes).unwrap();
    assert_eq!(decoded.header().tail_size(), 0);
    assert_eq!(decoded.data, [(768, vec![5; 256])]);
    let last = image.bytes.len() - 1;
    let found = truncated(&image.bytes[..last]);
    assert_eq!(found, (last as u64, EndPlace::Tail));
}

/// A device much larger than its volume: an image holds a cluster of it.
#[test]
fn a_tail_of_a_whole_cluster() {
    for device_size in [5 * 256, 5 * 256 + 1, 1 << 62] {
        let image = ByHand::current(
            Fields {
                device_size,
                ..SMALL
            },
            56,
        );
        let image = image.gap(4).next(9, 256);
        let decoded = decode_whole(&image.bytes).unwrap();
        assert_eq!(decoded.header().tail_size(), 256);
        assert_eq!(decoded.data, [(1024, vec![9; 256])]);
    }
}
