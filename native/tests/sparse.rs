//! `--sparse`: clusters in use that hold only zeros take no room, and nothing else changes.

use crate::support::{
    scene::{Outcome, Scene, error_text},
    small_volume::{builder, clone_of, image_of},
};
use ntfs_volume_builder::{FileData, Volume, pattern};
use std::{fs, os::unix::fs::MetadataExt};

const ZEROS: usize = 4 << 20;

/// With a file of zeros, one that ends in zeros, and one where they come and go.
fn volume(cluster_size: u32) -> Volume {
    let mut ends_in_zeros = pattern(1, 1 << 20);
    ends_in_zeros.resize(2 << 20, 0);
    let mut here_and_there = vec![0; 1 << 20];
    for at in (0..here_and_there.len()).step_by(3 * 4096) {
        here_and_there[at] = 1;
        here_and_there[at + 4095] = 1;
    }
    builder()
        .cluster_size(cluster_size)
        .clusters((16 << 20) / u64::from(cluster_size))
        .file("zeros.bin", FileData::Bytes(vec![0; ZEROS]))
        .file("ends.bin", FileData::Bytes(ends_in_zeros))
        .file("here.bin", FileData::Bytes(here_and_there))
        .build()
}

fn room(scene: &Scene, name: &str) -> u64 {
    fs::metadata(scene.path(name))
        .expect("it is there")
        .blocks()
        * 512
}

fn report(outcome: &Outcome) -> String {
    String::from_utf8_lossy(outcome.stdout()).into_owned()
}

#[test]
fn zeros_take_no_room() {
    for cluster_size in [512, 4096, 8192] {
        let volume = volume(cluster_size);
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        let clone = clone_of(&volume);
        let used = volume.used_clusters().count() as u64 * u64::from(cluster_size);
        for (line, source) in [("", "volume"), ("-r", "image")] {
            // Larger, so that something would show through.
            scene.write("old", vec![0xA5; clone.len() + (1 << 20)]);
            scene
                .run(&format!("{line} --reflink=never -o plain {source}"))
                .wrote(&["plain"]);
            let without = room(&scene, "plain");
            assert!(without >= used, "{without} of {used}");
            for (option, out) in [("-o", "out"), ("-O", "old"), ("--in-place -O", "old")] {
                let what = format!("{line} {option}, clusters of {cluster_size}");
                let outcome = scene.run(&format!("{line} --sparse {option} {out} {source}"));
                outcome.wrote(&[out]);
                assert!(scene.read(out) == clone, "{what}: other bytes");
                let saved = without.saturating_sub(room(&scene, out));
                assert!(saved >= ZEROS as u64 + (1 << 19), "{what}: saved {saved}");
                let report = report(&outcome);
                assert!(report.contains("of it zeros left as holes, in"), "{report}");
            }
            for name in ["plain", "out"] {
                scene.remove(name);
            }
        }
    }
}

/// An image that jumps back may have zeros where it had something else before.
#[test]
fn zeros_are_written_over_what_is_there() {
    let volume = builder().build();
    let mut image = image_of(&volume)[..56].to_vec();
    let mut position = 0;
    let data = |byte: u8| vec![byte; 4096];
    for (cluster, bytes) in [
        (5_u64, data(1)),
        (6, data(2)),
        (5, data(0)),
        (9, data(0)),
        (9, data(3)),
        (512, vec![4; 512]),
    ] {
        let gap = cluster.wrapping_sub(position);
        if gap != 0 {
            image.push(0);
            image.extend(gap.to_le_bytes());
        }
        image.push(1);
        image.extend(bytes);
        position = cluster + 1;
    }
    let scene = Scene::new();
    scene.write("image", &image);
    scene.run("-r -o plain image").wrote(&["plain"]);
    scene.run("-r --sparse -o out image").wrote(&["out"]);
    let out = scene.read("out");
    assert!(out[5 * 4096..6 * 4096] == data(0), "zeros left out");
    assert!(out == scene.read("plain"));
}

/// The copy of nothing but metadata, in any order.
#[test]
fn metadata() {
    let scene = Scene::with_volume(&volume(4096).bytes);
    scene.run("-m -o plain volume").wrote(&["plain"]);
    scene.run("-m --sparse -o out volume").wrote(&["out"]);
    assert!(scene.read("out") == scene.read("plain"));
}

#[test]
fn goes_with_files_only() {
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let message = "a stream takes every byte; --sparse and --discard have no meaning there";
    for line in ["-O /dev/null volume", "-r -O /dev/null image"] {
        let outcome = scene.run(&format!("--sparse {line}"));
        outcome.failed(2, &error_text(message, "try ntfsclone --help"));
    }
}
