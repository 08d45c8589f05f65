//! The backup boot sector, which images lack.

use ntfs_volume_builder::{FileData, PartcloneImage, VolumeBuilder, pattern};
use ntfsclone_core::backup_boot_sector::{BackupBootSector, DecoderWithBackup, WithBackup};
use ntfsclone_core::check::check_volume;
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::image::ntfsclone::Event;
use ntfsclone_core::image::partclone::{Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::Volume;

#[test]
fn volume_with_backup_is_the_volume() {
    let builder = VolumeBuilder::new().file("a", FileData::Bytes(pattern(1, 100_000)));
    let table = [
        builder.clone(),
        builder.clone().extra_sectors(3).device_tail(2048),
        builder.clone().device_tail(20_000),
        builder.bytes_per_sector(4096),
    ];
    for builder in table {
        let built = builder.build();
        let image = PartcloneImage::version_2().of_volume(&built);
        let reader = Reader::new(image.as_slice(), Index::read(image.as_slice()).unwrap());
        let volume = WithBackup::new(reader).unwrap();
        let size = volume.size() as usize;
        let mut whole = vec![0xEE; size];
        volume.read_exact_at(0, &mut whole).unwrap();
        assert!(whole == built.bytes[..size], "{:?}", built.geometry);

        assert!(restored(&image)[..] == built.bytes[..restored(&image).len()]);
        // Of version 1, the size of the device is not known, and a block more is restored.
        let image = PartcloneImage::version_1(0).of_volume(&built);
        let end = built.geometry.backup_boot_sector_offset().unwrap() as usize
            + built.geometry.bytes_per_sector as usize;
        assert!(restored(&image)[..end] == built.bytes[..end]);

        let backup = built.geometry.backup_boot_sector_offset().unwrap();
        let sector = built.geometry.bytes_per_sector as usize;
        assert_eq!(volume.backup().unwrap().offset, backup);
        for (offset, len) in [
            (backup, sector),
            (backup + 3, 9),
            (backup - 5, 10),
            (0, 512),
        ] {
            let mut part = vec![0xEE; len];
            volume.read_exact_at(offset, &mut part).unwrap();
            assert_eq!(part, built.bytes[offset as usize..][..len]);
        }
        let volume = Volume::open(&volume).unwrap();
        let selection = select_used(&volume, |_| {}).unwrap();
        let found = check_volume(&volume, selection, None).unwrap().findings;
        assert!(found.is_sound() && found.listed().is_empty(), "{found:?}");
    }
}

/// What is decoded from start to end, of pieces of any size.
fn restored(image: &[u8]) -> Vec<u8> {
    let mut decoder = DecoderWithBackup::new();
    let mut volume = Vec::new();
    for piece in image.chunks(777) {
        let mut input = piece;
        loop {
            match decoder.next(&mut input).unwrap() {
                Event::Header(header) => volume.resize(header.restored_size() as usize, 0),
                Event::Data { offset, bytes } => {
                    volume[offset as usize..][..bytes.len()].copy_from_slice(bytes);
                }
                Event::NeedInput => break,
                Event::End if input.is_empty() => break,
                Event::End => panic!("input was left"),
            }
        }
    }
    decoder.end_of_input().unwrap();
    volume
}

#[test]
fn there_is_no_backup_past_the_end_or_of_anything_else() {
    let built = VolumeBuilder::new().build();
    let volume = built.geometry.volume_size();
    assert!(BackupBootSector::new(&built.bytes[..4096], volume + 512).is_some());
    assert!(BackupBootSector::new(&built.bytes[..4096], volume + 511).is_none());
    assert!(BackupBootSector::new(&built.bytes[..511], volume + 512).is_none());
    assert!(BackupBootSector::new(&[0; 4096], volume + 512).is_none());
    let zeros = WithBackup::new([0_u8; 100].as_slice()).unwrap();
    let mut read = [1; 100];
    zeros.read_exact_at(0, &mut read).unwrap();
    assert_eq!(read, [0; 100]);
}
