//! Whatever is read: every task comes to an end, with a result or an error, and
//! what it finds is what is found at once.

use std::sync::LazyLock;

use ntfs_volume_builder::{
    self as build, File, FileData, ListForm, MftLayout, VolumeBuilder, pattern,
};
use ntfsclone_core::check::{Code, Finding, Findings, Report, check_volume};
use ntfsclone_core::clusters::select_used;
use ntfsclone_core::error::with_causes;
use ntfsclone_core::jobs::{Arrival, Compression, FileId, Opening};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::RecordNumber;
use ntfsclone_core::write::{METADATA, NTFSCLONE, RAW, ZstdCompressor};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::copies::image_of;
use crate::driver::Driver;

/// Attribute lists, that of `$MFT` among them, in few bytes.
static BUILT: LazyLock<build::Volume> = LazyLock::new(|| {
    let fragmented = |pieces: u64| FileData::Fragmented {
        bytes: pattern(pieces, 512 * pieces as usize),
        pieces,
    };
    let list = |form| File::new().data(fragmented(3)).attribute_list(form);
    let builder = VolumeBuilder::new()
        .cluster_size(512)
        .clusters(3000)
        .mft_layout(MftLayout::AttributeList {
            pieces: 3,
            runs_per_record: 1,
        })
        .bad_clusters(2900..2910)
        .file("list", list(ListForm::Resident))
        .file("list in clusters", list(ListForm::NonResident))
        .file("split", File::new().data(fragmented(6)).runs_per_record(1));
    (0..30)
        .fold(builder, |builder, n| {
            builder.file(&format!("directory/{n}"), FileData::Resident(vec![7; n]))
        })
        .build()
});

static IMAGE: LazyLock<Vec<u8>> = LazyLock::new(|| image_of(&BUILT));

static COMPRESSED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut driver = Driver::new(BUILT.bytes.as_slice());
    let opened = driver.open().unwrap();
    let compression = Compression {
        level: 1,
        compressor: Box::new(ZstdCompressor::new(1).unwrap()),
        time: None,
        note: None,
        source: None,
    };
    let mut convert = opened.convert(&NTFSCLONE, Some(compression)).unwrap();
    driver.output(&mut convert).unwrap()
});

/// Does all that can be done with a source.
fn do_all(source: &[u8]) {
    let mut driver = Driver::new(source);
    // Frames that are damaged may be left as a stream.
    let opening = Opening::new("source", None);
    let Ok(Arrival::Opened(opened)) = driver.arrive(opening) else {
        return;
    };
    let _ = driver.info(&opened);
    let _ = driver.run(&mut opened.extents(), |_| {});
    let _ = driver.run(&mut opened.survey(), |_| {});
    for record in 0..32 {
        let mut content = opened.content(FileId::Record(RecordNumber(record)), "", 0..u64::MAX);
        let _ = driver.run(&mut content, |_| {});
    }
    let mut validate = opened.validate();
    if driver.run(&mut validate, |_| {}).is_ok() {
        assert!(validate.result().is_some());
    }
    for target in [&RAW, &NTFSCLONE, &METADATA] {
        let mut convert = opened.convert(target, None).unwrap();
        let mut len = 0_u64;
        let _ = driver.run(&mut convert, |step| match step {
            ntfsclone_core::jobs::Step::Bytes(bytes) => len += bytes.len() as u64,
            ntfsclone_core::jobs::Step::Hole(hole) => len += hole,
            _ => {}
        });
        assert!(len < 1 << 40, "{len}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn jobs_end_on_damaged_volumes(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..12),
        records in prop::collection::vec((any::<Index>(), 8..440_usize, any::<u8>()), 0..12),
        torn in prop::collection::vec(any::<Index>(), 0..4),
    ) {
        let mut built = BUILT.clone();
        let count = built.mft_records as usize;
        for (record, at, byte) in records {
            built.patch_record(record.index(count) as u64, |record| record[at] = byte);
        }
        for record in torn {
            built.tear_record(record.index(count) as u64);
        }
        for (at, byte) in changes {
            let at = at.index(built.bytes.len());
            built.bytes[at] = byte;
        }
        do_all(&built.bytes);

        // And what is found is what is found at once.
        let mut driver = Driver::new(built.bytes.as_slice());
        if let (Ok(opened), Ok(volume)) = (driver.open(), Volume::open(built.bytes.as_slice())) {
            let mut validate = opened.validate();
            driver.run(&mut validate, |_| {}).unwrap();
            let mut findings = Findings::default();
            let selected = select_used(&volume, |_| {});
            let checked =
                selected.and_then(|selection| check_volume(&volume, selection, None));
            let check = checked.map_err(|error| {
                let message = format!("source: {}", with_causes(&error));
                findings.push(Finding::new(Code::ImageUnreadable, None, message));
            });
            let expected = Report::new(findings, None, check.ok(), Vec::new()).on_volume();
            prop_assert_eq!(validate.result(), Some(&expected));
        }
    }

    #[test]
    fn jobs_end_on_damaged_images(
        is_compressed in any::<bool>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6),
        // The start has the header and the first commands, the end the table.
        start in prop::collection::vec((0..700_usize, any::<u8>()), 0..3),
        end in prop::collection::vec((1..400_usize, any::<u8>()), 0..3),
        cut in prop::option::weighted(0.2, any::<Index>()),
    ) {
        let mut source = match is_compressed {
            true => COMPRESSED.clone(),
            false => IMAGE.clone(),
        };
        let len = source.len();
        for (at, byte) in changes {
            source[at.index(len)] = byte;
        }
        for (at, byte) in start {
            source[at] = byte;
        }
        for (at, byte) in end {
            source[len - at] = byte;
        }
        if let Some(cut) = cut {
            source.truncate(cut.index(len));
        }
        do_all(&source);
    }
}
