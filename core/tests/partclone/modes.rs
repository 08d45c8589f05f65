//! Volumes in images of every version and mode.

use ntfs_volume_builder::{FileData, PartcloneImage, Run, Volume, VolumeBuilder, pattern};
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::image::partclone::{Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs;
use ntfsclone_core::units::Lcn;
use proptest::prelude::*;

use crate::decoded::decode;

/// All versions and modes.
pub(crate) fn modes() -> Vec<PartcloneImage> {
    let mut modes = vec![PartcloneImage::version_1(0), PartcloneImage::version_1(4)];
    for bitmap_mode in [0, 1, 8] {
        for checksum_mode in [0, 0x20, 0x30, 0x31] {
            for reseed in [true, false] {
                for blocks_per_checksum in [1, 7, 100_000] {
                    modes.push(PartcloneImage {
                        checksum_mode,
                        blocks_per_checksum,
                        reseed,
                        bitmap_mode,
                        ..PartcloneImage::version_2()
                    });
                }
            }
        }
    }
    modes
}

fn volume() -> Volume {
    VolumeBuilder::new()
        .cluster_size(1024)
        .fill_free(0xE5)
        .extra_sectors(1)
        .device_tail(1024)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .file("b", FileData::Runs(vec![Run::at(400, 3), Run::at(390, 2)]))
        .build()
}

/// As restored: without free clusters, and without what lies after the last cluster. How much that
/// is was not recorded by version 1.
fn expected(built: &Volume, mode: &PartcloneImage) -> Vec<u8> {
    let size = built.geometry.volume_size() as usize;
    let mut expected = vec![0; size];
    if mode.bitmap_mode == 0 {
        expected.copy_from_slice(&built.bytes[..size]);
    }
    for lcn in built.used_clusters() {
        let bytes = built.cluster(lcn);
        expected[lcn as usize * bytes.len()..][..bytes.len()].copy_from_slice(bytes);
    }
    let end = match mode.version {
        1 => size + built.geometry.cluster_size as usize,
        _ => built.bytes.len(),
    };
    expected.resize(end, 0);
    expected
}

#[test]
fn volume_is_decoded_from_every_mode() {
    let built = volume();
    for mode in modes() {
        let image = mode.of_volume(&built);
        let expected = expected(&built, &mode);
        for piece in [1000, 4321, image.len()] {
            let decoded = decode(image.chunks(piece)).unwrap_or_else(|e| panic!("{mode:?}: {e}"));
            assert!(decoded.volume() == expected, "{mode:?}");
        }
    }
}

#[test]
fn volume_is_read_from_every_mode() {
    let built = volume();
    for mode in modes() {
        let image = mode.of_volume(&built);
        let index = Index::read(image.as_slice()).unwrap();
        assert_eq!(index.image_size(), image.len() as u64, "{mode:?}");
        let reader = Reader::new(image.as_slice(), index);
        let expected = expected(&built, &mode);
        assert_eq!(reader.size(), expected.len() as u64);
        let mut whole = vec![0xEE; expected.len()];
        reader.read_exact_at(0, &mut whole).unwrap();
        assert!(whole == expected, "{mode:?}");
        for lcn in 0..built.geometry.clusters {
            let is_used = built.used_clusters().any(|used| used == lcn);
            assert_eq!(reader.is_stored(Lcn(lcn)), is_used || mode.bitmap_mode == 0);
        }

        let volume = ntfs::Volume::open(&reader).unwrap();
        let used = select_used(&volume, |_| {}).unwrap().map;
        let stored: Vec<_> = reader.index().extents().collect();
        let all = [ntfsclone_core::units::Extent::new(
            Lcn(0),
            built.geometry.clusters,
        )];
        match mode.bitmap_mode {
            0 => assert_eq!(stored, all),
            _ => assert_eq!(stored, used.extents().collect::<Vec<_>>()),
        }
    }
}

#[test]
fn index_is_read_without_the_blocks() {
    let image = PartcloneImage::version_2().of_volume(&volume());
    let index = Index::read(image.as_slice()).unwrap();
    let data = index.offset(0) as usize;
    assert_eq!(Index::read(&image[..data]).unwrap(), index);
    assert!(Index::read(&image[..data - 1]).is_err());
}

proptest! {
    #[test]
    fn any_blocks_are_decoded_and_read(
        blocks in prop::collection::vec(prop::option::weighted(0.6, any::<u8>()), 1..200),
        mode in 0_usize..74,
        tail in 0_u64..400,
        piece in 1_usize..700,
        ranges in prop::collection::vec((0_usize..52_000, 0_usize..9000), 1..20),
    ) {
        let mode = modes().swap_remove(mode);
        let contents: Vec<Option<Vec<u8>>> = blocks
            .iter()
            .map(|block| block.map(|byte| {
                (0..=255_u8).map(|at| at.wrapping_mul(byte) ^ byte).collect()
            }))
            .map(|block: Option<Vec<u8>>| match mode.bitmap_mode {
                0 => block.or(Some(vec![0; 256])),
                _ => block,
            })
            .collect();
        let slices: Vec<Option<&[u8]>> = contents.iter().map(Option::as_deref).collect();
        let image = mode.of_blocks(256, blocks.len() as u64 * 256 + tail, &slices);
        let mut expected: Vec<u8> = contents
            .iter()
            .flat_map(|block| block.clone().unwrap_or(vec![0; 256]))
            .collect();
        let volume_size = expected.len();
        let tail = if mode.version == 1 { 256 } else { tail as usize };
        expected.resize(volume_size + tail.min(256), 0);

        let decoded = decode(image.chunks(piece)).unwrap();
        prop_assert!(decoded.volume() == expected);
        prop_assert_eq!(&decoded, &decode([image.as_slice()]).unwrap());
        let reader = Reader::new(image.as_slice(), Index::read(image.as_slice()).unwrap());
        expected.resize(volume_size + tail, 0);
        prop_assert_eq!(reader.size(), expected.len() as u64);
        for (start, len) in ranges {
            let start = start.min(expected.len());
            let end = (start + len).min(expected.len());
            let mut buf = vec![0xEE; end - start];
            reader.read_exact_at(start as u64, &mut buf).unwrap();
            prop_assert!(buf == expected[start..end], "{} to {}", start, end);
        }
    }
}
