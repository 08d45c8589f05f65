//! `--restore-image --rescue`: what there is of a damaged image is restored, what is missing is marked and named.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    requirements::met_here,
    scene::{Outcome, Scene, warning_text},
    small_volume::{DAMAGED, builder, clone_of, ends_after, image_of, volume},
    wrapped::gzip,
};
use ntfs_volume_builder::{FileData, Volume, pattern};
use std::ops::Range;

/// What `--report` wrote: what is missing, and the files that lack something.
fn report(scene: &Scene) -> (Vec<Range<usize>>, Vec<String>) {
    let bytes = scene.read("report");
    scene.remove("report");
    let report: serde_json::Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let number = |value: &serde_json::Value| value.as_u64().expect("a number") as usize;
    let areas = report["areas"].as_array().expect("a list").iter();
    let areas: Vec<Range<usize>> = areas
        .map(|area| {
            let start = number(&area["offset"]);
            start..start + number(&area["length"])
        })
        .collect();
    let files = report["files"].as_array().expect("a list").iter();
    let files = files.map(|file| file["path"].as_str().expect("a path").to_owned());
    assert_eq!(
        number(&report["bytes"]),
        areas
            .iter()
            .map(|area| area.end - area.start)
            .sum::<usize>()
    );
    (areas, files.collect())
}

/// The restored volume is the sound one but for marks in `areas`, all of them.
fn check_marks(found: &[u8], areas: &[Range<usize>], what: &str) {
    let mut expected = clone_of(&volume());
    for at in areas.iter().flat_map(Clone::clone) {
        expected[at] = *b"BadSectoR\0".get(at % 512).unwrap_or(&b'?');
    }
    assert_eq!(found.len(), expected.len(), "{what}");
    if let Some(at) = (0..found.len()).find(|&at| found[at] != expected[at]) {
        panic!(
            "{what}: byte {at:#x} is {:#x}; missing: {areas:x?}",
            found[at]
        );
    }
}

/// Restores `name` to a file, which lacks no more than `most` bytes. Returns the files named.
fn rescued(scene: &Scene, name: &str, most: usize) -> (Outcome, Vec<String>) {
    let outcome = scene.run(&format!("-q -r --rescue --report report -o out {name}"));
    assert_eq!(outcome.code(), Some(3), "{name}: {}", outcome.errors());
    let (areas, files) = report(scene);
    check_marks(&scene.read("out"), &areas, name);
    scene.remove("out");
    let missing: usize = areas.iter().map(|area| area.end - area.start).sum();
    assert!(0 < missing && missing <= most, "{name}: {missing} bytes");
    (outcome, files)
}

/// Where content of a file stands in the image.
fn in_a_file(image: &[u8]) -> usize {
    image.len() * 9 / 10
}

#[test]
fn a_cut_image_is_restored_up_to_the_cut() {
    let image = image_of(&volume());
    let scene = Scene::new();
    for length in [image.len() - 1, in_a_file(&image), image.len() / 2] {
        let cut = &image[..length];
        scene.write("cut", cut);
        scene.write("cut.gz", gzip(cut));
        scene.write("x.aa", &cut[..20_000]);
        scene.write("x.ab", &cut[20_000..]);
        for name in ["cut", "cut.gz", "x.aa"] {
            let most = image.len() - length;
            let (outcome, files) = rescued(&scene, name, most);
            // The tail is no file's.
            assert_eq!(files.is_empty(), length == image.len() - 1, "{files:?}");
            let damage = format!("{name}: {}", ends_after(length));
            assert!(
                outcome.errors().contains(&warning_text(&damage)),
                "{}",
                outcome.errors()
            );
            // Without it, nothing.
            let refused = scene.run(&format!("-r -o out {name}"));
            assert_eq!(refused.code(), Some(1));
            refused.changed_only(&[]);
            assert!(refused.errors().ends_with(&format!("{DAMAGED}\n")));
            // And a check says the same, and writes nothing.
            let checked = scene.run(&format!("-n -r --rescue {name}"));
            assert_eq!(checked.code(), Some(3));
            checked.changed_only(&[]);
        }
    }
}

#[test]
fn of_a_compressed_stream_that_is_cut_all_is_there_that_comes_out() {
    let image = image_of(&volume());
    let scene = Scene::new();
    let stream = gzip(&image);
    scene.write("image.gz", &stream[..stream.len() * 4 / 5]);
    let outcome = scene.run("-q -r --rescue --report report -o out image.gz");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    let (areas, files) = report(&scene);
    check_marks(&scene.read("out"), &areas, "image.gz");
    assert!(!files.is_empty());
    // From a pipe as well.
    let input = scene.read("image.gz");
    let outcome = scene.run_with_input("-q -r --rescue -o out2 -", &input);
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    assert!(scene.read("out2") == scene.read("out"));
}

#[test]
fn bitmap_reports_which_missing_clusters_of_a_volume_are_free() {
    let volume = clone_of(&volume());
    let scene = Scene::new();
    scene.write("volume.gz", gzip(&volume[..volume.len() * 4 / 5]));
    let outcome = scene.run("-q -r --rescue -o out volume.gz");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    let errors = outcome.errors();
    assert!(!errors.contains("whether they are in use"), "{errors}");
}

#[test]
fn what_is_in_other_pieces_than_a_missing_one_is_found() {
    let image = image_of(&volume());
    let scene = Scene::new();
    scene.write("x.aa", &image[..200_000]);
    scene.write("x.ab", "");
    scene.write("x.ac", &image[240_000..]);
    let outcome = scene.run("-q -r --rescue --report report -o out x.aa");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    let (areas, _) = report(&scene);
    let found = scene.read("out");
    for (at, byte) in clone_of(&volume()).into_iter().enumerate() {
        let is_missing = areas.iter().any(|area| area.contains(&at));
        assert!(found[at] == byte || is_missing, "{at:#x}: {areas:x?}");
    }
    let missing: usize = areas.iter().map(|area| area.end - area.start).sum();
    assert!(missing <= 40_000 + 2 * 4097, "{missing}");
}

#[test]
fn damaged_commands_are_passed_over() {
    let image = image_of(&volume());
    let scene = Scene::new();
    // Of a cluster and of a gap.
    let first_gap = (56..)
        .step_by(4097)
        .find(|&at| image[at] == 0)
        .expect("there is one");
    for (at, byte, code) in [
        (56 + 4097, 0xFF, 3),
        (first_gap, 7, 0),
        (first_gap + 1, 0xEE, 0),
    ] {
        let mut bad = image.clone();
        bad[at] = byte;
        scene.write("image", &bad);
        let outcome = scene.run("-q -r --rescue -o out image");
        assert_eq!(outcome.code(), Some(code), "{at:#x}: {}", outcome.errors());
        assert!(scene.read("out") == clone_of(&volume()), "{at:#x}");
        scene.remove("out");
    }
}

/// Frames of 4 MiB of content each: 5 of them.
fn large() -> Volume {
    builder()
        .clusters(12_000)
        .file("large.bin", FileData::Bytes(pattern(3, 16 << 20)))
        .build()
}

#[test]
fn a_damaged_frame_costs_what_is_in_it() {
    let volume = large();
    let scene = Scene::with_volume(&volume.bytes);
    let whole = clone_of(&volume);
    for form in ["-s", ""] {
        scene
            .run(&format!("-q {form} --compress -o x volume"))
            .wrote(&["x"]);
        let mut bytes = scene.read("x");
        let middle = bytes.len() / 2;
        for byte in &mut bytes[middle..middle + 8] {
            *byte ^= 0x55;
        }
        scene.write("x", &bytes);
        let outcome = scene.run("-q -r --rescue --report report -o out x");
        assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
        let (areas, files) = report(&scene);
        assert_eq!(files, ["/large.bin"], "{form}: {}", outcome.errors());
        let missing: usize = areas.iter().map(|area| area.end - area.start).sum();
        assert!(missing <= 4 << 20, "{form}: {missing}");
        let found = scene.read("out");
        let is_missing = |at: usize| areas.iter().any(|area| area.contains(&at));
        for (at, byte) in found.iter().enumerate() {
            assert!(*byte == whole[at] || is_missing(at), "{form}: {at:#x}");
        }
        for area in &areas {
            let sector = area.start.next_multiple_of(512);
            assert!(found[sector..].starts_with(b"BadSectoR\0"), "{form}");
        }
        for name in ["x", "out"] {
            scene.remove(name);
        }
    }
}

#[test]
fn of_a_sound_image_all_is_restored() {
    let image = image_of(&volume());
    let scene = Scene::new();
    scene.write("image", &image);
    scene.write("image.gz", gzip(&image));
    for name in ["image", "image.gz"] {
        for line in ["-r --rescue -o out", "-r --rescue --in-place -O out"] {
            scene.run(&format!("-q {line} {name}")).wrote(&["out"]);
            assert!(scene.read("out") == clone_of(&volume()), "{line} {name}");
        }
        scene.remove("out");
    }
    // That some byte is wrong, the checksum tells; all is restored that is there.
    let mut wrong = image.clone();
    let at = in_a_file(&image);
    wrong[at] ^= 1;
    scene.write("image", &wrong);
    scene.write("image.b3", format!("{}  image\n", blake3::hash(&image)));
    let outcome = scene.run("-q -r --rescue -o out image");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    assert!(outcome.errors().contains("some bytes are wrong"));
    let differing = scene.read("out");
    let differing = differing.iter().zip(clone_of(&volume()));
    assert_eq!(differing.filter(|(a, b)| **a != *b).count(), 1);
}

#[test]
fn an_unreadable_page_costs_itself() {
    if !met_here(FAILING_DEVICES) {
        return;
    }
    let image = image_of(&volume());
    let scene = Scene::new();
    // A device has whole sectors, and the image ends within the last one.
    let mut bytes = image.clone();
    bytes.resize(image.len().next_multiple_of(4096), 0);
    scene.write("image", &bytes);
    let pages = bytes.len() as u64 / 4096;
    for page in [1, pages / 3, pages / 2, pages - 10] {
        let bad = page * 4096..(page + 1) * 4096;
        let device = FailingDevice::new(&scene.path("image"), &[bad]);
        let name = device.path().display().to_string();
        rescued(&scene, &name, 4096);
        let refused = scene.run(&format!("-q -r -o out {name}"));
        assert_eq!(refused.code(), Some(1), "{}", refused.errors());
        assert!(
            refused.errors().contains("--rescue"),
            "{}",
            refused.errors()
        );
        refused.changed_only(&[]);
    }
}
