//! Files by their paths: lists, and content of a range.

use std::collections::BTreeMap;

use ntfs_volume_builder::{self as build, File, FileData, VolumeBuilder, attribute_type, pattern};
use ntfsclone_core::jobs::{Failure, FileId, Listing, Step};
use ntfsclone_core::units::RecordNumber;
use serde_json::Value;

use crate::contents::all_ways;
use crate::copies::image_of;
use crate::driver::Driver;
use crate::wof;

fn list(source: &[u8], path: &str, listing: Listing) -> Result<Vec<Value>, Failure> {
    list_with(source, path, listing, false)
}

fn list_with(
    source: &[u8],
    path: &str,
    listing: Listing,
    includes_system: bool,
) -> Result<Vec<Value>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open()?;
    let mut found = Vec::new();
    driver.run(&mut opened.list(path, listing, includes_system), |step| {
        if let Step::Bytes(json) = step {
            let items: Vec<Value> = serde_json::from_slice(&json).unwrap();
            assert!(!items.is_empty(), "a step lists something");
            found.extend(items);
        }
    })?;
    Ok(found)
}

fn content(source: &[u8], file: FileId, stream: &str) -> Result<Vec<u8>, Failure> {
    let mut driver = Driver::new(source);
    let opened = driver.open()?;
    driver.output(&mut opened.content(file, stream, 0..u64::MAX))
}

fn paths(items: &[Value]) -> Vec<&str> {
    let path = |item: &Value| item["path"].as_str().unwrap().to_owned().leak() as &str;
    items.iter().map(path).collect()
}

fn sample() -> build::Volume {
    VolumeBuilder::new()
        .clusters(2000)
        .file("Documents/Letter.txt", FileData::Bytes(pattern(1, 9000)))
        .file(
            "Documents/notes",
            File::new()
                .data(b"notes".to_vec())
                .stream("Zone", b"three".to_vec())
                .link("Other/second name"),
        )
        .file("Documents/deep/er/end", FileData::Resident(vec![1, 2]))
        .directory("empty")
        .quota_index()
        .build()
}

#[test]
fn a_directory_is_listed_in_the_order_of_windows() {
    let built = sample();
    for source in [&built.bytes, &image_of(&built)] {
        for path in ["/Documents", "documents/", "\\DOCUMENTS", "/./Documents"] {
            let found = list(source, path, Listing::Directory).unwrap();
            assert_eq!(
                paths(&found),
                [
                    "/Documents/deep",
                    "/Documents/Letter.txt",
                    "/Documents/notes"
                ],
                "{path}"
            );
            let kinds: Vec<_> = found.iter().map(|item| &item["kind"]).collect();
            assert_eq!(kinds, ["directory", "file", "file"]);
            assert_eq!(found[1]["size"], 9000);
            assert_eq!(found[1]["allocated"], 12_288);
            assert_eq!(found[1]["name"], "Letter.txt");
            let record = built.record_number("Documents/Letter.txt");
            assert_eq!(found[1]["record"], record);
            assert_eq!(found[2]["links"], 2);
            let streams = serde_json::json!([{ "name": "Zone", "size": 5, "allocated": 0 }]);
            assert_eq!(found[2]["streams"], streams);
            for time in found[1]["times"].as_array().unwrap() {
                assert!(time.as_str().unwrap().parse::<u64>().unwrap() > 1 << 53);
            }
        }
        assert!(
            list(source, "/empty", Listing::Directory)
                .unwrap()
                .is_empty()
        );
    }
}

#[test]
fn a_tree_has_every_name_of_every_file() {
    let built = sample();
    let found = list(&built.bytes, "/", Listing::Tree).unwrap();
    let own: BTreeMap<&str, &Value> = paths(&found).into_iter().zip(&found).collect();
    let expected = [
        "/Documents",
        "/Documents/Letter.txt",
        "/Documents/deep",
        "/Documents/deep/er",
        "/Documents/deep/er/end",
        "/Documents/notes",
        "/Other",
        "/Other/second name",
        "/empty",
    ];
    assert!(own.keys().eq(expected.iter()), "{:?}", own.keys());
    let record = |path: &str| &own[path]["record"];
    assert_eq!(record("/Documents/notes"), record("/Other/second name"));
    let all = list_with(&built.bytes, "/", Listing::Tree, true).unwrap();
    assert!(paths(&all).contains(&"/$MFT") && paths(&all).contains(&"/$Extend/$Quota"));
    let system = list(&built.bytes, "/$Extend", Listing::Directory).unwrap();
    assert!(paths(&system).contains(&"/$Extend/$Quota"));
    let below = list(&built.bytes, "/documents/DEEP", Listing::Tree).unwrap();
    assert_eq!(
        paths(&below),
        ["/Documents/deep/er", "/Documents/deep/er/end"]
    );
}

#[test]
fn many_files_come_in_several_steps() {
    let names: Vec<String> = (0..1000).map(|n| format!("folder {}/{n}", n % 3)).collect();
    let built = names
        .iter()
        .fold(VolumeBuilder::new().clusters(4000), |builder, name| {
            builder.file(name, FileData::Resident(Vec::new()))
        });
    let built = built.build();
    let found = list(&built.bytes, "/", Listing::Tree).unwrap();
    assert_eq!(found.len(), 1003);
}

#[test]
fn a_path_is_described_by_itself() {
    let built = sample();
    let one = |path: &str| list(&built.bytes, path, Listing::File).unwrap().remove(0);
    let stream = one("/documents/NOTES:zone");
    assert_eq!(stream["path"], "/Documents/notes:Zone");
    assert_eq!(
        (&stream["stream"], &stream["size"]),
        (&"Zone".into(), &5.into())
    );
    assert_eq!(one("/")["kind"], "directory");
    assert_eq!(one("/")["path"], "/");
    assert_eq!(one("/$mft")["is_system"], true);
    let record = built.record_number("empty");
    assert_eq!(one(&format!("[record {record}]"))["kind"], "directory");
}

#[test]
fn files_are_read_by_the_copy_of_a_damaged_first_record() {
    let mut built = VolumeBuilder::new()
        .file("file", FileData::Resident(b"content".to_vec()))
        .build();
    built.tear_record(0);
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let info = driver.info(&opened).unwrap();
    assert!(info.volume.is_some());
    let [warning] = &info.warnings[..] else {
        panic!("{:?}", info.warnings);
    };
    assert!(warning.starts_with("MFT record 0 is damaged; its copy at byte"));
    let file = FileId::Path("/file".into());
    let read = driver.output(&mut opened.content(file, "", 0..u64::MAX));
    assert_eq!(read.unwrap(), b"content");
    let listed = driver.output(&mut opened.list("/", Listing::Directory, false));
    assert!(
        String::from_utf8(listed.unwrap())
            .unwrap()
            .contains("\"/file\"")
    );

    built.patch_mirror_record(0, |record| record[..4].fill(0));
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let listed = driver.output(&mut opened.list("/", Listing::Directory, false));
    assert_eq!(listed.unwrap_err().code(), "corrupt");
}

#[test]
fn a_path_that_does_not_exist_is_refused() {
    let built = sample();
    let code = |path, listing| list(&built.bytes, path, listing).unwrap_err().code();
    for (path, listing, expected) in [
        ("/none", Listing::File, "no-file"),
        ("/none/none", Listing::Tree, "no-file"),
        ("/Documents/notes/none", Listing::File, "not-directory"),
        ("/Documents/notes", Listing::Directory, "not-directory"),
        ("/Documents/notes:none", Listing::File, "no-stream"),
    ] {
        assert_eq!(code(path, listing), expected, "{path}");
    }
    let read = |path: &str, stream| content(&built.bytes, FileId::Path(path.to_owned()), stream);
    for (path, stream, expected) in [
        ("/none", "", "no-file"),
        ("/Documents", "", "directory"),
        ("/Documents/notes/x", "", "not-directory"),
        ("/Documents/notes", "none", "no-stream"),
        ("/$Secure", "", "no-stream"),
    ] {
        assert_eq!(read(path, stream).unwrap_err().code(), expected, "{path}");
    }
}

#[test]
fn a_link_leads_elsewhere_and_is_not_read() {
    let target: Vec<u8> = "C:\\Users"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let len = target.len() as u16;
    // A mount point: tag, length, then offset and length of the substitute and of the printed name.
    let header = [8 + len, 0, 0, 0, 0, len].map(u16::to_le_bytes).concat();
    let point = [&0xA000_0003_u32.to_le_bytes(), header.as_slice(), &target].concat();
    let junction =
        File::new().attribute(attribute_type::REPARSE_POINT, "", FileData::Resident(point));
    let built = VolumeBuilder::new()
        .directory_with("link", junction)
        .build();
    let found = list(&built.bytes, "/link", Listing::File)
        .unwrap()
        .remove(0);
    assert_eq!(found["kind"], "symlink");
    assert_eq!(found["reparse"], "junction");
    assert_eq!(found["target"], "C:\\Users");
    let failure = content(&built.bytes, FileId::Path("/link".into()), "").unwrap_err();
    assert_eq!(failure.code(), "link", "{failure}");
}

#[test]
fn content_by_path_is_that_by_record() {
    let built = all_ways();
    for expected in &built.contents {
        let path = FileId::Path(expected.path.to_uppercase());
        let found = content(&built.bytes, path, &expected.stream.to_uppercase()).unwrap();
        assert!(found == expected.bytes, "{}", expected.path);
    }
}

#[test]
fn a_range_of_content_is_that_part_and_reads_little_more() {
    let built = all_ways();
    for expected in &built.contents {
        let record = RecordNumber(built.record_number(&expected.path));
        let size = expected.bytes.len();
        for (start, end) in [
            (0, 0),
            (0, 1),
            (1, size),
            (size / 2, size / 2 + 70_000),
            (size.saturating_sub(100), size + 100),
            (size + 5, size + 9),
            (9, 3),
        ] {
            let mut driver = Driver::new(built.bytes.as_slice());
            let opened = driver.open().unwrap();
            let range = start as u64..end as u64;
            let mut job = opened.content(FileId::Record(record), &expected.stream, range);
            let found = driver.output(&mut job).unwrap();
            let end = end.min(size);
            let wanted = expected.bytes.get(start..end).unwrap_or_default();
            assert!(found == wanted, "{} {start}..{end}", expected.path);
        }
    }
    let large = built.record_number("one run");
    let mut driver = Driver::new(built.bytes.as_slice());
    let opened = driver.open().unwrap();
    let before = driver.read;
    let file = FileId::Record(RecordNumber(large));
    let mut job = opened.content(file, "", 2_400_000..2_400_100);
    driver.output(&mut job).unwrap();
    assert!(
        driver.read - before < 1 << 20,
        "{} bytes",
        driver.read - before
    );
}

#[test]
fn wof_content_is_read_from_any_place() {
    let built = &*wof::BUILT;
    let written = wof::written();
    for (name, ..) in wof::PACKED {
        let mut driver = Driver::new(built.bytes.as_slice());
        let opened = driver.open().unwrap();
        let range = 40_001..70_003;
        let mut job = opened.content(FileId::Path((*name).to_owned()), "", range);
        let found = driver.output(&mut job).unwrap();
        let end = written.len().min(70_003);
        assert!(found == written[40_001.min(end)..end], "{name}");
    }
}

#[test]
fn a_damaged_index_is_reported_and_the_names_are_taken_from_the_records() {
    let names: Vec<String> = (0..200).map(|n| format!("folder/{n:03}")).collect();
    let built = names
        .iter()
        .fold(VolumeBuilder::new().clusters(4000), |builder, name| {
            builder.file(name, FileData::Resident(Vec::new()))
        });
    let mut built = built.build();
    let record = built.record_number("folder");
    let block = built.index_block_offset(record, 0);
    built.patch(block, &[0xFF; 64]);
    let found = list(&built.bytes, "/folder", Listing::Directory).unwrap();
    assert_eq!(found.len(), 201);
    assert_eq!(found[0]["is_lost"], false);
    assert_eq!(found[0]["code"], "corrupt");
    assert_eq!(found[200]["path"], "/folder/199");
}
