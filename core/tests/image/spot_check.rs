//! The spot check of an index reads every command beside a gap.

use ntfsclone_core::Error;
use ntfsclone_core::image::Index;

use crate::decoded::{ByHand, Fields, SMALL};

/// Damages `image` at byte `offset` and returns where the spot check finds that.
fn found(image: &[u8], offset: u64) -> Option<u64> {
    let index = Index::scan(image, |_| {}).unwrap();
    let mut damaged = image.to_vec();
    damaged[offset as usize] ^= 0x40;
    match index.spot_check(damaged.as_slice()) {
        Ok(()) => None,
        Err(Error::Corrupt { offset, .. }) => Some(offset),
        Err(error) => panic!("{error}"),
    }
}

/// Clusters 2 to 4 and 7 to 9, and the tail of 100 bytes.
fn image() -> Vec<u8> {
    let fields = Fields {
        device_size: 12 * 256 + 100,
        nr_clusters: 12,
        inuse: 6,
        ..SMALL
    };
    let run = |image: ByHand| image.next(1, 256).next(2, 256).next(3, 256);
    let first = run(ByHand::current(fields, 56).gap(2));
    run(first.gap(2)).gap(2).next(9, 100).bytes
}

#[test]
fn damage_of_commands_beside_gaps_is_found() {
    let image = image();
    let first_run = 56 + 9;
    let second_gap = first_run + 3 * 257;
    let last_gap = second_gap + 9 + 3 * 257;
    let commands = [
        ("the first gap", 56),
        ("the start of a run", first_run),
        ("the end of a run, before a gap", second_gap - 257),
        ("a gap", second_gap),
        ("the start of the run after it", second_gap + 9),
        ("the end of the last run", last_gap - 257),
        ("the gap before the tail", last_gap),
        ("the tail", last_gap + 9),
    ];
    for (what, offset) in commands {
        assert_eq!(found(&image, offset), Some(offset), "{what}");
    }
}

#[test]
fn what_is_not_beside_a_gap_is_not_read() {
    let image = image();
    let within_run = 56 + 9 + 257;
    assert_eq!(found(&image, within_run), None);
    assert_eq!(found(&image, within_run + 1), None);
}
