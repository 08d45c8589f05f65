//! Devices with sectors that cannot be read.

use crate::support::{
    compare::assert_same_file,
    failing_device::{FAILING_DEVICES, FailingDevice},
    program::{call, finish, ours, printed, reference, succeed},
    requirements::{self, Need},
    scratch_directory,
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, pattern};
use serde_json::Value;
use std::{
    fs,
    ops::Range,
    path::{Path, PathBuf},
    process::Output,
};
use tempfile::TempDir;

const CLUSTER: u64 = 4096;

fn volume() -> Volume {
    VolumeBuilder::new()
        .clusters(2048)
        .file("first.bin", FileData::Bytes(pattern(1, 1_000_000)))
        .file("docs/second.bin", FileData::Bytes(pattern(2, 1_500_000)))
        .build()
}

/// A volume, and a folder that holds it as a file.
fn written_volume() -> (Volume, TempDir, PathBuf) {
    let volume = volume();
    let folder = scratch_directory();
    let source = folder.path().join("volume");
    fs::write(&source, &volume.bytes).expect("cannot write the volume");
    (volume, folder, source)
}

/// Where a byte of a file's content lies on the volume.
fn place(volume: &Volume, path: &str, offset: u64) -> u64 {
    volume.stream_offset(volume.record_number(path), 0x80, "", offset)
}

fn met() -> bool {
    requirements::met_here(&[FAILING_DEVICES, &[Need::Reference]].concat())
}

/// Bad sectors in two files, alone and many together.
fn bad_sectors(volume: &Volume) -> Vec<Range<u64>> {
    let first = place(volume, "first.bin", 10 * CLUSTER);
    let second = place(volume, "docs/second.bin", 100 * CLUSTER);
    let mut bad = vec![
        first + 512..first + 1024,
        second..second + 5 * CLUSTER,
        second + 50 * CLUSTER + 3584..second + 51 * CLUSTER + 512,
    ];
    bad.sort_by_key(|range| range.start);
    bad
}

fn rescue(options: &str, output: &Path, device: &FailingDevice) -> Output {
    finish(call(ours, options, &[output, device.path()]))
}

/// The same, whole pages: the reference reads through the kernel's cache and loses no less.
fn bad_pages(volume: &Volume) -> Vec<Range<u64>> {
    let page = |range: Range<u64>| {
        let end = range.end.next_multiple_of(CLUSTER);
        range.start / CLUSTER * CLUSTER..end
    };
    bad_sectors(volume).into_iter().map(page).collect()
}

#[test]
fn the_bytes_are_the_reference_s_with_fewer_reads_that_fail() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let device = FailingDevice::new(&source, &bad_pages(&volume));
    for (name, options) in [
        ("raw clone", "-q --rescue -o"),
        ("image", "-q --rescue -s -o"),
        ("metadata image", "-q --rescue -m -s -o"),
    ] {
        let [output, expected] =
            ["ours", "reference"].map(|suffix| folder.path().join(format!("{name} {suffix}")));
        device.failed_reads();
        let report = finish(call(reference, options, &[&expected, device.path()]));
        assert!(report.status.success(), "{name}: {}", printed(&report));
        let tries_of_reference = device.failed_reads();

        let report = rescue(options, &output, &device);
        let tries = device.failed_reads();
        assert_same_file(name, &output, &expected);
        let loses = !name.starts_with("metadata");
        let code = if loses { 3 } else { 0 };
        assert_eq!(
            report.status.code(),
            Some(code),
            "{name}: {}",
            printed(&report)
        );
        assert_eq!(tries > 0, loses, "{name}: the test touches bad sectors");
        assert!(
            tries <= tries_of_reference,
            "{name}: {tries} reads fail, {tries_of_reference} of the reference's"
        );
    }
}

#[test]
fn a_good_sector_beside_a_bad_one_is_not_lost() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let bad = bad_sectors(&volume);
    let device = FailingDevice::new(&source, &bad);
    let [raw, image, restored, expected] =
        ["raw", "image", "restored", "expected"].map(|name| folder.path().join(name));
    succeed(call(ours, "-q -o", &[&expected, &source]));
    let mut expected = fs::read(&expected).expect("it was just made");
    for sector in bad.iter().flat_map(|range| range.clone().step_by(512)) {
        let sector = &mut expected[sector as usize..][..512];
        sector.fill(b'?');
        sector[..10].copy_from_slice(b"BadSectoR\0");
    }
    for (options, output) in [("-q --rescue -o", &raw), ("-q --rescue -s -o", &image)] {
        let outcome = rescue(options, output, &device);
        assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    }
    succeed(call(ours, "-q -r -o", &[&restored, &image]));
    for output in [raw, restored] {
        let found = fs::read(&output).expect("it is there");
        assert!(found == expected, "{}", output.display());
    }
}

#[test]
fn the_files_that_lost_data_are_named() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let device = FailingDevice::new(&source, &bad_sectors(&volume));
    let [output, report] = ["out", "report.json"].map(|name| folder.path().join(name));
    let options = format!("-q --rescue --report {} -o", report.display());
    let outcome = rescue(&options, &output, &device);
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));

    let said = printed(&outcome);
    for line in [
        "lost 512 bytes of /first.bin, at byte 41472",
        "lost 20480 bytes of /docs/second.bin, at byte 409600",
        "lost 1024 bytes of /docs/second.bin, at byte 617984",
        "22016 bytes could not be read",
    ] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
    let text = fs::read_to_string(&report).expect("the report is there");
    let report: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(report["bytes"], 22016);
    let files = report["files"].as_array().expect("a list");
    let paths: Vec<_> = files.iter().map(|file| &file["path"]).collect();
    assert_eq!(
        paths,
        ["/docs/second.bin", "/docs/second.bin", "/first.bin"]
    );
    assert_eq!(files[2]["offset"], 41472);
    assert_eq!(files[2]["length"], 512);
}

#[test]
fn without_rescue_nothing_is_left_and_rescue_is_named() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let device = FailingDevice::new(&source, &bad_sectors(&volume));
    let output = folder.path().join("out");
    let outcome = rescue("-q -s -o", &output, &device);
    assert_eq!(outcome.status.code(), Some(1));
    assert!(printed(&outcome).contains("go on in spite of them with --rescue"));
    assert!(!output.exists());
}

#[test]
fn everything_read_is_success() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    // In free space, which is not read.
    let free = (0..2048)
        .rev()
        .find(|lcn| !volume.used_clusters().any(|used| used == *lcn));
    let free = free.expect("the volume is not full") * CLUSTER;
    let bad: Vec<Range<u64>> = vec![Range {
        start: free,
        end: free + 512,
    }];
    let device = FailingDevice::new(&source, &bad);
    let [output, report] = ["out", "report.json"].map(|name| folder.path().join(name));
    let options = format!("-q --rescue --report {} -o", report.display());
    let outcome = rescue(&options, &output, &device);
    assert_eq!(outcome.status.code(), Some(0), "{}", printed(&outcome));
    let report: Value =
        serde_json::from_str(&fs::read_to_string(&report).expect("it is there")).expect("JSON");
    assert_eq!(report["bytes"], 0);
}

/// An image that lies on the dying disk.
#[test]
fn image_with_bad_sectors() {
    if !met() {
        return;
    }
    let folder = scratch_directory();
    let [source, image, restored, out] =
        ["volume", "image", "restored", "out"].map(|name| folder.path().join(name));
    // Large clusters: most pages of the image then have no command in them, which could not be guessed.
    let volume = VolumeBuilder::new()
        .cluster_size(64 << 10)
        .clusters(128)
        .file("big.bin", FileData::Bytes(pattern(3, 2_000_000)))
        .build();
    fs::write(&source, &volume.bytes).expect("cannot write the volume");
    succeed(call(ours, "-q -s -o", &[&image, &source]));
    succeed(call(ours, "-q -r -o", &[&restored, &image]));
    // A device has whole sectors; what follows the image there is not looked at.
    let length = fs::metadata(&image).expect("it was just made").len();
    let file = fs::OpenOptions::new().write(true).open(&image);
    file.and_then(|file| file.set_len(length.next_multiple_of(CLUSTER)))
        .expect("it can grow");
    // Within a cluster of the file: past the command before it by half a cluster.
    let bytes = fs::read(&image).expect("it is there");
    let content = &pattern(3, 2_000_000)[10 * (64 << 10)..][..64];
    let cluster = bytes
        .windows(content.len())
        .position(|bytes| bytes == content)
        .expect("the file is in the image") as u64;
    let at = (cluster + (32 << 10)) / CLUSTER * CLUSTER;
    let bad = vec![Range {
        start: at,
        end: at + 512,
    }];
    let device = FailingDevice::new(&image, &bad);

    let outcome = finish(call(ours, "-q -r -o", &[&out, device.path()]));
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(!out.exists());
    let outcome = finish(call(ours, "-q -r --rescue -o", &[&out, device.path()]));
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    let [found, expected] = [&out, &restored].map(|path| fs::read(path).expect("it is there"));
    assert_eq!(found.len(), expected.len());
    let differing = found.iter().zip(&expected).filter(|(a, b)| a != b).count();
    assert!((1..=512).contains(&differing), "{differing}");
    let marks = found.windows(10).filter(|bytes| bytes == b"BadSectoR\0");
    assert_eq!(marks.count(), 1);
}

/// The report takes the place of nothing: not of the source, the output or anything else.
#[test]
fn report_never_overwrites() {
    let folder = scratch_directory();
    let [source, out, other] = ["volume", "out", "other"].map(|name| folder.path().join(name));
    let bytes = volume().bytes;
    fs::write(&source, &bytes).expect("cannot write the volume");
    fs::write(&other, "other").expect("cannot write a file");
    for (report, message) in [
        (
            &source,
            "is SOURCE and --report, which must be different files",
        ),
        (
            &out,
            "is the output and --report, which must be different files",
        ),
        (&other, "--report never overwrites"),
    ] {
        let options = format!("-q --rescue --report {} -o", report.display());
        let outcome = finish(call(ours, &options, &[&out, &source]));
        assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
        assert!(printed(&outcome).contains(message));
        assert!(!out.exists());
    }
    assert!(fs::read(&source).expect("it is there") == bytes);
    assert_eq!(fs::read(&other).expect("it is there"), b"other");
}

/// What tells where the files are cannot be read: the copy has their clusters even so.
#[test]
fn unreadable_metadata_loses_nothing_else() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let page = |offset: u64| Range {
        start: offset / CLUSTER * CLUSTER,
        end: offset / CLUSTER * CLUSTER + CLUSTER,
    };
    let bitmap = volume.stream_offset(6, 0x80, "", 0);
    let file = volume.record_offset(volume.record_number("first.bin"));
    for (name, places) in [
        ("boot sector", vec![0]),
        ("first records", vec![volume.record_offset(0)]),
        ("bitmap", vec![bitmap]),
        ("records of files", vec![file]),
        ("records of files and bitmap", vec![file, bitmap]),
        (
            "no record and no copy",
            vec![volume.record_offset(0), volume.mirror_record_offset(0)],
        ),
    ] {
        let mut bad: Vec<Range<u64>> = places.into_iter().map(page).collect();
        bad.sort_by_key(|range| range.start);
        bad.dedup();
        let device = FailingDevice::new(&source, &bad);
        let output = folder.path().join(name);
        let outcome = rescue("-q --rescue -o", &output, &device);
        assert_eq!(
            outcome.status.code(),
            Some(3),
            "{name}: {}",
            printed(&outcome)
        );
        let found = fs::read(&output).expect("it is there");
        for cluster in volume.used_clusters() {
            let bytes = (cluster * CLUSTER) as usize..((cluster + 1) * CLUSTER) as usize;
            let is_bad = bad.iter().any(|bad| bad.contains(&(cluster * CLUSTER)));
            let is_same = found[bytes.clone()] == volume.bytes[bytes];
            assert_eq!(is_same, !is_bad, "{name}: cluster {cluster}");
        }
    }
}

#[test]
fn metadata_is_read_first_and_nothing_twice() {
    if !met() {
        return;
    }
    let (volume, folder, source) = written_volume();
    let device = FailingDevice::new(&source, &[]);
    let content = place(&volume, "first.bin", 0)..place(&volume, "first.bin", 999_999);
    let log_file = volume.stream_offset(2, 0x80, "", 0);
    for (name, options) in [("raw", "-q --rescue -o"), ("image", "-q --rescue -s -o")] {
        device.reads();
        let outcome = rescue(options, &folder.path().join(name), &device);
        assert!(outcome.status.success(), "{name}: {}", printed(&outcome));
        let mut reads = device.reads();
        let first_of = |wanted: &Range<u64>| {
            let read = reads
                .iter()
                .position(|read| read.start < wanted.end && wanted.start < read.end);
            read.expect("it is read")
        };
        let journal = log_file..log_file + CLUSTER;
        assert!(
            first_of(&journal) < first_of(&content),
            "{name}: {reads:x?}"
        );
        reads.sort_by_key(|read| read.start);
        let twice = reads.windows(2).find(|two| two[1].start < two[0].end);
        assert_eq!(twice, None, "{name}");
    }
}
