//! Damage of each kind, what the program and the original make of it, and that the flags which a refusal names get
//! the data out.

use crate::support::{
    program::{finish, reference},
    requirements::{Need, met},
    scene::Scene,
    small_volume::builder,
};
use ntfs_volume_builder::{Volume, attribute_type};
use std::process::Command;

const DATA: u32 = attribute_type::DATA;
const STANDARD_INFORMATION: u32 = attribute_type::STANDARD_INFORMATION;

/// `big.bin`, a file in clusters.
const FILE: u64 = u64::MAX;

struct Damage {
    name: &'static str,
    /// What it is done to: record number, or [`FILE`].
    record: u64,
    change: fn(&mut Volume, u64),
    /// Exit status of `-s`, of `-m -s`, and of `-m -s --rescue --ignore-fs-check`.
    codes: [i32; 3],
}

const fn row(
    name: &'static str,
    record: u64,
    change: fn(&mut Volume, u64),
    codes: [i32; 3],
) -> Damage {
    Damage {
        name,
        record,
        change,
        codes,
    }
}

const DAMAGES: &[Damage] = &[
    row(
        "length",
        FILE,
        |volume, n| volume.patch_attribute(n, DATA, "", 4, &[0; 4]),
        [0; 3],
    ),
    row(
        "form",
        FILE,
        |volume, n| volume.patch_attribute(n, DATA, "", 8, &[0x40]),
        [0; 3],
    ),
    row("value", FILE, value_too_long, [0; 3]),
    row(
        "runs",
        FILE,
        |volume, n| volume.patch_attribute(n, DATA, "", 0x40, &[0xFF]),
        [1, 1, 0],
    ),
    row("torn", FILE, |volume, n| volume.tear_record(n), [0; 3]),
    row(
        "no fixup array",
        FILE,
        |volume, n| volume.patch_raw_record(n, 6, &[0]),
        [0; 3],
    ),
    row(
        "bytes in use",
        FILE,
        |volume, n| volume.patch_record(n, |r| r[0x19] = 0xFF),
        [0; 3],
    ),
    row(
        "base record",
        FILE,
        |volume, n| volume.patch_record(n, |r| r[0x20] = 30),
        [0; 3],
    ),
    row("free clusters", FILE, free_clusters, [1, 1, 0]),
    // The file system's own: never missing, leniently read or refused.
    row(
        "base record of $MFT",
        0,
        |volume, n| volume.patch_record(n, |r| r[0x20] = 30),
        [0; 3],
    ),
    row("value in $MFT", 0, value_too_long, [0; 3]),
    row(
        "$MFT not in use",
        0,
        |volume, n| volume.patch_record(n, |r| r[0x16] = 0),
        [0; 3],
    ),
    row(
        "data of $MFT",
        0,
        |volume, n| volume.patch_attribute(n, DATA, "", 0, &[0x81]),
        [1; 3],
    ),
    row(
        "mirror of $MFT",
        0,
        |volume, n| volume.patch_mirror_record(n, |r| r[0x10] ^= 1),
        [1, 1, 0],
    ),
    row("value in $Volume", 3, value_too_long, [0; 3]),
    row(
        "torn $AttrDef",
        4,
        |volume, n| volume.tear_record(n),
        [0, 1, 1],
    ),
    row(
        "base record of $Bitmap",
        6,
        |volume, n| volume.patch_record(n, |r| r[0x20] = 30),
        [0; 3],
    ),
    row("value in $Bitmap", 6, value_too_long, [0; 3]),
    row(
        "data of $Bitmap",
        6,
        |volume, n| volume.patch_attribute(n, DATA, "", 0, &[0x81]),
        [1, 1, 0],
    ),
    row("form of data of $UpCase", 10, up_case_form, [0, 1, 1]),
    row(
        "torn $UpCase",
        10,
        |volume, n| volume.tear_record(n),
        [0, 1, 1],
    ),
    row(
        "no fixup array of $UpCase",
        10,
        |volume, n| volume.patch_raw_record(n, 6, &[0]),
        [0; 3],
    ),
    row(
        "base record of $Extend",
        11,
        |volume, n| volume.patch_record(n, |r| r[0x20] = 30),
        [0; 3],
    ),
    row("a dirty volume", 3, mark_dirty, [1; 3]),
    row(
        "NTFS 9.1",
        3,
        |volume, n| volume.patch_attribute(n, 0x70, "", 0x18 + 8, &[9]),
        [1, 1, 0],
    ),
];

fn value_too_long(volume: &mut Volume, record: u64) {
    volume.patch_attribute(record, STANDARD_INFORMATION, "", 0x11, &[0xFF]);
}

fn up_case_form(volume: &mut Volume, record: u64) {
    volume.patch_attribute(record, DATA, "", 8, &[0x40]);
}

fn mark_dirty(volume: &mut Volume, record: u64) {
    volume.patch_attribute(record, 0x70, "", 0x18 + 10, &[1]);
}

fn free_clusters(volume: &mut Volume, record: u64) {
    let first = volume.runs(record, DATA, "")[0].lcn.expect("no hole");
    volume.set_in_bitmap(first..first + 2, false);
}

fn damaged(damage: &Damage) -> Volume {
    let mut volume = builder().build();
    let record = match damage.record {
        FILE => volume.record_number("big.bin"),
        record => record,
    };
    (damage.change)(&mut volume, record);
    volume
}

/// Adds what the refusal names to the options, as a user would; None if it names nothing new.
fn follow(options: &str, errors: &str) -> Option<String> {
    let remedy = errors.lines().last()?;
    let mut followed = options.to_owned();
    if remedy.contains("leave out --metadata") {
        followed = followed.replace("-m ", "");
    }
    for flag in ["--rescue", "--ignore-fs-check", "--force"] {
        if remedy.contains(flag) && !followed.contains(flag) {
            followed = format!("{flag} {followed}");
        }
    }
    (followed != options).then_some(followed)
}

#[test]
fn refusals_name_the_flags_that_help() {
    let mut wrong = Vec::new();
    for damage in DAMAGES {
        let volume = damaged(damage);
        let scene = Scene::with_volume(&volume.bytes);
        let lines = [
            "-s -o out volume",
            "-m -s -o out volume",
            "-m -s --rescue --ignore-fs-check -o out volume",
        ];
        for (line, expected) in lines.into_iter().zip(damage.codes) {
            let name = damage.name;
            let mut options = line.to_owned();
            let mut outcome = scene.run(&options);
            if outcome.code() != Some(expected) {
                wrong.push(format!(
                    "{name}: {line}: {:?} {}",
                    outcome.code(),
                    outcome.errors()
                ));
            }
            while outcome.code() == Some(1) {
                let Some(followed) = follow(&options, &outcome.errors()) else {
                    wrong.push(format!(
                        "{name}: {options}: nothing helps: {}",
                        outcome.errors()
                    ));
                    break;
                };
                options = followed;
                outcome = scene.run(&options);
            }
            if !matches!(outcome.code(), Some(0 | 3)) {
                continue;
            }
            if !options.contains("-m ") && !holds_all(&scene, &volume) {
                wrong.push(format!("{name}: {options}: clusters in use are missing"));
            }
            scene.remove("out");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The image holds all clusters that the volume used before it was damaged, as they are.
fn holds_all(scene: &Scene, volume: &Volume) -> bool {
    scene.run("-r -o restored out").wrote(&["restored"]);
    let restored = scene.read("restored");
    scene.remove("restored");
    let size = volume.geometry.cluster_size as usize;
    let mut used = volume.used_clusters();
    used.all(|lcn| restored[lcn as usize * size..][..size] == *volume.cluster(lcn))
}

/// What the original saves, ours saves with the same bytes.
#[test]
fn what_the_original_saves() {
    if !met("damaged_volumes", &[Need::Reference]) {
        return;
    }
    let mut wrong = Vec::new();
    for damage in DAMAGES {
        let scene = Scene::with_volume(damaged(damage).bytes);
        for options in [
            "-s",
            "-m -s",
            "-s --rescue --ignore-fs-check",
            "-m -s --ignore-fs-check",
        ] {
            let command: Command =
                scene.command(reference, &format!("-q {options} -o original volume"));
            if !finish(command).status.success() {
                let _ = std::fs::remove_file(scene.path("original"));
                continue;
            }
            let outcome = scene.run(&format!("{options} -o ours volume"));
            let known = DIFFERENT.contains(&(damage.name, options));
            let is_same = outcome.code() == Some(0) && scene.read("ours") == scene.read("original");
            if is_same == known {
                wrong.push(format!("{}: {options}: {}", damage.name, outcome.errors()));
            }
            scene.remove("original");
            let _ = std::fs::remove_file(scene.path("ours"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const SAVE_ALL: &str = "-s --rescue --ignore-fs-check";
const METADATA: &str = "-m -s";
const METADATA_ALL: &str = "-m -s --ignore-fs-check";

/// Where the bytes differ, as docs/differences.md says.
const DIFFERENT: &[(&str, &str)] = &[
    // The original copies what only $Bitmap marks first; in metadata with the content of files.
    ("length", SAVE_ALL),
    ("length", METADATA_ALL),
    ("torn", SAVE_ALL),
    ("torn", METADATA_ALL),
    ("base record", SAVE_ALL),
    ("base record", METADATA_ALL),
    ("base record of $MFT", SAVE_ALL),
    ("base record of $MFT", METADATA_ALL),
    ("$MFT not in use", SAVE_ALL),
    ("$MFT not in use", METADATA_ALL),
    ("base record of $Bitmap", SAVE_ALL),
    ("base record of $Bitmap", METADATA_ALL),
    // What is wiped of a damaged record.
    ("value", METADATA),
    ("value", METADATA_ALL),
    ("no fixup array", METADATA),
    ("no fixup array", METADATA_ALL),
    ("no fixup array of $UpCase", METADATA),
    ("no fixup array of $UpCase", METADATA_ALL),
];
