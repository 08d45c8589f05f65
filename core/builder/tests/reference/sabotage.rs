use ntfs_volume_builder::{FileData, Run, Volume, VolumeBuilder};

use crate::check_saved;
use crate::oracle::{VolumeFile, saved_clusters};

/// The reference refuses the volume with a message that holds `expected`.
fn check_refused(name: &str, volume: &Volume, expected: &str) {
    let Some(saved) = saved_clusters(&VolumeFile::new(volume), &[]) else {
        return;
    };
    let error = saved.expect_err(name);
    assert!(error.contains(expected), "{name}: {error}");
}

#[test]
fn inconsistent_bitmaps() {
    let plain = VolumeBuilder::new();
    check_refused(
        "extra bits",
        &plain.clone().mark_in_bitmap(300..305).build(),
        "accounting",
    );
    check_refused(
        "missing bit",
        &plain.clone().clear_in_bitmap(0..1).build(),
        "accounting",
    );
    let mut volume = plain.build();
    volume.set_in_bitmap(400..402, true);
    check_refused("bits set later", &volume, "accounting");
    volume.set_in_bitmap(400..402, false);
    check_saved(
        "bits cleared again",
        &volume,
        &VolumeFile::new(&volume),
        &[],
    );
}

#[test]
fn clusters_that_two_files_claim() {
    let volume = VolumeBuilder::new()
        .file("a", FileData::Runs(vec![Run::at(300, 5)]))
        .file("b", FileData::Runs(vec![Run::at(304, 5)]))
        .build();
    check_refused("overlap", &volume, "304");
}

#[test]
fn runs_beyond_the_end() {
    let volume = VolumeBuilder::new()
        .file("a", FileData::Runs(vec![Run::at(510, 9)]))
        .build();
    check_refused("beyond the end", &volume, "512");
}

#[test]
fn dirty_and_hibernated() {
    check_refused(
        "dirty",
        &VolumeBuilder::new().dirty(true).build(),
        "--force",
    );
    let volume = VolumeBuilder::new().dirty(true).build();
    check_saved("dirty, forced", &volume, &VolumeFile::new(&volume), &["-f"]);
    let volume = VolumeBuilder::new().hibernated().build();
    check_saved("hibernated", &volume, &VolumeFile::new(&volume), &[]);
}

#[test]
fn damaged_boot_sector_and_mirror() {
    let mut volume = VolumeBuilder::new().build();
    volume.damage_boot_sector();
    check_refused("boot sector", &volume, "signature");
    let mut volume = VolumeBuilder::new().build();
    volume.patch_mirror_record(0, |record| record[0x10] ^= 1);
    check_refused("mirror", &volume, "$MFTMirr");
    let mut volume = VolumeBuilder::new().build();
    volume.damage_backup_boot_sector();
    check_saved(
        "backup boot sector",
        &volume,
        &VolumeFile::new(&volume),
        &[],
    );
}

#[test]
fn patched_records_keep_their_fixup() {
    let mut volume = VolumeBuilder::new()
        .file("file", FileData::Bytes(vec![1; 9000]))
        .build();
    let number = volume.record_number("file");
    let before = volume.bytes.clone();
    volume.patch_record(number, |_| {});
    volume.patch_record(0, |_| {});
    volume.patch_index_block(5, 0, |_| {});
    assert!(volume.bytes == before);
    let data = volume.attribute_offset(number, 0x80, "").expect("data");
    volume.patch_record(number, |record| record[data + 0x30] = 1);
    assert_eq!(volume.record(number)[data + 0x30], 1);
    check_saved("patched", &volume, &VolumeFile::new(&volume), &[]);
    volume.tear_record(number);
    check_refused("torn", &volume, "multi-sector");
}
