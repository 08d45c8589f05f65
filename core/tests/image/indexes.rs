//! Where the clusters lie: the same from every way to make an index, and what
//! is there is what a restore leaves.

use ntfsclone_core::Error;
use ntfsclone_core::image::ntfsclone::{Event, Header};
use ntfsclone_core::image::{Index, IndexBuilder, Indexer, Run};
use ntfsclone_core::units::{Extent, Lcn};
use proptest::prelude::*;

use crate::decoded::{ByHand, Fields, SMALL, decode_whole};

/// A cluster of [`SMALL`] and its command.
const STRIDE: u64 = 257;

fn run(start: u64, len: u64, offset: u64) -> Run {
    Run {
        extent: Extent::new(Lcn(start), len),
        offset,
    }
}

/// By the decoder's events, the image in pieces of `len`.
fn indexed(image: &[u8], len: usize) -> Result<Index, Error> {
    let mut indexer = Indexer::new();
    for piece in image.chunks(len) {
        let mut input = piece;
        while indexer.next(&mut input)? != Event::NeedInput {
            if input.is_empty() {
                break;
            }
        }
    }
    indexer.finish()
}

fn rebuilt(index: &Index) -> Result<Index, Error> {
    let mut builder = IndexBuilder::new(*index.header());
    for (gap, clusters) in index.commands() {
        if gap != 0 {
            builder.gap(gap)?;
        }
        builder.clusters(clusters)?;
    }
    builder.finish()
}

/// All ways agree, and every cluster has the bytes that a restore leaves.
fn check(image: &[u8]) -> Index {
    let index = Index::scan(image, |_| {}).unwrap();
    assert_eq!(index.stream_size(), image.len() as u64);
    for len in [1, 7, 300, image.len()] {
        assert_eq!(indexed(image, len).unwrap(), index, "in pieces of {len}");
    }
    assert_eq!(rebuilt(&index).unwrap(), index);

    let header = *index.header();
    let cluster_size = header.cluster_size as usize;
    let device = decode_whole(image).unwrap().device();
    let mut stored = 0;
    for lcn in 0..header.nr_clusters {
        let expected = &device[lcn as usize * cluster_size..][..cluster_size];
        match index.locate(Lcn(lcn)) {
            Some(run) => {
                assert_eq!(run.extent.start, Lcn(lcn));
                assert_eq!(image[run.offset as usize], 1);
                let bytes = &image[run.offset as usize + 1..][..cluster_size];
                assert!(bytes == expected, "{lcn}");
                stored += 1;
            }
            None => assert!(expected.iter().all(|byte| *byte == 0), "{lcn}"),
        }
    }
    assert_eq!(index.len(), stored);
    assert_eq!(index.locate(Lcn(header.nr_clusters)), None);
    assert_eq!(index.locate(Lcn(u64::MAX)), None);
    let extents: u64 = index.extents().map(|extent| extent.len).sum();
    assert_eq!(extents, stored);
    index
}

fn of(fields: Fields) -> ByHand {
    ByHand::current(fields, 56)
}

#[test]
fn an_ordinary_image() {
    let image = of(SMALL).next(1, 256).gap(1).next(2, 256).next(3, 256);
    let index = check(&image.next(9, 100).bytes);
    assert!(index.is_ordinary());
    let second = 56 + STRIDE + 9;
    assert_eq!(index.runs(), [run(0, 1, 56), run(2, 2, second)]);
    assert_eq!(index.locate(Lcn(3)), Some(run(3, 1, second + STRIDE)));
    assert_eq!(index.tail(), Some(second + 2 * STRIDE));
    assert_eq!(index.commands().collect::<Vec<_>>(), [(0, 1), (1, 2)]);

    let header = Header::new(256, SMALL.device_size, 4, 2);
    let extents = [Extent::new(Lcn(0), 1), Extent::new(Lcn(2), 2)];
    assert_eq!(Index::of_extents(header, extents).unwrap(), index);
}

#[test]
fn no_clusters_and_gaps_in_pieces() {
    let tail = |image: ByHand| image.next(9, 100).bytes;
    assert_eq!(check(&tail(of(SMALL).gap(4))).runs(), []);
    let twice = check(&tail(of(SMALL).gap(1).gap(1).next(1, 256).gap(-2).gap(3)));
    assert_eq!(twice.runs(), [run(2, 1, 56 + 18)]);
    let commands: Vec<_> = twice.commands().collect();
    assert_eq!(commands, [(1, 0), (1, 1), (-2, 0), (3, 0)]);
    assert!(!twice.is_ordinary());
    assert!(check(&tail(of(SMALL).gap(1).gap(3))).is_ordinary());
}

#[test]
fn images_without_a_tail() {
    let old = Fields {
        version: (3, 1),
        ..SMALL
    };
    let body = |image: ByHand| image.next(1, 256).gap(2).next(2, 256).bytes;
    for image in [
        body(ByHand::old(old, true)),
        body(ByHand::old(old, false)),
        body(of(Fields {
            version: (10, 0),
            ..SMALL
        })),
    ] {
        let index = check(&image);
        assert_eq!(index.tail(), None);
        assert_eq!(index.len(), 2);
    }
}

#[test]
fn the_later_of_two_counts() {
    let image = of(SMALL)
        .next(1, 256)
        .next(2, 256)
        .next(3, 256)
        .gap(-2)
        .next(4, 256)
        .gap(2);
    let index = check(&image.next(9, 100).bytes);
    assert!(!index.is_ordinary());
    assert_eq!(
        index.runs(),
        [
            run(0, 1, 56),
            run(1, 1, 56 + 3 * STRIDE + 9),
            run(2, 1, 56 + 2 * STRIDE)
        ]
    );
}

#[test]
fn a_scan_stops_at_the_end() {
    let image = of(SMALL).gap(4).next(9, 100).bytes;
    let mut longer = image.clone();
    longer.extend([1; 1000]);
    let index = Index::scan(longer.as_slice(), |_| {}).unwrap();
    assert_eq!(index.stream_size(), image.len() as u64);
    for len in 0..image.len() {
        assert!(Index::scan(&image[..len], |_| {}).is_err(), "{len} bytes");
    }
}

/// What a list of commands is refused for: the byte position and the field.
fn refused(commands: &[(i64, u64)], with_tail: bool) -> (u64, &'static str) {
    let mut header = Header::new(256, SMALL.device_size, 4, 2);
    if !with_tail {
        header.version = ntfsclone_core::image::ntfsclone::Version::Current { minor: 0 };
    }
    let build = || {
        let mut builder = IndexBuilder::new(header);
        for &(gap, clusters) in commands {
            if gap != 0 {
                builder.gap(gap)?;
            }
            builder.clusters(clusters)?;
        }
        builder.finish()
    };
    match build() {
        Err(Error::Corrupt { offset, field, .. }) => (offset, field),
        other => panic!("{other:?}"),
    }
}

#[test]
fn lists_that_lead_out_of_the_volume() {
    let table: [(&[_], _, _); 8] = [
        (&[(0, 5)], 56 + 4 * STRIDE, "the cluster to follow"),
        (&[(2, 3)], 56 + 9 + 2 * STRIDE, "the cluster to follow"),
        (&[(0, u64::MAX)], 56 + 4 * STRIDE, "the cluster to follow"),
        (&[(5, 0)], 56, "a gap's count"),
        (&[(i64::MIN, 0)], 56, "a gap's count"),
        (&[(1, 1), (-3, 1)], 56 + 9 + STRIDE, "a gap's count"),
        (&[], 56, "the last cluster"),
        (&[(1, 1)], 56 + 9 + STRIDE, "the last cluster"),
    ];
    for (commands, offset, field) in table {
        assert_eq!(refused(commands, true), (offset, field), "{commands:?}");
        assert_eq!(refused(commands, false), (offset, field), "{commands:?}");
    }
    let after_end = (56 + 9, "a gap after the end");
    assert_eq!(refused(&[(4, 0), (-1, 1)], false), after_end);
}

#[test]
fn lists_of_more_than_can_be() {
    let clusters = 1_u64 << 54;
    let header = Header::new(256, clusters * 256, clusters, 0);
    let mut builder = IndexBuilder::new(header);
    builder.clusters(clusters).unwrap();
    builder.gap(-1 - (clusters as i64 - 1)).unwrap();
    let error = builder.clusters(clusters).unwrap_err().to_string();
    assert!(error.contains("the end of its clusters"), "{error}");
}

/// An image of metadata's kind: jumps to any place, and clusters there.
pub(crate) fn any_jumps() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec((0_u64..20, 0_u64..8), 0..30).prop_map(|jumps| {
        let mut image = of(Fields {
            device_size: 20 * 256 + 100,
            nr_clusters: 20,
            ..SMALL
        });
        let mut position = 0;
        let mut byte = 0;
        let mut go = |image: ByHand, to: u64, clusters: u64| {
            let mut image = match to as i64 - position as i64 {
                0 => image,
                gap => image.gap(gap),
            };
            for _ in 0..clusters {
                byte = byte % 250 + 1;
                image = image.next(byte, 256);
            }
            position = to + clusters;
            image
        };
        for (to, clusters) in jumps {
            image = go(image, to, clusters.min(20 - to));
        }
        go(image, 20, 0).next(251, 100).bytes
    })
}

proptest! {
    #[test]
    fn jumps_to_any_place(image in any_jumps()) {
        check(&image);
    }
}
