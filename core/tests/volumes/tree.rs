//! The tree of files: names, paths, damaged indexes.

use ntfs_volume_builder::{
    File, FileData, ListForm, Run, Volume, VolumeBuilder, attribute_type, pattern,
};
use ntfsclone_core::ntfs::{self, Content};
use ntfsclone_core::tree::{
    By, ContentReader, DeletedFile, Found, Lookup, Part, Recovery, Tree, UsedClusters, Walk,
    deleted_files, first_overwritten, open_content, open_deleted,
};
use ntfsclone_core::units::{Extent, Lcn, RecordNumber};

fn tree(volume: &Volume, by: By) -> Tree<&[u8]> {
    let volume = ntfs::Volume::open(volume.bytes.as_slice()).unwrap();
    Tree::new(volume, by).unwrap()
}

/// A directory of so many files that its index has blocks.
fn builder() -> VolumeBuilder {
    let mut builder = VolumeBuilder::new().file(
        "docs/Hello.txt",
        File::new()
            .data(b"hello".to_vec())
            .stream("more", b"stream".to_vec()),
    );
    for number in 0..100 {
        let data = FileData::Resident(number.to_string().into_bytes());
        builder = builder.file(&format!("many/file number {number}"), data);
    }
    builder
}

/// The paths below the root, without the file system's own files, and the directories whose index is damaged.
fn walk(tree: &mut Tree<&[u8]>) -> (Vec<String>, Vec<String>) {
    let Lookup::Found(root) = tree.find("/").unwrap() else {
        panic!("there is a root");
    };
    let (mut paths, mut damaged) = (Vec::new(), Vec::new());
    let mut walk = Walk::new(root);
    while let Some(found) = walk.next(tree) {
        match found {
            Found::Entry { entry, .. } if entry.is_system() => walk.skip_directory(),
            Found::Entry { path, .. } => paths.push(path),
            Found::IndexDamaged { path, .. } => damaged.push(path),
            Found::Failed { path, error } => panic!("{path}: {error}"),
        }
    }
    (paths, damaged)
}

#[test]
fn index_and_mft_have_the_same_paths_in_the_same_order() {
    let volume = builder().build();
    let (by_index, damaged) = walk(&mut tree(&volume, By::Index));
    assert_eq!(damaged, [""; 0]);
    assert_eq!(by_index.len(), 103);
    assert!(by_index.contains(&"/many/file number 99".to_owned()));
    let (by_mft, _) = walk(&mut tree(&volume, By::Mft));
    assert_eq!(by_index, by_mft);
}

#[test]
fn damaged_index_is_replaced_by_the_mft() {
    let mut volume = builder().build();
    let sound = walk(&mut tree(&volume, By::Index)).0;
    let record = {
        let Lookup::Found(many) = tree(&volume, By::Index).find("/many").unwrap() else {
            panic!("it is there");
        };
        many.entry.reference.record.0
    };
    volume.patch_index_block(record, 0, |block| block[0x40..].fill(0xEE));
    let (paths, damaged) = walk(&mut tree(&volume, By::Index));
    assert_eq!(damaged, ["/many"]);
    assert_eq!(paths, sound);
}

#[test]
fn paths_are_found_in_any_case_with_either_separator() {
    let volume = builder().build();
    let mut tree = tree(&volume, By::Index);
    let table = [
        ("/docs/Hello.txt", "/docs/Hello.txt", None),
        ("DOCS\\hello.TXT", "/docs/Hello.txt", None),
        ("docs//./Hello.txt:more", "/docs/Hello.txt", Some("more")),
        ("docs/Hello.txt:more:$DATA", "/docs/Hello.txt", Some("more")),
        ("", "/", None),
    ];
    for (path, expected, stream) in table {
        let Lookup::Found(located) = tree.find(path).unwrap() else {
            panic!("{path}");
        };
        assert_eq!(located.path, expected, "{path}");
        assert_eq!(located.stream.as_deref(), stream, "{path}");
    }
    for path in ["docs/other", "docs/Hello.txt/deeper", "none"] {
        assert!(
            matches!(tree.find(path).unwrap(), Lookup::Missing { .. }),
            "{path}"
        );
    }
}

#[test]
fn names_that_differ_in_case_are_each_found() {
    let volume = VolumeBuilder::new()
        .file("dir/name", FileData::Resident(b"1".to_vec()))
        .file("dir/NAME", FileData::Resident(b"22".to_vec()))
        .file("dir/Name", FileData::Resident(b"333".to_vec()))
        .file("dir/other", FileData::Resident(b"4444".to_vec()))
        .build();
    let mut tree = tree(&volume, By::Index);
    for (name, size) in [("name", 1), ("NAME", 2), ("Name", 3), ("OTHER", 4)] {
        let Lookup::Found(located) = tree.find(&format!("dir/{name}")).unwrap() else {
            panic!("{name}");
        };
        assert_eq!(located.entry.size, size, "{name}");
    }
    assert!(matches!(tree.find("dir/nAmE").unwrap(), Lookup::Found(_)));
}

#[test]
fn content_is_read_from_any_position() {
    let mut packed = pattern(3, 70_000);
    packed[..65_536].fill(7);
    let bytes = pattern(4, 50_000);
    let pieces = FileData::Fragmented {
        bytes: bytes.clone(),
        pieces: 3,
    };
    let volume = VolumeBuilder::new()
        .clusters(1024)
        .file("packed", FileData::Compressed(packed.clone()))
        .file("pieces", pieces)
        .build();
    let mut tree = tree(&volume, By::Index);
    for (path, expected) in [("packed", packed), ("pieces", bytes)] {
        let Lookup::Found(located) = tree.find(path).unwrap() else {
            panic!("{path}");
        };
        for start in [0, 1, 4097, 49_999] {
            let record = located.entry.reference.record;
            let content = Content::open(tree.volume(), record, "").unwrap();
            let mut reader = ContentReader::new(tree.volume(), &content);
            reader.seek(start);
            let (mut read, mut buf) = (Vec::new(), Vec::new());
            while let Some(part) = reader.next(1000, &mut buf).unwrap() {
                match part {
                    Part::Bytes => read.extend_from_slice(&buf),
                    Part::Hole(len) => read.resize(read.len() + len as usize, 0),
                }
            }
            assert!(read == expected[start as usize..], "{path} from {start}");
        }
    }
}

fn deleted(volume: &Volume) -> Vec<DeletedFile> {
    let volume = ntfs::Volume::open(volume.bytes.as_slice()).unwrap();
    let mut found = Vec::new();
    deleted_files(&volume, &mut |file| found.push(file)).unwrap();
    found
}

/// A volume with deleted files whose clusters are free, in use in part, or all in use.
fn builder_of_deleted() -> VolumeBuilder {
    let pieces = FileData::Fragmented {
        bytes: pattern(5, 50_000),
        pieces: 4,
    };
    VolumeBuilder::new()
        .clusters(1000)
        .file("docs/kept", FileData::Resident(vec![1]))
        .file(
            "docs/resident",
            File::new().data(vec![7; 30]).record(60).deleted(),
        )
        .file(
            "docs/pieces",
            File::new()
                .data(pieces)
                .attribute_list(ListForm::Resident)
                .runs_per_record(1)
                .record(61)
                .deleted(),
        )
        .file(
            "part",
            File::new()
                .data(FileData::Runs(vec![Run::at(900, 5)]))
                .record(62)
                .deleted(),
        )
        .file(
            "gone",
            File::new()
                .data(FileData::Runs(vec![Run::at(903, 2)]))
                .record(63)
                .deleted(),
        )
        .file("other", FileData::Runs(vec![Run::at(903, 4)]))
}

#[test]
fn deleted_files_are_found_with_what_is_left() {
    let built = builder_of_deleted().build();
    let found = deleted(&built);
    let table = [
        (60, "/docs", "resident", (0, 0), Recovery::Whole),
        (61, "/docs", "pieces", (13, 13), Recovery::Whole),
        (62, "/", "part", (5, 3), Recovery::Partly),
        (63, "/", "gone", (2, 0), Recovery::Overwritten),
    ];
    assert_eq!(found.len(), table.len(), "{found:?}");
    for (file, (record, directory, name, (clusters, free), recovery)) in found.iter().zip(table) {
        assert_eq!(file.entry.reference.record.0, record);
        assert_eq!(file.entry.name.to_string(), name);
        assert_eq!(file.directory.as_deref(), Some(directory), "{name}");
        assert_eq!((file.clusters, file.free), (clusters, free), "{name}");
        assert_eq!(file.recovery(), recovery, "{name}");
    }
    assert_eq!(found[1].details.size, 50_000);
}

#[test]
fn content_of_deleted_files_is_read_as_far_as_it_is_not_overwritten() {
    let built = builder_of_deleted().build();
    let volume = ntfs::Volume::open(built.bytes.as_slice()).unwrap();
    let used = UsedClusters::read(&volume).unwrap();
    let open = |record| open_deleted(&volume, None, RecordNumber(record), "").unwrap();
    let overwritten =
        |record, range| first_overwritten(&open(record), volume.geometry(), &used, range).unwrap();
    assert_eq!(overwritten(60, 0..30), None);
    assert_eq!(overwritten(61, 0..50_000), None);
    assert_eq!(overwritten(62, 0..20_480), Some(3 * 4096));
    assert_eq!(overwritten(62, 0..3 * 4096), None);
    assert_eq!(overwritten(62, 0..3 * 4096 + 1), Some(3 * 4096));
    assert_eq!(overwritten(63, 5000..6000), Some(5000));

    let content = open(61);
    let mut reader = ContentReader::new(&volume, &content);
    let (mut found, mut buf) = (Vec::new(), Vec::new());
    while reader.next(usize::MAX, &mut buf).unwrap().is_some() {
        found.extend_from_slice(&buf);
    }
    assert!(found == pattern(5, 50_000));
    // What is in use is not deleted, and the other way round.
    assert!(open_content(&volume, None, RecordNumber(61), "").is_err());
    let kept = built.record_number("docs/kept");
    assert!(open_deleted(&volume, None, RecordNumber(kept), "").is_err());
}

#[test]
fn a_buffer_that_is_used_again_holds_nothing_of_a_hole() {
    let runs = vec![Run::at(200, 2), Run::hole(3), Run::at(210, 1)];
    let bytes = [pattern(1, 8192), vec![0; 12_288], pattern(2, 1000)].concat();
    let placed = FileData::Placed {
        runs,
        bytes: bytes.clone(),
    };
    let built = VolumeBuilder::new().file("sparse", placed).build();
    let volume = ntfs::Volume::open(built.bytes.as_slice()).unwrap();
    let record = RecordNumber(built.record_number("sparse"));
    let content = open_content(&volume, None, record, "").unwrap();
    for limit in [100, 4096, 5000, usize::MAX] {
        let mut reader = ContentReader::new(&volume, &content);
        let (mut found, mut buf) = (Vec::new(), vec![0xAA; 20_000]);
        while let Some(part) = reader.next(limit, &mut buf).unwrap() {
            if let Part::Hole(len) = part {
                assert!(buf.is_empty());
                // As whoever writes holes as zeros does.
                buf.resize(len as usize, 0);
            }
            found.extend_from_slice(&buf);
        }
        assert!(buf.is_empty() && found == bytes, "{limit}");
    }
}

#[test]
fn directories_of_deleted_files_are_named_only_if_they_are_the_same() {
    let mut built = builder_of_deleted().build();
    let docs = built.record_number("docs");
    // 0x10: the sequence number.
    let set_sequence = |built: &mut Volume, number: u16| {
        built.patch_record(docs, |record| {
            record[0x10..0x12].copy_from_slice(&number.to_le_bytes());
        });
    };
    set_sequence(&mut built, 9);
    assert_eq!(deleted(&built)[0].directory, None);
    // Deleted itself: the flag that it is in use is at 0x16, and its number is the next one.
    set_sequence(&mut built, 2);
    built.patch_record(docs, |record| record[0x16] &= !1);
    let found = deleted(&built);
    let path = found
        .iter()
        .find(|file| file.entry.reference.record.0 == 60);
    assert_eq!(path.unwrap().directory.as_deref(), Some("/docs"));
}

#[test]
fn used_clusters_are_counted_in_any_extent() {
    let built = VolumeBuilder::new()
        .clusters(9000)
        .mark_in_bitmap(4090..4100)
        .build();
    let volume = ntfs::Volume::open(built.bytes.as_slice()).unwrap();
    let used = UsedClusters::read(&volume).unwrap();
    let marked: Vec<u64> = built.used_clusters().chain(4090..4100).collect();
    for (start, len) in [
        (0, 9000),
        (0, 1),
        (4000, 91),
        (4089, 1),
        (4093, 5),
        (4096, 64),
        (63, 130),
    ] {
        let extent = Extent::new(Lcn(start), len);
        let mut expected = marked.clone();
        expected.retain(|lcn| (start..start + len).contains(lcn));
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(used.count(extent), expected.len() as u64, "{extent:?}");
        let first = used.first_in(extent).map(|lcn| lcn.0);
        assert_eq!(first, expected.first().copied(), "{extent:?}");
    }
    assert_eq!(
        used.count(Extent::new(Lcn(8999), u64::MAX)),
        used.count(Extent::new(Lcn(8999), 1))
    );
}

#[test]
fn names_in_extension_records_are_found_without_an_attribute_list() {
    // So many names that they are in extension records.
    let mut file = File::new().data(vec![1; 9]);
    for number in 0..12 {
        file = file.link(&format!("many/a longer name of this file, number {number}"));
    }
    let mut built = builder().file("first", file).build();
    let record = built.record_number("first");
    assert!(
        built
            .attribute_offset(record, attribute_type::ATTRIBUTE_LIST, "")
            .is_some()
    );
    let (sound, _) = walk(&mut tree(&built, By::Mft));
    built.remove_attribute(record, attribute_type::ATTRIBUTE_LIST, "");
    assert_eq!(walk(&mut tree(&built, By::Mft)).0, sound);
    // The other names are in extension records.
    let mut removed = 0;
    while built
        .attribute_offset(record, attribute_type::FILE_NAME, "")
        .is_some()
    {
        built.remove_attribute(record, attribute_type::FILE_NAME, "");
        removed += 1;
    }
    let (found, _) = walk(&mut tree(&built, By::Mft));
    assert_eq!(found.len(), sound.len() - removed);
    assert!(removed < 13 && found.iter().all(|path| sound.contains(path)));
}
