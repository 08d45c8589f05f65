//! The tree of files: names, paths, damaged indexes.

use ntfs_volume_builder::{File, FileData, Volume, VolumeBuilder, pattern};
use ntfsclone_core::ntfs::{self, Content};
use ntfsclone_core::tree::{By, ContentReader, Found, Lookup, Part, Tree, Walk};

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
            let mut reader = ContentReader::new(tree.volume(), content);
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
