//! Files that WOF compressed, as `compact /exe` does.
//!
//! The files beside this one are [`written`] as wimlib 1.13 compresses it: in an
//! image of Windows, a resource has the form that the stream of a file has.

use std::sync::LazyLock;

use ntfs_volume_builder::{
    self as build, File, FileData, ListForm, Run, VolumeBuilder, attribute_type, pattern,
};
use ntfsclone_core::jobs::{Failure, FileId};
use ntfsclone_core::units::RecordNumber;
use ntfsclone_core::write::METADATA;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::copies::image_of;
use crate::driver::Driver;

const STREAM: &str = "WofCompressedData";

pub(crate) const PACKED: [(&str, u32, &[u8]); 4] = [
    ("xpress4k", 0, include_bytes!("wof/xpress-4096")),
    ("lzx", 1, include_bytes!("wof/lzx-32768")),
    ("xpress8k", 2, include_bytes!("wof/xpress-8192")),
    ("xpress16k", 3, include_bytes!("wof/xpress-16384")),
];

/// Text, what does not compress, zeros, and calls as programs have them.
pub(crate) fn written() -> Vec<u8> {
    const WORDS: [&[u8]; 8] = [
        b"cluster ",
        b"volume ",
        b"record\n",
        b"attribute ",
        b"run ",
        b"of ",
        b"the ",
        b"image ",
    ];
    let mut out = Vec::new();
    for byte in pattern(1, 4000) {
        let word = WORDS[usize::from(byte & 7)];
        let len = match byte & 8 {
            0 => word.len(),
            _ => word.len().min(2 + usize::from(byte >> 5)),
        };
        out.extend(&word[..len]);
    }
    out.extend(pattern(2, 5000));
    out.extend([0; 20_000]);
    for byte in pattern(3, 1500) {
        out.extend([0x55, 0x8B, byte & 3, 0xE8]);
        let target = 0x8000 + i32::from(byte >> 4) * 0x1230;
        out.extend((target - (out.len() as i32 - 1)).to_le_bytes());
        out.extend(vec![0x90; usize::from(byte & 3)]);
    }
    out.extend(b"the end");
    out
}

fn file(algorithm: u32, provider: u32, size: usize, packed: impl Into<FileData>) -> File {
    let clusters = (size as u64).div_ceil(4096);
    let point: Vec<u8> = [0x8000_0017, 16, 1, provider, 1, algorithm]
        .iter()
        .flat_map(|number: &u32| number.to_le_bytes())
        .collect();
    File::new()
        .data(FileData::Placed {
            runs: vec![Run::hole(clusters)],
            bytes: vec![0; size],
        })
        .stream(STREAM, packed)
        .attribute(attribute_type::REPARSE_POINT, "", FileData::Resident(point))
}

pub(crate) static BUILT: LazyLock<build::Volume> = LazyLock::new(|| {
    let size = written().len();
    let builder = VolumeBuilder::new().clusters(1000).fill_free(0xE5);
    PACKED
        .iter()
        .fold(builder, |builder, (name, algorithm, packed)| {
            builder.file(
                name,
                file(*algorithm, 2, size, FileData::Bytes(packed.to_vec())),
            )
        })
        .build()
});

fn content(source: &[u8], record: u64) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    driver.output(&mut opened.content(FileId::Record(RecordNumber(record)), "", 0..u64::MAX))
}

#[test]
fn content_is_what_was_compressed() {
    let written = written();
    let built = &*BUILT;
    for source in [&built.bytes, &image_of(built)] {
        for (name, ..) in PACKED {
            let found = content(source, built.record_number(name)).unwrap();
            assert_eq!(found.len(), written.len(), "{name}");
            let differs = found.iter().zip(&written).position(|(a, b)| a != b);
            assert_eq!(differs, None, "{name}");
        }
    }
}

#[test]
fn the_stream_may_be_anywhere() {
    let written = written();
    let (_, algorithm, packed) = PACKED[0];
    let fragmented = FileData::Fragmented {
        bytes: packed.to_vec(),
        pieces: 4,
    };
    // One chunk of 300 bytes that are alike, which is not worth a code: as it is.
    let small = pattern(5, 300);
    let built = VolumeBuilder::new()
        .clusters(1000)
        .file(
            "records",
            file(algorithm, 2, written.len(), fragmented)
                .attribute_list(ListForm::Resident)
                .runs_per_record(1),
        )
        .file("small", file(0, 2, 300, small.clone()))
        .build();
    let read = |path| content(&built.bytes, built.record_number(path)).unwrap();
    assert!(read("records") == written);
    assert_eq!(read("small"), small);
}

#[test]
fn what_is_not_known_is_refused() {
    let packed = || FileData::Bytes(PACKED[0].2.to_vec());
    let built = VolumeBuilder::new()
        .clusters(1000)
        .file("an algorithm of its own", file(4, 2, 60_000, packed()))
        .file("in an image of Windows", file(0, 1, 60_000, packed()))
        .file(
            "packed twice",
            file(0, 2, 60_000, FileData::Compressed(vec![7; 60_000])),
        )
        .build();
    for (path, record) in built.paths().filter(|(path, _)| path.contains(' ')) {
        let failure = content(&built.bytes, record).unwrap_err();
        assert_eq!(failure.code(), "elsewhere", "{path}: {failure}");
    }
}

#[test]
fn what_an_image_does_not_hold_is_an_error() {
    let built = &*BUILT;
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let mut convert = opened.convert(&METADATA, None).unwrap();
    let metadata = driver.output(&mut convert).unwrap();
    let failure = content(&metadata, built.record_number("lzx")).unwrap_err();
    assert_eq!(failure.code(), "not-stored", "{failure}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Damage is an error, or goes unseen where there is no checksum: it is never
    /// a panic, and never of another length.
    #[test]
    fn damage_does_no_harm(
        which in 0..PACKED.len(),
        at_start in any::<bool>(),
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..5),
    ) {
        let mut built = BUILT.clone();
        let (name, _, packed) = PACKED[which];
        let record = built.record_number(name);
        let place = built.stream_offset(record, attribute_type::DATA, STREAM, 0);
        let len = if at_start { 400 } else { packed.len() };
        for (at, byte) in changes {
            built.patch(place + at.index(len) as u64, &[byte]);
        }
        match content(&built.bytes, record) {
            Ok(found) => prop_assert_eq!(found.len(), 60_654),
            Err(failure) => prop_assert_eq!(failure.code(), "compressed-data"),
        }
    }
}
