//! Checksums and indexes beside an output that describe what it held before.

use crate::support::{
    scene::Scene,
    small_volume::{self, DAMAGED, cut_error, image_of, volume},
    verify_report::{codes as codes_of, report},
};
use std::{
    fs,
    time::{Duration, SystemTime},
};

fn scene() -> Scene {
    let scene = Scene::with_volume(&volume().bytes);
    scene.write("image", image_of(&volume()));
    scene
}

/// Of whatever was there: not of the new file.
fn line(name: &str) -> String {
    format!("{}  {name}\n", "ab".repeat(32))
}

/// An index, as far as its first bytes go.
const INDEX: &[u8] = b"\x5D\x2A\x4D\x18\x10\0\0\0ntfsclnz\x01\0\0\0";

const OUTDATED: [&str; 3] = ["old.b3", "old.sha256", "old.index"];

fn write_old(scene: &Scene, name: &str) {
    scene.write(name, vec![0xA5; 20 << 20]);
    scene.write(&format!("{name}.b3"), line(name));
    scene.write(&format!("{name}.sha256"), line(name));
    scene.write(&format!("{name}.index"), INDEX);
}

fn check_none_beside(scene: &Scene, name: &str) {
    let names = fs::read_dir(scene.path(".")).expect("it is there");
    let names = names.map(|entry| entry.expect("it is there").file_name());
    let names: Vec<_> = names
        .filter(|found| found.to_string_lossy().contains(name))
        .collect();
    assert_eq!(names, [name]);
}

#[test]
fn replaced_file_loses_what_described_it() {
    let scene = scene();
    for line in [
        "-O old volume",
        "--in-place -O old volume",
        "-s -O old volume",
        "-s --in-place -O old volume",
        "-s --compress -O old volume",
        "-m -s -O old volume",
        "-r -O old image",
        "-r --in-place -O old image",
        "--rescue -s -O old volume",
    ] {
        write_old(&scene, "old");
        let outcome = scene.run(&format!("-q {line}"));
        assert_eq!(
            (outcome.code(), outcome.errors().as_str()),
            (Some(0), ""),
            "{line}"
        );
        check_none_beside(&scene, "old");
    }
}

/// What was made of a finished rescue stays true while nothing is written.
#[test]
fn continued_rescue_removes_what_described_the_output_when_it_writes() {
    let scene = scene();
    scene
        .run("-q --rescue --mapfile map -o out volume")
        .wrote(&["map", "out"]);
    scene.write("out.b3", line("out"));
    let again = "-q --rescue --mapfile map -O out volume";
    assert_eq!(scene.run(again).code(), Some(0));
    assert!(scene.path("out.b3").exists());
    let map = String::from_utf8(scene.read("map")).expect("it is text");
    scene.write("map", map.replace("+\n", "?\n"));
    assert_eq!(scene.run(again).code(), Some(0));
    check_none_beside(&scene, "out");
}

#[test]
fn pieces_lose_what_described_them() {
    let scene = scene();
    write_old(&scene, "old.aa");
    let outcome = scene.run("-q -s --split=8M -O old volume");
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    check_none_beside(&scene, "old.aa");
}

#[test]
fn another_kind_of_checksum_is_removed_too() {
    let scene = scene();
    write_old(&scene, "old");
    let outcome = scene.run("-q -s --checksum -O old volume");
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    assert!(!scene.path("old.sha256").exists());
    assert_eq!(scene.run("verify old").code(), Some(0));
}

/// Beside the link and beside the file that it names.
#[test]
fn what_is_beside_a_link_and_its_file_is_removed() {
    let scene = scene();
    write_old(&scene, "old");
    std::os::unix::fs::symlink("old", scene.path("link")).expect("there is room");
    scene.write("link.b3", line("link"));
    let outcome = scene.run("-q -s -O link volume");
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    check_none_beside(&scene, "old");
    check_none_beside(&scene, "link");
}

#[test]
fn failure_leaves_what_describes_the_file_that_stays() {
    let scene = small_volume::scene();
    write_old(&scene, "old");
    let error = cut_error(&scene, "cut");
    scene.run("-r -O old cut").refused(&error, DAMAGED);
    let sums = line("old").into_bytes();
    let expected = [&sums[..], &sums, INDEX];
    for (name, expected) in OUTDATED.into_iter().zip(expected) {
        assert_eq!(scene.read(name), expected, "{name}");
    }
}

#[test]
fn lists_of_several_files_and_other_files_stay() {
    let scene = scene();
    scene.write("old", b"what was there before");
    let list = format!("{}{}", line("other"), line("old"));
    scene.write("old.sha256", &list);
    scene.write("old.b3", b"no checksum");
    scene.write("old.index", b"no index of ours");
    let outcome = scene.run("-q -s -O old volume");
    assert_eq!(outcome.code(), Some(0));
    let errors = outcome.errors();
    assert!(
        errors.contains("old.sha256: its checksum of old is that of the file that was replaced"),
        "{errors}"
    );
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert_eq!(scene.read("old.sha256"), list.as_bytes());
    assert_eq!(scene.read("old.b3"), b"no checksum");
    assert_eq!(scene.read("old.index"), b"no index of ours");
}

#[test]
fn new_file_beside_a_checksum_of_an_earlier_one_is_refused() {
    let scene = scene();
    let remedy = "remove it, give another name, or use --overwrite, which removes it";
    for (name, content, what) in [
        ("out.b3", line("out").into_bytes(), "the checksum"),
        ("out.sha256", line("out").into_bytes(), "the checksum"),
        ("out.index", INDEX.to_vec(), "the index"),
    ] {
        scene.write(name, content);
        let found =
            format!("{name}: is {what} of an earlier file out, and would be wrong for the new one");
        for line in ["-o out volume", "-s -o out volume", "-r -o out image"] {
            scene.run(line).refused(&found, remedy);
        }
        let outcome = scene.run("-q -s -O out volume");
        assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
        check_none_beside(&scene, "out");
        scene.remove("out");
    }
}

/// It is not called damage of an image whose own checksums are right, and not sound either.
#[test]
fn checksum_older_than_the_file_is_called_that() {
    let scene = scene();
    scene.run("-q -s --compress -o own volume").wrote(&["own"]);
    let mut damaged = scene.read("own");
    damaged[100] ^= 1;
    scene.write("damaged", damaged);
    for (name, age, codes) in [
        ("image", 0, &["checksum"][..]),
        ("image", 3600, &["checksum"]),
        ("own", 0, &["checksum"]),
        ("own", 3600, &["checksum-outdated"]),
        ("damaged", 3600, &["frame-damaged", "checksum"]),
    ] {
        let sums = format!("{name}.b3");
        scene.write(&sums, line(name));
        let written = SystemTime::now() - Duration::from_secs(age);
        let sidecar = fs::File::options().write(true).open(scene.path(&sums));
        let set = sidecar.expect("it is there").set_modified(written);
        set.expect("it can be set");
        let (status, report) = report(&scene, name);
        assert_eq!(status, 1, "{report}");
        let found = codes_of(&report);
        assert!(
            codes.iter().all(|code| found.contains(code)),
            "{name}: {report}"
        );
        let is_outdated = codes.contains(&"checksum-outdated");
        assert_eq!(
            found.contains(&"checksum-outdated"),
            is_outdated,
            "{report}"
        );
        let outcome = scene.run(&format!("verify {name}"));
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        assert_eq!(
            text.contains("and is older than the file"),
            age > 0,
            "{text}"
        );
    }
    let outcome = scene.run("-r -o out own");
    assert_eq!(outcome.code(), Some(1));
    let errors = outcome.errors();
    assert!(errors.contains("own.b3 is older than the file"), "{errors}");
}
