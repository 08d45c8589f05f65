//! Images and volumes that are damaged or cut short: what comes before that.

use std::collections::BTreeMap;

use ntfs_volume_builder::{self as build, FileData, VolumeBuilder, attribute_type, pattern};
use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::jobs::{Compression, Failure, FileId, Located, Opened, Step};
use ntfsclone_core::units::{Extent, RecordNumber};
use ntfsclone_core::write::{NTFSCLONE, ZstdCompressor};

use crate::copies::image_of;
use crate::driver::Driver;
use crate::samples::large;

const STRIDE: u64 = 4096 + 1;

fn extents(driver: &mut Driver<&[u8]>, opened: &Opened) -> Result<Vec<Located>, Failure> {
    let mut list = Vec::new();
    driver.run(&mut opened.extents(), |step| {
        if let Step::Extents(more) = step {
            list.extend(more);
        }
    })?;
    Ok(list)
}

fn names(driver: &mut Driver<&[u8]>, opened: &Opened) -> Result<BTreeMap<u64, String>, Failure> {
    let mut names = BTreeMap::new();
    driver.run(&mut opened.survey(), |step| {
        if let Step::Files(files) = step {
            names.extend(
                files
                    .into_iter()
                    .map(|file| (file.record, file.name.unwrap_or_default())),
            );
        }
    })?;
    Ok(names)
}

fn built() -> build::Volume {
    (0..20)
        .fold(VolumeBuilder::new().clusters(900), |builder, n| {
            let content = FileData::Fragmented {
                bytes: pattern(n, 30_000),
                pieces: 2,
            };
            builder.file(&format!("file {n}"), content)
        })
        .build()
}

/// Of all clusters of an image, those that end within its first `len` bytes.
fn within(all: &[Located], len: u64) -> Vec<Located> {
    all.iter()
        .filter_map(|found| {
            let clusters = len.saturating_sub(found.offset) / STRIDE;
            let extent = Extent::new(found.extent.start, found.extent.len.min(clusters));
            (extent.len > 0).then_some(Located { extent, ..*found })
        })
        .collect()
}

#[test]
fn extents_are_those_before_the_damage() {
    let image = image_of(&built());
    let mut driver = Driver::new(image.as_slice());
    let opened = driver.open().unwrap();
    let all = extents(&mut driver, &opened).unwrap();
    assert_eq!(extents(&mut driver, &opened.before_damage()).unwrap(), all);
    assert!(all.len() > 10);

    let middle = all[all.len() / 2];
    for cut in [
        100,
        middle.offset,
        middle.offset + 1,
        middle.offset + STRIDE - 1,
        middle.offset + STRIDE,
        middle.offset + 2 * STRIDE,
        image.len() as u64 - 1,
    ] {
        let cut_short = &image[..cut as usize];
        let mut other_command = image.clone();
        other_command[middle.offset as usize] = 7;
        let ends = [(cut_short, cut), (&other_command, middle.offset)];
        for (source, end) in ends {
            let mut driver = Driver::new(source);
            let opened = driver.open().unwrap();
            let failure = extents(&mut driver, &opened).unwrap_err();
            assert_eq!(failure.code(), "corrupt", "{cut}");
            let found = extents(&mut driver, &opened.before_damage()).unwrap();
            assert_eq!(found, within(&all, end), "{cut}");
        }
    }
    // Not even a header.
    let mut driver = Driver::new(&image[..40]);
    assert!(driver.open().is_err());
}

#[test]
fn a_cut_image_is_looked_into() {
    let built = large().build();
    let image = image_of(&built);
    let path = |n: u64| format!("directory {}/file {n}", n % 7);
    let lcn = |n| built.runs(built.record_number(&path(n)), attribute_type::DATA, "")[0].lcn;
    let mut driver = Driver::new(image.as_slice());
    let opened = driver.open().unwrap();
    let expected = names(&mut driver, &opened).unwrap();
    let all = extents(&mut driver, &opened).unwrap();
    // All records come before the content of files.
    let place = |n| {
        let lcn = lcn(n).unwrap();
        let holds = |found: &&Located| found.extent.end().0 > lcn;
        let found = all.iter().find(holds).unwrap();
        found.offset + (lcn - found.extent.start.0) * STRIDE
    };
    let len = place(30) as usize + 100_000;
    let cut_short = &image[..len];

    let mut driver = Driver::new(cut_short);
    let opened = driver.open().unwrap();
    assert_eq!(names(&mut driver, &opened).unwrap_err().code(), "corrupt");
    let opened = opened.before_damage();
    assert_eq!(names(&mut driver, &opened).unwrap(), expected);

    // What was read once is known from then on.
    let before = driver.read;
    let mut content = |n| {
        let record = RecordNumber(built.record_number(&path(n)));
        driver.output(&mut opened.content(FileId::Record(record), "", 0..u64::MAX))
    };
    let whole = content(3).unwrap();
    let written = built
        .contents
        .iter()
        .find(|content| content.path == path(3));
    assert!(whole == written.unwrap().bytes);
    for n in [30, 39] {
        let failure = content(n).unwrap_err();
        assert_eq!(failure.code(), "not-stored", "{failure}");
    }
    assert!(driver.read - before < 4 << 20, "{}", driver.read - before);

    let record = built.record_offset(built.record_number(&path(3)));
    let bytes = driver.output(&mut opened.read(record..record + 4)).unwrap();
    assert_eq!(bytes, b"FILE");
}

#[test]
fn a_cut_volume_is_looked_into() {
    let built = large().build();
    let path = |n: u64| format!("directory {}/file {n}", n % 7);
    let start = |n| {
        let record = built.record_number(&path(n));
        built.stream_offset(record, attribute_type::DATA, "", 0)
    };
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let expected = names(&mut driver, &opened).unwrap();
    let all = extents(&mut driver, &opened).unwrap();
    let before = opened.before_damage();
    assert_eq!(extents(&mut driver, &before).unwrap(), all);

    let len = start(30) + 100_001;
    let mut driver = Driver::new(&built.bytes[..len as usize]);
    let opened = driver.open().unwrap();
    assert_eq!(names(&mut driver, &opened).unwrap_err().code(), "limit");
    assert!(extents(&mut driver, &opened).is_err());
    let opened = opened.before_damage();
    assert_eq!(names(&mut driver, &opened).unwrap(), expected);
    let clusters = len / 4096;
    let found = extents(&mut driver, &opened).unwrap();
    let mut told = all.clone();
    told.retain(|found| found.extent.start.0 < clusters);
    let last = told.last_mut().unwrap();
    last.extent.len = last.extent.len.min(clusters - last.extent.start.0);
    assert_eq!(last.extent.end().0, clusters);
    assert!(told.len() > 1);
    assert_eq!(found, told);

    let mut content = |n| {
        let record = RecordNumber(built.record_number(&path(n)));
        driver.output(&mut opened.content(FileId::Record(record), "", 0..u64::MAX))
    };
    let written = built
        .contents
        .iter()
        .find(|content| content.path == path(3));
    assert!(content(3).unwrap() == written.unwrap().bytes);
    for n in [30, 39] {
        let failure = content(n).unwrap_err();
        assert_eq!(failure.code(), "not-stored", "{failure}");
    }
    // What is not a volume at all is said as ever.
    let mut driver = Driver::new(&built.bytes[..600]);
    let opened = driver.open().unwrap().before_damage();
    assert!(names(&mut driver, &opened).is_err());
}

#[test]
fn a_damaged_account_of_clusters_is_told_nevertheless() {
    let built = VolumeBuilder::new()
        .file("file", FileData::Bytes(pattern(1, 9000)))
        .build();
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let expected = extents(&mut driver, &opened).unwrap();

    let mut damaged = built.clone();
    let run = built.runs(built.record_number("file"), attribute_type::DATA, "")[0];
    let lcn = run.lcn.unwrap();
    damaged.set_in_bitmap(lcn..lcn + run.length, false);
    damaged.patch_mirror_record(2, |record| record[0x30] ^= 1);
    let mut driver = Driver::new(damaged.bytes.as_slice());
    let opened = driver.open().unwrap();
    assert!(extents(&mut driver, &opened).is_err());
    let found = extents(&mut driver, &opened.before_damage()).unwrap();
    assert_eq!(found, expected);
}

/// A frame in the middle is lost: the rest is there, before and after it.
#[test]
fn a_damaged_frame_costs_what_is_in_it() {
    let built = large().build();
    let image = image_of(&built);
    let mut driver = Driver::new(image.as_slice());
    let opened = driver.open().unwrap();
    let expected = names(&mut driver, &opened).unwrap();
    let compression = Some(Compression {
        level: 1,
        compressor: Box::new(ZstdCompressor::new(1).unwrap()),
        time: None,
        note: None,
        source: None,
    });
    let mut convert = opened.convert(&NTFSCLONE, compression).unwrap();
    let mut file = driver.output(&mut convert).unwrap();
    let lost = {
        let reader = SeekableReader::open(file.as_slice()).unwrap().unwrap();
        reader.table().frame(2).unwrap()
    };
    let middle = lost.position + lost.compressed_size / 2;
    file[middle as usize] ^= 0x55;
    // And the table is not there.
    file.truncate(file.len() - 20);

    let mut driver = Driver::new(file.as_slice());
    let opened = driver.open().unwrap().before_damage();
    assert_eq!(names(&mut driver, &opened).unwrap(), expected);
    let mut damaged = 0;
    for n in 10..40 {
        let path = format!("directory {}/file {n}", n % 7);
        let record = RecordNumber(built.record_number(&path));
        let mut sound = Driver::new(built.bytes.as_slice());
        let all = sound.open().unwrap();
        let expected = sound
            .output(&mut all.content(FileId::Record(record), "", 0..u64::MAX))
            .unwrap();
        match driver.output(&mut opened.content(FileId::Record(record), "", 0..u64::MAX)) {
            Ok(content) => assert!(content == expected, "{path}"),
            Err(failure) => {
                assert_eq!(failure.code(), "compressed-data", "{path}");
                damaged += 1;
            }
        }
    }
    assert!((1..15).contains(&damaged), "{damaged}");
}
