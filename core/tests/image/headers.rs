//! Headers of every version, and such as cannot be.

use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::image::ntfsclone::{ByteOrder, Header, Version};

use crate::decoded::{ByHand, Fields, SMALL, decode_whole, refused, small_image};

#[test]
fn of_version_10() {
    for minor in [1, 2, 255] {
        for data_offset in [50, 51, 56, 57, 1000] {
            let version = (10, minor);
            let image = ByHand::current(Fields { version, ..SMALL }, data_offset);
            let image = image.next(1, 256).gap(3).next(9, 100);
            let decoded = decode_whole(&image.bytes).unwrap();
            assert_eq!(Header::read(&*image.bytes).unwrap(), decoded.header());
            assert_eq!(decoded.header().version, Version::Current { minor });
            assert_eq!(decoded.header().data_offset, data_offset);
            assert_eq!(decoded.header().device_size, SMALL.device_size);
            assert_eq!(decoded.header().nr_clusters, SMALL.nr_clusters);
            assert_eq!(decoded.header().inuse, SMALL.inuse);
            let expected = [(0, vec![1; 256]), (1024, vec![9; 100])];
            assert_eq!(decoded.data, expected);
        }
    }
}

#[test]
fn that_are_cut_short() {
    let image = small_image();
    for len in 0..50 {
        match Header::read(&image[..len]) {
            Err(Error::Truncated { offset, .. }) => assert_eq!(offset, len as u64),
            other => panic!("{len}: {other:?}"),
        }
    }
    let header = Header::read(&image[..50]).unwrap();
    assert_eq!(header, decode_whole(&image).unwrap().header());
}

/// It ends where its last cluster ends, and has no tail.
#[test]
fn of_version_10_0() {
    let version = (10, 0);
    let image = ByHand::current(Fields { version, ..SMALL }, 56);
    let with_gap = image.clone().next(1, 256).gap(3);
    let with_cluster = image.gap(3).next(1, 256);
    for (image, offset) in [(with_gap, 0), (with_cluster, 768)] {
        let decoded = decode_whole(&image.bytes).unwrap();
        assert!(!decoded.header().has_tail());
        assert_eq!(decoded.data, [(offset, vec![1; 256])]);
    }
}

#[test]
fn of_old_versions_in_either_byte_order() {
    for (is_big, order) in [(false, ByteOrder::Little), (true, ByteOrder::Big)] {
        for exponent in 8..=21 {
            for version in [(1, 2), (3, 0), (3, 1), (9, 255)] {
                let cluster_size = 1_u32 << exponent;
                let size = u64::from(cluster_size);
                let fields = Fields {
                    version,
                    cluster_size,
                    device_size: 5 * size + 512,
                    nr_clusters: 5,
                    inuse: 1,
                };
                let image = ByHand::old(fields, is_big).gap(4).next(3, size as usize);
                let decoded = decode_whole(&image.bytes).unwrap();
                let header = decoded.header();
                assert_eq!(Header::read(&*image.bytes).unwrap(), header);
                assert_eq!(header.version, Version::Old(order), "{cluster_size}");
                assert_eq!(header.cluster_size, cluster_size);
                assert_eq!(header.device_size, fields.device_size);
                assert!(!header.has_tail());
                assert_eq!(decoded.data, [(4 * size, vec![3; size as usize])]);
            }
        }
    }
}

/// Where in a header, which bytes; the position and field that the error names.
const REFUSED: &[(usize, &[u8], u64, &str)] = &[
    (0, b"\x01", 0, "its magic"),
    (1, b"NTFS", 0, "its magic"),
    (15, b"E", 0, "its magic"),
    (16, &[11], 16, "major version"),
    (16, &[255], 16, "major version"),
    (18, &[0, 0, 0, 0], 18, "its cluster size"),
    (18, &[128, 0, 0, 0], 18, "its cluster size"),
    (18, &[0, 3, 0, 0], 18, "its cluster size"),
    (18, &[0, 0, 0x40, 0], 18, "its cluster size"),
    (18, &[0xFF; 4], 18, "its cluster size"),
    (22, &[0xFF; 8], 22, "its device size"),
    (29, &[0x80], 22, "its device size"),
    (22, &[0; 8], 30, "its number of clusters"),
    (
        22,
        &[0xFF, 3, 0, 0, 0, 0, 0, 0],
        30,
        "its number of clusters",
    ),
    (30, &[0; 8], 30, "its number of clusters"),
    (30, &[5], 30, "its number of clusters"),
    (30, &[0xFF; 8], 30, "its number of clusters"),
    (46, &[0; 4], 46, "the offset of its data"),
    (46, &[49], 46, "the offset of its data"),
];

#[test]
fn that_cannot_be() {
    for (at, bytes, position, field) in REFUSED {
        let mut image = small_image();
        image[*at..at + bytes.len()].copy_from_slice(bytes);
        let expected = (Structure::ImageHeader, *position, *field);
        assert_eq!(refused(&image), expected, "{bytes:x?} at {at}");
    }
    // In an old image, in either byte order.
    for is_big in [false, true] {
        let version = (3, 1);
        let sound = ByHand::old(Fields { version, ..SMALL }, is_big);
        let sound = sound.gap(3).next(1, 256).bytes;
        assert!(decode_whole(&sound).is_ok());
        for (at, len) in [(18, 4), (22, 8), (30, 8)] {
            let mut image = sound.clone();
            image[at..at + len].fill(0xFF);
            assert_eq!(refused(&image).0, Structure::ImageHeader, "{at}");
        }
    }
}

/// The count of clusters in use drives progress bars only; writers got it wrong.
#[test]
fn with_any_count_of_clusters_in_use() {
    let mut image = small_image();
    image[38..46].fill(0xFF);
    let decoded = decode_whole(&image).expect("a sound image");
    assert_eq!(decoded.header().inuse, u64::MAX);
}
