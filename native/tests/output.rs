//! What a run leaves under the name of its output: all of it, or what was there before.

use crate::support::{
    loop_device::LoopDevice,
    program::{Program, find_reference, ours, reference},
    requirements::{DEVICES, Need, met_here},
    scene::{Scene, error_text},
    small_volume::{self, clone_of, image_of, volume},
    terminal::open_terminal,
};
use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, symlink},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

const EXISTS: &str = "--output never overwrites; give another name, or use --overwrite";
const OLD: &[u8] = b"what was there before";

#[test]
fn output_never_overwrites() {
    let scene = small_volume::scene();
    scene.write("file", OLD);
    scene.write("empty", "");
    symlink("file", scene.path("link")).expect("cannot make a link");
    symlink("nowhere", scene.path("dangling")).expect("cannot make a link");
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    scene.make_pipe("pipe");
    for name in [
        "file",
        "empty",
        "link",
        "dangling",
        "folder",
        "pipe",
        "volume",
        "/dev/null",
    ] {
        for line in ["-o NAME volume", "-s -o NAME volume", "-r -o NAME image"] {
            let line = line.replace("NAME", name);
            scene
                .run(&line)
                .refused(&format!("{name}: exists already"), EXISTS);
        }
    }
}

/// Nothing under the final name, and no stray file beside it, whatever the failure.
#[test]
fn failures_leave_nothing() {
    let scene = small_volume::scene();
    scene.write("bad", vec![0; 4096]);
    for name in ["missing/out", "image/out"] {
        let outcome = scene.run(&format!("-o {name} volume"));
        assert_eq!(outcome.code(), Some(1), "{name}");
        assert_eq!(outcome.errors().lines().count(), 1, "{}", outcome.errors());
        assert!(!outcome.errors().contains(".part"), "{}", outcome.errors());
        outcome.changed_only(&[]);
    }
    for line in ["-o out bad", "-s -o out bad", "-O out bad", "-r -o out bad"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
    }
    for line in ["-r -o out cut", "-r -O out cut", "-r --in-place -O out cut"] {
        scene.run(line).refused(
            &small_volume::cut_error(&scene, "cut"),
            small_volume::DAMAGED,
        );
    }
    scene
        .run_with_input("-r -o out -", &scene.read("cut"))
        .refused(
            &small_volume::cut_error(&scene, "standard input"),
            small_volume::DAMAGED,
        );
}

#[test]
fn read_error_leaves_nothing() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = small_volume::builder()
        .file(
            "late.bin",
            FileData::Placed {
                runs: vec![ntfs_volume_builder::Run::at(400, 100)],
                bytes: pattern(9, 400_000),
            },
        )
        .build();
    let folder = Scene::with_volume(&volume.bytes);
    let scene = small_volume::scene();
    scene.write("old", OLD);
    let device = LoopDevice::attach(&folder.path("volume"));
    // What is missing below a loop device cannot be read; nobody has read it before.
    let file = OpenOptions::new()
        .write(true)
        .open(folder.path("volume"))
        .expect("it is there");
    file.set_len(450 * 4096).expect("it can be cut");
    let name = device.path().display();
    for line in ["-o out", "-s -o out", "-O old", "-s -O old"] {
        let outcome = scene.run(&format!("{line} {name}"));
        let errors = outcome.errors();
        let begin = format!("ntfsclone: {name}: cannot read ");
        let end = ": Input/output error\n  the device has bad sectors; ";
        assert!(
            errors.starts_with(&begin) && errors.contains(end),
            "{line}: {errors}"
        );
        assert_eq!(errors.lines().count(), 2, "{line}: {errors}");
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
    }
}

/// One error, at once; no hint at a defect of ours.
#[test]
fn standard_output_that_is_gone() {
    let scene = small_volume::scene();
    for line in ["-o - volume", "-s -o - volume", "-r -o - image"] {
        let mut command = scene.command(ours, line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = std::time::Instant::now();
        let mut child = command.spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("piped above");
        let mut begin = [0; 10];
        stdout.read_exact(&mut begin).expect("it writes");
        drop(stdout);
        let output = child.wait_with_output().expect("it ends");
        assert!(started.elapsed() < Duration::from_secs(5), "{line}: slow");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let expected = "ntfsclone: cannot write to standard output: Broken pipe\n";
        assert_eq!(errors_of(&output.stderr), expected, "{line}");
    }
}

#[test]
fn standard_output_that_is_full() {
    let scene = small_volume::scene();
    for line in ["-o - volume", "-s -o - volume", "-r -o - image"] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let mut command = scene.command(ours, line);
        let output = command.stdout(full).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let expected = error_text(
            "cannot write to standard output: No space left on device",
            "make room, or write elsewhere",
        );
        assert_eq!(errors_of(&output.stderr), expected, "{line}");
    }
    // A report that is all that was asked for.
    for line in [
        "info volume",
        "info --json image",
        "verify volume",
        "verify --json image",
    ] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux has it");
        let mut command = scene.command(ours, line);
        let output = command.stdout(full).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let expected = error_text(
            "cannot write to standard output: No space left on device",
            "make room, or write elsewhere",
        );
        assert!(errors_of(&output.stderr).ends_with(&expected), "{line}");
    }
    // Where only reports go there, nobody needs to hear of it.
    let full = OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let status = scene.command(ours, "-o out volume").stdout(full).status();
    assert!(status.expect("it starts").success());
    assert!(scene.read("out") == clone_of(&volume()));
}

/// Not a byte of data is thrown away without a word, nor at a terminal.
#[test]
fn standard_output_that_takes_no_data() {
    let scene = small_volume::scene();
    let remedy = "redirect it to a file or a program: ntfsclone ... | zstd > FILE";
    for line in ["-o - volume", "-s -o - volume", "-r -o - image"] {
        let (_terminal, side) = open_terminal();
        let mut command = scene.command(ours, line);
        let output = command.stdout(side).output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let found = "standard output: is a terminal, which can do nothing with the data";
        assert_eq!(
            errors_of(&output.stderr),
            error_text(found, remedy),
            "{line}"
        );

        let command = scene.command(ours, line);
        let mut shell = Command::new("sh");
        shell.current_dir(scene.path("."));
        shell.args(["-c", "exec \"$0\" \"$@\" >&-"]);
        shell.arg(command.get_program()).args(command.get_args());
        let output = shell.output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let expected = error_text("standard output: is closed", remedy);
        assert_eq!(errors_of(&output.stderr), expected, "{line}");

        // Who says so may throw it away.
        let mut command = scene.command(ours, line);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("it starts").success(), "{line}");
    }
}

/// A shell may make of standard output and input what is being read or written.
#[test]
fn redirected_to_itself() {
    let scene = small_volume::scene();
    let [volume, image] = ["volume", "image"].map(|name| scene.read(name));
    let program = ours().get_program().to_owned();
    for (line, error) in [
        (
            "-s -o - volume 1<>volume",
            "standard output: is what is being read",
        ),
        (
            "-r -o - image 1<>image",
            "standard output: is what is being read",
        ),
        (
            "-r --in-place -O image - <image",
            "image: is what is being read",
        ),
        ("-s -o - volume 1<volume", "standard output"),
        // A file, so it is checked before anything is written over.
        (
            "-r --in-place -O image - <cut",
            "the image is truncated: it ends after ",
        ),
    ] {
        let mut shell = Command::new("sh");
        shell.current_dir(scene.path("."));
        shell
            .args(["-c", &format!("exec \"$0\" {line}")])
            .arg(&program);
        let output = shell.output().expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{line}");
        let errors = errors_of(&output.stderr);
        assert!(errors.contains(error), "{line}: {errors}");
        assert!(scene.read("volume") == volume, "{line}");
        assert!(scene.read("image") == image, "{line}");
    }
}

/// What standard error got, from the first error on: reports go there too.
fn errors_of(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr).into_owned();
    let start = text.find("ntfsclone:").unwrap_or(text.len());
    text[start..].to_owned()
}

/// A name that somebody else took meanwhile is not taken from them; nor is the work thrown away.
#[test]
fn name_taken_meanwhile() {
    let volume = volume();
    let mut image = image_of(&volume);
    // More than is read at once before anything is written.
    const PADDING: u32 = 6 << 20;
    image.splice(56..56, vec![0; PADDING as usize]);
    image[46..50].copy_from_slice(&(56 + PADDING).to_le_bytes());
    let (first, rest) = image.split_at(5 << 20);

    let scene = Scene::new();
    let mut command = scene.command(ours, "-r -o out -");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut input = child.stdin.take().expect("piped above");
    input.write_all(first).expect("it reads");
    let begun = || fs::read_dir(scene.path("")).expect("it is there").count() > 0;
    while !begun() {
        thread::sleep(Duration::from_millis(1));
    }
    scene.write("out", OLD);
    input.write_all(rest).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");

    assert_eq!(output.status.code(), Some(1));
    assert!(scene.read("out") == OLD, "the other file was replaced");
    let kept = fs::read_dir(scene.path("")).expect("it is there");
    let kept = kept.map(|entry| entry.expect("it can be listed").file_name());
    let kept: Vec<_> = kept.filter(|name| name != "out").collect();
    let [kept] = &kept[..] else {
        panic!("there is {kept:?} beside it");
    };
    let kept = kept.to_str().expect("an ordinary name");
    assert!(
        scene.read(kept) == clone_of(&volume),
        "the file that was kept"
    );
    let errors = errors_of(&output.stderr);
    let begin = "ntfsclone: out: cannot be given its name: File exists\n  the complete \
                 file is kept as ";
    assert!(
        errors.starts_with(begin) && errors.contains(kept),
        "{errors}"
    );
}

/// The file is as long as the volume says, also where nothing is used at its end and nothing stands behind it.
#[test]
fn length_of_a_clone() {
    for tail in [0, 512, 4096, 10 * 4096 + 512] {
        let volume = VolumeBuilder::new()
            .device_tail(tail)
            .fill_free(0xE5)
            .build();
        assert!(
            volume.used_clusters().all(|cluster| cluster != 511),
            "the end is free"
        );
        let scene = Scene::with_volume(&volume.bytes);
        scene.run("-o clone volume").wrote(&["clone"]);
        scene.run("-s -o image volume").wrote(&["image"]);
        scene.run("-r -o restored image").wrote(&["restored"]);
        // Of a longer device one cluster belongs to the copy.
        let length = (2 << 20) + tail.min(4096) as usize;
        let expected = &clone_of(&volume)[..length];
        for name in ["clone", "restored"] {
            assert_eq!(scene.read(name).len(), length, "{name}, tail of {tail}");
            assert!(scene.read(name) == expected, "{name}, tail of {tail}");
        }
        assert!(
            scene.run("-o - volume").stdout() == expected,
            "stdout, tail of {tail}"
        );
    }
}

#[test]
fn holes_take_no_room() {
    let volume = small_volume::builder().clusters(16384).build();
    let used = volume.used_clusters().count() as u64 * 4096;
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-o clone volume").wrote(&["clone"]);
    scene.run("-s -o image volume").wrote(&["image"]);
    scene.run("-r -o restored image").wrote(&["restored"]);
    scene.write("old", vec![0xA5; 3 << 20]);
    scene.run("-r --in-place -O old image").wrote(&["old"]);
    for name in ["clone", "restored", "old"] {
        let metadata = fs::metadata(scene.path(name)).expect("it is there");
        assert_eq!(metadata.len(), volume.bytes.len() as u64, "{name}");
        let taken = metadata.blocks() * 512;
        assert!(
            taken <= used + (256 << 10),
            "{name} takes {taken} bytes for {used}"
        );
        assert!(scene.read(name) == clone_of(&volume), "{name}");
    }
}

/// Volumes and images are their owner's, and so are their checksums. The original's images are everybody's. The umask takes
/// from both.
#[test]
fn permissions() {
    let scene = small_volume::scene();
    let original = find_reference().map(|_| reference as Program);
    let run = |program: Program, line: &str, umask: &str| {
        let program = scene.command(program, line);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "umask \"$0\"; exec \"$@\"", umask]);
        command.arg(program.get_program()).args(program.get_args());
        command.current_dir(scene.path(""));
        scene.run_command(command, &[])
    };
    let mode_of = |program: Program, line: &str, umask: &str| {
        run(program, line, umask).changed_only(&["out"]);
        let mode = scene.mode("out");
        scene.remove("out");
        mode
    };
    for (umask, of_owner, of_all) in [
        ("022", 0o600, 0o644),
        ("027", 0o600, 0o640),
        ("077", 0o600, 0o600),
        ("000", 0o600, 0o666),
        ("277", 0o400, 0o400),
    ] {
        for (line, of_original) in [
            ("-o out volume", of_owner),
            ("-O out volume", of_owner),
            ("-m -o out volume", of_owner),
            ("-r -o out image", of_owner),
            ("-r -O out image", of_owner),
            ("-s -o out volume", of_all),
            ("-s -O out volume", of_all),
            ("-m -s -o out volume", of_all),
        ] {
            let mode = mode_of(ours, line, umask);
            assert_eq!(mode, of_owner, "{line}, umask {umask}");
            if let Some(original) = original {
                let mode = mode_of(original, line, umask);
                assert_eq!(mode, of_original, "the original: {line}, umask {umask}");
            }
        }
        for (line, expected) in [
            ("--compress -o out volume", of_owner),
            ("--rescue -o out volume", of_owner),
            ("-r --sparse -o out image", of_owner),
            ("-s --compress -o out volume", of_owner),
            ("map -o out volume", of_all),
        ] {
            let mode = mode_of(ours, line, umask);
            assert_eq!(mode, expected, "{line}, umask {umask}");
        }
        let line = "-s --checksum -o out volume";
        run(ours, line, umask).changed_only(&["out", "out.b3"]);
        let modes = ["out", "out.b3"].map(|name| scene.mode(name));
        assert_eq!(modes, [of_owner; 2], "{line}, umask {umask}");
        for name in ["out", "out.b3"] {
            scene.remove(name);
        }
    }
}

#[test]
fn long_and_strange_names() {
    let scene = small_volume::scene();
    let folder = "folder with spaces";
    fs::create_dir(scene.path(folder)).expect("cannot make a folder");
    let names = [
        "x".repeat(255),
        "ü".repeat(127),
        "-".to_owned() + &"y".repeat(200),
        "a\nb".into(),
    ];
    for name in names.iter().map(|name| format!("{folder}/{name}")) {
        for _ in 0..2 {
            let mut command = scene.command(ours, "volume -O");
            command.arg(&name);
            scene.run_command(command, &[]).wrote(&[&name]);
            assert!(scene.read(&name) == clone_of(&volume()), "{name}");
        }
    }
}
