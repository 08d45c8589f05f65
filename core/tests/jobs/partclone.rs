//! Volumes in images of partclone: all that is made of them is what is made of the volume itself.

use ntfs_volume_builder::{FileData, PartcloneImage, Run, Volume, VolumeBuilder, pattern};
use ntfsclone_core::check::{Code, Report};
use ntfsclone_core::jobs::{Failure, Step};
use ntfsclone_core::write::{METADATA, NTFSCLONE, RAW, Writer};

use crate::driver::Driver;

fn volume() -> Volume {
    VolumeBuilder::new()
        .clusters(8192)
        .file("a", FileData::Bytes(pattern(1, 3_000_000)))
        .file("late", FileData::Runs(vec![Run::at(8000, 3)]))
        .build()
}

fn modes() -> [PartcloneImage; 3] {
    [
        PartcloneImage::version_2(),
        PartcloneImage {
            checksum_mode: 0x31,
            blocks_per_checksum: 256,
            ..PartcloneImage::version_2()
        },
        PartcloneImage {
            bitmap_mode: 8,
            ..PartcloneImage::version_2()
        },
    ]
}

fn converted(source: &[u8], writer: &'static Writer) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open()?;
    driver.output(&mut opened.convert(writer, None)?)
}

fn validated(source: &[u8]) -> Report {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    driver.result(opened.validate()).unwrap()
}

fn codes(report: &Report) -> Vec<Code> {
    report.findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn conversions_equal_those_of_the_volume() {
    let built = volume();
    for mode in modes() {
        let image = mode.of_volume(&built);
        for writer in [&RAW, &NTFSCLONE, &METADATA] {
            let expected = converted(&built.bytes, writer).unwrap();
            assert!(converted(&image, writer).unwrap() == expected, "{mode:?}");
        }
    }
}

#[test]
fn volume_of_version_1_has_its_backup_boot_sector() {
    let built = volume();
    let image = PartcloneImage::version_1(4).of_volume(&built);
    let expected = converted(&built.bytes, &RAW).unwrap();
    let raw = converted(&image, &RAW).unwrap();
    assert!(raw[..expected.len()] == expected);
}

#[test]
fn info_is_that_of_the_volume() {
    let built = volume();
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let mut expected = driver.info(&opened).unwrap();
    let image = PartcloneImage::version_2().of_volume(&built);
    expected.layers = vec!["partclone".to_owned()];
    expected.size = Some(image.len() as u64);
    let mut driver = Driver::new(image.as_slice());
    let opened = driver.open().unwrap();
    assert_eq!(driver.info(&opened).unwrap(), expected);
    // Little of it is read at a glance.
    assert!(driver.read < image.len() as u64 / 2, "{}", driver.read);
}

#[test]
fn extents_are_the_clusters_in_use() {
    let built = volume();
    let extents = |source: &[u8]| {
        let mut driver = Driver::new(source);
        let opened = driver.open().unwrap();
        let mut found = Vec::new();
        driver
            .run(&mut opened.extents(), |step| {
                if let Step::Extents(extents) = step {
                    found.extend(extents);
                }
            })
            .unwrap();
        found
    };
    let image = PartcloneImage::version_2().of_volume(&built);
    assert_eq!(extents(&image), extents(&built.bytes));
}

#[test]
fn wrong_checksum_is_found_with_its_files() {
    let built = volume();
    let mode = PartcloneImage {
        blocks_per_checksum: 1,
        ..PartcloneImage::version_2()
    };
    let image = mode.of_volume(&built);
    let report = validated(&image);
    assert!(report.sound && report.findings.is_empty());
    assert_eq!(report.image.unwrap().bytes, image.len() as u64);

    let mut damaged = image.clone();
    let at = damaged.len() - 50;
    damaged[at] ^= 1;
    let report = validated(&damaged);
    assert_eq!(codes(&report), [Code::BlockChecksum]);
    assert_eq!(report.findings[0].files, ["/late"]);

    let cut = &image[..image.len() - 5000];
    let codes = codes(&validated(cut));
    assert!(codes.contains(&Code::ImageTruncated), "{codes:?}");
}

/// Reads at any place do not compare them.
#[test]
fn conversions_compare_the_checksums() {
    for mode in modes() {
        let mut image = mode.of_volume(&volume());
        let at = image.len() - 5000;
        image[at] ^= 1;
        for writer in [&RAW, &NTFSCLONE, &METADATA] {
            let failure = converted(&image, writer).unwrap_err();
            assert_eq!(failure.code(), "corrupt", "{mode:?}: {failure}");
        }
    }
}

/// Zeros in place of what an image lacks must not pass for a copy.
#[test]
fn absent_clusters_in_use_are_found() {
    let built = volume();
    let mut blocks = vec![None; built.geometry.clusters as usize];
    for lcn in built.used_clusters().filter(|&lcn| lcn != 8001) {
        blocks[lcn as usize] = Some(built.cluster(lcn));
    }
    let mode = PartcloneImage::version_2();
    let size = built.bytes.len() as u64;
    let image = mode.of_blocks(built.geometry.cluster_size, size, &blocks);
    assert_eq!(codes(&validated(&image)), [Code::ClusterMissing]);
    for writer in [&RAW, &NTFSCLONE] {
        let failure = converted(&image, writer).unwrap_err();
        assert_eq!(failure.code(), "not-stored", "{failure}");
    }
}

#[test]
fn other_file_systems_are_refused_by_name() {
    let mode = PartcloneImage {
        file_system: "EXTFS".to_owned(),
        ..PartcloneImage::version_2()
    };
    let image = mode.of_volume(&volume());
    let failure = Driver::new(image.as_slice()).open().unwrap_err();
    assert_eq!(failure.code(), "not-ntfs");
    assert!(failure.to_string().contains("EXTFS"), "{failure}");
}

/// An image in an image, and so on.
#[test]
fn nesting_has_a_limit() {
    let mut bytes = volume().bytes;
    let mode = PartcloneImage::version_2();
    for _ in 0..3 {
        bytes.resize(bytes.len().next_multiple_of(4096), 0);
        let blocks: Vec<Option<&[u8]>> = bytes.chunks(4096).map(Some).collect();
        bytes = mode.of_blocks(4096, bytes.len() as u64, &blocks);
    }
    assert!(Driver::new(bytes.as_slice()).open().is_err());
}
