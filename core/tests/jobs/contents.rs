//! The content of files: what was written, or an error that says why not.

use ntfs_volume_builder::{
    self as build, File, FileData, ListForm, Run, VolumeBuilder, attribute_type, pattern,
};
use ntfsclone_core::jobs::{Failure, FileId, Step};
use ntfsclone_core::units::RecordNumber;
use ntfsclone_core::write::METADATA;

use crate::copies::image_of;
use crate::driver::Driver;
use crate::samples::volumes;

const WOF: u32 = 0x8000_0017;

/// Text that compresses, with what does not and zeros between.
fn mixed(units: u64) -> Vec<u8> {
    (0..units)
        .flat_map(|unit| match unit % 4 {
            0 => vec![0; 65_536],
            1 => pattern(unit, 65_536),
            _ => (0..8192_u64)
                .flat_map(|n| (n * unit % 977).to_le_bytes())
                .collect(),
        })
        .collect()
}

/// All ways in which content is stored.
pub(crate) fn all_ways() -> build::Volume {
    let mut long = mixed(9);
    long.truncate(9 * 65_536 - 777);
    VolumeBuilder::new()
        .clusters(4000)
        .fill_free(0xE5)
        .file("empty", FileData::Resident(Vec::new()))
        .file("resident", FileData::Resident(pattern(1, 300)))
        .file("one run", FileData::Bytes(pattern(2, 2_500_001)))
        .file(
            "runs",
            FileData::Fragmented {
                bytes: pattern(3, 100_000),
                pieces: 9,
            },
        )
        .file(
            "records",
            File::new()
                .data(FileData::Fragmented {
                    bytes: pattern(4, 120_000),
                    pieces: 12,
                })
                .attribute_list(ListForm::NonResident)
                .runs_per_record(3),
        )
        .file("sparse", FileData::Sparse(mixed(7)))
        .file("compressed", FileData::Compressed(long.clone()))
        .file(
            "compressed, in records",
            File::new()
                .data(FileData::Compressed(long))
                .attribute_list(ListForm::Resident)
                .runs_per_record(2),
        )
        .file("compressed, small", FileData::Compressed(vec![7; 5000]))
        .file(
            "short hole",
            FileData::Runs(vec![Run::at(3900, 2), Run::hole(3), Run::at(3910, 1)]),
        )
        .file(
            "streams",
            File::new()
                .data(vec![1, 2, 3])
                .stream("ä", pattern(5, 77))
                .stream("other", FileData::Compressed(mixed(3))),
        )
        .build()
}

fn content(source: &[u8], record: u64, stream: &str) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let mut task = opened.content(FileId::Record(RecordNumber(record)), stream, 0..u64::MAX);
    let bytes = driver.output(&mut task)?;
    let len = bytes.len() as u64;
    assert!(len == 0 || driver.read > 0);
    Ok(bytes)
}

#[test]
fn content_is_what_was_written() {
    let mut volumes = volumes();
    volumes.push(("all ways", all_ways()));
    for (name, built) in volumes {
        let image = image_of(&built);
        for expected in &built.contents {
            let record = built.record_number(&expected.path);
            for source in [&built.bytes, &image] {
                let found = content(source, record, &expected.stream).unwrap();
                assert!(
                    found == expected.bytes,
                    "{name}: {}:{}",
                    expected.path,
                    expected.stream
                );
            }
        }
        assert!(name != "all ways" || built.contents.len() > 12);
    }
}

#[test]
fn holes_are_told_and_steps_are_small() {
    let built = all_ways();
    for (path, least_hole) in [("sparse", 65_536), ("compressed", 65_536), ("one run", 0)] {
        let mut driver = Driver::new(built.bytes.as_slice());
        let opened = driver.open().unwrap();
        let record = built.record_number(path);
        let mut task = opened.content(FileId::Record(RecordNumber(record)), "", 0..u64::MAX);
        let mut hole = 0;
        let mut steps = 0;
        driver
            .run(&mut task, |step| match step {
                Step::Hole(len) => {
                    assert!(len >= 65_536, "{path}: {len}");
                    hole += len;
                }
                Step::Bytes(bytes) => {
                    assert!(bytes.len() <= 2 << 20, "{path}");
                    steps += 1;
                }
                _ => {}
            })
            .unwrap();
        assert!(hole >= least_hole, "{path}: {hole}");
        assert!(steps <= 5, "{path}: {steps} steps");
    }
}

/// Changes the first attribute of that kind of a file.
fn patched(
    built: &build::Volume,
    path: &str,
    kind: u32,
    change: impl FnOnce(&mut [u8]),
) -> build::Volume {
    let mut built = built.clone();
    let record = built.record_number(path);
    let at = built.attribute_offset(record, kind, "").unwrap();
    built.patch_record(record, |record| change(&mut record[at..]));
    built
}

fn set_u64(attribute: &mut [u8], at: usize, number: u64) {
    attribute[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

#[test]
fn what_was_not_written_is_zeros() {
    let built = all_ways();
    for path in ["one run", "compressed"] {
        // 0x38: the initialized size.
        let written = 200_001;
        let patched = patched(&built, path, attribute_type::DATA, |attribute| {
            set_u64(attribute, 0x38, written);
        });
        let record = built.record_number(path);
        let mut expected = content(&built.bytes, record, "").unwrap();
        expected[written as usize..].fill(0);
        assert!(
            content(&patched.bytes, record, "").unwrap() == expected,
            "{path}"
        );
    }
}

fn refusal(built: &build::Volume, path: &str, stream: &str) -> (&'static str, String) {
    let record = built.record_number(path);
    let failure = content(&built.bytes, record, stream).unwrap_err();
    (failure.code(), failure.to_string())
}

#[test]
fn what_is_no_file_is_said() {
    let built = VolumeBuilder::new()
        .file("directory/file", FileData::Resident(vec![1]))
        .file("deleted", File::new().data(vec![1]).record(60).deleted())
        .file(
            "listed",
            File::new()
                .data(FileData::Bytes(vec![1; 9000]))
                .attribute_list(ListForm::Resident)
                .record(70),
        )
        .build();
    for (path, stream, expected) in [
        ("directory", "", "directory"),
        ("", "", "directory"),
        ("$Secure", "", "no-stream"),
        ("directory", "x", "no-stream"),
        ("directory/file", "x", "no-stream"),
    ] {
        let (code, message) = refusal(&built, path, stream);
        assert_eq!(code, expected, "{path}: {message}");
    }
    let extension = (24..70)
        .find(|&number| built.record(number)[0x20..0x26] == [70, 0, 0, 0, 0, 0])
        .unwrap();
    for record in [60, extension, built.mft_records, u64::MAX] {
        let failure = content(&built.bytes, record, "").unwrap_err();
        assert_eq!(failure.code(), "no-file", "{record}: {failure}");
    }
}

#[test]
fn what_only_windows_can_read_is_said() {
    let tag = |tag: u32| [tag.to_le_bytes(), [0; 4]].concat();
    let hole = || FileData::Runs(vec![Run::hole(3)]);
    let with_tag = |data: FileData, reparse: u32| {
        File::new().data(data).attribute(
            attribute_type::REPARSE_POINT,
            "",
            FileData::Resident(tag(reparse)),
        )
    };
    let built = VolumeBuilder::new()
        .file(
            "wof",
            with_tag(hole(), WOF).stream("WofCompressedData", vec![5; 9]),
        )
        .file("dedup", with_tag(hole(), 0x8000_0013))
        .file("cloud", with_tag(hole(), 0x9000_301A))
        .file("other", with_tag(hole(), 0x8000_1234))
        .file(
            "cloud, all here",
            with_tag(FileData::Bytes(vec![3; 9000]), 0x9000_301A),
        )
        .file("sparse", hole())
        .file("secret", FileData::Bytes(pattern(1, 5000)))
        .build();
    for (path, words) in [
        ("wof", "WOF has it"),
        ("dedup", "deduplicated"),
        ("cloud", "cloud"),
        ("other", "0x80001234"),
    ] {
        let (code, message) = refusal(&built, path, "");
        assert_eq!(code, "elsewhere", "{path}");
        assert!(message.contains(words), "{message}");
        assert!(message.contains(&built.record_number(path).to_string()));
    }
    let read = |path, stream| content(&built.bytes, built.record_number(path), stream).unwrap();
    assert_eq!(read("wof", "WofCompressedData"), [5; 9]);
    assert_eq!(read("cloud, all here", ""), [3; 9000]);
    assert_eq!(read("sparse", ""), [0; 3 * 4096]);

    let encrypted = patched(&built, "secret", attribute_type::DATA, |attribute| {
        attribute[0x0D] |= 0x40;
    });
    assert_eq!(refusal(&encrypted, "secret", "").0, "encrypted");
}

/// How it is made is tested with the program, against ntfs-3g.
#[test]
fn an_encrypted_file_is_read_with_its_keys() {
    let secret = File::new().data(FileData::Bytes(pattern(1, 5000)));
    let keys = pattern(2, 300);
    let secret = secret.attribute(attribute_type::LOGGED_UTILITY_STREAM, "$EFS", keys.clone());
    let mut built = VolumeBuilder::new()
        .file("secret", secret)
        .file("plain", FileData::Bytes(pattern(3, 5000)))
        .build();
    let record = built.record_number("secret");
    built.patch_attribute(record, attribute_type::DATA, "", 0x0D, &[0x40]);
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let mut read = |file: FileId, range| driver.output(&mut opened.efs_raw(file, range));

    let by_record = FileId::Record(RecordNumber(record));
    let raw = read(by_record.clone(), 0..u64::MAX).unwrap();
    let data = raw
        .windows(5000)
        .position(|bytes| bytes == pattern(1, 5000));
    // One segment, whose last block is filled up.
    assert_eq!(data, Some(raw.len() - 5120));
    assert!(raw.windows(300).any(|bytes| bytes == keys));
    let part = read(FileId::Path("/secret".into()), 100..4000).unwrap();
    assert!(part == raw[100..4000]);
    let failure = read(FileId::Path("/plain".into()), 0..1).unwrap_err();
    assert_eq!(failure.code(), "not-encrypted");
}

/// What was not written is zeros after decryption, whatever it is before.
#[test]
fn an_encrypted_file_says_how_much_was_written() {
    let secret = File::new().data(FileData::Bytes(pattern(1, 5000)));
    let keys = pattern(2, 300);
    let secret = secret.attribute(attribute_type::LOGGED_UTILITY_STREAM, "$EFS", keys);
    let mut built = VolumeBuilder::new().file("secret", secret).build();
    let record = built.record_number("secret");
    built.patch_attribute(record, attribute_type::DATA, "", 0x0D, &[0x40]);
    let initialized_size = 1000_u64.to_le_bytes();
    built.patch_attribute(record, attribute_type::DATA, "", 0x38, &initialized_size);
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let file = FileId::Record(RecordNumber(record));
    let raw = driver
        .output(&mut opened.efs_raw(file, 0..u64::MAX))
        .unwrap();
    let segment = &raw[raw.len() - 5120 - 512..];
    // After the header of the segment: of the stream size, and of the valid data length.
    assert_eq!(segment[28..32], 5000_u32.to_le_bytes());
    assert_eq!(segment[32..36], 1000_u32.to_le_bytes());
    // A whole block of it.
    assert_eq!(segment[512..][..1024], pattern(1, 5000)[..1024]);
    assert!(segment[512 + 1024..].iter().all(|byte| *byte == 0));
}

#[test]
fn an_image_of_metadata_has_no_content_of_files() {
    let built = all_ways();
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let mut convert = opened.convert(&METADATA, None).unwrap();
    let metadata = driver.output(&mut convert).unwrap();

    let lcn = built.runs(built.record_number("one run"), attribute_type::DATA, "")[0].lcn;
    for (path, words) in [
        ("one run", format!("cluster {}", lcn.unwrap())),
        ("compressed", "cluster ".to_owned()),
        ("resident", "metadata".to_owned()),
        ("sparse", "cluster ".to_owned()),
    ] {
        let failure = content(&metadata, built.record_number(path), "").unwrap_err();
        assert_eq!(failure.code(), "not-stored", "{path}");
        assert!(failure.to_string().contains(&words), "{failure}");
    }
    // What there is, is told.
    let empty = content(&metadata, built.record_number("empty"), "").unwrap();
    assert!(empty.is_empty());
    let upcase = built.record_number("$UpCase");
    let expected = content(&built.bytes, upcase, "").unwrap();
    assert!(content(&metadata, upcase, "").unwrap() == expected);
}

#[test]
fn damage_is_an_error() {
    let built = all_ways();
    // Of the compressed file, the first unit is a hole, the second as it is.
    let runs = built.runs(built.record_number("compressed"), attribute_type::DATA, "");
    let lcn = runs.iter().filter_map(|run| run.lcn).nth(1).unwrap();
    let mut wiped = built.clone();
    wiped.patch(lcn * 4096, &[0; 16]);
    let (code, message) = refusal(&wiped, "compressed", "");
    assert_eq!(code, "compressed-data", "{message}");

    // 0x30: the size; 0x38: what was written of it.
    let too_large = patched(&built, "one run", attribute_type::DATA, |attribute| {
        set_u64(attribute, 0x30, 1 << 40);
    });
    assert_eq!(refusal(&too_large, "one run", "").0, "limit");
    // 0x22: the compression unit.
    for exponent in [0, 9, 63, 64, 255] {
        let odd = patched(&built, "compressed", attribute_type::DATA, |attribute| {
            attribute[0x22] = exponent;
        });
        assert_eq!(refusal(&odd, "compressed", "").0, "unsupported");
    }
    // 0x0C: the flags.
    let other = patched(&built, "compressed", attribute_type::DATA, |attribute| {
        attribute[0x0C] = 2;
    });
    assert_eq!(refusal(&other, "compressed", "").0, "unsupported");
}
