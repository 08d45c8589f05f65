//! What is made of volumes and images: the same as at once.

use ntfs_volume_builder::{self as build, File, FileData, VolumeBuilder};
use ntfsclone_core::clusters::metadata::{LogFile, MetadataStep, RecordKind, select_metadata};
use ntfsclone_core::jobs::Step;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::value::Stream;
use ntfsclone_core::plan::Plan;
use ntfsclone_core::units::{Geometry, RecordNumber, Vcn};
use ntfsclone_core::wipe::{Remains, Times, Wiped, wipe_index_record, wipe_mft_record};
use ntfsclone_core::write::{METADATA, NTFSCLONE, RAW, WRITERS, Writer};

use crate::copies::{image_of, restored};
use crate::driver::Driver;
use crate::encoded::Encoded;
use crate::samples::volumes;

/// What is made of a source, step by step.
fn made(name: &str, source: &[u8], target: &'static Writer) -> Vec<u8> {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut convert = opened.convert(target, None).unwrap();
    let output = driver.output(&mut convert).unwrap();
    // The rest was looked at to open it, and to find what is in use.
    let all = source.len() as u64;
    let most = all + all / 8 + (1 << 20);
    assert!(driver.read <= most, "{name}: {} of {all}", driver.read);
    assert!(driver.peak <= 21 << 20, "{name}: {}", driver.peak);
    output
}

#[test]
fn a_raw_volume_has_what_is_in_use() {
    for (name, built) in volumes() {
        let expected = restored(&built);
        assert!(made(name, &built.bytes, &RAW) == expected, "{name}");
        let image = image_of(&built);
        assert!(made(name, &image, &RAW) == expected, "{name}");
    }
}

/// As the program does; an image is written as it is, whatever is in it.
#[test]
fn a_dirty_volume_is_converted_only_where_that_is_accepted() {
    let built = VolumeBuilder::new().dirty(true).build();
    let image = image_of(&built);
    for (source, target, is_judged) in [
        (&built.bytes, &RAW, true),
        (&built.bytes, &NTFSCLONE, true),
        (&built.bytes, &METADATA, true),
        (&image, &METADATA, true),
        (&image, &RAW, false),
        (&image, &NTFSCLONE, false),
    ] {
        let mut driver = Driver::new(source.as_slice());
        let opened = driver.open().unwrap();
        let converted = driver.output(&mut opened.convert(target, None).unwrap());
        match converted {
            Err(failure) => {
                assert!(is_judged, "{}", target.id);
                assert_eq!(failure.code(), "inconsistent");
                assert!(
                    failure.to_string().starts_with("it is marked dirty"),
                    "{failure}"
                );
            }
            Ok(_) => assert!(!is_judged, "{}", target.id),
        }
        let opened = opened.forced();
        driver
            .output(&mut opened.convert(target, None).unwrap())
            .unwrap();
    }
}

/// Nothing that is free is in memory: long zeros are holes, also in a disk that has all bytes.
#[test]
fn the_size_precedes_the_output_and_free_space_is_holes() {
    let built = VolumeBuilder::new().clusters(4000).build();
    for target in WRITERS {
        let mut driver = Driver::new(built.bytes.as_slice());
        let opened = driver.open().unwrap();
        let mut convert = opened.convert(*target, None).unwrap();
        let (mut size, mut data, mut holes) = (None, 0, 0);
        driver
            .run(&mut convert, |step| match step {
                Step::Size(len) => {
                    assert_eq!((size, data, holes), (None, 0, 0), "{}", target.id);
                    size = Some(len);
                }
                Step::Bytes(bytes) => data += bytes.len() as u64,
                Step::Hole(len) => holes += len,
                _ => {}
            })
            .unwrap();
        let expected = (target.id != "vmdk").then_some(data + holes);
        assert_eq!(size, expected, "{}", target.id);
        if ["raw", "vhd-fixed"].contains(&target.id) {
            assert!(holes > data, "{}: {data}, {holes}", target.id);
        }
    }
}

#[test]
fn an_image_is_that_of_a_save() {
    for (name, built) in volumes() {
        let image = image_of(&built);
        assert!(made(name, &built.bytes, &NTFSCLONE) == image, "{name}");
        assert!(made(name, &image, &NTFSCLONE) == image, "{name}");
        let mut trailing = image.clone();
        trailing.extend([1, 2, 3]);
        let mut driver = Driver::new(trailing.as_slice());
        let opened = driver.open().unwrap();
        let mut convert = opened.convert(&NTFSCLONE, None).unwrap();
        assert!(driver.output(&mut convert).unwrap() == image, "{name}");
    }
}

#[test]
fn an_image_of_metadata_is_wiped() {
    for (name, built) in volumes() {
        let (expected, _) = metadata_of(&built);
        let found = made(name, &built.bytes, &METADATA);
        assert!(found == expected, "{name}");
        let image = image_of(&built);
        assert!(made(name, &image, &METADATA) == expected, "{name}");
        // It jumps back, and is made into a volume all the same.
        made(name, &expected, &RAW);
        assert!(made(name, &expected, &NTFSCLONE) == expected, "{name}");
    }
}

#[test]
fn what_would_remain_is_told_without_an_image() {
    let mut volumes = volumes();
    let named = VolumeBuilder::new()
        .label("Somebody's")
        .file("resident", FileData::Resident(vec![1; 99]))
        .file("streams", File::new().data(vec![1]).stream("s", vec![2]))
        .file("deleted", File::new().data(vec![9; 50]).deleted())
        .build();
    let mut torn = named.clone();
    torn.tear_record(named.record_number("streams"));
    volumes.push(("named", named));
    for (name, built) in &volumes {
        let (image, expected) = metadata_of(built);
        assert_eq!(expected.image_size, image.len() as u64);
        for source in [&built.bytes, &image_of(built)] {
            assert_eq!(remains(source), expected, "{name}");
        }
    }
    let expected = remains(&volumes.last().unwrap().1.bytes);
    assert_eq!(expected.sensitive.labels, 1);
    assert_eq!(expected.sensitive.stream_names, 1);
    assert_eq!(expected.wiped.resident_data, 99 + 1 + 1);
    assert!(expected.wiped.deleted > 50 && expected.damaged_records == 0);

    let found = remains(&torn.bytes);
    assert_eq!(found.damaged_records, 1);
    assert_eq!(found.wiped.resident_data, 99 + 1 + 1);
}

fn remains(source: &[u8]) -> Remains {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut task = opened.remains();
    driver
        .run(&mut task, |step| {
            assert!(matches!(step, Step::Progress { .. }));
        })
        .unwrap();
    *task.result().unwrap()
}

/// The metadata image of a volume, made at once, and what is told of it.
fn metadata_of(built: &build::Volume) -> (Vec<u8>, Remains) {
    let source = built.bytes.as_slice();
    let volume = Volume::open(source).unwrap();
    let geometry = *volume.geometry();
    let metadata = select_metadata(&volume, LogFile::Start, |_| {}).unwrap();
    let size = source.len() as u64;
    let steps = metadata.steps.clone();
    let plan = Plan::of_metadata(geometry, size, steps, metadata.inuse);
    let mut report = Wiped::default();
    let mut encoder = Encoded::new(&plan.header());
    let at = |offset: u64, len: u64| &source[offset as usize..(offset + len) as usize];
    for step in &metadata.steps {
        match step {
            MetadataStep::Clusters(extent) => {
                let bytes = at(geometry.offset(extent.start), geometry.bytes(extent.len));
                encoder.clusters(extent.start, bytes);
            }
            MetadataStep::Records(kind, stream) => {
                let value = wiped(source, &geometry, *kind, stream, &mut report);
                for (vcn, extent) in stream.extents(Vcn(0), stream.end()) {
                    let start = geometry.bytes(vcn.0) as usize;
                    let len = geometry.bytes(extent.len) as usize;
                    encoder.clusters(extent.start, &value[start..start + len]);
                }
            }
        }
    }
    let (offset, len) = plan.ranges().last().unwrap();
    let image = encoder.tail(at(offset, len));
    let remains = Remains {
        image_size: image.len() as u64,
        sensitive: metadata.sensitive,
        wiped: report,
        damaged_records: 0,
    };
    (image, remains)
}

fn wiped(
    source: &[u8],
    geometry: &Geometry,
    kind: RecordKind,
    stream: &Stream,
    report: &mut Wiped,
) -> Vec<u8> {
    let mut value = vec![0; geometry.bytes(stream.end().0) as usize];
    for (vcn, extent) in stream.extents(Vcn(0), stream.end()) {
        let start = geometry.bytes(vcn.0) as usize;
        let len = geometry.bytes(extent.len) as usize;
        let offset = geometry.offset(extent.start) as usize;
        value[start..start + len].copy_from_slice(&source[offset..offset + len]);
    }
    let size = match kind {
        RecordKind::Mft => geometry.mft_record_size,
        RecordKind::Index => geometry.index_record_size,
    };
    for (number, record) in (0..).zip(value.chunks_exact_mut(size as usize)) {
        let _ = match kind {
            RecordKind::Mft => wipe_mft_record(record, RecordNumber(number), Times::Reset, report),
            RecordKind::Index => wipe_index_record(record, Times::Reset, report),
        };
    }
    value
}

#[test]
fn a_damaged_image_is_not_passed_on() {
    let (_, built) = volumes().swap_remove(0);
    let image = image_of(&built);
    for target in [&RAW, &NTFSCLONE] {
        let mut driver = Driver::new(&image[..image.len() - 5]);
        let opened = driver.open().unwrap();
        let mut convert = opened.convert(target, None).unwrap();
        let failure = driver.output(&mut convert).unwrap_err();
        assert_eq!(failure.code(), "corrupt", "{failure}");
    }
}
