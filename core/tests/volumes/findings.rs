//! Volumes whose account of their clusters is wrong: what is found, and whose
//! clusters they are.

use ntfs_volume_builder as build;
use ntfs_volume_builder::{File, FileData, ListForm, Run, VolumeBuilder, attribute_type};
use ntfsclone_core::clusters::{Audit, Finding, Selection, audit, owners, select_used};
use ntfsclone_core::error::Structure;
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::ntfs::path::path_of;
use ntfsclone_core::units::{Extent, Lcn};

use crate::place;
use crate::samples::{fragmented, with_many};

fn examine(built: &build::Volume) -> (Volume<&[u8]>, Selection, Audit) {
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let mut selection = select_used(&volume, |_| {}).unwrap();
    let audited = audit(&volume, &mut selection).unwrap();
    (volume, selection, audited)
}

/// A finding without the number of its record, which the builder chose.
fn text_of(finding: &Finding, volume: &Volume<&[u8]>) -> String {
    let text = finding.to_string();
    let record = match finding {
        Finding::RecordSkipped { record, .. }
        | Finding::RecordDamaged { record, .. }
        | Finding::ClustersUnknown { record, .. }
        | Finding::PastEnd { record, .. }
        | Finding::ClaimedTwice { record, .. } => *record,
        _ => return text,
    };
    text.replace(&format!("MFT record {record}"), &path_of(volume, record))
}

fn check(built: &build::Volume, errors: u64, expected: &[&str]) {
    let (volume, selection, _) = examine(built);
    let listed = selection.findings.listed().iter();
    let found: Vec<String> = listed.map(|finding| text_of(finding, &volume)).collect();
    assert_eq!(found, expected);
    assert_eq!(selection.findings.errors(), errors, "{expected:?}");
    let warnings = expected.len() as u64 - errors;
    let found = selection.findings.damaged() + selection.findings.skipped();
    assert_eq!(found, warnings, "{expected:?}");
}

/// The files that have clusters of `extents`, with these clusters.
fn check_owners(built: &build::Volume, extents: &[Extent], expected: &[(&str, u64, u64)]) {
    let (volume, ..) = examine(built);
    let found = owners(&volume, extents).unwrap();
    assert_eq!(found.left_out, 0);
    let found: Vec<(String, u64, u64)> = found
        .list
        .into_iter()
        .map(|owner| {
            let extent = owner.extent;
            (path_of(&volume, owner.record), extent.start.0, extent.len)
        })
        .collect();
    let expected: Vec<(String, u64, u64)> = expected
        .iter()
        .map(|&(path, start, len)| (path.to_owned(), start, len))
        .collect();
    assert_eq!(found, expected);
}

fn extent(start: u64, len: u64) -> Extent {
    Extent::new(Lcn(start), len)
}

#[test]
fn clusters_that_only_the_bitmap_marks_are_taken_along() {
    let plain = VolumeBuilder::new();
    let built = plain
        .mark_in_bitmap(300..305)
        .mark_in_bitmap(511..512)
        .build();
    check(&built, 0, &[]);
    let (_, selection, audited) = examine(&built);
    assert_eq!(audited.only_in_bitmap.clusters, 6);
    let expected = [extent(300, 5), extent(511, 1)];
    assert_eq!(audited.only_in_bitmap.first, expected);
    for lcn in [300, 304, 511] {
        assert!(selection.map.contains(Lcn(lcn)));
    }
    let used = built.used_clusters().count() as u64;
    assert_eq!(selection.map.len(), used + 6);
    check_owners(&built, &expected, &[]);
}

#[test]
fn bits_past_the_last_cluster_do_not_matter() {
    for clusters in [505, 511, 512, 513, 575, 577] {
        for byte in [0x00, 0xFF] {
            let mut built = VolumeBuilder::new().clusters(clusters).build();
            let whole = clusters.div_ceil(8);
            let len = built.read_stream(6, 0x80, "").len() as u64;
            for offset in whole..len {
                let position = built.stream_offset(6, 0x80, "", offset);
                built.patch(position, &[byte]);
            }
            let position = built.stream_offset(6, 0x80, "", whole - 1);
            let last = built.bytes[position as usize];
            let real = (1_u16 << (clusters - 8 * (whole - 1))) - 1;
            built.patch(position, &[last & real as u8 | byte & !(real as u8)]);
            check(&built, 0, &[]);
            let (.., audited) = examine(&built);
            assert_eq!(audited.only_in_bitmap.clusters, 0, "{clusters}");
        }
    }
}

#[test]
fn clusters_that_are_free_in_the_bitmap() {
    let file = FileData::Runs(vec![Run::at(250, 130)]);
    let built = VolumeBuilder::new()
        .file("docs/file", file)
        .clear_in_bitmap(255..322)
        .clear_in_bitmap(0..1)
        .build();
    let expected = [
        "cluster 0: in use by a file, free in $Bitmap",
        "clusters 255 to 321: in use by a file, free in $Bitmap",
    ];
    check(&built, 2, &expected);
    let (.., audited) = examine(&built);
    assert_eq!(audited.only_in_runlists.clusters, 68);
    let first = audited.only_in_runlists.first;
    assert_eq!(first, [extent(0, 1), extent(255, 67)]);
    check_owners(&built, &first, &[("/$Boot", 0, 1), ("/docs/file", 255, 67)]);
}

#[test]
fn clusters_that_two_files_claim() {
    let built = VolumeBuilder::new()
        .file("first", FileData::Runs(vec![Run::at(300, 5)]))
        .file(
            "a/b/second",
            FileData::Runs(vec![Run::at(290, 2), Run::at(303, 5)]),
        )
        .build();
    let expected = "/a/b/second claims 2 clusters in clusters 303 to 307 that are claimed already";
    check(&built, 1, &[expected]);
    let expected = [("/first", 303, 2), ("/a/b/second", 303, 5)];
    check_owners(&built, &[extent(303, 5)], &expected);
}

#[test]
fn clusters_that_one_file_claims_twice() {
    let runs = vec![Run::at(300, 5), Run::hole(1), Run::at(302, 1)];
    let built = VolumeBuilder::new().file("f", FileData::Runs(runs)).build();
    let expected = "/f claims 1 cluster in cluster 302 that is claimed already";
    check(&built, 1, &[expected]);
    check_owners(&built, &[extent(302, 1)], &[("/f", 302, 1), ("/f", 302, 1)]);
}

#[test]
fn runs_past_the_end() {
    let built = VolumeBuilder::new()
        .file("across", FileData::Runs(vec![Run::at(510, 9)]))
        .file(
            "beyond",
            FileData::Runs(vec![Run::at(512, 1), Run::at(1 << 40, 5)]),
        )
        .build();
    let expected = [
        "/across claims clusters 510 to 518, the volume has 512",
        "/beyond claims cluster 512, the volume has 512",
        "/beyond claims clusters 1099511627776 to 1099511627780, the volume has 512",
    ];
    check(&built, 3, &expected);
    let (_, selection, _) = examine(&built);
    assert!(selection.map.contains(Lcn(511)));
}

#[test]
fn torn_records_are_passed_over() {
    let mut built = VolumeBuilder::new()
        .file("torn", FileData::Runs(vec![Run::at(300, 5)]))
        .build();
    let number = built.record_number("torn");
    built.tear_record(number);
    let (volume, selection, audited) = examine(&built);
    let [Finding::RecordSkipped { record, source }] = selection.findings.listed() else {
        panic!("{:?}", selection.findings);
    };
    assert_eq!(record.0, number);
    assert_eq!(
        place(source),
        (Structure::MftRecord, built.record_offset(number))
    );
    assert_eq!(selection.findings.errors(), 0);
    assert_eq!(audited.only_in_bitmap.first, [extent(300, 5)]);
    assert_eq!(path_of(&volume, *record), format!("/[record {number}]"));
}

/// A file `f` in which one thing is damaged: which structure the finding
/// names. All of its clusters are selected, those that it does not tell by
/// `$Bitmap`; only a damaged runlist is an error.
fn check_damaged(file: File, at: Structure, change: impl FnOnce(&mut build::Volume, u64)) {
    let mut built = VolumeBuilder::new().file("f", file).build();
    let number = built.record_number("f");
    change(&mut built, number);
    let (_, selection, audited) = examine(&built);
    let [Finding::RecordDamaged { record, source } | Finding::ClustersUnknown { record, source }] =
        selection.findings.listed()
    else {
        panic!("{at}: {:?}", selection.findings);
    };
    assert_eq!((record.0, place(source).0), (number, at), "{source}");
    let is_error = at == Structure::Runlist;
    assert_eq!(selection.findings.errors(), u64::from(is_error), "{source}");
    assert_eq!(audited.only_in_runlists.clusters, 0, "{source}");
    let used: Vec<u64> = built.used_clusters().collect();
    assert!(
        used.iter().all(|&lcn| selection.map.contains(Lcn(lcn))),
        "{source}"
    );
    assert_eq!(selection.map.len(), used.len() as u64, "{source}");
    let (structure, offset) = place(source);
    assert!(
        offset < built.bytes.len() as u64,
        "{structure} at {offset:#x}"
    );
}

fn change_data(bytes: &'static [u8], at: usize) -> impl FnOnce(&mut build::Volume, u64) {
    move |built, number| {
        let data = built.attribute_offset(number, 0x80, "").unwrap();
        built.patch_record(number, |record| {
            record[data + at..][..bytes.len()].copy_from_slice(bytes);
        });
    }
}

#[test]
fn damaged_attributes() {
    let file = || File::new().data(fragmented(3, 4096));
    let changes: [(&[u8], usize); 8] = [
        (&[0, 0, 0, 0], 4),       // length
        (&[9], 4),                // not a multiple of 8
        (&[0xF8, 0xFF, 0, 0], 4), // past the record
        (&[0xFF; 4], 4),
        (&[2], 8),             // neither resident nor not
        (&[9, 0xFF, 0xFF], 9), // a name outside
        (&[0xFF, 0xFF], 0x20), // mapping pairs outside
        (&[0x18, 0, 0, 0], 4), // no room for its header
    ];
    for (bytes, at) in changes {
        check_damaged(file(), Structure::Attribute, change_data(bytes, at));
    }
    check_damaged(file(), Structure::Attribute, |built, number| {
        // No end marker.
        built.patch_record(number, |record| {
            let used = u32::from_le_bytes(record[0x18..0x1C].try_into().unwrap()) - 8;
            record[0x18..0x1C].copy_from_slice(&used.to_le_bytes());
        });
    });
}

#[test]
fn damaged_runlists() {
    let file = || File::new().data(fragmented(3, 4096));
    let pairs: [&[u8]; 5] = [
        &[0x19],                         // nine bytes
        &[0x10],                         // no length
        &[0x11, 0],                      // an empty run
        &[0x11, 0x80],                   // a negative length
        &[0x21, 1, 0, 0x80, 0, 0, 0, 0], // a negative cluster
    ];
    for bytes in pairs {
        check_damaged(file(), Structure::Runlist, change_data(bytes, 0x40));
    }
}

#[test]
fn damaged_attribute_lists() {
    let file = |form| File::new().data(fragmented(2, 4096)).attribute_list(form);
    let list = attribute_type::ATTRIBUTE_LIST;
    // In the entry of the data: where, what, and the structure named.
    let changes: [(usize, &[u8], Structure); 7] = [
        (4, &[0, 0], Structure::AttributeList),       // length
        (4, &[0xFF, 0xFF], Structure::AttributeList), // past the list
        (0, &[0x81], Structure::AttributeList),       // no such attribute
        (0x18, &[0xEE], Structure::AttributeList),    // no such instance
        (0x10, &[5], Structure::MftRecord),           // not of this file
        (0x16, &[0xEE], Structure::MftRecord),        // another sequence number
        (0x13, &[0xFF], Structure::Mft),              // no such record
    ];
    for (at, bytes, structure) in changes {
        check_damaged(file(ListForm::Resident), structure, |built, number| {
            let start = built.attribute_offset(number, list, "").unwrap();
            built.patch_record(number, |record| {
                let entries = start + usize::from(record[start + 0x14]);
                let entry = entries + data_entry(&record[entries..]);
                record[entry + at..][..bytes.len()].copy_from_slice(bytes);
            });
        });
        check_damaged(file(ListForm::NonResident), structure, |built, number| {
            let entry = data_entry(&built.read_stream(number, list, ""));
            let position = built.stream_offset(number, list, "", (entry + at) as u64);
            built.patch(position, bytes);
        });
    }
}

/// The attribute list, all of it or its second cluster, lies past the end.
#[test]
fn attribute_lists_past_the_end() {
    let list = attribute_type::ATTRIBUTE_LIST;
    for (pieces, lcn) in [(2, 512_u16), (2, 0x7FFF), (130, 511)] {
        let file = File::new().data(fragmented(pieces, 4096));
        let file = file
            .attribute_list(ListForm::NonResident)
            .runs_per_record(1);
        let mut built = VolumeBuilder::new().file("f", file).build();
        let number = built.record_number("f");
        let start = built.attribute_offset(number, list, "").unwrap();
        if lcn == 511 {
            let content = built.read_stream(number, list, "");
            built.patch(511 * 4096, &content[..4096]);
        }
        built.patch_record(number, |record| {
            let pairs = &mut record[start + 0x40..][..5];
            assert_eq!((pairs[0] & 0xF, pairs[3]), (1, 0), "one run");
            let [low, high] = lcn.to_le_bytes();
            pairs.copy_from_slice(&[0x21, pairs[1], low, high, 0]);
        });
        let (_, selection, audited) = examine(&built);
        let [
            Finding::ClustersUnknown { record, source },
            Finding::PastEnd { .. },
            ..,
        ] = selection.findings.listed()
        else {
            panic!("{lcn}: {:?}", selection.findings);
        };
        assert_eq!((record.0, place(source).0), (number, Structure::Runlist));
        assert!(audited.only_in_bitmap.clusters > 0, "{lcn}");
    }
}

/// Where the first entry for data begins in an attribute list.
fn data_entry(list: &[u8]) -> usize {
    let mut at = 0;
    while list[at] != 0x80 {
        at += usize::from(list[at + 4]);
    }
    at
}

#[test]
fn an_attribute_list_that_names_an_attribute_twice() {
    let list = attribute_type::ATTRIBUTE_LIST;
    let file = File::new().data(fragmented(2, 4096)).runs_per_record(1);
    check_damaged(file, Structure::AttributeList, |built, number| {
        let start = built.attribute_offset(number, list, "").unwrap();
        built.patch_record(number, |record| {
            let entries = start + usize::from(record[start + 0x14]);
            let first = entries + data_entry(&record[entries..]);
            let second = first + usize::from(record[first + 4]);
            record.copy_within(first..second, second);
        });
    });
}

#[test]
fn a_sequence_number_of_0_in_an_attribute_list_fits_all() {
    let list = attribute_type::ATTRIBUTE_LIST;
    let file = File::new().data(fragmented(2, 4096));
    let file = file.attribute_list(ListForm::NonResident);
    let mut built = VolumeBuilder::new().file("f", file).build();
    let number = built.record_number("f");
    let entry = data_entry(&built.read_stream(number, list, "")) as u64;
    let position = built.stream_offset(number, list, "", entry + 0x16);
    built.patch(position, &[0, 0]);
    check(&built, 0, &[]);
}

#[test]
fn owners_of_extents_in_any_order_and_over_each_other() {
    let file = FileData::Runs(vec![Run::at(430, 10), Run::hole(2), Run::at(450, 4)]);
    let built = VolumeBuilder::new().file("f", file).build();
    let whole = [("/f", 430, 10), ("/f", 450, 4)];
    type Row<'a> = (&'a [Extent], &'a [(&'a str, u64, u64)]);
    let table: [Row<'_>; 5] = [
        (&[extent(429, 1), extent(440, 10), extent(435, 0)], &[]),
        (&[extent(420, 60)], &whole),
        (&[extent(435, 30), extent(420, 15)], &whole),
        (&[extent(450, 9), extent(433, 2), extent(420, 30)], &whole),
        (
            &[
                extent(452, 9),
                extent(420, 11),
                extent(436, 9),
                extent(435, 3),
            ],
            &[("/f", 430, 1), ("/f", 435, 5), ("/f", 452, 2)],
        ),
    ];
    for (extents, expected) in table {
        check_owners(&built, extents, expected);
    }
    let (volume, ..) = examine(&built);
    let owners = owners(&volume, &[extent(435, 1), extent(452, 1)]).unwrap();
    let vcns: Vec<u64> = owners.list.iter().map(|owner| owner.vcn.0).collect();
    assert_eq!(vcns, [5, 14]);
}

#[test]
fn only_the_first_owners_are_listed() {
    let runs = vec![Run::at(400, 110); 200];
    let built = VolumeBuilder::new().file("f", FileData::Runs(runs)).build();
    let (volume, ..) = examine(&built);
    // Each of the 200 runs has all of these.
    for (count, listed, left_out) in [(49, 9800, 0), (50, 10_000, 0), (51, 10_000, 200)] {
        let extents: Vec<Extent> = (0..count).map(|n| extent(400 + 2 * n, 1)).collect();
        let owners = owners(&volume, &extents).unwrap();
        let found = (owners.list.len(), owners.left_out);
        assert_eq!(found, (listed, left_out), "{count} extents");
    }
}

/// Neither many errors nor many warnings hide the others.
#[test]
fn only_the_first_findings_of_a_kind_are_listed() {
    // Each run in the same cluster.
    let runs = vec![Run::at(3999, 1); 1102];
    let builder = VolumeBuilder::new().clusters(4000);
    let mut built = with_many(builder, 1100)
        .file("circle", FileData::Runs(runs))
        .build();
    for n in 0..1100 {
        built.tear_record(built.record_number(&format!("directory/file {n}")));
    }
    let (_, selection, _) = examine(&built);
    let findings = &selection.findings;
    assert_eq!((findings.errors(), findings.skipped()), (1101, 1100));
    let errors = findings.listed().iter().filter(|found| found.is_error());
    assert_eq!((findings.listed().len(), errors.count()), (2000, 1000));
}

#[test]
fn directories_in_a_circle_have_a_path_that_ends() {
    let mut built = VolumeBuilder::new()
        .file("a/b/file", FileData::Resident(vec![1]))
        .build();
    let [a, b, file] = ["a", "a/b", "a/b/file"].map(|path| built.record_number(path));
    let name = built
        .attribute_offset(a, attribute_type::FILE_NAME, "")
        .unwrap();
    built.patch_record(a, |record| {
        let value = name + usize::from(record[name + 0x14]);
        record[value..value + 6].copy_from_slice(&b.to_le_bytes()[..6]);
    });
    let volume = Volume::open(built.bytes.as_slice()).unwrap();
    let path = path_of(&volume, ntfsclone_core::units::RecordNumber(file));
    assert!(path.ends_with("/a/b/a/b/file"), "{path}");
}
