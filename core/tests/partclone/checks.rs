//! Images that are checked as they are streamed.

use ntfs_volume_builder::{PartcloneImage, pattern};
use ntfsclone_core::Error;
use ntfsclone_core::check::{Code, PartcloneCheck, PartcloneChecked, Place, StreamedCheck};
use ntfsclone_core::image::partclone::Index;
use proptest::prelude::*;

use crate::modes::modes;

fn image(mode: &PartcloneImage) -> Vec<u8> {
    let bytes = pattern(1, 40 * 512);
    let blocks: Vec<Option<&[u8]>> = bytes.chunks(512).map(Some).collect();
    mode.of_blocks(512, 41 * 512, &blocks)
}

fn check(image: &[u8], piece: usize) -> PartcloneChecked {
    let mut check = PartcloneCheck::new();
    for piece in image.chunks(piece) {
        check.push(piece, &mut |_, _| {}).unwrap();
    }
    check.end()
}

/// The codes of all findings, and where in the image they are.
fn found(checked: PartcloneChecked) -> Vec<(Code, Option<Place>)> {
    let findings = checked.findings.listed().to_vec();
    let losses = checked.losses.into_iter().map(|loss| loss.into_finding());
    let all = losses.chain(findings);
    all.map(|finding| (finding.code, finding.place)).collect()
}

fn at(offset: u64) -> Option<Place> {
    Some(Place::Image { offset })
}

#[test]
fn images_of_every_mode_are_sound() {
    for mode in modes() {
        let image = image(&mode);
        for piece in [999, image.len()] {
            let checked = check(&image, piece);
            let index = checked.index.clone().unwrap();
            let (header, blocks) = (index.header(), index.blocks());
            assert_eq!(blocks.len(), header.used, "{mode:?}");
            assert_eq!(found(checked), [], "{mode:?}");
        }
    }
}

#[test]
fn wrong_checksums_are_found_with_their_places() {
    let mode = PartcloneImage::version_2();
    let sound = image(&mode);
    let index = Index::read(sound.as_slice()).unwrap();
    // Of strips of 7 blocks, each followed by 4 bytes.
    let checksum = |strip: u64| index.offset((strip + 1) * 7) - 4;
    let damaged = |ranks: &[u64]| {
        let mut image = sound.clone();
        for &rank in ranks {
            image[index.offset(rank) as usize + 9] ^= 1;
        }
        found(check(&image, 5000))
    };
    let code = Code::BlockChecksum;
    assert_eq!(damaged(&[0]), [(code, at(checksum(0)))]);
    // Those that follow each other are one.
    assert_eq!(damaged(&[15, 16, 21]), [(code, at(checksum(2)))]);
    let both = [(code, at(checksum(0))), (code, at(checksum(2)))];
    assert_eq!(damaged(&[6, 14]), both);
}

#[test]
fn running_checksum_is_reported_once() {
    let mode = PartcloneImage {
        reseed: false,
        ..PartcloneImage::version_2()
    };
    let mut image = image(&mode);
    let index = Index::read(image.as_slice()).unwrap();
    image[index.offset(8) as usize] ^= 1;
    let place = at(index.offset(14) - 4);
    assert_eq!(found(check(&image, 5000)), [(Code::BlockChecksum, place)]);
}

#[test]
fn first_checksums_of_version_1_match_nowhere() {
    let mut image = image(&PartcloneImage::version_1(0));
    let index = Index::read(image.as_slice()).unwrap();
    image[index.offset(1) as usize] ^= 1;
    let codes: Vec<Code> = found(check(&image, 5000))
        .iter()
        .map(|found| found.0)
        .collect();
    assert_eq!(codes, [Code::BlockChecksum]);
}

#[test]
fn structure_is_checked() {
    let sound = image(&PartcloneImage::version_2());
    let len = sound.len();
    let longer = [sound.as_slice(), &[0]].concat();
    let (mut header, mut bitmap) = (sound.clone(), sound.clone());
    header[60] ^= 1;
    bitmap[110] ^= 1;
    let table = [
        (&sound[..len - 1], Code::ImageTruncated),
        (&sound[..5000], Code::ImageTruncated),
        (&sound[..111], Code::ImageTruncated),
        (&sound[..50], Code::ImageTruncated),
        (&sound[..0], Code::ImageTruncated),
        (&longer[..], Code::ImageTrailing),
        (&header[..], Code::ImageHeader),
        (&bitmap[..], Code::ImageHeader),
    ];
    for (image, code) in table {
        let codes: Vec<Code> = found(check(image, 700))
            .iter()
            .map(|found| found.0)
            .collect();
        assert_eq!(codes, [code], "{} bytes", image.len());
    }
    let mut on_device = PartcloneCheck::on_device();
    on_device.push(&longer, &mut |_, _| {}).unwrap();
    assert!(on_device.is_complete());
    assert_eq!(found(on_device.end()), []);
}

#[test]
fn another_file_system_is_no_finding() {
    let mode = PartcloneImage {
        file_system: "EXTFS".to_owned(),
        ..PartcloneImage::version_2()
    };
    let mut check = PartcloneCheck::new();
    let error = check.push(&image(&mode), &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::OtherFileSystem { name } if name == "EXTFS"));
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        mode in 0_usize..74,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        piece in 1_usize..9000,
    ) {
        let mut image = image(&modes()[mode]);
        for (at, byte) in flips {
            let at = at.index(image.len());
            image[at] = byte;
        }
        let len = image.len();
        prop_assume!(&image[36..40] == b"NTFS" || image[15..19] == *b"NTFS");
        prop_assert_eq!(found(check(&image, piece)), found(check(&image, len)));
    }
}

#[test]
fn check_ends_if_the_first_checksums_of_version_1_do_not_match() {
    for padding in [0, 4] {
        let sound = image(&PartcloneImage::version_1(padding));
        let index = Index::read(sound.as_slice()).unwrap();
        // The second checksum runs on from the first, and fits at neither place.
        for rank in [0, 1] {
            let mut damaged = sound.clone();
            damaged[index.offset(rank) as usize] ^= 1;
            // Whether there is padding before the second block is then unknown.
            let skipped = if rank == 1 { padding as u64 } else { 0 };
            let checksum = index.offset(rank) + 512 - skipped;
            let found = found(check(&damaged, damaged.len()));
            assert_eq!(
                found.first(),
                Some(&(Code::BlockChecksum, at(checksum))),
                "{padding} {rank}"
            );
        }
    }
}
