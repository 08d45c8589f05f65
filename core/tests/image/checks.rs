//! What a check of an image finds, sound or damaged.

use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use ntfsclone_core::check::{Code, Findings, ImageCheck, Place, StreamedCheck};
use ntfsclone_core::image::Index;
use proptest::prelude::*;

use crate::copies::image_of;
use crate::decoded::{ByHand, Fields, SMALL};

fn found(image: &[u8], len: usize) -> (Findings, Option<Index>) {
    let mut check = ImageCheck::new();
    for piece in image.chunks(len) {
        check.push(piece, &mut |_, _| {}).unwrap();
    }
    check.end().unwrap()
}

/// Codes and byte positions, however the image is cut into pieces.
fn check(image: &[u8], expected: &[(Code, Option<u64>)]) -> Option<Index> {
    let mut last = None;
    for len in [1, 7, 300, image.len().max(1)] {
        let (findings, index) = found(image, len);
        let codes: Vec<(Code, Option<u64>)> = findings
            .listed()
            .iter()
            .map(|finding| match finding.place {
                Some(Place::Image { offset }) => (finding.code, Some(offset)),
                _ => (finding.code, None),
            })
            .collect();
        assert_eq!(codes, expected, "in pieces of {len}");
        last = index;
    }
    last
}

fn sample() -> Vec<u8> {
    let builder = VolumeBuilder::new().file("a", FileData::Bytes(pattern(1, 100_000)));
    image_of(&builder.build())
}

#[test]
fn a_sound_image_has_its_whole_index() {
    let image = sample();
    let index = check(&image, &[]).unwrap();
    assert_eq!(Some(index), Index::scan(image.as_slice(), |_| {}).ok());
}

#[test]
fn damage_is_found_where_it_is() {
    let image = sample();
    let size = image.len() as u64;
    let whole = Index::scan(image.as_slice(), |_| {}).unwrap();
    let second_run = whole.runs()[1];
    // Its gap's command, which becomes none.
    let gap = second_run.offset - 9;
    let mut bad_command = image.clone();
    bad_command[gap as usize] = 7;
    let mut miscounted = image.clone();
    miscounted[38] ^= 1;
    let trailing = [image.as_slice(), b"x"].concat();

    let table: [(&[u8], Code, u64); 6] = [
        (&image[..20], Code::ImageTruncated, 20),
        (&image[..100], Code::ImageTruncated, 100),
        (&image[1..], Code::ImageHeader, 0),
        (&bad_command, Code::ImageCommand, gap),
        (&trailing, Code::ImageTrailing, size),
        (&miscounted, Code::ImageCount, 38),
    ];
    for (image, code, offset) in table {
        let index = check(image, &[(code, Some(offset))]);
        if code == Code::ImageCommand {
            let first = whole.runs()[0].extent;
            assert_eq!(index.unwrap().extents().collect::<Vec<_>>(), [first]);
            let finding = &found(image, 300).0.listed()[0].clone();
            let lost = Place::Volume {
                offset: first.end().0 * 4096,
                length: None,
            };
            assert_eq!(finding.also_at, Some(lost));
        }
    }
    check(&[], &[(Code::ImageTruncated, Some(0))]);
}

#[test]
fn an_old_image_lacks_its_tail() {
    let fields = Fields {
        version: (10, 0),
        ..SMALL
    };
    let image = ByHand::current(fields, 56).gap(2).next(1, 256).next(2, 256);
    check(&image.bytes, &[(Code::ImageWithoutTail, None)]);
}

/// As on a device, where something was before.
#[test]
fn what_follows_on_a_device_does_not_matter() {
    let image = sample();
    let mut check = ImageCheck::on_device();
    for piece in [image.as_slice(), b"left", b"over"].concat().chunks(1000) {
        check.push(piece, &mut |_, _| {}).unwrap();
    }
    assert!(check.is_complete());
    assert_eq!(check.taken(), image.len() as u64);
    assert!(check.end().unwrap().0.listed().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Clusters before the cut are all there, and none that is not whole.
    #[test]
    fn what_comes_before_a_cut_is_indexed(at in 56_usize..100_000) {
        let image = sample();
        let at = at.min(image.len() - 1);
        let (findings, index) = found(&image[..at], 4096);
        prop_assert_eq!(findings.listed()[0].code, Code::ImageTruncated);
        let whole = Index::scan(image.as_slice(), |_| {}).unwrap();
        let index = index.unwrap();
        let stride = u64::from(whole.header().cluster_size) + 1;
        for lcn in 0..whole.header().nr_clusters {
            let lcn = ntfsclone_core::units::Lcn(lcn);
            let expected = whole.locate(lcn).map(|run| run.offset);
            let expected = expected.filter(|offset| offset + stride <= at as u64);
            prop_assert_eq!(index.locate(lcn).map(|run| run.offset), expected);
        }
    }
}
