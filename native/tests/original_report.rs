//! The report of the original, line by line: the same in the same order on the same stream, with lines of ours between.

use crate::support::{
    failing_device::{FAILING_DEVICES, FailingDevice},
    program::{Program, call, finish_with_input, ours, reference},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, image_of},
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, pattern};
use std::process::Output;

/// How lines of ours begin. None of the original's does.
const OURS: &[&str] = &[
    "Volume: ",
    "Image: ",
    "Source: ",
    "Sectors: ",
    "In use: ",
    "Saved ",
    "Cloned ",
    "Restored ",
    "Rescued ",
    "Checked ",
    "Wiped: ",
    "Still in it",
    "  ",
    "ntfsclone: ",
];

/// What the original does with a volume, and with an image in `image`.
const MODES: &[&str] = &[
    "-o out volume",
    "-O out volume",
    "-s -o out volume",
    "-q -o out volume",
    "-q -s -o out volume",
    "--rescue -o out volume",
    "--rescue -s -o out volume",
    "--new-serial -o out volume",
    "--new-half-serial -o out volume",
    "-m -o out volume",
    "-m -t -o out volume",
    "-m --full-logfile -o out volume",
    "-q -m -o out volume",
    "-m -s -o out volume",
    "-m -s -t -o out volume",
    "-o - volume",
    "-s -o - volume",
    "-s -O - volume",
    "-m -s -o - volume",
    "--rescue -s -o - volume",
    "-r -o out image",
    "-r -O out image",
    "-r -o out -",
    "-r -q -o out image",
    "-r --new-serial -o out image",
    "-r -o - image",
    "-n -r image",
    "-n -q -r image",
    "-n -r -",
];

/// What a program printed, as lines, percent as one of them, in their form.
fn lines(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = Vec::new();
    let mut least = 0.0;
    for line in text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
        if OURS.iter().any(|start| line.starts_with(start)) && !line.contains(" percent ") {
            continue;
        }
        let Some(number) = line.strip_suffix(" percent completed") else {
            least = 0.0;
            lines.push(without_what_varies(line));
            continue;
        };
        let percent: f64 = number.trim().parse().expect("a number");
        assert_eq!(number, format!("{percent:6.2}"), "the form of percent");
        assert!(
            (least..=100.0).contains(&percent),
            "{percent} after {least}"
        );
        least = percent;
        if lines.last().is_none_or(|last| last != "percent") {
            lines.push("percent".to_owned());
        }
    }
    lines
}

fn without_what_varies(line: &str) -> String {
    for start in ["ntfsclone v", "New serial number      : 0x"] {
        if line.starts_with(start) {
            return start.to_owned();
        }
    }
    line.to_owned()
}

fn run(scene: &Scene, program: Program, line: &str) -> Output {
    let input = match line.ends_with(" -") {
        true => scene.read("image"),
        false => Vec::new(),
    };
    let output = finish_with_input(scene.command(program, line), &input);
    if scene.path("out").exists() {
        scene.remove("out");
    }
    output
}

#[track_caller]
fn assert_same_report(scene: &Scene, line: &str) {
    let [expected, found] = [reference as Program, ours].map(|program| run(scene, program, line));
    let is_data = line.contains("-o - ") || line.contains("-O - ");
    if !is_data {
        assert_eq!(lines(&found.stdout), lines(&expected.stdout), "{line}");
    }
    assert_eq!(lines(&found.stderr), lines(&expected.stderr), "{line}");
    assert_eq!(found.status.code(), expected.status.code(), "{line}");
}

fn scene_of(volume: &Volume) -> Scene {
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(volume));
    scene
}

#[test]
fn every_mode_has_the_lines_of_the_original() {
    if !met_here(&[Need::Reference]) {
        return;
    }
    let scene = scene_of(&builder().build());
    for line in MODES {
        assert_same_report(&scene, line);
    }
}

#[test]
fn other_clusters_and_bad_ones_have_them_too() {
    if !met_here(&[Need::Reference]) {
        return;
    }
    let volumes = [
        builder().bad_clusters(300..302).bad_clusters(310..311),
        builder().cluster_size(512).clusters(9_000).quota_index(),
        VolumeBuilder::new()
            .file("big.bin", FileData::Bytes(pattern(2, 300_000)))
            .cluster_size(65_536)
            .clusters(200),
    ];
    for volume in volumes {
        let scene = scene_of(&volume.build());
        for line in MODES {
            assert_same_report(&scene, line);
        }
    }
}

#[test]
fn dirty_volume_that_is_accepted() {
    if !met_here(&[Need::Reference]) {
        return;
    }
    let scene = scene_of(&builder().dirty(true).build());
    for line in [
        "-f -o out volume",
        "-f -s -o out volume",
        "-f -m -s -o out volume",
    ] {
        assert_same_report(&scene, line);
    }
}

/// The original does its account twice in some modes, and prints it twice.
fn without_repeated(lines: Vec<String>) -> Vec<String> {
    let is_account = |line: &str| {
        line.starts_with("Accounting")
            || line.starts_with("Cluster accounting")
            || line.starts_with("Totally")
            || line.starts_with("WARNING: The NTFS inconsistency")
    };
    let mut seen: Vec<String> = Vec::new();
    for line in lines {
        if is_account(&line) && seen.contains(&line) {
            continue;
        }
        if line == "percent" && seen.last().is_some_and(|last| last == "percent") {
            continue;
        }
        seen.push(line);
    }
    seen
}

#[test]
fn inconsistent_volume() {
    if !met_here(&[Need::Reference]) {
        return;
    }
    let extra = builder().mark_in_bitmap(300..315).build();
    let missing = builder().clear_in_bitmap(0..2).build();
    for (volume, modes) in [
        (
            &extra,
            &[
                "--rescue --ignore-fs-check -o out volume",
                "--rescue --ignore-fs-check -s -o out volume",
                "-m --ignore-fs-check -o out volume",
                "-m -s --ignore-fs-check -o out volume",
            ][..],
        ),
        (
            &missing,
            &[
                "-o out volume",
                "--rescue -s -o out volume",
                "--rescue --ignore-fs-check -o out volume",
                "-m --ignore-fs-check -o out volume",
            ],
        ),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        for line in modes {
            let [expected, found] = [reference as Program, ours].map(|program| {
                let output = run(&scene, program, line);
                let mut lines = without_repeated(lines(&output.stdout));
                // An error is in the words of each.
                lines.retain(|line| {
                    !line.starts_with("ERROR: Filesystem check failed")
                        && !line.starts_with("filesystem. Please run chkdsk")
                });
                (lines, output.status.code())
            });
            assert_eq!(found, expected, "{line}");
        }
    }
}

/// What ours accepts and the original does not must not look like a failure.
#[test]
fn accepted_mismatch_prints_no_failure() {
    let scene = Scene::with_volume(&builder().mark_in_bitmap(300..315).build().bytes);
    let outcome = scene.run("-o out volume");
    assert_eq!(outcome.code(), Some(0));
    let report = String::from_utf8_lossy(outcome.stdout()).into_owned();
    assert!(!report.contains("Cluster accounting failed"), "{report}");
    assert!(report.contains("\nAccounting clusters ...\n"), "{report}");
}

#[test]
fn sectors_that_cannot_be_read() {
    if !met_here(&[FAILING_DEVICES, &[Need::Reference]].concat()) {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let bad = volume.stream_offset(volume.record_number("big.bin"), 0x80, "", 8192);
    let device = FailingDevice::new(
        &scene.path("volume"),
        std::slice::from_ref(&(bad..bad + 4096)),
    );
    for options in ["--rescue -o", "--rescue -s -o"] {
        let [expected, found] = [reference as Program, ours].map(|program| {
            let out = scene.path("out");
            let output = finish_with_input(call(program, options, &[&out, device.path()]), &[]);
            scene.remove("out");
            // Where they are between those of sectors depends on how long these take.
            let mut lines = lines(&output.stdout);
            lines.retain(|line| line != "percent");
            lines
        });
        assert_eq!(found, expected, "{options}");
        let lost = expected.iter().filter(|line| line.contains("lost data"));
        assert_eq!(lost.count(), 8, "{options}");
    }
}

/// Beside the original's line: where they are, and what to do; `info` and `verify` tell of them, too.
#[test]
fn bad_clusters_are_named() {
    let volume = builder().bad_clusters(300..302).bad_clusters(310..311);
    let volume = volume.build();
    let scene = scene_of(&volume);
    let warning = "volume: 3 clusters are marked as bad in $BadClus (clusters 300 to 301, from byte 0x12c000 on; \
                   cluster 310, from byte 0x136000 on); they are not copied, and stay marked in the copy. The disk is \
                   failing, or was: look at it with smartctl -a. On another disk, chkdsk /b in Windows or ntfsfix -b \
                   makes them usable again";
    let outcome = scene.run("-s -o out volume");
    outcome.wrote_with_warning(warning, &["out"]);
    outcome.reported("\nWARNING: The disk has 3 or more bad sectors (hardware faults).\n");
    assert!(scene.read("out") == image_of(&volume), "they are not in it");
    for (line, part) in [
        (
            "info volume",
            "\nBad: 3 clusters marked in $BadClus (clusters 300 to 301, cluster 310); they are not copied\n",
        ),
        (
            "info image",
            "\nBad: 3 clusters marked in $BadClus (clusters 300 to 301, cluster 310); they are not copied\n",
        ),
        (
            "info --json volume",
            "\"bad\":{\"clusters\":3,\"runs\":[{\"lcn\":300,\"clusters\":2},{\"lcn\":310,\"clusters\":1}]}",
        ),
        (
            "verify volume",
            "3 clusters are marked as bad in $BadClus; the first: clusters 300 to 301\n",
        ),
        ("verify image", "\nSound\n"),
    ] {
        let outcome = scene.run(line);
        outcome.wrote(&[]);
        let report = String::from_utf8_lossy(outcome.stdout()).into_owned();
        let report = match line.contains("--json") {
            true => report.split_whitespace().collect(),
            false => report,
        };
        assert!(report.contains(part), "{line}: {report}");
    }
}
