//! How an output gets its name, on file systems and in sandboxes that refuse some of the ways: by errors that strace
//! injects.

use crate::support::{
    program::{ours, tool},
    requirements::{Need, met_here},
    scene::{Outcome, Scene},
    small_volume::{self, clone_of, image_of, volume},
};
use std::{fs, os::unix::fs::MetadataExt};

const NEEDS: &[Need] = &[Need::Tool("strace")];
const OLD: &[u8] = b"what was there before";

/// Runs `line` with these system calls failing, each `NAME:error=ERROR` and maybe `:when=COUNT`.
fn run_with(scene: &Scene, failing: &[&str], line: &str) -> Outcome {
    let program = scene.command(ours, line);
    let mut command = tool("strace", ["-f", "-qq", "-o", "/dev/null"]);
    for call in failing {
        command.args(["-e", &format!("inject={call}")]);
    }
    command.arg(program.get_program()).args(program.get_args());
    command.current_dir(scene.path(""));
    command.env("LC_ALL", "C.UTF-8");
    scene.run_command(command, &[])
}

/// exFAT through FUSE has neither; a sandbox may refuse the system call.
#[test]
fn names_without_links_or_exclusive_renames() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    let no_links = ["link:error=EPERM", "linkat:error=EPERM"];
    for error in ["EINVAL", "ENOSYS", "EPERM"] {
        let rename = format!("renameat2:error={error}");
        for failing in [
            vec![rename.as_str()],
            [&[rename.as_str()], &no_links[..]].concat(),
        ] {
            for (line, expected) in [
                ("-o out volume", clone_of(&volume())),
                ("-s -o out volume", image_of(&volume())),
                ("-r -o out image", clone_of(&volume())),
                ("--rescue -o out volume", clone_of(&volume())),
                ("-O out volume", clone_of(&volume())),
            ] {
                run_with(&scene, &failing, line).wrote(&["out"]);
                assert!(scene.read("out") == expected, "{line}, {failing:?}");
                scene.remove("out");
            }
            run_with(&scene, &failing, "-s --checksum -o out volume").wrote(&["out", "out.b3"]);
            scene.remove("out");
            scene.remove("out.b3");
            // What fails gives the name back.
            let outcome = run_with(&scene, &failing, "-r -o out cut");
            assert_eq!(outcome.code(), Some(1));
            outcome.changed_only(&[]);
            let mut failing = failing.clone();
            failing.push("fsync:error=EIO:when=1");
            let outcome = run_with(&scene, &failing, "-s -o out volume");
            assert_eq!(outcome.code(), Some(1));
            outcome.changed_only(&[]);
        }
    }
}

/// A folder that cannot be synced is no reason to fail; a disk that fails is.
#[test]
fn folder_that_cannot_be_synced() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    for error in ["EINVAL", "EPERM", "ENOSYS", "EOPNOTSUPP", "EACCES"] {
        let failing = format!("fsync:error={error}:when=2+");
        run_with(&scene, &[&failing], "-s -o out volume").wrote(&["out"]);
        scene.remove("out");
    }
    let outcome = run_with(&scene, &["fsync:error=EIO:when=2+"], "-s -o out volume");
    let found = "ntfsclone: out: is complete, but its name may not be permanent: Input/output \
                 error\n  copy it to another disk: this one fails\n";
    outcome.failed(1, found);
    outcome.changed_only(&["out"]);
    assert!(scene.read("out") == image_of(&volume()));
}

/// A file and its checksum appear together, or neither does.
#[test]
fn checksum_that_cannot_be_named() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    // Each file that is new is renamed once to see whether that works: the checksum to see that one can be written,
    // the image, the checksum. Then the names are given, to the image and the checksum.
    for (count, kept) in [(4, "the image"), (5, "the image, once more")] {
        let failing = format!("renameat2:error=EIO:when={count}");
        let outcome = run_with(&scene, &[&failing], "-s --checksum -o out volume");
        let errors = outcome.errors();
        assert_eq!(outcome.code(), Some(1), "{errors}");
        let part = errors
            .trim_end()
            .rsplit(" is kept as ")
            .next()
            .expect("one at the least");
        outcome.changed_only(&[part]);
        assert!(scene.read(part) == image_of(&volume()), "{kept}");
        scene.remove(part);
    }
    // A replaced file has its checksum, or none: never that of the other.
    for count in 1..=3 {
        scene.write("old", OLD);
        scene.write("old.b3", b"its checksum");
        let failing = format!("rename:error=EIO:when={count}");
        let outcome = run_with(&scene, &[&failing], "-s --checksum -O old volume");
        assert_eq!(outcome.code(), Some(1), "{}", outcome.errors());
        match scene.read("old") == OLD {
            true => assert!(scene.read("old.b3") == b"its checksum", "rename {count}"),
            false => assert!(!scene.path("old.b3").exists(), "rename {count}"),
        }
    }
}

/// A report or index is there whole, or not at all.
#[test]
fn report_and_index() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    scene.run("-m -s -o metadata volume").wrote(&["metadata"]);
    for (line, outputs) in [
        ("--rescue --report report -s -o out volume", &["out"][..]),
        ("verify --index metadata", &[]),
    ] {
        let failing = match outputs.len() {
            // The image, its folder, and then the report.
            1 => "fsync:error=ENOSPC:when=3",
            _ => "fsync:error=ENOSPC:when=1",
        };
        let outcome = run_with(&scene, &[failing], line);
        assert_eq!(outcome.code(), Some(1), "{line}: {}", outcome.errors());
        outcome.changed_only(outputs);
    }
}

/// What the kernel may not be asked to forget is read past its cache.
#[test]
fn advice_that_is_refused() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    for error in ["EPERM", "ENOSYS"] {
        let failing = format!("fadvise64:error={error}");
        let outcome = run_with(&scene, &[&failing], "-s --verify -o out volume");
        assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
        outcome.changed_only(&["out"]);
        scene.remove("out");
    }
}

/// A file that another program shows may be as long as it is: it is written as a device, or refused.
#[test]
fn length_that_cannot_be_changed() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = small_volume::scene();
    let expected = clone_of(&volume());
    let failing = "ftruncate:error=EPERM";
    for line in [
        "-O old volume",
        "-r -O old image",
        "-r --sparse -O old image",
    ] {
        scene.write("old", vec![0; 3 << 20]);
        let outcome = run_with(&scene, &[failing], &format!("--in-place {line}"));
        outcome.wrote(&["old"]);
        let old = scene.read("old");
        assert_eq!(old.len(), 3 << 20, "{line}");
        assert!(old[..expected.len()] == expected, "{line}");
    }
    let outcome = run_with(&scene, &[failing], "-s --in-place -O old volume");
    outcome.refused(
        "old: is a file whose length cannot be changed, and an image ends where its file does",
        "write it to another file",
    );
    scene.write("old", vec![0; 1 << 20]);
    let outcome = run_with(&scene, &[failing], "--in-place -O old volume");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
}

/// The name is given last: what cannot get a new serial number does not get one.
#[test]
fn new_serial_without_boot_sector() {
    let scene = small_volume::scene();
    let mut image = scene.read("image");
    // The boot sector, behind the header and the first command.
    image[57..512].fill(0);
    scene.write("no-boot", &image);
    scene.write("old", OLD);
    let found = ": gets no new serial number: there is no boot sector to put it in";
    let remedy = "write it as it is, and repair its boot sector first (chkdsk, testdisk)";
    for name in ["out", "old"] {
        let outcome = scene.run(&format!("-r --new-serial -O {name} no-boot"));
        outcome.refused(&format!("{name}{found}"), remedy);
    }
}

/// A file that is too long for a limit is an error, not the end of the program.
#[test]
fn file_size_limit() {
    let scene = small_volume::scene();
    let program = scene.command(ours, "-s -o out volume");
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "ulimit -f 100; exec \"$@\"", "sh"]);
    command.arg(program.get_program()).args(program.get_args());
    command.current_dir(scene.path(""));
    let outcome = scene.run_command(command, &[]);
    outcome.refused("cannot write to out: File too large", "");
}

/// What a killed run leaves is named, with its size, and stays; what a run holds is not taken for that.
#[test]
fn leftovers_are_named() {
    let scene = small_volume::scene();
    scene.write(".out.abcdef.part", vec![1; 8192]);
    scene.write(".out.b3.abcdef.part", b"of another file");
    scene.write(".other.abcdef.part", b"of another file");
    let held = fs::File::create_new(scene.path(".out.heldbb.part")).expect("there is room");
    let lock = rustix::fs::FlockOperation::LockExclusive;
    rustix::fs::flock(&held, lock).expect("nobody has it");
    let outcome = scene.run("-s -o out volume");
    let size = fs::metadata(scene.path(".out.abcdef.part")).map(|metadata| metadata.blocks() * 512);
    assert_eq!(size.expect("it is there"), 8192, "no usual file system");
    outcome.wrote_with_warning(
        ".out.abcdef.part (8.00 KiB) is left of an earlier run that was killed, or could not give \
         it its name; rm .out.abcdef.part removes it",
        &["out"],
    );
}
