//! Which clusters are in the stream.

use ntfsclone_core::image::seekable::{MapBuilder, MapRun, SeekableReader};
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::units::Lcn;
use proptest::prelude::*;

use crate::encoded::Encoded;
use crate::file::{File, head, header};

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
    let table: [(&[u8], usize, &str); 13] = [
        (&[], 0, ""),
        // All clusters and the tail.
        (&[0, 11], 1, ""),
        (&[0, 11, 1, 1], 1, "expected nothing"),
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

/// An image of these clusters, in their order, and its file.
fn image(clusters: &[u64]) -> (Vec<u8>, File) {
    let mut encoder = Encoded::new(&header());
    let mut map = MapBuilder::new(1 << 20);
    for &cluster in clusters {
        encoder.clusters(Lcn(cluster), &[cluster as u8; 256]);
        map.add(Lcn(cluster), 1);
    }
    let stream = encoder.tail(&[0xEE; 100]);
    map.add(Lcn(10), 1);
    let mut file = File::new(stream.clone());
    *file.section(b"MAPS") = map.finish().unwrap();
    (stream, file)
}

fn index(file: &File) -> Result<Option<Index>, String> {
    let bytes = file.bytes();
    let reader = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
    let index = reader.summary().unwrap().unwrap().index();
    index.map_err(|error| error.to_string())
}

proptest! {
    /// What the map tells is what a scan of the whole image finds.
    #[test]
    fn index_without_a_scan(clusters in prop::collection::vec(0_u64..10, 0..40)) {
        let (stream, file) = image(&clusters);
        let found = index(&file).unwrap().expect("there is a map");
        prop_assert_eq!(&found, &Index::scan(stream.as_slice(), |_| {}).unwrap());

        let bytes = file.bytes();
        let compressed = SeekableReader::open(bytes.as_slice()).unwrap().unwrap();
        let [volume, expected] = [
            contents(&Reader::new(compressed, found.clone())),
            contents(&Reader::new(stream.as_slice(), found)),
        ];
        prop_assert!(volume == expected);
        for cluster in clusters {
            prop_assert_eq!(volume[cluster as usize * 256], cluster as u8);
        }
    }
}

fn contents(volume: &impl ReadAt) -> Vec<u8> {
    let mut bytes = vec![0; volume.size() as usize];
    volume.read_exact_at(0, &mut bytes).unwrap();
    bytes
}

#[test]
fn maps_of_another_stream() {
    let (stream, file) = image(&[2, 3, 7]);
    assert!(index(&file).unwrap().is_some());
    let size = "expected that of what is in its map";
    let table: [(&[u8], &str); 5] = [
        // One cluster less, one gap less.
        (&[4, 2, 12, 1], size),
        (&[4, 3, 10, 1], size),
        // Without the tail, and with more than that after the end.
        (&[4, 2, 6, 1], "expected the end of the volume"),
        (&[4, 2, 6, 1, 4, 1, 1, 1], "expected nothing"),
        (&[4, 9, 3, 2], "expected nothing"),
    ];
    for (map, expected) in table {
        let mut file = file.clone();
        *file.section(b"MAPS") = map.to_vec();
        let error = index(&file).expect_err("it is another's");
        assert!(error.ends_with(expected), "{map:?}: {error}");
    }
    let mut raw = file.clone();
    *raw.section(b"HEAD") = head(2, 1024, stream.len() as u64);
    assert_eq!(index(&raw), Ok(None));
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
