//! Images that were cut short, and images with flipped bytes.

use ntfsclone_core::error::EndPlace;
use ntfsclone_core::image::ntfsclone::Decoder;
use proptest::prelude::*;

use crate::decoded::{ByHand, Fields, SMALL, decode, decode_whole, small_image, truncated};

fn images() -> Vec<Vec<u8>> {
    let with = |version| Fields { version, ..SMALL };
    let mut images = vec![small_image()];
    images.push(ByHand::current(with((10, 0)), 64).gap(3).next(1, 256).bytes);
    for is_big in [false, true] {
        let old = ByHand::old(with((3, 1)), is_big);
        images.push(old.next(8, 256).gap(2).next(1, 256).bytes);
    }
    images
}

#[test]
fn anywhere_is_an_error_there() {
    for image in images() {
        assert!(decode_whole(&image).is_ok());
        for len in 0..image.len() {
            assert_eq!(truncated(&image[..len]).0, len as u64);
        }
    }
}

/// A cluster, a gap of two, and a cluster, before the tail.
#[test]
fn place_is_named() {
    let image = ByHand::current(SMALL, 56).next(1, 256).gap(2).next(2, 256);
    let cut = |len: usize| truncated(&image.bytes[..len]).1;
    let table = [
        (0, EndPlace::Header),
        (55, EndPlace::Header),
        (56, EndPlace::BeforeCluster(0)),
        (57, EndPlace::InCluster(0)),
        (57 + 255, EndPlace::InCluster(0)),
        (57 + 256, EndPlace::BeforeCluster(1)),
        (57 + 256 + 8, EndPlace::BeforeCluster(1)),
        (57 + 256 + 9, EndPlace::BeforeCluster(3)),
        (57 + 256 + 10, EndPlace::InCluster(3)),
        (57 + 256 + 10 + 256, EndPlace::Tail),
    ];
    for (len, expected) in table {
        assert_eq!(cut(len), expected, "{len}");
    }
}

#[test]
fn is_no_error_before_the_end_is_told() {
    for image in images() {
        let mut decoder = Decoder::new();
        for (taken, byte) in (1..).zip(&image) {
            let mut input = core::slice::from_ref(byte);
            while !input.is_empty() {
                decoder.next(&mut input).unwrap();
            }
            assert_eq!(decoder.taken(), taken);
        }
        decoder.end_of_input().unwrap();
    }
}

proptest! {
    #[test]
    fn flipped_bytes_are_refused_or_read(
        which in 0_usize..4,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        piece in 1_usize..300,
    ) {
        let mut image = images().swap_remove(which);
        for (at, byte) in flips {
            let at = at.index(image.len());
            image[at] = byte;
        }
        let whole = decode_whole(&image).map_err(|error| error.to_string());
        let in_pieces = decode(image.chunks(piece)).map_err(|error| error.to_string());
        prop_assert_eq!(&whole, &in_pieces);
        if let Ok(decoded) = whole {
            for (offset, bytes) in &decoded.data {
                let end = offset + bytes.len() as u64;
                prop_assert!(end <= decoded.header().device_size);
            }
        }
    }
}
