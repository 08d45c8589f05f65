//! Runlists, encoded here and decoded there.

use ntfsclone_core::ntfs::Run;
use ntfsclone_core::ntfs::runlist::Runs;
use ntfsclone_core::units::{Lcn, Vcn};
use proptest::prelude::*;

/// A number in its fewest bytes, and `more` of them.
fn signed(number: i64, more: usize) -> Vec<u8> {
    let fits = |len: usize| {
        let unused = 64 - 8 * len;
        number << unused >> unused == number
    };
    let fewest = (1..=8).find(|&len| fits(len)).unwrap();
    number.to_le_bytes()[..(fewest + more).min(8)].to_vec()
}

fn encode(runs: &[(Option<u64>, u64, usize)]) -> Vec<u8> {
    let mut pairs = Vec::new();
    let mut previous = 0;
    for &(lcn, len, more) in runs {
        let length = signed(len as i64, more);
        let delta = lcn.map_or(Vec::new(), |lcn| {
            let delta = lcn as i64 - previous;
            previous = lcn as i64;
            signed(delta, more)
        });
        pairs.push((delta.len() << 4 | length.len()) as u8);
        pairs.extend(length);
        pairs.extend(delta);
    }
    pairs.push(0);
    pairs
}

fn any_run() -> impl Strategy<Value = (Option<u64>, u64, usize)> {
    let number = (0_u32..50).prop_flat_map(|bits| 0_u64..1 << bits);
    let len = (0_u32..40).prop_flat_map(|bits| 1_u64..=1 << bits);
    (prop::option::weighted(0.8, number), len, 0_usize..3)
}

proptest! {
    #[test]
    fn decodes_what_was_encoded(
        runs in prop::collection::vec(any_run(), 0..40),
        lowest_vcn in 0_u64..1 << 40,
        slack in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut expected = Vec::new();
        let mut vcn = Vcn(lowest_vcn);
        for &(lcn, len, _) in &runs {
            expected.push(Run { vcn, lcn: lcn.map(Lcn), len });
            vcn = vcn.plus(len);
        }
        let mut pairs = encode(&runs);
        // What follows the end does not matter.
        pairs.extend(slack);
        let found: Result<Vec<Run>, _> = Runs::new(&pairs, Vcn(lowest_vcn), 0).collect();
        prop_assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn cut_short_it_is_an_error(runs in prop::collection::vec(any_run(), 0..6)) {
        let pairs = encode(&runs);
        for len in 0..pairs.len() {
            let last = Runs::new(&pairs[..len], Vcn(0), 0x1234).last();
            prop_assert!(matches!(last, Some(Err(_))), "{} of {:x?}", len, pairs);
        }
    }

    #[test]
    fn any_bytes_end(pairs in prop::collection::vec(any::<u8>(), 0..100), vcn in any::<u64>()) {
        crate::targets::run("runlist", &[&vcn.to_le_bytes(), pairs.as_slice()].concat());
    }
}
