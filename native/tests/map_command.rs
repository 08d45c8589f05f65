//! `ntfsclone map` as a command: what it accepts, where it writes, and how it ends.

use crate::support::{
    domain::JsonMap,
    failing_device::{FAILING_DEVICES, FailingDevice},
    mount::Mount,
    program::{call, finish, ours, printed},
    requirements::{DEVICES, VOLUMES, met_here},
    scene::{Scene, error_text, warning_text},
    small_volume::{self, areas_of, builder},
    terminal::open_terminal,
};
use ntfs_volume_builder::{FileData, Volume, VolumeBuilder, attribute_type, pattern};
use std::{fs::File, io::Read, ops::Range};

#[test]
fn errors() {
    let scene = small_volume::scene();
    scene.write("zeros", vec![0; 1 << 20]);
    scene.write("out", "what was there before");
    for (line, message, remedy) in [
        (
            "map zeros",
            "zeros: begins with zeros: there is no boot sector of NTFS, nor a backup at its end",
            "is it the right device? If it was NTFS, testdisk may find it",
        ),
        (
            "map missing",
            "cannot open missing: No such file or directory",
            "",
        ),
        (
            "map -o out volume",
            "out: exists already",
            "a map never overwrites; give another name",
        ),
        (
            "map --format bmap -o volume volume",
            "volume: exists already",
            "a map never overwrites; give another name",
        ),
    ] {
        let outcome = scene.run(line);
        outcome.refused(message, remedy);
        assert!(outcome.stdout().is_empty(), "{line}");
    }
    for (line, message) in [
        ("map --format xml volume", "'xml'"),
        ("map", "no SOURCE is named"),
        ("map volume extra", "'extra'"),
        ("map -O out volume", "'-O'"),
        ("map --save-image volume", "'--save-image'"),
        ("map -", "a volume cannot be read from standard input"),
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(2), "{line}");
        let errors = outcome.errors();
        assert!(errors.contains(message), "{line}: {errors}");
        outcome.changed_only(&[]);
    }
}

/// No part of a map passes for all of it.
#[test]
fn no_room() {
    let scene = small_volume::scene();
    for format in ["ddrescue", "bmap", "json"] {
        let mut command = scene.command(ours, &format!("map -q --format {format} volume"));
        let full = File::options().write(true).open("/dev/full");
        command.stdout(full.expect("Linux has it"));
        let output = command.output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{format}");
        let expected = error_text(
            "cannot write to standard output: No space left on device",
            "make room, or write elsewhere",
        );
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(errors.ends_with(&expected), "{format}: {errors}");
    }
}

/// In a section of its own, behind the options that the original has.
#[test]
fn the_manual_page() {
    let page = Scene::new().run("--generate man");
    let page = String::from_utf8_lossy(page.stdout()).into_owned();
    let section = page.find("\n.SH \"COMMAND MAP\"").expect("a section");
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("\\-\\-save\\-image\\fR\n") < section);
    for text in ["\\-\\-format", "ddrescue", "bmaptool copy"] {
        assert!(page[section..].contains(text), "{text}");
    }
    // There is no such page.
    assert!(!page.contains("map(1)"));
}

/// It is the word for the command only where the command line begins with it.
#[test]
fn a_volume_called_map() {
    let volume = small_volume::volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("map", &volume.bytes);
    for line in ["-o out map", "-o out ./map", "-o out -- map"] {
        scene.run(line).wrote(&["out"]);
        assert!(
            scene.read("out") == small_volume::clone_of(&volume),
            "{line}"
        );
        scene.remove("out");
    }
    for line in ["map -o out map", "map --outp out --fo --form json -qqf map"] {
        scene.run(line).wrote(&["out"]);
        scene.remove("out");
    }
}

/// Reports go where the map does not.
#[test]
fn reports_leave_the_map_alone() {
    let scene = small_volume::scene();
    let outcome = scene.run("map -o out volume");
    outcome.wrote(&["out"]);
    let report = String::from_utf8_lossy(outcome.stdout()).into_owned();
    let written = scene.read("out");
    for line in ["map volume", "map -o - volume"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.stdout(), written, "{line}");
        assert_eq!(outcome.errors(), report, "{line}");
        outcome.changed_only(&[]);
    }
    let areas = areas_of(&small_volume::volume()).len();
    assert!(report.contains(&format!(" in {areas} areas\n")), "{report}");

    // Unlike an image, a map can be looked at.
    let (mut terminal, side) = open_terminal();
    let mut child = scene.command(ours, "map -q volume");
    let child = child.stdout(side).output().expect("it starts");
    assert!(child.status.success(), "{}", printed(&child));
    let mut shown = vec![0; 64];
    let length = terminal.read(&mut shown).expect("it shows something");
    let shown = String::from_utf8_lossy(&shown[..length]).into_owned();
    assert!(
        shown.starts_with("# Mapfile. Created by ntfsclone"),
        "{shown}"
    );
}

/// What is in use can be told of a volume that is not to be copied without further thought.
#[test]
fn dirty_and_damaged() {
    let scene = Scene::with_volume(&builder().dirty(true).build().bytes);
    scene
        .run("map -o out volume")
        .wrote_with_warning("volume is marked dirty", &["out"]);

    let volume = builder().clear_in_bitmap(0..1).build();
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("map -o out volume");
    assert_eq!(outcome.code(), Some(1), "{}", outcome.errors());
    outcome.changed_only(&[]);
    let outcome = scene.run("map --ignore-fs-check --format json -o out volume");
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    let warning = "ntfsclone: warning: volume: its account of clusters is damaged";
    assert!(outcome.errors().contains(warning), "{}", outcome.errors());
    let map = JsonMap::parse(&scene.read("out"));
    assert_eq!(map.areas(), areas_of(&volume));
}

#[test]
fn mounted() {
    if !met_here(&[VOLUMES, DEVICES].concat()) {
        return;
    }
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    let mount = Mount::read_write(&scene.path("volume"));
    let point = mount.path().display();
    let found = format!("volume: is mounted read-write on {point}");
    let remedy = format!(
        "a volume that changes while it is read gives a broken copy; umount {point} first, or \
         mount -o remount,ro {point}"
    );
    let outcome = scene.run("map -o out volume");
    outcome.failed(1, &error_text(&found, &remedy));
    assert!(!scene.path("out").exists());
    let outcome = scene.run("map --force -o out volume");
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    let warning = warning_text(&format!(
        "{found}; what is read is out of date as soon as something is written there"
    ));
    assert!(
        outcome.errors().starts_with(&warning),
        "{}",
        outcome.errors()
    );
    assert!(scene.path("out").exists());
    mount.unmount();
}

/// A record that cannot be read: what only it says is in use, $Bitmap says too.
#[test]
fn rescue() {
    if !met_here(FAILING_DEVICES) {
        return;
    }
    let volume: Volume = VolumeBuilder::new()
        .clusters(1024)
        .file("file", FileData::Bytes(pattern(1, 500_000)))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    let record = volume.record_number("file") * u64::from(volume.geometry.mft_record_size);
    let record = volume.stream_offset(0, attribute_type::DATA, "", record);
    let bad = vec![Range {
        start: record,
        end: record + 512,
    }];
    let device = FailingDevice::new(&scene.path("volume"), &bad);
    let out = scene.path("out");
    let map = |options: &str| {
        let options = format!("map -q --format json {options} -o");
        finish(call(ours, &options, &[&out, device.path()]))
    };
    let outcome = map("");
    assert_eq!(outcome.status.code(), Some(1), "{}", printed(&outcome));
    assert!(printed(&outcome).contains("go on in spite of them with --rescue"));
    assert!(!out.exists());

    let outcome = map("--rescue");
    assert_eq!(outcome.status.code(), Some(3), "{}", printed(&outcome));
    assert!(printed(&outcome).contains("bytes of metadata could not be read"));
    let map = JsonMap::parse(&scene.read("out"));
    assert_eq!(map.areas(), areas_of(&volume));
}
