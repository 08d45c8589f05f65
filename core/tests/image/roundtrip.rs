//! What the encoder writes is what the decoder reads, however it is cut.

use ntfs_volume_builder::pattern;
use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::image::ntfsclone::Header;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::units::{Extent, Geometry, Lcn};
use ntfsclone_core::write::{NTFSCLONE, Shape};
use proptest::prelude::*;

use crate::decoded::{SMALL, decode, decode_whole, small_image};
use crate::encoded::Encoded;

/// A device and which of its clusters are in use.
#[derive(Debug, Clone)]
struct Device {
    cluster_size: u32,
    used: Vec<bool>,
    tail: u64,
}

impl Device {
    fn header(&self) -> Header {
        let nr_clusters = self.used.len() as u64;
        let device_size = nr_clusters * u64::from(self.cluster_size) + self.tail;
        let inuse = self.used.iter().filter(|used| **used).count() as u64;
        Header::new(self.cluster_size, device_size, nr_clusters, inuse)
    }

    /// The content, zeros where it is free.
    fn content(&self) -> Vec<u8> {
        let mut content = pattern(1, self.header().device_size as usize);
        let clusters = content.chunks_mut(self.cluster_size as usize);
        for (cluster, used) in clusters.zip(&self.used) {
            if !used {
                cluster.fill(0);
            }
        }
        content
    }

    fn plan(&self) -> Plan {
        let mut map = ClusterMap::new(self.used.len() as u64).unwrap();
        for (lcn, used) in (0..).zip(&self.used) {
            if *used {
                map.insert(Extent::new(Lcn(lcn), 1));
            }
        }
        let geometry = Geometry {
            sector_size: 256,
            cluster_size: self.cluster_size,
            total_sectors: self.used.len() as u64 * u64::from(self.cluster_size / 256),
            mft_record_size: 1024,
            index_record_size: 4096,
        };
        Plan::new(geometry, self.header().device_size, map)
    }

    /// The image, its clusters given to the encoder `at_once` at a time.
    fn image(&self, at_once: u64) -> Vec<u8> {
        let content = self.content();
        let cluster_size = self.cluster_size as usize;
        let mut encoder = Encoded::new(&self.header());
        for extent in self.plan().extents() {
            let mut start = extent.start;
            while start < extent.end() {
                let end = start.plus(at_once).min(extent.end());
                let data = &content[start.0 as usize * cluster_size..end.0 as usize * cluster_size];
                encoder.clusters(start, data);
                start = end;
            }
        }
        encoder.tail(&content[self.used.len() * cluster_size..])
    }
}

fn any_device() -> impl Strategy<Value = Device> {
    let cluster_size = prop_oneof![Just(256_u32), Just(512), Just(4096)];
    (cluster_size, prop::collection::vec(any::<bool>(), 1..40)).prop_flat_map(
        |(cluster_size, used)| {
            (0..=u64::from(cluster_size)).prop_map(move |tail| Device {
                cluster_size,
                used: used.clone(),
                tail,
            })
        },
    )
}

/// `image` in pieces of these lengths, in turn.
fn cut<'a>(image: &'a [u8], lengths: &'a [usize]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = image;
    let mut lengths = lengths.iter().cycle();
    core::iter::from_fn(move || {
        let len = rest.len().min(*lengths.next()?);
        let (piece, after) = rest.split_at(len);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

proptest! {
    #[test]
    fn gives_the_device_back(
        device in any_device(),
        at_once in 1_u64..9,
        lengths in prop::collection::vec(1_usize..2000, 1..20),
    ) {
        let image = device.image(at_once);
        let header = device.header();
        let size = NTFSCLONE.size(&Shape::of_volume(&device.plan())).unwrap();
        prop_assert_eq!(image.len() as u64, size);
        prop_assert!(image == device.image(u64::MAX), "it depends on the calls");

        let decoded = decode(cut(&image, &lengths)).unwrap();
        prop_assert_eq!(decoded.header(), header);
        prop_assert_eq!(header.tail_size(), device.tail);
        prop_assert!(decoded.device() == device.content());
        // Free clusters are not in the image at all.
        let bytes: u64 = decoded.data.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        prop_assert_eq!(bytes, header.inuse * u64::from(device.cluster_size) + device.tail);
    }
}

#[test]
fn at_every_split() {
    let image = small_image();
    let expected = decode_whole(&image).unwrap();
    for at in 0..=image.len() {
        let (first, second) = image.split_at(at);
        assert_eq!(decode([first, second]).unwrap(), expected, "at {at}");
        // An empty piece is no end.
        assert_eq!(decode([first, &[], second]).unwrap(), expected, "at {at}");
    }
    for len in 1..=image.len() {
        let found = decode(image.chunks(len)).unwrap();
        assert_eq!(found, expected, "in pieces of {len}");
    }
}

#[test]
fn the_encoder_writes_what_the_format_says() {
    let header = Header::new(
        SMALL.cluster_size,
        SMALL.device_size,
        SMALL.nr_clusters,
        SMALL.inuse,
    );
    let mut encoder = Encoded::new(&header);
    encoder.clusters(Lcn(2), &[7; 256]);
    let image = encoder.tail(&[9; 100]);
    // The padding is zeros when it is written.
    let mut expected = small_image();
    expected[50..56].fill(0);
    assert_eq!(image, expected);
}

#[test]
fn the_emptiest_and_the_fullest() {
    let table = [
        (vec![false; 9], 0, 56 + 9 + 1),
        (vec![false; 9], 256, 56 + 9 + 1 + 256),
        (vec![true; 9], 0, 56 + 9 * 257 + 1),
        (vec![true; 9], 100, 56 + 9 * 257 + 101),
        (vec![true], 1, 56 + 257 + 2),
    ];
    for (used, tail, expected) in table {
        let device = Device {
            cluster_size: 256,
            used,
            tail,
        };
        let image = device.image(1);
        assert_eq!(image.len(), expected, "{device:?}");
        let decoded = decode_whole(&image).unwrap();
        assert!(decoded.device() == device.content(), "{device:?}");
    }
}

/// A metadata image: its clusters come in any order.
#[test]
fn clusters_in_any_order() {
    let header = Header::new(256, 10 * 256, 10, 4);
    let mut encoder = Encoded::new(&header);
    for (lcn, byte) in [(7, 1), (2, 2), (3, 3), (9, 4), (0, 5)] {
        encoder.clusters(Lcn(lcn), &[byte; 256]);
    }
    let image = encoder.tail(&[]);
    let decoded = decode_whole(&image).unwrap();
    let found: Vec<(u64, u8, usize)> = decoded
        .data
        .iter()
        .map(|(offset, bytes)| (offset / 256, bytes[0], bytes.len()))
        .collect();
    assert_eq!(found, [(7, 1, 256), (2, 2, 512), (9, 4, 256), (0, 5, 256)]);
    // 7 -> 8 to 2, 4 to 9, 10 to 0, 1 to 10; the first from 0 to 7.
    assert_eq!(image.len(), 56 + 5 * 257 + 5 * 9 + 1);
}
