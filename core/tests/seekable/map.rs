//! Which clusters are in the stream.

use ntfsclone_core::image::seekable::{MapBuilder, MapRun, SeekableReader};
use ntfsclone_core::units::Lcn;
use proptest::prelude::*;

use crate::file::File;

/// The runs of a map, and the error that ends it.
fn runs(map: &[u8]) -> (Vec<MapRun>, Option<String>) {
    let mut file = File::sample();
    *file.section(b"MAPS") = map.to_vec();
    let bytes = file.bytes();
    let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
    let summary = reader.summary().unwrap().unwrap();
    let (mut runs, mut error) = (Vec::new(), None);
    for run in summary.map().unwrap() {
        assert!(error.is_none(), "goes on after an error");
        match run {
            Ok(run) => runs.push(run),
            Err(found) => error = Some(found.to_string()),
        }
    }
    (runs, error)
}

#[test]
fn numbers_are_checked() {
    let least = "expected at least 1, and within the volume";
    let number = "expected enough for a number of at most 64 bits";
    let jump = "expected a jump";
    let table: [(&[u8], usize, &str); 12] = [
        (&[], 0, ""),
        // All clusters and the tail.
        (&[0, 11], 1, ""),
        (&[0, 12], 0, least),
        (&[20, 1], 1, ""),
        (&[22, 1], 0, least),
        // Before the first cluster.
        (&[1, 1], 0, least),
        (&[2, 1, 7, 1], 1, least),
        (&[2, 0], 0, least),
        (&[2, 1, 0, 1], 1, jump),
        (&[2], 0, number),
        (&[2, 1, 0x82], 1, number),
        (
            &[0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1],
            0,
            least,
        ),
    ];
    for (map, count, expected) in table {
        let (runs, error) = runs(map);
        assert_eq!(runs.len(), count, "{map:?}");
        let error = error.unwrap_or_default();
        assert!(error.ends_with(expected), "{map:?}: {error}");
        assert_eq!(error.is_empty(), expected.is_empty(), "{map:?}: {error}");
    }
}

proptest! {
    /// However the clusters are added, and also where they jump back.
    #[test]
    fn round_trip(clusters in prop::collection::vec(0_u64..10, 0..40)) {
        let mut map = MapBuilder::new(1 << 20);
        for &cluster in &clusters {
            map.add(Lcn(cluster), 1);
        }
        let (runs, error) = runs(&map.finish().unwrap());
        prop_assert_eq!(error, None);
        let found: Vec<u64> = runs
            .iter()
            .flat_map(|run| run.start.0..run.start.0 + run.count)
            .collect();
        prop_assert_eq!(found, clusters);
        for pair in runs.windows(2) {
            prop_assert_ne!(pair[0].start.0 + pair[0].count, pair[1].start.0);
        }
    }
}

#[test]
fn given_up_beyond_its_limit() {
    let mut map = MapBuilder::new(4);
    for cluster in [1, 3] {
        map.add(Lcn(cluster), 1);
    }
    assert!(map.finish().is_some());
    let mut map = MapBuilder::new(4);
    for cluster in [1, 3, 5] {
        map.add(Lcn(cluster), 1);
    }
    assert!(map.finish().is_none());
}
