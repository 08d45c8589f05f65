//! Volumes in another size: sound, with the same files.

use std::collections::BTreeMap;

use ntfs_volume_builder::{self as build, File, FileData, ListForm, MftLayout, VolumeBuilder};
use ntfsclone_core::check::{Code, check_volume};
use ntfsclone_core::clusters::{ClusterMap, audit, select_used};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::mft_record::MftRecord;
use ntfsclone_core::ntfs::value;
use ntfsclone_core::ntfs::{
    AttributeBody, AttributeType, BootSector, FileRecord, Journal, Run, Volume,
};
use ntfsclone_core::relocate::{
    Carried, NewDisk, RelocateError, Relocated, Relocation, least_size, least_size_of, total_size,
};
use ntfsclone_core::units::{Extent, Geometry, Lcn, RecordNumber, Vcn};
use proptest::prelude::*;

use crate::samples::{GEOMETRIES, everything, fragmented, of_geometry, with_many};

/// Clusters in use, without bad ones.
fn used_clusters(volume: &Volume<&[u8]>) -> ClusterMap {
    let mut selection = select_used(volume, |_| {}).unwrap();
    audit(volume, &mut selection).unwrap();
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    selection.map
}

fn open(bytes: &[u8]) -> Volume<&[u8]> {
    Volume::open(bytes).unwrap()
}

/// Bytes of the least volume.
fn least(bytes: &[u8]) -> u64 {
    let volume = open(bytes);
    least_size_of(&volume, used_clusters(&volume).len()).unwrap()
}

fn try_resize(bytes: &[u8], size: u64) -> Result<Vec<u8>, RelocateError> {
    try_on_disk(bytes, &NewDisk::like(open(bytes).geometry()), size)
}

fn try_on_disk(bytes: &[u8], disk: &NewDisk, size: u64) -> Result<Vec<u8>, RelocateError> {
    let volume = open(bytes);
    let carried = Carried::read(&volume, used_clusters(&volume))?;
    let relocated = Relocated::new(volume, Relocation::new(carried, disk, size)?)?;
    relocated.check()?;
    let mut resized = vec![0; relocated.size() as usize];
    relocated.read_exact_at(0, &mut resized).unwrap();
    // In small pieces it is the same.
    for start in (0..resized.len()).step_by(937).take(500) {
        let end = (start + 937).min(resized.len());
        let mut piece = vec![0; end - start];
        relocated.read_exact_at(start as u64, &mut piece).unwrap();
        assert!(piece == resized[start..end], "at byte {start}");
    }
    Ok(resized)
}

#[track_caller]
fn resize(bytes: &[u8], size: u64) -> Vec<u8> {
    try_resize(bytes, size).unwrap_or_else(|error| panic!("{size} bytes: {error}"))
}

/// Type, name and content of each attribute of a file, in order.
type Attributes = Vec<(u32, Vec<u8>, Vec<u8>)>;

/// The attributes of all files but what differs in another size, and the runs of each record.
fn files(bytes: &[u8]) -> (BTreeMap<u64, Attributes>, BTreeMap<u64, usize>) {
    let volume = open(bytes);
    let mut files = BTreeMap::new();
    let mut runs = BTreeMap::new();
    for number in (0..volume.mft().record_count()).map(RecordNumber) {
        let mut record = volume.mft().read_record(volume.source(), number).unwrap();
        let Ok(record) = MftRecord::from_disk(&mut record, 0) else {
            continue;
        };
        if !record.in_use {
            continue;
        }
        let of_record = record.attributes().map(Result::unwrap);
        let count = of_record.map(|attribute| match attribute.body {
            AttributeBody::NonResident(body) => body.runs().count(),
            AttributeBody::Resident(_) => 0,
        });
        runs.insert(number.0, count.sum());
        if record.base.is_some() {
            continue;
        }
        let file = FileRecord::read(&volume, number).unwrap();
        let attributes = file.attributes().unwrap();
        let mut content: Attributes = Vec::new();
        let mut index = 0;
        while index < attributes.len() {
            let first = attributes[index];
            let pieces = attributes[index..].iter().take_while(|piece| {
                let is_later = matches!(piece.body, AttributeBody::NonResident(body) if body.lowest_vcn > Vcn(0));
                piece.instance == first.instance || is_later
            });
            let pieces: Vec<_> = pieces.copied().collect();
            index += pieces.len().max(1);
            let value = value::join(pieces).unwrap().unwrap();
            let mut bytes = value
                .read_all(volume.source(), volume.geometry(), u64::MAX)
                .unwrap();
            let kind = first.type_code.0;
            match (number.0, kind) {
                // Their sizes, or their content, are those of the volume.
                (0..=2 | 6 | 7, 0x80) => continue,
                (8, 0x80) if !first.name.is_empty() => continue,
                (6, 0x30) => bytes.drain(0x28..0x38).for_each(drop),
                (5, 0x90 | 0xA0) => continue,
                _ => {}
            }
            // What is kept of memory is not used.
            if bytes.starts_with(b"hibr") {
                bytes[..4].fill(0);
            }
            content.push((kind, first.name.to_vec(), bytes));
        }
        files.insert(number.0, content);
    }
    (files, runs)
}

/// The bytes of `$Bitmap`.
fn bitmap(volume: &Volume<&[u8]>) -> Vec<u8> {
    let file = FileRecord::read(volume, RecordNumber(6)).unwrap();
    let pieces = file.attributes().unwrap().into_iter();
    let pieces = pieces.filter(|piece| piece.type_code == AttributeType::DATA);
    let value = value::join(pieces.collect::<Vec<_>>()).unwrap().unwrap();
    let read = value.read_all(volume.source(), volume.geometry(), u64::MAX);
    read.unwrap()
}

/// The resized volume is sound, of that size, and has the same files in no more runs.
#[track_caller]
fn check_resized(what: &str, original: &[u8], size: u64) -> Vec<u8> {
    let disk = NewDisk::like(open(original).geometry());
    check_on_disk(what, original, &disk, size)
}

/// Like [`check_resized`], on `disk`.
#[track_caller]
fn check_on_disk(what: &str, original: &[u8], disk: &NewDisk, size: u64) -> Vec<u8> {
    let resized = try_on_disk(original, disk, size);
    let resized = resized.unwrap_or_else(|error| panic!("{what}: {size} bytes: {error}"));
    let geometry = *open(&resized).geometry();
    assert_eq!(geometry.sector_size, disk.sector_size, "{what}");
    let sector_size = u64::from(geometry.sector_size);
    assert_eq!(
        resized.len() as u64,
        size / sector_size * sector_size,
        "{what}"
    );
    let volume = open(&resized);
    let backup = BootSector::read_at(&resized.as_slice(), geometry.backup_boot_sector());
    assert_eq!(&backup.unwrap(), volume.boot(), "{what}");
    assert_eq!(volume.journal().unwrap(), Journal::Clean, "{what}");
    volume
        .mft()
        .check_mirror(&resized.as_slice(), volume.boot())
        .unwrap();

    // As Windows and mkntfs leave it: what is past the end is never given to a file.
    let bitmap = bitmap(&volume);
    let mut past_end = geometry.nr_clusters()..bitmap.len() as u64 * 8;
    assert!(
        past_end.all(|bit| bitmap[(bit / 8) as usize] >> (bit % 8) & 1 == 1),
        "{what}"
    );

    let findings = |bytes: &[u8]| {
        let volume = open(bytes);
        let selection = select_used(&volume, |_| {}).unwrap();
        let found = check_volume(&volume, selection, None).unwrap();
        let listed = found.findings.listed().to_vec();
        let mut codes: Vec<Code> = listed.iter().map(|finding| finding.code).collect();
        codes.retain(|code| {
            let repaired = [Code::BadClusters, Code::BackupBootSector, Code::Hibernated];
            !repaired.contains(code)
        });
        codes
    };
    assert_eq!(findings(&resized), findings(original), "{what}");

    let (before, runs_before) = files(original);
    let (after, runs_after) = files(&resized);
    for (record, attributes) in &before {
        assert!(after[record] == *attributes, "{what}: record {record}");
    }
    assert_eq!(before.len(), after.len(), "{what}");
    for (record, count) in runs_after {
        // $Bitmap may get one more, and bad clusters are left out.
        if !matches!(record, 6 | 8) {
            assert!(count <= runs_before[&record], "{what}: record {record}");
        }
    }
    resized
}

/// Resizes to the least size, one between, the same, and larger ones.
#[track_caller]
fn check_sizes(what: &str, builder: &VolumeBuilder) {
    let built = builder.build();
    let original = built.bytes.as_slice();
    let least = least(original);
    let geometry = *open(original).geometry();
    let cluster = u64::from(geometry.cluster_size);
    let size = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
    let small = check_resized(&format!("{what}, least"), original, least);
    for size in [
        (least + size) / 2,
        size - cluster,
        size + 3 * cluster,
        3 * size,
    ] {
        check_resized(
            &format!("{what}, {size} of {least}"),
            original,
            size.max(least),
        );
    }
    // And back again.
    check_resized(&format!("{what}, from the least"), &small, size.max(least));
    let error = try_resize(original, least - cluster);
    assert!(
        matches!(error, Err(RelocateError::TooSmall { least: found }) if found == least),
        "{what}: {error:?}"
    );
}

#[test]
fn every_geometry_is_resized() {
    for row in GEOMETRIES {
        check_sizes(&format!("{row:?}"), &of_geometry(row).fill_free(0xE5));
    }
}

#[test]
fn volumes_of_every_kind_are_resized() {
    let split = MftLayout::AttributeList {
        pieces: 5,
        runs_per_record: 1,
    };
    let listed = File::new().data(fragmented(6, 4096)).runs_per_record(1);
    let list_in_clusters = File::new()
        .data(fragmented(3, 4096))
        .attribute_list(ListForm::NonResident);
    let sparse = FileData::Sparse([vec![1; 70_000], vec![0; 200_000], vec![2; 9000]].concat());
    let many_runs = FileData::Fragmented {
        bytes: build::pattern(9, 512 * 3000),
        pieces: 3000,
    };
    let rows = [
        (
            "split $MFT",
            with_many(VolumeBuilder::new(), 200).mft_layout(split),
        ),
        (
            "attribute lists",
            VolumeBuilder::new()
                .clusters(900)
                .file("listed", listed)
                .file("list in clusters", list_in_clusters),
        ),
        (
            "sparse and packed",
            VolumeBuilder::new()
                .clusters(900)
                .file("sparse", sparse)
                .file("packed", FileData::Compressed(vec![3; 100_000]))
                .index_pieces(3)
                .quota_index()
                .bad_clusters(300..302)
                .bad_clusters(310..311),
        ),
        (
            "3000 runs",
            VolumeBuilder::new()
                .cluster_size(512)
                .clusters(20_000)
                .file("runs", File::new().data(many_runs).runs_per_record(150)),
        ),
        (
            "an attribute list in several runs",
            VolumeBuilder::new()
                .cluster_size(512)
                .clusters(12_000)
                .bad_clusters(7000..7001)
                .file(
                    "listed",
                    File::new()
                        .data(fragmented(200, 512))
                        .runs_per_record(2)
                        .attribute_list(ListForm::Fragmented),
                ),
        ),
        (
            "sectors behind the last cluster",
            VolumeBuilder::new().extra_sectors(5).device_tail(4096),
        ),
        ("no backup boot sector", VolumeBuilder::new().device_tail(0)),
        ("everything", everything()),
        (
            "large $MFTMirr",
            with_many(VolumeBuilder::new(), 60).mirror_records(32),
        ),
        (
            "clusters that only $Bitmap marks",
            VolumeBuilder::new().mark_in_bitmap(400..420),
        ),
    ];
    for (what, builder) in &rows {
        check_sizes(what, &builder.clone().fill_free(0xE5));
    }
}

#[test]
fn a_bitmap_grows_by_clusters() {
    // A bitmap of one cluster of 512 bytes has the bits of 4096 clusters.
    let built = VolumeBuilder::new()
        .cluster_size(512)
        .clusters(4000)
        .build();
    for clusters in [4097, 8193, 100_000] {
        let resized = check_resized("grown", &built.bytes, clusters * 512 + 512);
        let file = FileRecord::read(&open(&resized), RecordNumber(6)).unwrap();
        let size = file.value(AttributeType::DATA, &[]);
        let expected = clusters.div_ceil(8).next_multiple_of(8);
        assert_eq!(size.unwrap().unwrap().size(), expected);
    }
}

#[test]
fn deleted_records_stay_as_they_are() {
    let built = VolumeBuilder::new()
        .file(
            "deleted",
            File::new().data(fragmented(2, 4096)).record(40).deleted(),
        )
        .build();
    let number = 40;
    let resized = resize(&built.bytes, least(&built.bytes));
    let volume = open(&resized);
    let record = volume
        .mft()
        .read_record(volume.source(), RecordNumber(number));
    let start = built.record_offset(number) as usize;
    assert!(record.unwrap() == built.bytes[start..start + 1024]);
}

#[test]
fn a_damaged_record_is_refused_by_its_number() {
    let mut built = VolumeBuilder::new()
        .file("broken", FileData::Bytes(build::pattern(1, 9000)))
        .build();
    let number = built.record_number("broken");
    built.tear_record(number);
    let volume = open(&built.bytes);
    let disk = NewDisk::like(volume.geometry());
    let carried = Carried::read(&volume, used_clusters(&volume)).unwrap();
    let relocation = Relocation::new(carried, &disk, 3 << 20).unwrap();
    let relocated = Relocated::new(volume, relocation).unwrap();
    let error = relocated.check();
    assert!(
        matches!(error, Err(RelocateError::Record { record, .. }) if record.0 == number),
        "{error:?}"
    );
}

#[test]
fn nothing_takes_the_place_of_the_boot_sector() {
    let bytes = everything().build().bytes;
    let volume = open(&bytes);
    let mut used = used_clusters(&volume);
    used.remove(Extent::new(Lcn(0), 1));
    let carried = Carried::read(&volume, used).unwrap();
    let disk = NewDisk::like(volume.geometry());
    let refused = Relocation::new(carried, &disk, bytes.len() as u64);
    assert!(matches!(refused, Err(RelocateError::BootSectorFree)));
}

#[test]
fn every_geometry_gets_other_sectors() {
    for row in GEOMETRIES {
        let built = of_geometry(row).fill_free(0xE5).build();
        let original = built.bytes.as_slice();
        let geometry = *open(original).geometry();
        for sector_size in [512, 4096] {
            let disk = NewDisk {
                sector_size,
                bad: Vec::new(),
            };
            let what = format!("{row:?} on sectors of {sector_size}");
            let size = geometry.bytes(geometry.nr_clusters()) + u64::from(sector_size);
            if geometry.cluster_size < sector_size || geometry.index_record_size < sector_size {
                let refused = try_on_disk(original, &disk, size);
                let is_refused = matches!(refused, Err(RelocateError::SmallerThanSector { .. }));
                assert!(is_refused, "{what}");
                continue;
            }
            let other = check_on_disk(&what, original, &disk, size);
            let found = open(&other);
            assert_eq!(
                found.geometry().nr_clusters(),
                geometry.nr_clusters(),
                "{what}"
            );
            let back = NewDisk::like(&geometry);
            let back = check_on_disk(&what, &other, &back, total_size(&geometry));
            // All but the journal is as it was.
            let expected = check_on_disk(
                &what,
                original,
                &NewDisk::like(&geometry),
                total_size(&geometry),
            );
            assert!(back == expected, "{what}");
        }
    }
}

#[test]
fn hidden_sectors_are_counted_in_new_sectors() {
    let mut built = VolumeBuilder::new().build();
    let backup = built.bytes.len() as u64 - 512;
    for offset in [0, backup] {
        built.patch(offset + 0x1C, &2048_u32.to_le_bytes());
    }
    let disk = NewDisk {
        sector_size: 4096,
        bad: Vec::new(),
    };
    let size = 2 << 20;
    let resized = check_on_disk("hidden sectors", &built.bytes, &disk, size);
    assert_eq!(open(&resized).boot().hidden_sectors, 256);
    // The rest of a larger sector is what follows the smaller one on the volume.
    let last = resized.len() - 4096;
    assert!(resized[last..] == resized[..4096]);
    assert!(resized[512..4096] == built.bytes[512..4096]);
}

/// Bad clusters of the volume, in order.
fn bad_clusters(bytes: &[u8]) -> Vec<Extent> {
    select_used(&open(bytes), |_| {}).unwrap().bad
}

#[test]
fn bad_clusters_that_are_kept_stay_where_they_are() {
    let rows = [
        (
            "few",
            VolumeBuilder::new()
                .bad_clusters(90..92)
                .bad_clusters(300..310),
        ),
        ("at the end", VolumeBuilder::new().bad_clusters(500..512)),
        ("everything", everything()),
        (
            "many",
            (0..100)
                .fold(
                    VolumeBuilder::new().cluster_size(512).clusters(8000),
                    |builder, n| builder.bad_clusters(n * 57 + 2000..n * 57 + 2001 + n % 3),
                )
                .file(
                    "runs",
                    FileData::Fragmented {
                        bytes: build::pattern(9, 512 * 300),
                        pieces: 300,
                    },
                ),
        ),
    ];
    for (what, builder) in rows {
        let built = builder.fill_free(0xE5).build();
        let original = built.bytes.as_slice();
        let geometry = *open(original).geometry();
        let bad = bad_clusters(original);
        let disk = NewDisk {
            bad: bad.clone(),
            ..NewDisk::like(&geometry)
        };
        let volume = open(original);
        let carried = Carried::read(&volume, used_clusters(&volume)).unwrap();
        let least = carried.least_size(&disk).unwrap();
        let size = total_size(&geometry);
        let cluster = u64::from(geometry.cluster_size);
        for size in [least, (least + size) / 2, size - cluster, size, 3 * size] {
            let what = format!("{what}, {size} of {least}");
            let resized = check_on_disk(&what, original, &disk, size.max(least));
            let clusters = open(&resized).geometry().nr_clusters();
            let expected = bad.iter().filter_map(|extent| extent.before(clusters));
            assert_eq!(
                bad_clusters(&resized),
                expected.collect::<Vec<_>>(),
                "{what}"
            );
        }
        let error = try_on_disk(original, &disk, least - cluster);
        let is_refused =
            matches!(error, Err(RelocateError::TooSmall { least: found }) if found == least);
        assert!(is_refused, "{what}: {error:?}");
    }
}

fn geometry(clusters: u64) -> Geometry {
    Geometry {
        sector_size: 512,
        cluster_size: 512,
        mft_record_size: 1024,
        index_record_size: 4096,
        total_sectors: clusters,
    }
}

proptest! {
    #[test]
    fn the_map_goes_around_bad_clusters(
        clusters in 200_u64..5000,
        extents in prop::collection::vec((0_u64..5000, 1_u64..100), 1..40),
        bad in prop::collection::vec((1_u64..5000, 1_u64..20), 1..30),
        wanted in 0_u64..10_000,
    ) {
        let mut used = ClusterMap::new(clusters).unwrap();
        for (start, len) in extents {
            used.insert(Extent::new(Lcn(start), len));
        }
        let bad: Vec<Extent> = bad.into_iter().map(|(start, len)| Extent::new(Lcn(start), len)).collect();
        for &extent in &bad {
            used.remove(extent);
        }
        used.insert(Extent::new(Lcn(0), 1));
        // $Bitmap has the last clusters in use.
        let last = used.extents().last().unwrap();
        let len = last.len.min(clusters.div_ceil(8 * 512));
        let start = Lcn(last.end().0 - len);
        let run = Run { vcn: Vcn(0), lcn: Some(start), len };
        let geometry = geometry(clusters);
        let disk = NewDisk { bad: bad.clone(), ..NewDisk::like(&geometry) };
        let carried = |used| Carried { geometry, used, bitmap: vec![run] };
        let least = carried(used.clone()).least_size(&disk).unwrap();
        let size = least.max(wanted * 512);
        let relocation = Relocation::new(carried(used.clone()), &disk, size).unwrap();
        let all = relocation.clusters();
        for extent in &bad {
            for lcn in extent.start.0..extent.end().0 {
                prop_assert!(!all.contains(Lcn(lcn)));
            }
        }
        let mut end = 0;
        for extent in used.extents() {
            let mut extent = extent;
            while extent.len > 0 && relocation.place(extent).is_none() {
                extent.len -= 1;
            }
            if extent.len == 0 {
                continue;
            }
            let place = relocation.place(extent).unwrap();
            prop_assert!(place.start.0 >= end && place.start <= extent.start);
            end = place.end().0;
        }
        let nr_clusters = relocation.to().nr_clusters();
        prop_assert!(end <= nr_clusters);
        let needed = nr_clusters.div_ceil(8).next_multiple_of(8).div_ceil(512);
        prop_assert_eq!(all.len(), used.len() - len + needed);
        let refused = Relocation::new(carried(used), &disk, least - 512);
        let is_refused = matches!(refused, Err(RelocateError::TooSmall { .. }));
        prop_assert!(is_refused);
    }

    #[test]
    fn the_map_is_monotone_and_keeps_runs(
        clusters in 50_u64..20_000,
        extents in prop::collection::vec((0_u64..20_000, 1_u64..300), 1..60),
        wanted in 0_u64..40_000,
    ) {
        let mut used = ClusterMap::new(clusters).unwrap();
        used.insert(Extent::new(Lcn(0), 1));
        for (start, len) in extents {
            used.insert(Extent::new(Lcn(start), len));
        }
        // $Bitmap has the last clusters in use.
        let last = used.extents().last().unwrap();
        let len = last.len.min(clusters.div_ceil(8 * 512));
        let start = Lcn(last.end().0 - len);
        let run = Run { vcn: Vcn(0), lcn: Some(start), len };
        let geometry = geometry(clusters);
        let least = least_size(&geometry, used.len(), len);
        let size = least.max(wanted * 512);
        let disk = NewDisk::like(&geometry);
        let carried = |used| Carried { geometry, used, bitmap: vec![run] };
        let relocation = Relocation::new(carried(used.clone()), &disk, size).unwrap();
        let nr_clusters = relocation.to().nr_clusters();
        let mut end = 0;
        let mut places = ClusterMap::new(nr_clusters).unwrap();
        for extent in used.extents() {
            // The end of $Bitmap may be cut off.
            let mut extent = extent;
            while extent.len > 0 && relocation.place(extent).is_none() {
                extent.len -= 1;
            }
            if extent.len == 0 {
                continue;
            }
            let place = relocation.place(extent).unwrap();
            prop_assert!(place.start.0 >= end);
            prop_assert!(place.start <= extent.start);
            prop_assert!(place.end().0 <= nr_clusters);
            prop_assert_eq!(places.insert(place), 0);
            end = place.end().0;
        }
        // All that is in use has a place, but for what $Bitmap does not need.
        let all = relocation.clusters();
        let needed = nr_clusters.div_ceil(8).next_multiple_of(8).div_ceil(512);
        prop_assert_eq!(all.len(), used.len() - len + needed);
        let is_too_small = Relocation::new(carried(used), &disk, least - 512);
        let is_refused = matches!(is_too_small, Err(RelocateError::TooSmall { .. }));
        prop_assert!(is_refused);
    }
}
