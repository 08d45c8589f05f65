//! Surveys: all files by name and size, all clusters by who has them.

use std::collections::{BTreeMap, BTreeSet};

use ntfs_volume_builder::{
    BASE_TIME, File, FileData, Times, VolumeBuilder, attribute_type, pattern,
};
use ntfsclone_core::clusters::{Held, Holder, Surveyed, SurveyedStream};
use ntfsclone_core::jobs::Step;

use crate::copies::image_of;
use crate::driver::Driver;
use crate::samples::volumes;

fn survey(source: &[u8]) -> (BTreeMap<u64, Surveyed>, Vec<Held>) {
    let mut driver = Driver::new(source);
    let opened = driver.open().unwrap();
    let (mut files, mut held) = (BTreeMap::new(), Vec::new());
    let mut task = opened.survey();
    driver
        .run(&mut task, |step| match step {
            Step::Files(more) => {
                for file in more {
                    assert!(files.insert(file.record, file).is_none(), "told twice");
                }
            }
            Step::Held(more) => held.extend(more),
            _ => {}
        })
        .unwrap();
    (files, held)
}

fn path(files: &BTreeMap<u64, Surveyed>, record: u64) -> String {
    let file = &files[&record];
    match file.record == file.parent {
        true => String::new(),
        false => format!(
            "{}/{}",
            path(files, file.parent),
            file.name.as_deref().unwrap()
        ),
    }
}

#[test]
fn every_file_and_every_cluster_is_told() {
    for (name, built) in volumes() {
        for source in [&built.bytes, &image_of(&built)] {
            let (files, held) = survey(source);
            for (expected, record) in built.paths() {
                let expected = match expected {
                    // The root directory.
                    "" | "." => String::new(),
                    expected => format!("/{expected}"),
                };
                assert_eq!(path(&files, record), expected, "{name}");
            }
            let used: BTreeSet<u64> = built.used_clusters().collect();
            let mut told = BTreeSet::new();
            let mut clusters: BTreeMap<u64, u64> = BTreeMap::new();
            for Held {
                extent,
                record,
                holder,
            } in held
            {
                let lcns = extent.start.0..extent.end().0;
                *clusters.entry(record.0).or_default() += extent.len;
                match holder {
                    Holder::Bad => assert!(lcns.clone().all(|lcn| !used.contains(&lcn))),
                    _ => told.extend(lcns),
                }
            }
            assert!(told == used, "{name}");
            for (record, file) in &files {
                let expected = clusters.get(record).copied().unwrap_or(0);
                assert_eq!(file.clusters, expected, "{name}: {file:?}");
            }
        }
    }
}

#[test]
fn files_have_their_kinds_and_sizes() {
    let names: Vec<String> = (0..200).map(|n| format!("folder/{n}")).collect();
    let builder = VolumeBuilder::new()
        .bad_clusters(300..302)
        .file("resident", FileData::Resident(vec![1; 77]))
        .file("content", FileData::Bytes(pattern(1, 10_001)));
    let built = names
        .iter()
        .fold(builder, |builder, name| {
            builder.file(name, FileData::Resident(Vec::new()))
        })
        .build();
    let (files, held) = survey(&built.bytes);
    for (path, holder, size) in [
        ("resident", Holder::File, 77),
        ("content", Holder::File, 10_001),
        ("folder", Holder::Directory, 0),
    ] {
        let file = &files[&built.record_number(path)];
        assert_eq!((file.holder, file.size), (holder, size), "{path}");
        assert_eq!((file.parent, file.name.as_deref()), (5, Some(path)));
    }
    let holders: Vec<Holder> = (0..12)
        .filter_map(|n| files.get(&n).map(|f| f.holder))
        .collect();
    let mut expected = vec![Holder::System; holders.len()];
    expected[..2].fill(Holder::Mft);
    expected[5] = Holder::Directory;
    assert_eq!(holders, expected);
    let of = |holder| {
        let held = held.iter().filter(|held| held.holder == holder);
        held.map(|held| held.extent.len).sum::<u64>()
    };
    assert_eq!(of(Holder::Bad), 2);
    assert!(of(Holder::Mft) > 0 && of(Holder::Directory) > 0 && of(Holder::System) > 0);
    assert_eq!(of(Holder::File), 3);
}

#[test]
fn times_streams_and_links_are_told() {
    let link = |tag: u32| {
        let value = [tag.to_le_bytes(), [0; 4]].concat();
        let kind = attribute_type::REPARSE_POINT;
        File::new().attribute(kind, "", FileData::Resident(value))
    };
    let built = VolumeBuilder::new()
        .file("plain", FileData::Resident(vec![1]))
        .file(
            "streams",
            File::new()
                .data(vec![1, 2])
                .stream("small", vec![3; 40])
                .stream("gr\u{F6}\u{DF}er", FileData::Bytes(pattern(1, 10_001))),
        )
        .file("symbolic link", link(0xA000_000C))
        .file("compressed by WOF", link(0x8000_0017))
        .build();
    let (files, _) = survey(&built.bytes);
    let of = |path: &str| &files[&built.record_number(path)];
    for (path, is_link) in [
        ("plain", false),
        ("symbolic link", true),
        ("compressed by WOF", false),
        ("", false),
    ] {
        assert_eq!(of(path).is_link, is_link, "{path}");
    }

    // 2020-01-01, in milliseconds since 1970.
    let base = 1_577_836_800_000;
    assert_eq!(BASE_TIME / 10_000 - 11_644_473_600_000, base);
    for path in ["plain", "streams"] {
        let times = Times::of_record(built.record_number(path));
        let expected = base + (times.modified - BASE_TIME) / 10_000;
        assert_eq!(of(path).modified, Some(expected as i64), "{path}");
    }

    assert_eq!(of("plain").streams, []);
    let mut streams = of("streams").streams.clone();
    streams.sort_by_key(|stream| stream.size);
    let stream = |name: &str, size| SurveyedStream {
        name: name.to_owned(),
        size,
    };
    assert_eq!(
        streams,
        [stream("small", 40), stream("gr\u{F6}\u{DF}er", 10_001)]
    );
    assert_eq!(of("streams").size, 2);
    let bad = &files[&8].streams;
    assert_eq!(bad[0].name, "$Bad");
}

#[test]
fn every_name_of_a_hard_linked_file_is_told_once() {
    let built = VolumeBuilder::new()
        .file("alone", FileData::Resident(vec![1]))
        .file(
            "a/first",
            File::new().data(vec![2]).link("b/second").link("third"),
        )
        .build();
    let (files, _) = survey(&built.bytes);
    assert!(files[&built.record_number("alone")].other_names.is_empty());
    let file = &files[&built.record_number("a/first")];
    let mut names: Vec<(u64, &str)> = file
        .other_names
        .iter()
        .map(|other| (other.parent, other.name.as_str()))
        .collect();
    names.push((file.parent, file.name.as_deref().unwrap()));
    names.sort_unstable();
    let mut expected = [("a", "first"), ("b", "second"), ("", "third")]
        .map(|(directory, name)| (built.record_number(directory), name));
    expected.sort_unstable();
    assert_eq!(names, expected);
}

#[test]
fn a_time_that_is_not_set_is_none() {
    let mut built = VolumeBuilder::new()
        .file("file", FileData::Resident(vec![1]))
        .build();
    let record = built.record_number("file");
    // The second of four times.
    built.patch_attribute(
        record,
        attribute_type::STANDARD_INFORMATION,
        "",
        0x18 + 8,
        &[0; 8],
    );
    assert_eq!(survey(&built.bytes).0[&record].modified, None);
}
