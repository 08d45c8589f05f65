//! What the test volumes hold.

use super::volume::{KIB, MIB, Recipe};
use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    os::unix::fs::{FileExt, symlink},
    path::Path,
};

/// NTFS compresses only in clusters of at most this.
const COMPRESSIBLE_CLUSTER: u64 = 4 * KIB;
const ATTRIBUTE_COMPRESSED: u32 = 0x0000_0800;
const ATTRIBUTE_DIRECTORY: u32 = 0x0000_0010;

pub(crate) fn nothing(_: &Path, _: &Recipe) {}

/// A bit of everything, in as few clusters as it takes: clusters may have 2 MiB.
pub(crate) fn everyday(root: &Path, recipe: &Recipe) {
    let documents = folder(root, "documents");
    for number in 0..10 {
        write(
            &documents,
            &format!("note {number}.txt"),
            &text(number * 90),
        );
    }
    write(root, "empty", b"");
    write(root, "noise.bin", &noise("noise", MIB));
    write(root, "Grüße – Документ – 文書 – 🦀.txt", &text(4000));
    write(root, &"long".repeat(63), b"a name of 252 characters");
    symlink("documents/note 1.txt", root.join("link")).expect("cannot make a symbolic link");
    hard_links(root, recipe);
    streams(root, recipe);
    sparse(root, recipe);
    fragmented(root, recipe);
    compressed(root, recipe);
    let many = folder(root, "many");
    for number in 0..150 {
        write(
            &many,
            &format!("entry {number:04} with a name of some length"),
            b"",
        );
    }
    write(root, "deleted.bin", &noise("deleted", 200 * KIB));
    fs::remove_file(root.join("deleted.bin")).expect("cannot delete a file");
}

pub(crate) fn hard_links(root: &Path, _: &Recipe) {
    let folder = folder(root, "links");
    write(&folder, "name 0", &text(3000));
    for number in 1..20 {
        fs::hard_link(folder.join("name 0"), folder.join(format!("name {number}")))
            .expect("cannot make a hard link");
    }
}

/// Alternate streams, in the record and outside of it, on a file and on a folder.
pub(crate) fn streams(root: &Path, _: &Recipe) {
    let folder = folder(root, "streams");
    write(&folder, "file", &text(100));
    let names = ["user.small", "user.Zone.Identifier", "user.größer"];
    for (name, value) in names.into_iter().zip([
        b"a few bytes".to_vec(),
        b"[ZoneTransfer]\r\nZoneId=3\r\n".to_vec(),
        noise("stream", 60 * KIB),
    ]) {
        for path in [&folder, &folder.join("file")] {
            xattr::set(path, name, &value).expect("cannot write an alternate stream");
        }
    }
}

/// Data at both ends and in the middle.
pub(crate) fn sparse(root: &Path, _: &Recipe) {
    let file = File::create(root.join("sparse.bin")).expect("cannot create a file");
    for position in [0, 40 * MIB, 90 * MIB] {
        file.write_all_at(&noise("sparse", 20 * KIB), position)
            .expect("cannot write into a sparse file");
    }
}

/// Files that grow by turns. Of two, ntfs-3g would keep each in a zone of its own.
pub(crate) fn fragmented(root: &Path, recipe: &Recipe) {
    let piece = noise("fragmented", recipe.cluster_size);
    let mut files: Vec<File> = (0..6)
        .map(|number| root.join(format!("fragmented {number}.bin")))
        .map(|path| File::create(path).expect("cannot create a file"))
        .collect();
    for _ in 0..4 {
        for file in &mut files {
            file.write_all(&piece).expect("cannot write");
        }
    }
}

/// What NTFS can compress, half of it, and what it cannot.
pub(crate) fn compressed(root: &Path, recipe: &Recipe) {
    if recipe.cluster_size > COMPRESSIBLE_CLUSTER {
        return;
    }
    let folder = folder(root, "compressed");
    let attributes = ATTRIBUTE_COMPRESSED | ATTRIBUTE_DIRECTORY;
    xattr::set(&folder, "system.ntfs_attrib_be", &attributes.to_be_bytes())
        .expect("cannot mark a folder as compressed");
    write(&folder, "text", &text(300_000));
    write(&folder, "noise", &noise("compressed", 300 * KIB));
    write(&folder, "zeros", &vec![0; 500_000]);
    let mixed: Vec<u8> = (0..8_usize)
        .flat_map(|turn| match turn % 2 {
            0 => text(70_000),
            _ => noise("mixed", 70_000),
        })
        .collect();
    write(&folder, "mixed", &mixed);
}

pub(crate) fn huge_directory(root: &Path, _: &Recipe) {
    fill_directory(&folder(root, "huge"), 6000);
}

/// Its index stays allocated when nearly all entries are gone.
pub(crate) fn shrunk_directory(root: &Path, _: &Recipe) {
    let shrunk = folder(root, "shrunk");
    fill_directory(&shrunk, 4000);
    for number in (0..4000).filter(|number| number % 100 != 7) {
        fs::remove_file(shrunk.join(entry_name(number))).expect("cannot delete a file");
    }
    let gone = folder(root, "gone");
    fill_directory(&gone, 1000);
    fs::remove_dir_all(gone).expect("cannot delete a folder");
}

pub(crate) fn nearly_full(root: &Path, _: &Recipe) {
    write(root, "first.txt", &text(5000));
    fill_up(&root.join("filler.bin"));
    fs::remove_file(root.join("first.txt")).expect("cannot delete a file");
}

/// Many holes of one cluster each, then one file that has to take them all: its runs need an attribute list.
pub(crate) fn attribute_list(root: &Path, recipe: &Recipe) {
    scatter_free_clusters(root, recipe);
    fill_up(&root.join("scattered.bin"));
    fs::remove_file(root.join("filler.bin")).expect("cannot delete a file");
}

/// The same holes, taken by the records of new files.
pub(crate) fn fragmented_mft(root: &Path, recipe: &Recipe) {
    let holes = scatter_free_clusters(root, recipe);
    let folder = folder(root, "records");
    for number in 0..holes * 5 {
        match File::create(folder.join(format!("{number}"))) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => break,
            Err(error) => panic!("cannot create a file: {error}"),
        }
    }
    fs::remove_file(root.join("filler.bin")).expect("cannot delete a file");
}

/// Data where the clusters of a volume with huge cluster numbers lie, and a file that is longer than most disks.
pub(crate) fn giant(root: &Path, recipe: &Recipe) {
    everyday(root, recipe);
    let file = File::create(root.join("terabytes.bin")).expect("cannot create a file");
    for position in [0, 5 << 40, (15 << 40) + 12345] {
        file.write_all_at(&noise("giant", 100 * KIB), position)
            .expect("cannot write into a sparse file");
    }
}

/// Fills the volume, then frees every other one of many small files. Returns how many holes that makes.
fn scatter_free_clusters(root: &Path, recipe: &Recipe) -> u64 {
    const FILES: u64 = 4000;
    let small = folder(root, "small");
    let cluster = noise("small", recipe.cluster_size.max(KIB));
    for number in 0..FILES {
        write(&small, &format!("{number}"), &cluster);
    }
    fill_up(&root.join("filler.bin"));
    for number in (0..FILES).step_by(2) {
        fs::remove_file(small.join(format!("{number}"))).expect("cannot delete a file");
    }
    FILES / 2
}

fn fill_up(path: &Path) {
    let mut file = File::create(path).expect("cannot create a file");
    // In ever smaller pieces: a write that does not fit whole may leave clusters over.
    for length in [MIB, 64 * KIB, 4 * KIB, 512] {
        let piece = noise("filler", length);
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("cannot write to {}: {error}", path.display()),
            }
        }
    }
}

fn fill_directory(folder: &Path, entries: u32) {
    for number in 0..entries {
        File::create(folder.join(entry_name(number))).expect("cannot create a file");
    }
}

fn entry_name(number: u32) -> String {
    format!("entry {number:05} of a folder with many of them")
}

fn folder(root: &Path, name: &str) -> std::path::PathBuf {
    let path = root.join(name);
    fs::create_dir(&path).unwrap_or_else(|error| panic!("cannot create folder {name}: {error}"));
    path
}

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    fs::write(folder.join(name), bytes)
        .unwrap_or_else(|error| panic!("cannot write {name}: {error}"));
}

/// The same incompressible bytes for the same seed.
pub(crate) fn noise(seed: &str, length: u64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length).expect("a length that fits in memory")];
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(seed.as_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    (0_u32..)
        .flat_map(|line| format!("line {line} of a text that compresses well\n").into_bytes())
        .take(length)
        .collect()
}
