//! Volumes that get another size as they are converted: the same as at once.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{FileData, VolumeBuilder};
use ntfsclone_core::clusters::{ClusterMap, audit, select_used};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Failure, NewSize, Step};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::relocate::{
    Carried, Changes, Loss, NewDisk, Relocated, Relocation, Resized, least_size_of,
};
use ntfsclone_core::write::{METADATA, NTFSCLONE, RAW, Writer};

use crate::copies::{image_of, restored};
use crate::driver::Driver;
use crate::samples::volumes;

/// Clusters in use, and how many are bad.
fn used_clusters(volume: &Volume<&[u8]>) -> (ClusterMap, u64) {
    let mut selection = select_used(volume, |_| {}).unwrap();
    audit(volume, &mut selection).unwrap();
    let mut bad = 0;
    for &extent in &selection.bad {
        selection.map.remove(extent);
        bad += extent.len;
    }
    (selection.map, bad)
}

fn least_size(bytes: &[u8]) -> u64 {
    let volume = Volume::open(bytes).unwrap();
    least_size_of(&volume, used_clusters(&volume).0.len()).unwrap()
}

/// The volume in another size, and what was changed.
fn at_once(bytes: &[u8], size: u64) -> (Vec<u8>, Resized) {
    let volume = Volume::open(bytes).unwrap();
    let (used, bad) = used_clusters(&volume);
    let disk = NewDisk::like(volume.geometry());
    let carried = Carried::read(&volume, used).unwrap();
    let relocation = Relocation::new(carried, &disk, size).unwrap();
    let relocated = Relocated::new(volume, relocation).unwrap();
    let changes: Changes = relocated.check().unwrap();
    let mut resized = vec![0; relocated.size() as usize];
    relocated.read_exact_at(0, &mut resized).unwrap();
    let report = Resized::new(&relocated, changes, bad, Vec::new());
    (resized, report)
}

/// What is made of a source in another size, and what was changed.
fn made(
    source: &[u8],
    target: &'static Writer,
    size: NewSize,
    is_forced: bool,
) -> Result<(Vec<u8>, Option<Resized>), Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open()?.resized(size);
    let opened = if is_forced { opened.forced() } else { opened };
    let mut convert = opened.convert(target, None)?;
    let (mut output, mut report) = (Vec::new(), None);
    driver.run(&mut convert, |step| match step {
        Step::Resized(resized) => {
            assert!(report.is_none() && output.is_empty());
            report = Some(resized);
        }
        Step::Bytes(bytes) => output.extend_from_slice(&bytes),
        Step::Hole(len) => output.resize(output.len() + len as usize, 0),
        _ => {}
    })?;
    Ok((output, report))
}

/// A volume without what is not in use.
fn copied(bytes: &[u8]) -> Vec<u8> {
    let mut driver = Driver::new(bytes);
    let opened = driver.open().unwrap();
    let mut convert = opened.convert(&RAW, None).unwrap();
    driver.output(&mut convert).unwrap()
}

#[test]
fn a_volume_or_image_becomes_the_same_as_at_once() {
    for (name, built) in volumes() {
        let least = least_size(&built.bytes);
        let larger = built.bytes.len() as u64 * 2 + 5000;
        let image = image_of(&built);
        for (size, bytes) in [
            (NewSize::Least, least),
            (NewSize::Bytes(least + 100_000), least + 100_000),
            (NewSize::Bytes(larger), larger),
        ] {
            let (resized, report) = at_once(&built.bytes, bytes);
            let expected = copied(&resized);
            for source in [&built.bytes, &image] {
                let (raw, changed) = made(source, &RAW, size, false).unwrap();
                assert!(raw == expected, "{name}: {size:?}");
                assert_eq!(changed.as_ref(), Some(&report), "{name}: {size:?}");
            }
            let (small, _) = made(&image, &NTFSCLONE, size, false).unwrap();
            let (back, _) = made(&small, &RAW, NewSize::Bytes(bytes), false).unwrap();
            assert!(back == expected, "{name}: {size:?}");
        }
    }
}

#[test]
fn the_size_that_a_volume_has_changes_nothing() {
    let built = VolumeBuilder::new().build();
    let size = NewSize::Bytes(built.bytes.len() as u64);
    let (raw, changed) = made(&built.bytes, &RAW, size, false).unwrap();
    assert!(raw == restored(&built));
    assert_eq!(changed, None);
}

#[test]
fn what_does_not_fit_is_refused() {
    let built = VolumeBuilder::new().build();
    let least = least_size(&built.bytes);
    let size = NewSize::Bytes(least - 512);
    let failure = made(&built.bytes, &RAW, size, true).unwrap_err();
    assert_eq!(failure.code(), "target");
    let expected = format!(
        "it cannot get this size: its files need a volume of at least {least} bytes; choose a \
         larger size"
    );
    assert_eq!(failure.to_string(), expected);
    let failure = made(&built.bytes, &METADATA, NewSize::Least, true).unwrap_err();
    assert_eq!(failure.code(), "target");
}

#[test]
fn what_would_be_lost_is_refused_unless_forced() {
    let mut journal = VolumeBuilder::new().build();
    journal.write_restart_pages(false);
    let hibernated = VolumeBuilder::new().hibernated().build();
    for (built, loss, found) in [
        (journal, Loss::JournalNotClean, "it has a journal with"),
        (hibernated, Loss::Hibernated, "it has a hibernated Windows"),
    ] {
        assert_loss(&built, loss, found);
    }
}

#[test]
fn shadow_copies_are_refused_unless_forced() {
    let built = VolumeBuilder::new()
        .file(
            "System Volume Information/{b4e6ddab-0000-11ee}{3808876b-c176-4e48-b7ae-04046e6cc752}",
            FileData::Bytes(build::pattern(2, 50_000)),
        )
        .build();
    let loss = Loss::ShadowCopies {
        copies: 1,
        bytes: 50_000,
    };
    assert_loss(&built, loss, "it has shadow copies (1, with 50000 bytes)");
}

#[test]
fn what_no_copy_can_use_is_only_reported() {
    let metadata = "System Volume Information/FVE2.{e40ad34d-dae9-4bc7-95bd-b16218c10f72}.1";
    let built = VolumeBuilder::new()
        .file(metadata, FileData::Bytes(build::pattern(2, 65_536)))
        .build();
    let (_, changed) = made(&built.bytes, &RAW, NewSize::Least, false).unwrap();
    let loss = Loss::BitLocker {
        files: 1,
        bytes: 65_536,
    };
    assert_eq!(changed.unwrap().losses, [loss]);

    let content = FileData::Bytes(build::pattern(3, 100_000));
    let mut built = VolumeBuilder::new().file("pagefile.sys", content).build();
    let number = built.record_number("pagefile.sys");
    let attribute = built.attribute_offset(number, 0x80, "").unwrap();
    let flags = built.record_offset(number) + attribute as u64 + 0x0C;
    built.patch(flags, &0x4000_u16.to_le_bytes());
    let (_, changed) = made(&built.bytes, &RAW, NewSize::Least, false).unwrap();
    let loss = Loss::EncryptedSwap { bytes: 100_000 };
    assert_eq!(changed.unwrap().losses, [loss]);
}

#[track_caller]
fn assert_loss(built: &build::Volume, loss: Loss, found: &str) {
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let limits = driver.result(opened.resize_limits()).unwrap();
    assert_eq!(limits.losses, [loss]);
    assert_eq!(limits.least_size, least_size(&built.bytes));
    assert_eq!(limits.size, built.bytes.len() as u64 / 512 * 512);

    let failure = made(&built.bytes, &RAW, NewSize::Least, false).unwrap_err();
    assert_eq!(failure.code(), "inconsistent");
    assert!(failure.to_string().starts_with(found), "{failure}");
    let (_, changed) = made(&built.bytes, &RAW, NewSize::Least, true).unwrap();
    assert_eq!(changed.unwrap().losses, [loss]);
}
