//! `--split`: what is written in pieces.

use crate::support::{
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{clone_of, image_of, volume},
};
use std::process::Command;

const SIZE: usize = 64 << 10;

/// The names of `count` pieces, with a suffix of a checksum each.
fn names(base: &str, count: usize, suffix: &str) -> Vec<String> {
    let letters = ('a'..='z').take(count);
    letters
        .map(|letter| format!("{base}.a{letter}{suffix}"))
        .collect()
}

fn read_all(scene: &Scene, names: &[String]) -> Vec<u8> {
    names.iter().flat_map(|name| scene.read(name)).collect()
}

#[test]
fn pieces_are_those_of_split() {
    let volume = volume();
    let image = image_of(&volume);
    let scene = Scene::with_volume(&volume.bytes);
    let count = image.len().div_ceil(SIZE);
    let pieces = names("x", count, "");
    let written: Vec<&str> = pieces.iter().map(String::as_str).collect();
    for size in ["--split=64K", "--split 65536", "--split=64KiB"] {
        let outcome = scene.run(&format!("-s {size} -o x volume"));
        outcome.wrote(&written);
        outcome.reported(&format!(" in {count} pieces in "));
        for (piece, expected) in pieces.iter().zip(image.chunks(SIZE)) {
            assert!(scene.read(piece) == expected, "{piece}");
        }
        // All that reads takes them as one.
        for name in ["x", "x.aa"] {
            scene.run(&format!("-r -n {name}")).wrote(&[]);
            scene.run(&format!("-r -o out {name}")).wrote(&["out"]);
            assert!(scene.read("out") == clone_of(&volume));
            scene.remove("out");
        }
        assert_eq!(scene.run("verify x --against volume").code(), Some(0));
        pieces.iter().for_each(|piece| scene.remove(piece));
    }
}

#[test]
fn compressed_pieces_are_one_file() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    for (line, expected) in [
        ("-s --compress", image_of(&volume)),
        ("--compress=1", clone_of(&volume)),
    ] {
        scene
            .run(&format!("{line} -o whole volume"))
            .wrote(&["whole"]);
        let count = scene.read("whole").len().div_ceil(SIZE);
        assert!(count > 1, "it is too small");
        let pieces = names("x", count, "");
        let written: Vec<&str> = pieces.iter().map(String::as_str).collect();
        scene
            .run(&format!("{line} --split=64K -o x volume"))
            .wrote(&written);
        let decoded = zstd::decode_all(&read_all(&scene, &pieces)[..]).expect("it is zstd");
        assert!(decoded == expected, "{line}");
        assert_eq!(scene.run("verify x").code(), Some(0));
        scene.remove("whole");
        pieces.iter().for_each(|piece| scene.remove(piece));
    }
}

#[test]
fn each_piece_has_its_checksum() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let count = image_of(&volume).len().div_ceil(SIZE);
    for (line, suffix, tool) in [
        ("--checksum", ".b3", Need::Tool("b3sum")),
        ("--checksum=sha256", ".sha256", Need::Tool("sha256sum")),
    ] {
        let pieces = [names("x", count, ""), names("x", count, suffix)].concat();
        let written: Vec<&str> = pieces.iter().map(String::as_str).collect();
        scene
            .run(&format!("-s {line} --split=64K -o x volume"))
            .wrote(&written);
        if met_here(&[tool]) {
            let program = if suffix == ".b3" {
                "b3sum"
            } else {
                "sha256sum"
            };
            let mut command = Command::new(program);
            command.arg("-c").args(&pieces[count..]);
            let output = command.current_dir(scene.path(".")).output();
            assert!(output.expect("it starts").status.success(), "{program}");
        }
        // And is compared where it is read.
        scene
            .run("verify x")
            .reported(&format!("Checksums looked at: {}\n", &suffix[1..]));
        scene.run("-r -n x").wrote(&[]);
        let mut other = scene.read("x.ac");
        other[1000] ^= 1;
        scene.write("x.ac", other);
        let outcome = scene.run("-r -o out x");
        assert_eq!(outcome.code(), Some(1));
        outcome.changed_only(&[]);
        assert!(
            outcome.errors().contains(&format!("x.ac{suffix} says")),
            "{}",
            outcome.errors()
        );
        pieces.iter().for_each(|piece| scene.remove(piece));
    }
}

#[test]
fn nothing_is_overwritten_without_leave() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let count = image_of(&volume).len().div_ceil(SIZE);
    for name in ["x.aa", "x.ab", "x.ac"] {
        scene.write(name, "mine");
        scene.run("-s --split=64K -o x volume").refused(
            &format!("{name}: exists already"),
            "--output never overwrites; give another name, or use --overwrite",
        );
        scene.remove(name);
    }
    // It would be read in place of the pieces.
    scene.write("x", "mine");
    for line in ["-o", "-O"] {
        scene
            .run(&format!("-s --split=64K {line} x volume"))
            .refused(
                "x: exists already, and would be read in place of the pieces",
                "--split writes files beside it, named FILE.aa, FILE.ab, ...; give another name",
            );
    }
    scene.remove("x");

    // With leave, nothing of an earlier set is left, which would be read as more.
    let pieces = names("x", count + 2, "");
    for piece in &pieces {
        scene.write(piece, "old");
        let hash = blake3::hash(b"old");
        scene.write(&format!("{piece}.b3"), format!("{hash}  {piece}\n"));
    }
    let outcome = scene.run("-s --split=64K -O x volume");
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    for piece in &pieces[count..] {
        assert!(!scene.path(piece).exists(), "{piece}");
    }
    for piece in &pieces {
        assert!(!scene.path(&format!("{piece}.b3")).exists(), "{piece}");
    }
    assert_eq!(scene.run("verify x --against volume").code(), Some(0));
    // No part is left.
    let left = std::fs::read_dir(scene.path(".")).expect("it is there");
    assert_eq!(left.count(), count + 1);
}

/// What is read may be in pieces of the same name.
#[test]
fn the_source_is_not_replaced() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    for (index, piece) in volume.bytes.chunks(300_001).enumerate() {
        scene.write(&format!("x.a{}", (b'a' + index as u8) as char), piece);
    }
    let outcome = scene.run("-s --split=64K -O x x.aa");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
}

/// Too little room, a failure while they are named: nothing has a final name.
#[test]
fn pieces_appear_together() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    // The last piece cannot have its name.
    let count = image_of(&volume).len().div_ceil(SIZE);
    let last = names("x", count, "").pop().expect("there are some");
    std::fs::create_dir(scene.path(&last)).expect("it can be made");
    let outcome = scene.run("-s --split=64K -o x volume");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
    std::fs::write(scene.path(&format!("{last}/file")), "").expect("it can be written");
    let outcome = scene.run("-s --split=64K -O x volume");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
}
