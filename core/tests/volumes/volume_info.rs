//! What `$Volume` and the root directory say of the volume.

use ntfs_volume_builder::{FileData, VolumeBuilder, attribute_type};
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::ntfs::{Volume, VolumeInfo};

use crate::place;
use crate::samples::with_many;

fn info(builder: &VolumeBuilder) -> Result<VolumeInfo, Error> {
    let built = builder.build();
    VolumeInfo::read(&Volume::open(built.bytes.as_slice()).unwrap())
}

#[test]
fn labels() {
    for label in ["", "TEST", "Größe 日本語", "🦀 crab", "a/b:c"] {
        let found = info(&VolumeBuilder::new().label(label)).unwrap();
        assert_eq!(found.label, label);
    }
}

#[test]
fn versions() {
    let table = [
        ((1, 1), true),
        ((1, 2), true),
        ((2, 0), true),
        ((3, 0), true),
        ((3, 1), true),
        ((3, 2), false),
        ((4, 0), false),
        ((0, 9), false),
    ];
    for ((major, minor), is_known) in table {
        let builder = VolumeBuilder::new().version(major, minor);
        match info(&builder) {
            Ok(info) => assert_eq!((info.major_version, info.minor_version), (major, minor)),
            Err(error) => assert!(matches!(error, Error::Unsupported { .. }), "{error}"),
        }
        assert_eq!(info(&builder).is_ok(), is_known, "{major}.{minor}");
    }
}

#[test]
fn flags() {
    for (flags, is_dirty) in [(0, false), (1, true), (0x4000, false), (0x4001, true)] {
        let info = info(&VolumeBuilder::new().volume_flags(flags)).unwrap();
        assert_eq!((info.flags, info.is_dirty()), (flags, is_dirty));
    }
    assert!(info(&VolumeBuilder::new().dirty(true)).unwrap().is_dirty());
}

#[test]
fn volume_information_that_is_missing_or_short_is_refused() {
    let changes: [fn(&mut [u8]); 2] = [
        |attribute| attribute[0x10] = 11,
        |attribute| attribute[0] = 0x71,
    ];
    for change in changes {
        let mut built = VolumeBuilder::new().build();
        let kind = attribute_type::VOLUME_INFORMATION;
        let at = built.attribute_offset(3, kind, "").unwrap();
        built.patch_record(3, |record| change(&mut record[at..]));
        let volume = Volume::open(built.bytes.as_slice()).unwrap();
        let error = VolumeInfo::read(&volume).unwrap_err();
        let expected = (Structure::VolumeInformation, built.record_offset(3));
        assert_eq!(place(&error), expected);
    }
}

#[test]
fn hibernation() {
    let file = |path: &str, content: &[u8]| {
        VolumeBuilder::new().file(path, FileData::Resident(content.to_vec()))
    };
    let table = [
        ("no file", VolumeBuilder::new(), false),
        ("in clusters", VolumeBuilder::new().hibernated(), true),
        ("in the record", file("hiberfil.sys", b"hibr...."), true),
        ("upper case", file("HIBERFIL.SYS", b"HIBR"), true),
        ("resumed", file("hiberfil.sys", b"wake"), false),
        ("shut down", file("hiberfil.sys", &[0; 100]), false),
        ("too short", file("hiberfil.sys", b"hib"), false),
        ("empty", file("hiberfil.sys", b""), false),
        ("elsewhere", file("Windows/hiberfil.sys", b"hibr"), false),
        ("longer name", file("hiberfil.sys2", b"hibr"), false),
    ];
    for (name, builder, expected) in table {
        let built = builder.build();
        let volume = Volume::open(built.bytes.as_slice()).unwrap();
        assert_eq!(volume.is_hibernated().unwrap(), expected, "{name}");
    }
}

/// The root directory with index records, one of which is damaged: the others
/// are still looked at.
#[test]
fn hibernation_on_a_volume_with_a_large_root() {
    let mut builder = with_many(VolumeBuilder::new().clusters(2000), 3).hibernated();
    for n in 0..300 {
        let name = format!("{} {n}", if n % 2 == 0 { "a" } else { "z" });
        builder = builder.file(&name, FileData::Resident(Vec::new()));
    }
    let built = builder.build();
    let blocks = built.index_blocks(5);
    assert!(blocks > 4);
    let found_with_damaged = |block: u64| {
        let mut built = built.clone();
        let offset = built.index_block_offset(5, block);
        built.patch(offset, b"BAAD");
        let volume = Volume::open(built.bytes.as_slice()).unwrap();
        volume.is_hibernated().unwrap()
    };
    let found = (0..blocks).filter(|&block| found_with_damaged(block));
    assert_eq!(found.count() as u64, blocks - 1);

    // Entries that go round in circles.
    for length in [0, 1, 8, 16] {
        let mut built = built.clone();
        for block in 0..blocks {
            built.patch_index_block(5, block, |record| {
                let first = 0x18 + u32::from_le_bytes(record[0x18..0x1C].try_into().unwrap());
                record[first as usize + 8] = length;
                record[first as usize + 9] = 0;
            });
        }
        let volume = Volume::open(built.bytes.as_slice()).unwrap();
        assert!(!volume.is_hibernated().unwrap_or(false), "{length}");
    }
}
