//! What a check of a volume finds, and which files it touches.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, Run, VolumeBuilder, pattern};
use ntfsclone_core::check::{Code, Place, Severity, VolumeCheck, check_volume};
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::ntfs::Volume;

fn checked(built: &build::Volume) -> VolumeCheck {
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let selection = select_used(&volume, |_| {}).unwrap();
    check_volume(&volume, selection, None).unwrap()
}

/// Codes, cluster by the place, and the files touched.
fn check(built: &build::Volume, expected: &[(Code, Option<u64>, &[&str])]) {
    let found = checked(built);
    let cluster_size = u64::from(built.geometry.cluster_size);
    let listed: Vec<(Code, Option<u64>, Vec<&str>)> = found
        .findings
        .listed()
        .iter()
        .map(|finding| {
            let cluster = match finding.place {
                Some(Place::Volume { offset, .. }) => Some(offset / cluster_size),
                _ => None,
            };
            let files = finding.files.iter().map(String::as_str);
            (finding.code, cluster, files.collect())
        })
        .collect();
    let expected_listed: Vec<(Code, Option<u64>, Vec<&str>)> = expected
        .iter()
        .map(|&(code, cluster, files)| (code, cluster, files.to_vec()))
        .collect();
    assert_eq!(listed, expected_listed);
    let mut all: Vec<&str> = expected.iter().flat_map(|row| row.2).copied().collect();
    all.sort_unstable();
    all.dedup();
    assert_eq!(found.files, all);
    assert_eq!(found.files_left_out, 0);
}

fn two_files() -> VolumeBuilder {
    VolumeBuilder::new()
        .file("docs/a", FileData::Runs(vec![Run::at(400, 3)]))
        .file("b", FileData::Bytes(pattern(2, 5000)))
}

#[test]
fn a_sound_volume_has_nothing_to_be_said() {
    let built = two_files().build();
    check(&built, &[]);
    let found = checked(&built);
    assert!(found.findings.is_sound());
    assert_eq!(found.clusters_in_use, built.used_clusters().count() as u64);
}

#[test]
fn bad_clusters_are_noted_and_not_in_use() {
    let built = two_files()
        .bad_clusters(300..302)
        .bad_clusters(310..311)
        .build();
    check(&built, &[(Code::BadClusters, Some(300), &[])]);
    let found = checked(&built);
    assert!(found.findings.is_sound());
    assert_eq!(found.clusters_in_use, built.used_clusters().count() as u64);
    let finding = &found.findings.listed()[0];
    assert_eq!(finding.severity, Severity::Note);
    let message = "3 clusters are marked as bad in $BadClus; the first: clusters 300 to 301";
    assert_eq!(finding.message, message);
}

#[test]
fn what_is_wrong_is_told_with_its_files() {
    let twice = two_files()
        .file("twice", FileData::Runs(vec![Run::at(401, 1)]))
        .build();
    check(
        &twice,
        &[(Code::ClusterClaimedTwice, Some(401), &["/docs/a", "/twice"])],
    );
    let extra = two_files().mark_in_bitmap(450..452).build();
    check(&extra, &[(Code::ClusterOnlyInBitmap, Some(450), &[])]);

    let mut free = two_files().build();
    let position = free.stream_offset(6, 0x80, "", 402 / 8);
    let byte = free.bytes[position as usize] & !(1 << (402 % 8));
    free.patch(position, &[byte]);
    check(
        &free,
        &[(Code::ClusterNotInBitmap, Some(402), &["/docs/a"])],
    );

    let mut no_boot = two_files().build();
    no_boot.patch(3, b"XXXX");
    check(&no_boot, &[(Code::BootSector, Some(0), &[])]);

    let mut mirror = two_files().build();
    mirror.patch_mirror_record(2, |record| record[0x10] ^= 1);
    check(&mirror, &[(Code::MftMirror, None, &[])]);

    let hibernated = VolumeBuilder::new().hibernated().build();
    check(&hibernated, &[(Code::Hibernated, None, &[])]);
    let dirty = VolumeBuilder::new().dirty(true).build();
    check(&dirty, &[(Code::Dirty, None, &[])]);
}
