//! Images that are cut short, and images with flipped bytes.

use ntfs_volume_builder::PartcloneImage;
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Decoder, Index, Reader};
use ntfsclone_core::io::ReadAt;
use proptest::prelude::*;

use crate::decoded::decode;
use crate::modes::modes;

/// Blocks 1, 2, 5, 8 and 9 of 10 blocks of 256 bytes.
fn image(mode: &PartcloneImage) -> Vec<u8> {
    let blocks: Vec<Vec<u8>> = (0..10).map(|block| vec![block; 256]).collect();
    let stored: Vec<Option<&[u8]>> = (0..10)
        .map(|block| Some(blocks[block].as_slice()).filter(|_| [1, 2, 5, 8, 9].contains(&block)))
        .collect();
    mode.of_blocks(256, 2600, &stored)
}

fn by_twos(checksum_mode: u16, reseed: bool) -> PartcloneImage {
    PartcloneImage {
        checksum_mode,
        reseed,
        blocks_per_checksum: 2,
        ..PartcloneImage::version_2()
    }
}

#[test]
fn truncation_at_any_byte_is_reported() {
    for mode in [
        PartcloneImage::version_1(0),
        PartcloneImage::version_1(4),
        by_twos(0x31, true),
    ] {
        let image = image(&mode);
        for len in 0..image.len() {
            match decode([&image[..len]]).unwrap_err() {
                Error::Truncated { offset, .. } => assert_eq!(offset, len as u64),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn truncation_names_the_block_and_the_byte() {
    let image = image(&by_twos(0x20, true));
    let blocks = Index::read(image.as_slice()).unwrap().offset(0) as usize;
    // Blocks 1 and 2, their checksum, and a part of block 5.
    let cut = blocks + 2 * 256 + 4 + 100;
    let error = decode([&image[..cut]]).unwrap_err();
    let expected =
        format!("the image is truncated: it ends after {cut} bytes, where block 5 is expected");
    assert_eq!(error.to_string(), expected);
}

#[test]
fn damaged_block_names_its_checksum_and_decoding_continues() {
    for reseed in [true, false] {
        for checksum_mode in [0x20, 0x30, 0x31] {
            let image = image(&by_twos(checksum_mode, reseed));
            let index = Index::read(image.as_slice()).unwrap();
            let mut damaged = image.clone();
            damaged[index.offset(2) as usize + 17] ^= 1;
            let mut decoder = Decoder::new();
            let mut input = damaged.as_slice();
            let (mut errors, mut bytes_decoded) = (Vec::new(), 0);
            loop {
                match decoder.next(&mut input) {
                    Ok(Event::Data { bytes, .. }) => bytes_decoded += bytes.len(),
                    Ok(Event::End) => break,
                    Ok(_) => {}
                    Err(Error::BlockChecksum {
                        offset,
                        first,
                        last,
                    }) => {
                        errors.push((offset, first, last));
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            assert_eq!(bytes_decoded, 5 * 256);
            let at = index.offset(4)
                - u64::from(checksum_mode == 0x20) * 4
                - u64::from(checksum_mode == 0x30) * 8
                - u64::from(checksum_mode == 0x31) * 16;
            assert_eq!(errors[0], (at, 5, 8));
            // A running checksum is wrong from there on.
            assert_eq!(errors.len(), if reseed { 1 } else { 2 });
        }
    }
}

#[test]
fn damaged_first_byte_of_version_1_is_found() {
    for padding in [0, 4] {
        let image = image(&PartcloneImage::version_1(padding));
        let index = Index::read(image.as_slice()).unwrap();
        for (rank, block) in [1, 2, 5, 8, 9].into_iter().enumerate() {
            let mut damaged = image.clone();
            damaged[index.offset(rank as u64) as usize] ^= 1;
            match decode([damaged.as_slice()]).unwrap_err() {
                Error::BlockChecksum { first, last, .. } => {
                    assert_eq!((first, last), (block, block))
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn damaged_bitmaps_are_refused() {
    for (bitmap_mode, offset) in [(1, 110), (1, 112), (1, 115), (8, 115), (8, 127)] {
        let mode = PartcloneImage {
            bitmap_mode,
            ..PartcloneImage::version_2()
        };
        let mut image = image(&mode);
        image[offset] ^= 0x20;
        let error = decode([image.as_slice()]).unwrap_err();
        let structure = Structure::BlockBitmap;
        assert!(matches!(error, Error::Corrupt { structure: found, .. } if found == structure));
        assert!(Index::read(image.as_slice()).is_err());
    }
}

#[test]
fn bytes_after_the_end_are_refused() {
    let mut image = image(&by_twos(0x20, true));
    let end = image.len() as u64;
    image.push(0);
    let error = decode([image.as_slice()]).unwrap_err();
    assert_eq!(error.offset(), Some(end));
}

#[test]
fn reads_past_a_cut_are_lost() {
    let image = image(&by_twos(0x20, true));
    let index = Index::read(image.as_slice()).unwrap();
    let cut = index.offset(2) as usize + 100;
    let reader = Reader::new(&image[..cut], index);
    let mut block = [0; 256];
    reader.read_exact_at(2 * 256, &mut block).unwrap();
    assert_eq!(block, [2; 256]);
    reader.read_exact_at(5 * 256, &mut block[..100]).unwrap();
    reader.read_exact_at(7 * 256, &mut block).unwrap();
    assert_eq!(block, [0; 256], "it is not in use");
    let error = reader.read_exact_at(5 * 256, &mut block).unwrap_err();
    match error.downcast_ref() {
        Some(Error::Lost { offset }) => assert_eq!(*offset, 5 * 256 + 100),
        other => panic!("{other:?}"),
    }
    assert!(reader.read_exact_at(9 * 256, &mut block).is_err());
    assert!(
        reader.read_exact_at(2600, &mut [0]).is_err(),
        "past the end"
    );
}

proptest! {
    #[test]
    fn flipped_bytes_are_refused_or_read(
        mode in 0_usize..74,
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        piece in 1_usize..300,
    ) {
        let mut image = image(&modes()[mode]);
        for (at, byte) in flips {
            let at = at.index(image.len());
            image[at] = byte;
        }
        let whole = decode([image.as_slice()]).map_err(|error| error.to_string());
        let in_pieces = decode(image.chunks(piece)).map_err(|error| error.to_string());
        prop_assert_eq!(&whole, &in_pieces);
        if let (Ok(decoded), Ok(index)) = (whole, Index::read(image.as_slice())) {
            let reader = Reader::new(image.as_slice(), index);
            let mut read = vec![0; decoded.header().restored_size() as usize];
            reader.read_exact_at(0, &mut read).unwrap();
            prop_assert!(decoded.volume() == read);
        }
    }
}
