//! Which bytes of a volume an image has.

use ntfs_volume_builder::{FileData, PartcloneImage, VolumeBuilder, pattern};
use ntfsclone_core::backup_boot_sector::WithBackup;
use ntfsclone_core::image::partclone::{Index, Reader};
use ntfsclone_core::io::{ByteExtent, ReadAt};
use ntfsclone_core::units::Lcn;

#[test]
fn extents_are_the_stored_clusters_and_the_backup() {
    let built = VolumeBuilder::new()
        .extra_sectors(3)
        .device_tail(9000)
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .build();
    let image = PartcloneImage::version_2().of_volume(&built);
    let image = image.as_slice();
    let index = Index::read(image).unwrap();
    let volume = WithBackup::new(Reader::new(image, index)).unwrap();
    assert_eq!(volume.size(), built.bytes.len() as u64);

    let backup = volume.backup().unwrap().clone();
    let backup = backup.offset..backup.offset + backup.bytes.len() as u64;
    let cluster_size = u64::from(built.geometry.cluster_size);
    let mut offset = 0;
    while offset < volume.size() {
        let (is_data, len) = match volume.extent_at(offset).unwrap() {
            ByteExtent::Data { len } => (true, len),
            ByteExtent::Absent { len } => (false, len),
        };
        assert!(len > 0);
        for position in [offset, offset + len / 2, offset + len - 1] {
            let is_stored = volume.volume().is_stored(Lcn(position / cluster_size));
            assert_eq!(
                is_data,
                is_stored || backup.contains(&position),
                "{position}"
            );
        }
        // From within, the rest of it.
        let expected = match is_data {
            true => ByteExtent::Data { len: len - 1 },
            false => ByteExtent::Absent { len: len - 1 },
        };
        if len > 1 {
            assert_eq!(volume.extent_at(offset + 1).unwrap(), expected);
        }
        offset += len;
    }
    assert_eq!(offset, volume.size());
}

/// In images with checksums after each strip of blocks, too.
#[test]
fn extents_in_a_range_are_the_clusters_with_bytes_in_it() {
    let built = VolumeBuilder::new()
        .file("a", FileData::Bytes(pattern(1, 100_000)))
        .build();
    let block_size = u64::from(built.geometry.cluster_size);
    let strips = PartcloneImage {
        blocks_per_checksum: 7,
        ..PartcloneImage::version_2()
    };
    for form in [strips, PartcloneImage::version_1(4)] {
        let image = form.of_volume(&built);
        let index = Index::read(image.as_slice()).unwrap();
        let stored = (0..index.blocks().nr_blocks()).filter(|&lcn| index.blocks().contains(lcn));
        let stored: Vec<(u64, u64)> = stored
            .map(|lcn| (lcn, index.offset(index.blocks().rank(lcn))))
            .collect();
        for start in (0..image.len() as u64 + 5000).step_by(1777) {
            for len in [1, 3, 5000, 70_000] {
                let range = start..start + len;
                let is_in = |&&(_, offset): &&(u64, u64)| {
                    offset < range.end && range.start < offset + block_size
                };
                let expected = stored.iter().filter(is_in).map(|&(lcn, _)| lcn);
                let expected: Vec<u64> = expected.collect();
                let found = index.extents_in(&range).into_iter();
                let found: Vec<u64> = found
                    .flat_map(|extent| extent.start.0..extent.end().0)
                    .collect();
                assert_eq!(found, expected, "{range:?}");
            }
        }
    }
}
