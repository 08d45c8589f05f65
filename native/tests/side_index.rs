//! Volumes and images in large compressed streams, read here and there by an index.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use crate::support::program::ours;
use crate::support::scene::{Outcome, Scene};
use crate::support::small_volume::volume;

/// Bytes that do not get smaller, so that the file is large enough for an index.
fn noise(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    blake3::Hasher::new().finalize_xof().fill(&mut bytes);
    bytes
}

/// A volume with other bytes behind it in `volume`, and the same in `volume.gz`, of two members.
fn scene() -> Scene {
    let mut bytes = volume().bytes;
    bytes.extend(noise(20 << 20));
    let scene = Scene::with_volume(&bytes);
    let (first, second) = bytes.split_at(9 << 20);
    let mut stream = Vec::new();
    for member in [first, second] {
        let mut encoder = flate2::write::GzEncoder::new(stream, flate2::Compression::fast());
        encoder.write_all(member).unwrap();
        stream = encoder.finish().unwrap();
    }
    scene.write("volume.gz", stream);
    fs::create_dir(scene.path("cache")).unwrap();
    scene
}

fn run(scene: &Scene, line: &str) -> Outcome {
    let mut command = scene.command(ours, line);
    command.env("XDG_CACHE_HOME", scene.path("cache"));
    // Nothing is decompressed to a file.
    command.env("TMPDIR", scene.path("missing"));
    scene.run_command(command, &[])
}

fn indexes(scene: &Scene) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(scene.path("cache/ntfsclone")) else {
        return Vec::new();
    };
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// In the folder of the scene; its time is that of its last use.
fn index_name(scene: &Scene) -> String {
    let path = indexes(scene).remove(0);
    let name = path.file_name().unwrap().to_string_lossy();
    format!("cache/ntfsclone/{name}")
}

const MAKING: &str = "Making an index of volume.gz, with which it can be read here and there\n";

#[test]
fn index_is_made_once_and_gives_the_same_image() {
    let scene = scene();
    scene.run("-s -o expected volume").wrote(&["expected"]);
    run(&scene, "-s -o first volume.gz").reported(MAKING);
    assert_eq!(indexes(&scene).len(), 1);
    let second = run(&scene, "-s -o second volume.gz");
    second.wrote(&["second", &index_name(&scene)]);
    assert!(!String::from_utf8_lossy(second.stdout()).contains(MAKING));
    for name in ["first", "second"] {
        assert!(scene.read(name) == scene.read("expected"), "{name}");
    }
}

#[test]
fn index_of_a_file_that_changed_is_made_again() {
    let scene = scene();
    run(&scene, "-s -o first volume.gz").reported(MAKING);
    let mut stream = scene.read("volume.gz");
    // The name of the operating system in the header of the first member.
    stream[9] ^= 1;
    scene.write("volume.gz", stream);
    run(&scene, "-s -o second volume.gz").reported(MAKING);
    assert!(scene.read("first") == scene.read("second"));
}

#[test]
fn damaged_index_is_made_again() {
    let scene = scene();
    run(&scene, "-s -o first volume.gz").reported(MAKING);
    let path = indexes(&scene).remove(0);
    let mut index = fs::read(&path).unwrap();
    index[100] ^= 1;
    fs::write(&path, index).unwrap();
    run(&scene, "-s -o second volume.gz").reported(MAKING);
    assert!(scene.read("first") == scene.read("second"));
}

#[test]
fn index_of_every_format_gives_the_same_image() {
    let scene = scene();
    let bytes = scene.read("volume");
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&bytes).unwrap();
    let mut xz = liblzma::stream::MtStreamBuilder::new();
    let xz = xz
        .threads(1)
        .preset(0)
        .block_size(4 << 20)
        .encoder()
        .unwrap();
    let mut xz = liblzma::write::XzEncoder::new_stream(Vec::new(), xz);
    xz.write_all(&bytes).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(&bytes).unwrap();
    // One frame, as Clonezilla makes it.
    let zstd = zstd::encode_all(&bytes[..], 1).unwrap();
    let frames = bytes.chunks(5 << 20);
    let frames = frames.flat_map(|frame| zstd::encode_all(frame, 1).unwrap());
    let streams = [
        ("bz2", bzip2.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("zst", zstd),
        ("frames", frames.collect()),
    ];
    scene.run("-s -o expected volume").wrote(&["expected"]);
    for (extension, stream) in streams {
        scene.write(&format!("volume.{extension}"), stream);
        let making = format!(
            "Making an index of volume.{extension}, with which it can be read here and there\n"
        );
        let made = run(&scene, &format!("-s -o {extension} volume.{extension}"));
        made.reported(&making);
        let again = run(&scene, &format!("-s -O {extension} volume.{extension}"));
        assert!(!String::from_utf8_lossy(again.stdout()).contains(&making));
        assert!(
            scene.read(extension) == scene.read("expected"),
            "{extension}"
        );
    }
    assert_eq!(indexes(&scene).len(), 5);
}

/// What standard output of `ls` is, whatever the volume is read from.
fn listed(scene: &Scene) -> Vec<u8> {
    run(scene, "ls -R volume").stdout().to_vec()
}

const STALE: &str =
    "warning: volume.gz.index is not the index of the file as it is now; it is not used";

#[test]
fn index_is_kept_beside_the_file_and_found_there() {
    let scene = scene();
    let expected = listed(&scene);
    let first = run(&scene, "ls -R --index volume.gz");
    first.changed_only(&["volume.gz.index"]);
    assert!(first.stdout() == expected);
    assert!(first.errors().contains(MAKING.trim_end()));
    let second = run(&scene, "ls -R volume.gz");
    second.wrote(&[]);
    assert!(second.stdout() == expected);
    assert!(indexes(&scene).is_empty());
}

#[test]
fn index_is_kept_in_the_file_that_is_named() {
    let scene = scene();
    let expected = listed(&scene);
    run(&scene, "ls -R volume.gz").changed_only(&["cache/ntfsclone", &index_name(&scene)]);
    // Copied from the cache.
    let named = run(&scene, "ls -R --index=kept volume.gz");
    assert!(named.errors().is_empty(), "{}", named.errors());
    assert!(named.stdout() == expected && scene.path("kept").is_file());
    fs::remove_dir_all(scene.path("cache/ntfsclone")).unwrap();
    let again = run(&scene, "ls -R --index=kept volume.gz");
    again.wrote(&[]);
    assert!(again.stdout() == expected);
}

#[test]
fn index_of_a_file_that_changed_is_replaced() {
    let scene = scene();
    let expected = listed(&scene);
    run(&scene, "ls --index volume.gz").changed_only(&["volume.gz.index"]);
    let mut stream = scene.read("volume.gz");
    stream[9] ^= 1;
    scene.write("volume.gz", stream);
    let other = run(&scene, "info volume.gz");
    assert!(other.errors().contains(STALE), "{}", other.errors());
    let replaced = run(&scene, "ls -R --index volume.gz");
    replaced.changed_only(&["volume.gz.index"]);
    assert!(replaced.errors().contains(STALE) && replaced.stdout() == expected);
    run(&scene, "ls volume.gz").wrote(&[]);
}

/// Its bytes may be those of another file in the middle, which size and ends do not show.
#[test]
fn index_that_is_older_than_the_file_is_not_used() {
    let scene = scene();
    run(&scene, "ls --index volume.gz").changed_only(&["volume.gz.index"]);
    let index = fs::File::options()
        .append(true)
        .open(scene.path("volume.gz.index"));
    let volume = fs::metadata(scene.path("volume.gz")).unwrap();
    let before = volume.modified().unwrap() - std::time::Duration::from_secs(1);
    index.unwrap().set_modified(before).unwrap();
    let warned = run(&scene, "ls volume.gz");
    assert!(warned.errors().contains(STALE), "{}", warned.errors());
}

#[test]
fn index_that_cannot_be_beside_the_file_is_kept_in_the_cache_folder() {
    let scene = scene();
    let kept = run(&scene, "ls --index=missing/index volume.gz");
    assert_eq!(kept.code(), Some(0));
    let warning = "the index cannot be written to missing/index: ";
    assert!(kept.errors().contains(warning), "{}", kept.errors());
    assert_eq!(indexes(&scene).len(), 1);
    let stream = scene.read("volume.gz");
    let (first, second) = stream.split_at(stream.len() / 2);
    scene.write("pieces.aa", first);
    scene.write("pieces.ab", second);
    let kept = run(&scene, "ls --index pieces.aa");
    assert!(
        kept.errors()
            .contains("nothing is kept beside a file in pieces")
    );
    assert_eq!(indexes(&scene).len(), 2);
}

#[test]
fn other_files_are_not_replaced_by_an_index() {
    let scene = scene();
    for name in ["volume.gz", "volume"] {
        run(&scene, &format!("ls --index={name} volume.gz")).refused(
            &format!(
                "{name}: is not an index of a compressed file, and the index would take its place"
            ),
            "move it away, or name another file: --index=FILE",
        );
    }
}

#[test]
fn verify_leaves_an_index_and_info_uses_it() {
    let scene = scene();
    let unknown = run(&scene, "info volume.gz");
    unknown.reported("volume.gz (gzip)");
    assert!(indexes(&scene).is_empty());
    // There is no place for a temporary file.
    let verified = run(&scene, "verify --deep volume.gz");
    assert_eq!(verified.code(), Some(0), "{}", verified.errors());
    assert_eq!(indexes(&scene).len(), 1);
    let known = run(&scene, "info volume.gz");
    known.wrote(&[&index_name(&scene)]);
    known.reported("Volume: NTFS");
    let mut damaged = scene.read("volume.gz");
    // The checksum of the last member, which no block depends on.
    let checksum = damaged.len() - 8;
    damaged[checksum] ^= 1;
    scene.write("volume.gz", damaged);
    let verified = scene.run("verify volume.gz");
    assert_eq!(verified.code(), Some(1));
}
