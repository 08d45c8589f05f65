//! Files that are written to while they are read: whatever is made of them is no copy of anything.

use crate::support::{
    large_volume,
    program::{ours, succeed},
    scene::Scene,
    small_volume,
};
use rustix::fs::OFlags;
use std::{
    fs::{File, FileTimes, OpenOptions, metadata, read_dir, read_link},
    io::{PipeWriter, Read, Write},
    path::Path,
    process::Stdio,
    thread,
    time::Duration,
};

/// What is done to a file that is open elsewhere.
type Change = fn(&Path);

const CHANGES: [(&str, Change); 4] = [
    ("grows", |path| {
        let mut file = OpenOptions::new().append(true).open(path);
        let file = file.as_mut().expect("it is there");
        file.write_all(b"more").expect("it can be written to");
    }),
    ("shrinks", |path| {
        let file = OpenOptions::new().write(true).open(path);
        let file = file.expect("it is there");
        let length = file.metadata().expect("it is open").len();
        file.set_len(length - 1).expect("it can be cut");
    }),
    ("is written to", |path| overwrite_first_byte(path)),
    ("is written to, and its time set back", |path| {
        let modified = metadata(path).and_then(|metadata| metadata.modified());
        overwrite_first_byte(path);
        let file = File::open(path).expect("it is there");
        let times = FileTimes::new().set_modified(modified.expect("it has a time"));
        file.set_times(times).expect("times can be set");
    }),
];

fn overwrite_first_byte(path: &Path) {
    use std::os::unix::fs::FileExt;
    let mut byte = [0];
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.expect("it is there");
    file.read_exact_at(&mut byte, 0).expect("it can be read");
    file.write_all_at(&byte, 0).expect("it can be written to");
}

/// Runs ours with its output in a pipe that nobody empties until `changed` was changed. Returns the status and the
/// messages.
fn run_while_it_changes(
    scene: &Scene,
    line: &str,
    changed: &str,
    change: Change,
) -> (Option<i32>, String) {
    let mut command = scene.command(ours, line);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("ours starts");
    let mut stdout = child.stdout.take().expect("it is a pipe");
    let mut start = [0; 4096];
    stdout.read_exact(&mut start).expect("something is written");
    change(&scene.path(changed));
    thread::spawn(move || std::io::copy(&mut stdout, &mut std::io::sink()));
    let output = child.wait_with_output().expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), errors)
}

#[test]
fn a_source_that_changes_is_an_error() {
    for (what, change) in CHANGES {
        for line in ["-s -o - volume", "-o - volume"] {
            let scene = Scene::new();
            large_volume::write(&scene.path("volume"), 256 << 20);
            let (code, errors) = run_while_it_changes(&scene, line, "volume", change);
            assert_eq!(code, Some(1), "{line}, {what}: {errors}");
            assert!(
                errors.contains("volume: changed while it was read: "),
                "{line}, {what}: {errors}"
            );
        }
    }
}

#[test]
fn an_image_that_changes_is_an_error() {
    let images = Scene::new();
    large_volume::write(&images.path("volume"), 64 << 20);
    succeed(images.command(ours, "-q -s -o image volume"));
    succeed(images.command(ours, "-q -s --compress -o image.zst volume"));
    for (what, change) in CHANGES {
        for name in ["image", "image.zst", "volume"] {
            let scene = Scene::new();
            scene.write(name, images.read(name));
            let line = format!("-r -o - {name}");
            let (code, errors) = run_while_it_changes(&scene, &line, name, change);
            assert_eq!(code, Some(1), "{line}, {what}: {errors}");
            assert!(
                errors.contains(&format!("{name}: changed while it was read: ")),
                "{line}, {what}: {errors}"
            );
        }
    }
}

/// No output gets its name, whatever the run is.
#[test]
fn nothing_is_made_of_a_source_that_changes() {
    for line in [
        "-s -o out volume",
        "-o out volume",
        "-o out --reflink never volume",
        "-m -s -o out volume",
        "-m -o out volume",
        "-s --compress -o out volume",
        "--rescue -o out volume",
        "--rescue -s -o out volume",
        "map -o out volume",
        "-r -o out volume",
        "-r -o out image",
        "-r -n image",
        "-r -n volume",
        "verify volume",
        "verify image",
        "verify --index image",
        "verify --against volume image",
        "verify --against image volume",
    ] {
        let scene = small_volume::scene();
        let changed = line.split(' ').next_back().expect("it ends with a file");
        let (code, text) = run_held_up(&scene, &format!("{line} --progress json"), changed);
        assert_eq!(code, Some(1), "{line}: {text}");
        assert!(text.contains("changed while it was read"), "{line}: {text}");
        assert!(!scene.path("out").exists(), "{line}");
        assert!(!scene.path("image.index").exists(), "{line}");
    }
}

/// Runs ours with both its streams in a pipe that is full: at its first message it waits, and `changed` is written to.
fn run_held_up(scene: &Scene, line: &str, changed: &str) -> (Option<i32>, String) {
    let (mut reader, mut writer) = std::io::pipe().expect("there are pipes");
    let mut filled = 0;
    set_flags(&writer, OFlags::NONBLOCK);
    while let Ok(written) = writer.write(&[b'.'; 4096]) {
        filled += written;
    }
    set_flags(&writer, OFlags::empty());
    let mut command = scene.command(ours, line);
    command.stdout(writer.try_clone().expect("it can be shared"));
    command.stderr(writer);
    let mut child = command.spawn().expect("ours starts");
    // It has the other end, too.
    drop(command);
    wait_for_open(child.id(), &scene.path(changed));
    overwrite_first_byte(&scene.path(changed));
    let mut text = Vec::new();
    reader.read_to_end(&mut text).expect("it can be read");
    let status = child.wait().expect("it ends");
    let text = String::from_utf8_lossy(&text[filled..]).into_owned();
    (status.code(), text)
}

fn set_flags(pipe: &PipeWriter, flags: OFlags) {
    rustix::fs::fcntl_setfl(pipe, flags).expect("flags can be set");
}

/// Waits until a process has the file open, and some time more.
fn wait_for_open(process: u32, path: &Path) {
    let descriptors = format!("/proc/{process}/fd");
    for _ in 0..1000 {
        let open = read_dir(&descriptors).into_iter().flatten().flatten();
        if open
            .filter_map(|entry| read_link(entry.path()).ok())
            .any(|name| name == path)
        {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(Duration::from_millis(200));
}
