//! What is compressed: frames, a summary and a seek table, read back.

use ntfs_volume_builder::VolumeBuilder;
use ntfsclone_core::check::Code;
use ntfsclone_core::image::seekable::{Kind, SeekableReader};
use ntfsclone_core::image::{Index, Reader};
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::jobs::{Compression, Failure, Refusal, Step};
use ntfsclone_core::write::{METADATA, NTFSCLONE, RAW, WRITERS, Writer, ZstdCompressor};

use crate::copies::{image_of, restored};
use crate::driver::Driver;
use crate::samples::{large, volumes};

fn compression(level: i32) -> Option<Compression> {
    Some(Compression {
        level,
        compressor: Box::new(ZstdCompressor::new(level).unwrap()),
        time: Some("2026-11-24T19:10:03Z".to_owned()),
        note: None,
        source: None,
    })
}

fn compressed(source: &[u8], target: &'static Writer) -> Vec<u8> {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut convert = opened.convert(target, compression(1)).unwrap();
    driver.output(&mut convert).unwrap()
}

fn stream_of(compressed: &[u8]) -> Vec<u8> {
    let reader = SeekableReader::open(compressed).unwrap().unwrap();
    let mut stream = vec![0; reader.size() as usize];
    reader.read_exact_at(0, &mut stream).unwrap();
    stream
}

#[test]
fn what_is_compressed_is_the_same_stream() {
    for (name, built) in volumes() {
        let image = image_of(&built);
        let table = [
            (&RAW, restored(&built), Kind::RawVolume),
            (&NTFSCLONE, image.clone(), Kind::NtfscloneImage),
        ];
        for (target, expected, kind) in table {
            let file = compressed(&built.bytes, target);
            assert!(compressed(&image, target).len() > 100, "{name}");
            assert!(stream_of(&file) == expected, "{name}, {target:?}");
            let reader = SeekableReader::open(file.as_slice()).unwrap().unwrap();
            let summary = reader.summary().unwrap().unwrap();
            let head = summary.head();
            assert_eq!((head.kind, head.stream_size), (kind, expected.len() as u64));
            assert!(summary.stream_hash().is_some());
            let facts = summary.facts().unwrap();
            for fact in ["\"tool\":\"ntfsclone\"", "\"level\":1", "\"time\":\"2026-"] {
                assert!(facts.contains(fact), "{facts}");
            }
            let stored: u64 = summary.map().unwrap().map(|run| run.unwrap().count).sum();
            let tail = u64::from(built.bytes.len() as u64 > built.geometry.volume_size());
            let with_tail = if target.id == RAW.id { tail } else { 1 };
            let used = built.used_clusters().count() as u64;
            assert_eq!(stored, used + with_tail, "{name}, {target:?}");
            if target.id == NTFSCLONE.id {
                let index = Index::scan(image.as_slice(), |_| {}).unwrap();
                assert_eq!(summary.index().unwrap(), Some(index), "{name}");
            }
        }
    }
}

/// The holes of a disk are zeros in its frames. The size of these is known in the end.
#[test]
fn disks_are_compressed() {
    let built = VolumeBuilder::new().clusters(4000).build();
    for target in WRITERS {
        let mut driver = Driver::new(built.bytes.as_slice());
        let opened = driver.open().unwrap();
        let expected = driver.output(&mut opened.convert(*target, None).unwrap());
        let mut convert = opened.convert(*target, compression(1)).unwrap();
        let mut file = Vec::new();
        driver
            .run(&mut convert, |step| match step {
                Step::Bytes(bytes) => file.extend_from_slice(&bytes),
                Step::Size(_) | Step::Hole(_) => panic!("{}: {step:?}", target.id),
                _ => {}
            })
            .unwrap();
        assert!(stream_of(&file) == expected.unwrap(), "{}", target.id);
    }
}

/// The map tells of jumps back, too.
#[test]
fn metadata_is_compressed() {
    for (name, built) in volumes() {
        let mut driver = Driver::new(built.bytes.as_slice());
        let opened = driver.open().unwrap();
        let mut plain = opened.convert(&METADATA, None).unwrap();
        let expected = driver.output(&mut plain).unwrap();
        let file = compressed(&built.bytes, &METADATA);
        assert!(stream_of(&file) == expected, "{name}");
        let index = Index::scan(expected.as_slice(), |_| {}).unwrap();
        let again = compressed(&expected, &NTFSCLONE);
        for file in [file, again] {
            let reader = SeekableReader::open(file.as_slice()).unwrap().unwrap();
            let summary = reader.summary().unwrap().unwrap();
            assert_eq!(summary.index().unwrap().as_ref(), Some(&index), "{name}");
        }
    }
}

/// What is compressed is opened, checked and converted as what is not.
#[test]
fn what_was_compressed_is_read_step_by_step() {
    let built = large().build();
    let image = image_of(&built);
    for target in [&RAW, &NTFSCLONE] {
        let file = compressed(&built.bytes, target);
        let mut driver = Driver::new(file.as_slice());
        let opened = driver.open().unwrap();
        let info = driver.info(&opened).unwrap();
        assert_eq!(info.layers, ["zstd, seekable"]);
        assert_eq!(info.warnings, [""; 0]);
        assert!(info.made.is_some() && info.volume.is_some());
        let mut validate = opened.validate();
        driver.run(&mut validate, |_| {}).unwrap();
        let report = validate.result().unwrap();
        assert!(report.sound, "{report:?}");
        assert_eq!(report.checksums, ["frames"]);
        for (target, expected) in [(&RAW, restored(&built)), (&NTFSCLONE, image.clone())] {
            let mut convert = opened.convert(target, None).unwrap();
            assert!(
                driver.output(&mut convert).unwrap() == expected,
                "{target:?}"
            );
        }
        assert!(driver.peak <= 22 << 20, "{}", driver.peak);
    }
}

#[test]
fn a_damaged_frame_is_found() {
    let built = large().build();
    let mut file = compressed(&built.bytes, &NTFSCLONE);
    let middle = file.len() / 2;
    file[middle] ^= 0x55;
    let mut driver = Driver::new(file.as_slice());
    let opened = driver.open().unwrap();
    let mut validate = opened.validate();
    driver.run(&mut validate, |_| {}).unwrap();
    let report = validate.result().unwrap();
    let [finding] = report.findings.as_slice() else {
        panic!("{report:?}");
    };
    assert_eq!(finding.code, Code::FrameDamaged);
    assert!(!finding.files.is_empty(), "{finding:?}");
    // All but the files in the frame are known to be sound.
    let sound = {
        let mut driver = Driver::new(built.bytes.as_slice());
        let mut validate = driver.open().unwrap().validate();
        driver.run(&mut validate, |_| {}).unwrap();
        validate.result().unwrap().volume
    };
    assert_eq!(report.volume, sound);
    let mut convert = opened.convert(&NTFSCLONE, None).unwrap();
    let failure = driver.output(&mut convert).unwrap_err();
    assert_eq!(failure.code(), "compressed-data");
}

#[test]
fn a_damaged_first_frame_is_found() {
    let built = large().build();
    for target in [&RAW, &NTFSCLONE] {
        let mut file = compressed(&built.bytes, target);
        file[40] ^= 0x55;
        let mut driver = Driver::new(file.as_slice());
        let opened = driver.open().unwrap();
        let info = driver.info(&opened).unwrap();
        // By the backup boot sector, and the copies of its first records.
        assert!(info.volume.is_some());
        let mut validate = opened.validate();
        driver.run(&mut validate, |_| {}).unwrap();
        assert!(!validate.result().unwrap().sound);
    }
}

#[test]
fn holes_are_frames_of_zeros() {
    // A hole of many frames, with something at both ends.
    let built = ntfs_volume_builder::VolumeBuilder::new()
        .cluster_size(65_536)
        .clusters(4096)
        .file(
            "last",
            ntfs_volume_builder::FileData::Runs(vec![ntfs_volume_builder::Run::at(4090, 3)]),
        )
        .build();
    let file = compressed(&built.bytes, &RAW);
    assert!(file.len() < 1 << 20, "{}", file.len());
    assert!(stream_of(&file) == restored(&built));
    let image = image_of(&built);
    assert!(compressed(&image, &RAW).len() < 1 << 20);
    let index = Index::scan(image.as_slice(), |_| {}).unwrap();
    assert_eq!(
        Reader::new(image.as_slice(), index).size(),
        restored(&built).len() as u64
    );
}

#[test]
fn levels_that_are_none_are_refused() {
    let (_, built) = volumes().swap_remove(0);
    let opened = Driver::new(built.bytes.as_slice()).open().unwrap();
    for level in [0, -1, 23] {
        let refused = opened.convert(&RAW, compression(level)).unwrap_err();
        assert!(matches!(
            refused,
            Failure::Refused {
                kind: Refusal::Target,
                ..
            }
        ));
    }
}
