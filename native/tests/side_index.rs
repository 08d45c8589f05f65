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
    let frames = bytes.chunks(5 << 20);
    let zstd = frames.flat_map(|frame| zstd::encode_all(frame, 1).unwrap());
    let streams = [
        ("bz2", bzip2.finish().unwrap()),
        ("xz", xz.finish().unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("zst", zstd.collect()),
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
    assert_eq!(indexes(&scene).len(), 4);
}
