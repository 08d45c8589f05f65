//! The tree of files of a volume.

use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::tree::{
    By, ContentReader, Details, Found, Lookup, Tree, UsedClusters, Walk, deleted_files,
    first_overwritten, open_content, open_deleted,
};
use ntfsclone_core::units::RecordNumber;

/// Names that are looked at: a small directory may be in many places.
const MAX_NAMES: usize = 512;

/// Parts that are read of a file: holes take nothing to make.
const MAX_PARTS: usize = 64;

/// A volume, opened as it should be or salvaged: its names, by indexes and by the MFT, and what is deleted.
pub fn tree(data: &[u8]) {
    for by in [By::Index, By::Mft] {
        let opened = Volume::open(data);
        let Ok(volume) = opened.or_else(|_| Volume::salvage(data).map(|(volume, _)| volume)) else {
            return;
        };
        walk(Tree::new(volume, by).expect("a slice can be read"));
    }
}

fn walk(mut tree: Tree<&[u8]>) {
    let Ok(Lookup::Found(root)) = tree.find("/") else {
        panic!("the root is not looked up");
    };
    let mut walk = Walk::new(root);
    let mut paths = Vec::new();
    while let Some(found) = walk.next(&mut tree) {
        if let Found::Entry { path, entry } = found {
            let _ = Details::read(tree.volume(), entry.reference);
            read(tree.volume(), entry.reference.record);
            paths.push(path);
        }
        if paths.len() > MAX_NAMES {
            break;
        }
    }
    for path in paths.iter().take(8) {
        let _ = tree.find(path);
    }
    let volume = tree.volume();
    let used = UsedClusters::read(volume).expect("a slice can be read");
    let mut deleted = Vec::new();
    deleted_files(volume, &mut |file| {
        assert!(file.stored <= file.free && file.free <= file.clusters);
        let _ = file.recovery();
        deleted.push(file.entry.reference.record);
    })
    .expect("what is damaged is passed over");
    for record in deleted.into_iter().take(MAX_NAMES) {
        if let Ok(content) = open_deleted(volume, None, record, "") {
            let range = 0..content.size();
            let _ = first_overwritten(&content, volume.geometry(), &used, range);
        }
    }
}

fn read(volume: &Volume<&[u8]>, record: RecordNumber) {
    let Ok(content) = open_content(volume, None, record, "") else {
        return;
    };
    let mut reader = ContentReader::new(volume, &content);
    let mut bytes = Vec::new();
    for _ in 0..MAX_PARTS {
        let before = reader.position();
        match reader.next(3000, &mut bytes) {
            Ok(Some(_)) => assert!(before < reader.position(), "it does not go on"),
            Ok(None) => {
                assert_eq!(before, content.size(), "it ends early");
                break;
            }
            Err(_) => break,
        }
        // From within what was read as well.
        reader.seek(reader.position().saturating_sub(1).max(before + 1));
    }
}
