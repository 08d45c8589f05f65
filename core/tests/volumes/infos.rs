//! What is told of a volume at a glance.

use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use ntfsclone_core::clusters::ClusterMap;
use ntfsclone_core::info::{BadClusters, Run, Usage, VolumeSummary};
use ntfsclone_core::ntfs::{Unclean, Volume};
use ntfsclone_core::units::{Extent, Lcn};
use proptest::prelude::*;

use crate::samples::{everything, with_many};

fn run(lcn: u64, clusters: u64) -> Run {
    Run { lcn, clusters }
}

#[test]
fn a_volume_is_summed_up() {
    let built = with_many(VolumeBuilder::new(), 21)
        .label("A label")
        .file("a", FileData::Bytes(pattern(1, 50_000)))
        .build();
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let summary = VolumeSummary::read(&volume, 8).unwrap();
    assert_eq!(summary.label.as_deref(), Some("A label"));
    assert_eq!(summary.ntfs_version.as_deref(), Some("3.1"));
    assert_eq!(summary.is_dirty, Some(false));
    assert_eq!(summary.is_hibernated, Some(false));
    assert_eq!(summary.unclean, Some(vec![]));
    let usage = summary.usage.unwrap();
    assert_eq!(usage.used, built.used_clusters().count() as u64);
    assert_eq!(usage.used + usage.free, summary.clusters);
    let in_use = (0..summary.records).filter(|&number| {
        let record = &built.read_stream(0, 0x80, "")[number as usize * 1024..][..1024];
        &record[..4] == b"FILE" && record[0x16] & 1 != 0
    });
    assert_eq!(summary.records_in_use, Some(in_use.count() as u64));
    // None has extension records.
    assert_eq!(summary.files, summary.records_in_use);
    let none = BadClusters {
        clusters: 0,
        runs: vec![],
    };
    assert_eq!(summary.bad, Some(none));
    // All clusters in use, of 4096 bytes, and the backup boot sector.
    assert_eq!(summary.least_size, Some(usage.used * 4096 + 512));
}

#[test]
fn bad_clusters_are_told_with_their_places() {
    let builder = VolumeBuilder::new()
        .bad_clusters(300..302)
        .bad_clusters(310..311);
    let mut built = builder.build();
    let read = |bytes: &[u8]| VolumeSummary::read(&Volume::open(bytes).unwrap(), 8).unwrap();
    let bad = BadClusters {
        clusters: 3,
        runs: vec![run(300, 2), run(310, 1)],
    };
    let summary = read(&built.bytes);
    assert_eq!(summary.bad, Some(bad));
    let used = summary.usage.unwrap().used;
    assert_eq!(summary.least_size, Some((used - 3) * 4096 + 512));
    built.patch_record(8, |record| record[0] = b'X');
    assert_eq!(read(&built.bytes).bad, None);
}

#[test]
fn flags_are_told_and_damage_is_left_out() {
    let built = everything().dirty(true).build();
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let summary = VolumeSummary::read(&volume, 8).unwrap();
    assert_eq!(summary.is_dirty, Some(true));
    assert_eq!(summary.is_hibernated, Some(true));
    assert_eq!(summary.ntfs_version.as_deref(), Some("1.2"));

    let mut built = VolumeBuilder::new().volume_flags(0x4002).build();
    built.write_restart_pages(false);
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let summary = VolumeSummary::read(&volume, 8).unwrap();
    assert_eq!(summary.is_dirty, Some(false));
    let reasons = vec![
        Unclean::Journal,
        Unclean::CheckInterrupted,
        Unclean::JournalResize,
    ];
    assert_eq!(summary.unclean, Some(reasons));

    let mut built = VolumeBuilder::new().build();
    built.patch_record(3, |record| record[0] = b'X');
    built.patch_record(6, |record| record[0] = b'X');
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let summary = VolumeSummary::read(&volume, 8).unwrap();
    assert_eq!((summary.label, summary.usage), (None, None));
    assert_eq!(summary.unclean, None);
}

#[test]
fn the_largest_runs_come_first() {
    let mut map = ClusterMap::new(100).unwrap();
    for (start, len) in [
        (0, 10),
        (12, 1),
        (20, 30),
        (60, 2),
        (70, 5),
        (80, 10),
        (99, 1),
    ] {
        map.insert(Extent::new(Lcn(start), len));
    }
    let usage = Usage::of(&map, 4);
    let used = [run(20, 30), run(0, 10), run(80, 10), run(70, 5), run(60, 2)];
    assert_eq!(usage.largest_used, used);
    let free = [run(50, 10), run(90, 9), run(62, 8), run(13, 7), run(75, 5)];
    assert_eq!(usage.largest_free, free);
    assert_eq!((usage.used, usage.free, usage.runs), (59, 41, 7));
    assert_eq!(usage.map, [640, 1000, 280, 440]);
}

proptest! {
    /// Each part's share is that of its clusters, however they are cut.
    #[test]
    fn the_map_is_what_is_in_each_part(
        nr_clusters in 1_u64..400,
        parts in 1_usize..70,
        extents in prop::collection::vec((0_u64..400, 0_u64..80), 0..9),
    ) {
        let mut map = ClusterMap::new(nr_clusters).unwrap();
        for (start, len) in extents {
            map.insert(Extent::new(Lcn(start), len));
        }
        let usage = Usage::of(&map, parts);
        let parts = (parts as u64).min(nr_clusters);
        let expected: Vec<u16> = (0..parts)
            .map(|part| {
                let range = part * nr_clusters / parts..(part + 1) * nr_clusters / parts;
                let size = range.end - range.start;
                let used = range.filter(|&lcn| map.contains(Lcn(lcn))).count() as u64;
                (used * 1000).div_ceil(size) as u16
            })
            .collect();
        prop_assert_eq!(usage.map, expected);
        prop_assert_eq!(usage.used, map.len());
    }
}
