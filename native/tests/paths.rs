//! Paths of one command line that are the same file, and names that are no more than what they look like.

use crate::support::{
    program::{finish, ours, printed},
    scene::Scene,
    small_volume::{self, clone_of, image_of},
};
use ntfs_volume_builder::FileData;
use std::{fs, os::unix::fs::symlink, process::Stdio};

#[test]
fn outputs_are_different_files() {
    let scene = small_volume::scene();
    symlink("m", scene.path("link")).expect("a link can be made");
    fs::copy(scene.path("image"), scene.path("x.sha256")).expect("it can be copied");
    fs::hard_link(scene.path("volume"), scene.path("second")).expect("a link can be made");
    for (line, path, one, other) in [
        (
            "--rescue --mapfile m -o m volume",
            "m",
            "the output",
            "--mapfile",
        ),
        (
            "--rescue --mapfile ./m -O m volume",
            "./m",
            "the output",
            "--mapfile",
        ),
        (
            "--rescue --mapfile link -o m volume",
            "link",
            "the output",
            "--mapfile",
        ),
        (
            "--rescue --report m -o m volume",
            "m",
            "the output",
            "--report",
        ),
        (
            "--rescue --report m --mapfile m -o x volume",
            "m",
            "--mapfile",
            "--report",
        ),
        (
            "--rescue --mapfile volume -o x volume",
            "volume",
            "SOURCE",
            "--mapfile",
        ),
        (
            "--rescue --mapfile second -o x volume",
            "second",
            "SOURCE",
            "--mapfile",
        ),
        (
            "-r --rescue --report image -o x image",
            "image",
            "SOURCE",
            "--report",
        ),
        (
            "-r -n --rescue --report image image",
            "image",
            "SOURCE",
            "--report",
        ),
        (
            "-s --rescue --checksum=b3 --report x.b3 -o x volume",
            "x.b3",
            "--report",
            "the file of --checksum",
        ),
        // The sidecar would take the place of what is read.
        (
            "-r --checksum=sha256 -O x x.sha256",
            "x.sha256",
            "SOURCE",
            "the file of --checksum",
        ),
    ] {
        scene.run(line).refused(
            &format!("{path}: is {one} and {other}, which must be different files"),
            "give each of them its own name",
        );
    }
}

/// The report of a run goes elsewhere than its data.
#[test]
fn standard_output_by_other_names() {
    let scene = small_volume::scene();
    let image = image_of(&small_volume::volume());
    for line in [
        "-s -O /dev/stdout volume",
        "-s -o /dev/stdout volume",
        "-s -O /dev/fd/1 volume",
        "-s -O /proc/self/fd/1 volume",
        "-s -O /proc/thread-self/fd/1 volume",
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
        assert!(outcome.stdout() == image, "{line}");
        assert!(outcome.errors().contains("Saved "), "{line}");
        // In a file, too.
        let file = fs::File::create(scene.path("out")).expect("it can be made");
        let mut command = scene.command(ours, line);
        command.stdout(file).stderr(Stdio::null());
        assert!(command.status().expect("ours starts").success(), "{line}");
        assert!(scene.read("out") == image, "{line}");
    }
    // A shell opened the same file.
    let file = fs::File::create(scene.path("out")).expect("it can be made");
    let mut command = scene.command(ours, "--in-place -O out volume");
    command.stdout(file).stderr(Stdio::null());
    assert!(command.status().expect("ours starts").success());
    assert!(scene.read("out") == clone_of(&small_volume::volume()));
    for name in ["/dev/stderr", "/dev/fd/2"] {
        scene.run(&format!("-s -O {name} volume")).failed(
            2,
            "ntfsclone: standard error is for messages; write to a file, or to - with 2>FILE\n  \
             try ntfsclone --help\n",
        );
    }
}

/// Names that would clear the screen, begin a line of their own, or read otherwise than they are.
const HOSTILE: [&str; 3] = [
    "a\u{1b}[2Jb",
    "a\nntfsclone: error",
    "a\u{202e}gpj.\u{9b}31m",
];

#[track_caller]
fn assert_visible(line: &str, text: &str) {
    let text = text.replace(" percent completed\r", "");
    let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!text.contains(hidden), "{line}: {text:?}");
    assert!(!text.contains("\nntfsclone: error"), "{line}: {text:?}");
}

#[test]
fn names_in_volumes_are_printed_so_that_they_show() {
    let builder = HOSTILE
        .iter()
        .fold(small_volume::builder(), |builder, name| {
            let bytes = vec![1; 5000];
            builder.file(name, FileData::Bytes(bytes))
        });
    let volume = builder.label("L\u{1b}c\u{202e}").build();
    let scene = Scene::with_volume(&volume.bytes);
    let size = volume.bytes.len();
    // All that is in use is bad, but the metadata at the beginning.
    scene.write("bad.map", format!("0x0 + 1\n0x0 {size:#x} +\n"));
    for line in [
        "-s -o - volume",
        "info volume",
        "info --json volume",
        "verify volume",
        "verify --json volume",
        "map --format json -o - volume",
        "demo",
    ] {
        let output = finish(scene.command(ours, line));
        let text = match line.starts_with("-s") {
            true => String::from_utf8_lossy(&output.stderr).into_owned(),
            false => printed(&output),
        };
        assert!(output.status.success(), "{line}: {text}");
        assert_visible(line, &text);
    }
}

#[test]
fn names_on_the_command_line_are_printed_so_that_they_show() {
    let scene = small_volume::scene();
    for name in HOSTILE {
        scene.write(name, scene.read("volume"));
        let not_volume = format!("{name}.txt");
        scene.write(&not_volume, "none");
        for (arguments, code) in [
            (vec!["info", name], 0),
            (vec!["info", "--json", name], 0),
            (vec!["verify", name], 0),
            (vec!["-o", name, "volume"], 1),
            (vec!["-s", "-o", "out", &not_volume], 1),
            (vec!["-s", "-o", "out", "no such", name], 2),
            (vec!["verify", &not_volume], 1),
        ] {
            let mut command = scene.command(ours, "");
            let output = finish({
                command.args(&arguments);
                command
            });
            let text = printed(&output);
            let line = format!("{arguments:?}");
            assert_eq!(output.status.code(), Some(code), "{line}: {text}");
            assert_visible(&line, &text.replace("\n\nUsage", "\nUsage"));
        }
    }
}
