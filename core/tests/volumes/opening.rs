//! Opening volumes of every geometry, sound or with what still can be opened.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{MftLayout, VolumeBuilder};
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::ntfs::{OpenedFrom, Volume, VolumeInfo};
use ntfsclone_core::units::{Geometry, RecordNumber};

use crate::place;
use crate::samples::{GEOMETRIES, of_geometry, with_many};

fn expected_geometry(geometry: &build::Geometry) -> Geometry {
    Geometry {
        sector_size: geometry.bytes_per_sector,
        cluster_size: geometry.cluster_size,
        mft_record_size: geometry.mft_record_size,
        index_record_size: geometry.index_record_size,
        total_sectors: geometry.total_sectors(),
    }
}

fn check_opens(name: &str, built: &build::Volume, from: OpenedFrom) {
    let bytes = built.bytes.as_slice();
    let volume = Volume::open(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    let geometry = volume.geometry();
    assert_eq!(*geometry, expected_geometry(&built.geometry), "{name}");
    assert_eq!(geometry.nr_clusters(), built.geometry.clusters, "{name}");
    assert_eq!(volume.opened_from(), from, "{name}");
    assert_eq!(volume.mft().record_count(), built.mft_records, "{name}");
    let tail = built.geometry.device_tail;
    let tail = tail.min(built.geometry.cluster_size.into());
    assert_eq!(volume.tail_size(), tail, "{name}");
    VolumeInfo::read(&volume).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mirror = volume.mft().check_mirror(&bytes, volume.boot());
    assert!(mirror.is_ok(), "{name}: {mirror:?}");
    for number in [0, 5, built.mft_records - 1] {
        let offset = volume.mft().record_offset(RecordNumber(number));
        assert_eq!(offset, Some(built.record_offset(number)), "{name}");
    }
}

#[test]
fn every_geometry_is_opened_from_either_boot_sector() {
    for row in GEOMETRIES {
        let mut built = of_geometry(row).build();
        check_opens(&format!("{row:?}"), &built, OpenedFrom::First);

        built.damage_boot_sector();
        let offset = built.geometry.backup_boot_sector_offset().unwrap();
        let from = OpenedFrom::Backup { offset };
        check_opens(&format!("{row:?}, from the backup"), &built, from);
    }
}

#[test]
fn every_tail_is_accepted() {
    for (extra_sectors, tail) in [
        (0, 0),
        (0, 1),
        (0, 511),
        (0, 512),
        (0, 4096),
        (7, 4096),
        (3, 2048),
        (0, 10_240),
    ] {
        let built = VolumeBuilder::new()
            .extra_sectors(extra_sectors)
            .device_tail(tail)
            .build();
        let name = format!("{extra_sectors} extra sectors, tail of {tail}");
        check_opens(&name, &built, OpenedFrom::First);
    }
}

#[test]
fn every_layout_of_the_mft_is_accepted() {
    let list = |pieces, runs_per_record| MftLayout::AttributeList {
        pieces,
        runs_per_record,
    };
    for layout in [
        MftLayout::Fragmented(2),
        MftLayout::Fragmented(7),
        list(2, 1),
        list(9, 2),
        list(6, 6),
    ] {
        let builder = with_many(VolumeBuilder::new(), 150).mft_layout(layout.clone());
        check_opens(&format!("{layout:?}"), &builder.build(), OpenedFrom::First);
    }
}

#[test]
fn both_boot_sectors_damaged_is_an_error_about_the_first() {
    let mut built = VolumeBuilder::new().build();
    built.damage_boot_sector();
    built.damage_backup_boot_sector();
    let error = Volume::open(built.bytes.as_slice()).unwrap_err();
    assert_eq!(place(&error), (Structure::BootSector, 0));
}

#[test]
fn a_volume_larger_than_its_device_is_refused() {
    let built = VolumeBuilder::new().build();
    let needed = built.geometry.volume_size();
    for size in [needed - 1, needed - 4096, needed / 2, 512, 511, 83] {
        let error = Volume::open(&built.bytes[..size as usize]).unwrap_err();
        let Error::VolumeCutShort { size: found, .. } = error else {
            panic!("{size}: {error}");
        };
        assert_eq!(found, size);
        let text = format!("ends at byte {size:#x}, inside the volume of {needed} bytes");
        assert!(error.to_string().contains(&text), "{error}");
    }
    for size in [0, 1, 11] {
        let error = Volume::open(&built.bytes[..size as usize]).unwrap_err();
        assert_eq!(place(&error), (Structure::BootSector, 0), "{size}");
    }
}

#[test]
fn a_mirror_that_differs_is_refused() {
    for number in 0..4 {
        let mut built = VolumeBuilder::new().build();
        built.patch_mirror_record(number, |record| record[0x10] ^= 1);
        let bytes = built.bytes.as_slice();
        let volume = Volume::open(bytes).unwrap();
        let error = volume.mft().check_mirror(&bytes, volume.boot());
        let error = error.unwrap_err();
        let offset = built.mirror_record_offset(number);
        assert_eq!(place(&error), (Structure::MftMirror, offset));
        let Error::Corrupt { found, .. } = error else {
            panic!("{error}");
        };
        assert_eq!(found, number);
    }
}

#[test]
fn a_mirror_that_differs_where_nothing_is_in_use_is_accepted() {
    let mut built = VolumeBuilder::new().mirror_records(8).build();
    built.patch_mirror_record(1, |record| record[1000] ^= 1);
    built.patch_mirror_record(4, |record| record[0x10] ^= 1);
    check_opens("mirror", &built, OpenedFrom::First);
}

/// Each is refused when the volume is opened, with the structure named.
#[test]
fn a_damaged_record_0_is_refused() {
    type Change = fn(&mut [u8], usize);
    let table: [(&str, Structure, Change); 7] = [
        ("magic", Structure::MftRecord, |record, _| record[0] = b'B'),
        ("bytes in use", Structure::MftRecord, |record, _| {
            record[0x18..0x1C].fill(0xFF);
        }),
        ("attributes offset", Structure::MftRecord, |record, _| {
            record[0x14] = 3;
        }),
        ("no data", Structure::Mft, |record, data| {
            record[data] = 0x70
        }),
        ("resident data", Structure::Mft, |record, data| {
            record[data + 8] = 0;
            record[data + 0x10..data + 0x18].fill(0);
        }),
        ("length", Structure::Attribute, |record, data| {
            record[data + 4] = 0;
        }),
        ("runlist", Structure::Runlist, |record, data| {
            record[data + 0x40] = 0x99;
        }),
    ];
    for (name, structure, change) in table {
        let mut built = VolumeBuilder::new().build();
        let data = built.attribute_offset(0, 0x80, "").unwrap();
        built.patch_record(0, |record| change(record, data));
        let error = Volume::open(built.bytes.as_slice()).unwrap_err();
        assert_eq!(place(&error).0, structure, "{name}: {error}");
    }

    let mut built = VolumeBuilder::new().build();
    built.tear_record(0);
    let error = Volume::open(built.bytes.as_slice()).unwrap_err();
    let record = built.record_offset(0);
    assert_eq!(place(&error), (Structure::MftRecord, record));
}

/// A hole makes sizes possible that would keep a walk over all records busy
/// for ever.
#[test]
fn an_mft_larger_than_the_volume_is_refused() {
    let mut built = VolumeBuilder::new().build();
    let data = built.attribute_offset(0, 0x80, "").unwrap();
    built.patch_record(0, |record| {
        let attribute = &mut record[data..];
        let pairs = usize::from(attribute[0x20]);
        assert_eq!(attribute[pairs], 0x11, "one run, in three bytes");
        // 8 million clusters in a hole.
        attribute[pairs + 3..][..5].copy_from_slice(&[0x03, 0, 0, 0x7F, 0]);
        let size = (8_000_000_u64 * 4096).to_le_bytes();
        attribute[0x30..0x38].copy_from_slice(&size);
        attribute[0x38..0x40].copy_from_slice(&size);
    });
    let error = Volume::open(built.bytes.as_slice()).unwrap_err();
    let record = built.record_offset(0);
    assert_eq!(place(&error), (Structure::Mft, record), "{error}");
}

#[test]
fn a_first_boot_sector_that_leads_nowhere() {
    let built = VolumeBuilder::new().build();
    // the cluster of $MFT; the number of sectors
    for (at, value) in [(0x30, 300_u64), (0x28, 1 << 40)] {
        let mut bytes = built.bytes.clone();
        bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        let volume = Volume::open(bytes.as_slice()).unwrap();
        assert!(
            matches!(volume.opened_from(), OpenedFrom::Backup { .. }),
            "{at:#x}"
        );
        assert_eq!(volume.geometry().nr_clusters(), built.geometry.clusters);
    }
}
