//! Surveys: all files by name and size, all clusters by who has them.

use std::collections::{BTreeMap, BTreeSet};

use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use ntfsclone_core::clusters::{Held, Holder, Surveyed};
use ntfsclone_core::tasks::Step;

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
