//! Headers that are refused, and why.

use ntfs_volume_builder::{PartcloneImage, redo_partclone_header};
use ntfsclone_core::Error;
use ntfsclone_core::error::{EndPlace, Structure};
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, FileSystems};

use crate::decoded::decode;

/// A volume of 10 blocks of 512 bytes, of which 3 are in use.
fn image(mode: &PartcloneImage) -> Vec<u8> {
    let block: Option<&[u8]> = Some(&[7; 512]);
    let blocks = [
        block, None, None, block, None, None, None, None, None, block,
    ];
    mode.of_blocks(512, 5600, &blocks)
}

/// The image with these bytes at `offset`, its header's checksum made right.
fn changed(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut image = image(&PartcloneImage::version_2());
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
    redo_partclone_header(&mut image);
    image
}

#[track_caller]
fn check(image: &[u8], expected_offset: u64, expected_field: &str) {
    match decode([image]).unwrap_err() {
        Error::Corrupt {
            structure: Structure::ImageHeader,
            offset,
            field,
            ..
        }
        | Error::Unsupported {
            structure: Structure::ImageHeader,
            offset,
            field,
            ..
        } => assert_eq!((offset, field), (expected_offset, expected_field)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn fields_out_of_their_limits_are_refused() {
    check(&changed(0, b"q"), 0, "its magic");
    check(&changed(30, b"0003"), 30, "version");
    check(&changed(34, &[0xC0, 0xDE]), 34, "byte order");
    check(&changed(88, &[19]), 88, "size of features");
    check(&changed(92, &[3]), 92, "image version");
    check(&changed(96, &[1]), 96, "checksum mode");
    check(&changed(98, &[8]), 98, "its checksum size");
    check(&changed(100, &[0; 4]), 100, "its blocks per checksum");
    check(&changed(104, &[2]), 104, "its reseed flag");
    check(&changed(105, &[2]), 105, "bitmap mode");
    for size in [0, 128, 513, 4 << 20, u32::MAX] {
        check(&changed(84, &size.to_le_bytes()), 84, "its block size");
    }
    for size in [1 << 63, u64::MAX] {
        check(&changed(52, &size.to_le_bytes()), 52, "its device size");
    }
    for blocks in [0, 11, 1 << 55, u64::MAX] {
        let image = changed(60, &blocks.to_le_bytes());
        check(&image, 60, "its number of blocks");
    }
    check(&changed(76, &[11]), 76, "its blocks in use");
}

#[test]
fn header_with_wrong_checksum_is_refused() {
    for offset in 36..110 {
        let mut image = image(&PartcloneImage::version_2());
        image[offset] ^= 0x10;
        check(&image, 106, "its checksum");
    }
}

#[test]
fn other_file_systems_are_refused_by_name() {
    for mode in [PartcloneImage::version_1(0), PartcloneImage::version_2()] {
        let file_system = "EXTFS".to_owned();
        let image = image(&PartcloneImage {
            file_system,
            ..mode
        });
        let error = decode([image.as_slice()]).unwrap_err();
        let expected = "the image is of partclone, and of a volume of EXTFS, not of NTFS";
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn counts_that_only_inform_may_be_wrong() {
    for offset in [68, 76] {
        decode([changed(offset, &[9]).as_slice()]).unwrap();
    }
    // Bits of the writer's processor.
    decode([changed(94, &[32]).as_slice()]).unwrap();
}

#[test]
fn device_size_of_version_1_is_computed() {
    let mut image = image(&PartcloneImage::version_1(0));
    image[40..48].copy_from_slice(&77_u64.to_le_bytes());
    let header = decode([image.as_slice()]).unwrap().header();
    assert_eq!(header.device_size, 5632);
}

#[test]
fn huge_volume_without_data_takes_no_memory() {
    let mode = PartcloneImage {
        bitmap_mode: 8,
        ..PartcloneImage::version_2()
    };
    let mut image = image(&mode);
    image[52..60].copy_from_slice(&i64::MAX.to_le_bytes());
    image[60..68].copy_from_slice(&(1_u64 << 53).to_le_bytes());
    redo_partclone_header(&mut image);
    image.truncate(115);
    let error = decode([image.as_slice()]).unwrap_err();
    assert!(matches!(
        error,
        Error::Truncated {
            offset: 115,
            place: EndPlace::Header
        }
    ));
}

#[test]
fn blocks_of_any_file_system_are_decoded_on_request() {
    let of_other = |block_size: u32| {
        let block = vec![7; block_size as usize];
        let mode = PartcloneImage {
            file_system: "VMFS".to_owned(),
            ..PartcloneImage::version_2()
        };
        mode.of_blocks(block_size, 3 * u64::from(block_size), &[None, Some(&block)])
    };
    let large = of_other(8 << 20);
    let mut decoder = Decoder::of(FileSystems::Any);
    let (mut input, mut bytes) = (&large[..], 0);
    loop {
        match decoder.next(&mut input).unwrap() {
            Event::Data {
                offset,
                bytes: found,
            } => {
                assert!(offset >= 8 << 20);
                bytes += found.len();
            }
            Event::End => break,
            _ => {}
        }
    }
    assert_eq!(bytes, 8 << 20);
    let refused = decode([&large[..]]).unwrap_err();
    assert!(matches!(refused, Error::OtherFileSystem { name } if name == "VMFS"));
    let mut decoder = Decoder::of(FileSystems::Any);
    let mut too_large = of_other(512);
    too_large[84..88].copy_from_slice(&(128_u32 << 20).to_le_bytes());
    redo_partclone_header(&mut too_large);
    let refused = decoder.next(&mut &too_large[..]).unwrap_err();
    assert!(matches!(
        refused,
        Error::Corrupt {
            field: "its block size",
            ..
        }
    ));
}
