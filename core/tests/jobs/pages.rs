//! Pages of what someone else reads.

use core::ops::Range;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::pages::{MAX_REQUEST, Pages};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// A source whose every byte tells where it is.
fn bytes(range: Range<u64>) -> Vec<u8> {
    range.map(|offset| (offset / 251) as u8).collect()
}

/// Reads until all is there; returns what was asked for:
/// starts and ends.
fn read(pages: &Pages, range: Range<u64>) -> Vec<(u64, u64)> {
    let mut asked = Vec::new();
    loop {
        let mut buf = vec![0; (range.end - range.start) as usize];
        let read = pages.attempt(|| pages.read_exact_at(range.start, &mut buf));
        match read {
            Ok(read) => {
                read.unwrap();
                assert!(buf == bytes(range.clone()), "{range:?}");
                let piece = pages.piece(range.start, buf.len()).unwrap();
                assert!(*piece == *buf, "{range:?}");
                return asked;
            }
            Err(wanted) => {
                pages.supply(wanted.start, bytes(wanted.clone())).unwrap();
                asked.push((wanted.start, wanted.end));
            }
        }
    }
}

#[test]
fn what_is_missing_is_asked_for_once() {
    let pages = Pages::new(10 * MIB + 100);
    assert_eq!(read(&pages, 70_000..70_010), [(64 * KIB, 128 * KIB)]);
    assert_eq!(read(&pages, 65_536..131_072), []);
    // Around what is there.
    let asked = read(&pages, 0..200 * KIB);
    assert_eq!(asked, [(0, 64 * KIB), (128 * KIB, 256 * KIB)]);
    // At the end.
    let end = 10 * MIB + 100;
    assert_eq!(read(&pages, end - 10..end), [(10 * MIB, end)]);
    assert!(pages.read_exact_at(end - 10, &mut [0; 11]).is_err());
    assert_eq!(pages.attempt(|| ()), Ok(()));
}

#[test]
fn what_follows_is_asked_for_in_larger_pieces() {
    let pages = Pages::new(100 * MIB);
    let mut lengths = Vec::new();
    for offset in (0..20 * MIB).step_by(32 << 10) {
        let asked = read(&pages, offset..offset + 32 * KIB);
        lengths.extend(asked.iter().map(|(start, end)| end - start));
    }
    let growing = [64, 128, 256, 512, 1024, 2048, 4096].map(|kib| kib * KIB);
    assert_eq!(lengths[..7], growing);
    assert!(lengths[7..].iter().all(|&len| len == MAX_REQUEST));
    // Elsewhere, anew.
    assert_eq!(
        read(&pages, 90 * MIB..90 * MIB + 1),
        [(90 * MIB, 90 * MIB + 64 * KIB)]
    );
}

#[test]
fn little_is_kept_but_what_an_attempt_needs() {
    let pages = Pages::new(1 << 40);
    for n in 0..100 {
        read(&pages, n * MIB..(n + 1) * MIB);
        assert!(pages.kept() <= 20 * MIB, "{}", pages.kept());
    }
    // One read of more than what is kept else, and many reads far apart.
    read(&pages, 200 * MIB..240 * MIB);
    let far = |n: u64| 1000 * MIB + n * 5 * MIB;
    let mut asked = 0;
    loop {
        let mut byte = [0];
        let read =
            pages.attempt(|| (0..500).try_for_each(|n| pages.read_exact_at(far(n), &mut byte)));
        match read {
            Ok(read) => break read.unwrap(),
            Err(wanted) => {
                pages.supply(wanted.start, bytes(wanted.clone())).unwrap();
                asked += 1;
            }
        }
    }
    assert_eq!(asked, 500);
    read(&pages, 0..MIB);
    assert!(pages.kept() <= 20 * MIB, "{}", pages.kept());
}

#[test]
fn too_much_at_once_is_refused() {
    let pages = Pages::new(1 << 40);
    let mut buf = vec![0; 200 << 20];
    let failure = loop {
        let wanted = pages
            .attempt(|| pages.read_exact_at(0, &mut buf))
            .unwrap_err();
        let supplied = pages.supply(wanted.start, vec![0; (wanted.end - wanted.start) as usize]);
        if let Err(error) = supplied {
            break error;
        }
    };
    assert!(matches!(failure, ntfsclone_core::Error::Limit { .. }));
}

#[test]
fn what_was_not_asked_for_is_refused_or_takes_the_place_of_what_is_there() {
    let size = 10 * MIB + 100;
    let pages = Pages::new(size);
    for range in [1..65_537, 0..100, 10 * MIB..size - 1, 0..0] {
        assert!(
            pages.supply(range.start, bytes(range.clone())).is_err(),
            "{range:?}"
        );
    }
    assert!(pages.supply(10 * MIB, vec![0; 65_536]).is_err());
    for range in [0..4 * MIB, MIB..2 * MIB, 64 * KIB..3 * MIB, 10 * MIB..size] {
        pages.supply(range.start, bytes(range)).unwrap();
    }
    assert_eq!(pages.kept(), 3 * MIB - 64 * KIB + 100);
    read(&pages, 0..5 * MIB);
}
