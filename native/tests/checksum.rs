//! `--checksum`: beside the file, as b3sum and sha256sum write it.

use crate::support::{
    program::{Program, find, ours, printed, succeed, tool},
    requirements::{Need, met_here},
    scene::{Scene, error_text},
    small_volume::{self, DAMAGED, builder, cut_error, image_of},
};
use std::{fs, os::unix::fs::symlink, process::Command};

const USAGE: &str = "try ntfsclone --help";

fn sidecar(how: &str, name: &str) -> String {
    match how {
        "--checksum=sha256" => format!("{name}.sha256"),
        _ => format!("{name}.b3"),
    }
}

/// The programs say so where they are there.
fn check_by_program(scene: &Scene, program: &str, sums: &str) {
    if find(program).is_some() {
        let mut command = tool(program, ["-c", "--", sums]);
        command.current_dir(scene.path("."));
        let said = printed(&succeed(command));
        assert!(said.contains(": OK\n"), "{said}");
    }
}

fn check_sum(scene: &Scene, how: &str, name: &str, what: &str) {
    let sums = sidecar(how, name);
    let line = String::from_utf8(scene.read(&sums)).expect("it is text");
    match how {
        "--checksum=sha256" => check_by_program(scene, "sha256sum", &sums),
        _ => {
            check_by_program(scene, "b3sum", &sums);
            let hash = blake3::hash(&scene.read(name));
            assert_eq!(line, format!("{hash}  {name}\n"), "{what}");
        }
    }
}

#[test]
fn of_whatever_is_written() {
    if !met_here(&[Need::Tool("sha256sum")]) {
        return;
    }
    // Free where it ends, and here and there before.
    let volume = builder().clusters(3000).build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for how in ["--checksum", "--checksum=b3", "--checksum=sha256"] {
        for line in [
            "-o out volume",
            "--sparse -o out volume",
            "--new-serial -o out volume",
            "-O out volume",
            "-s -o out volume",
            "-s --direct -o out volume",
            "-m -s -o out volume",
            "--rescue -s -o out volume",
            "-s --verify -o out volume",
            "-s --compress -o out volume",
            "-s --compress --verify -o out volume",
            "--compress -o out volume",
            "--rescue --compress -o out volume",
            "-r -o out image",
            "-r --sparse -o out image",
            "-r --direct -O out image",
        ] {
            let what = format!("{how} {line}");
            let sums = sidecar(how, "out");
            scene.run(&what).wrote(&["out", &sums]);
            check_sum(&scene, how, "out", &what);
            scene.remove("out");
            scene.remove(&sums);
        }
        for line in [
            "-O old volume",
            "--in-place -O old volume",
            "-r --in-place -O old image",
        ] {
            let what = format!("{how} {line}");
            let sums = sidecar(how, "old");
            scene.write("old", vec![0xA5; 20 << 20]);
            scene.write(&sums, "of what was there before");
            scene.run(&what).wrote(&["old", &sums]);
            check_sum(&scene, how, "old", &what);
            scene.remove(&sums);
        }
    }
}

/// A name may hold anything; the line is what the program itself writes.
#[test]
fn odd_names() {
    if !met_here(&[Need::Tool("sha256sum")]) {
        return;
    }
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    for name in [
        "a b",
        "-c",
        "back\\slash",
        "two\nlines",
        "re\rturn",
        "ü",
        "*star",
    ] {
        for (how, program) in [("--checksum=sha256", "sha256sum"), ("--checksum", "b3sum")] {
            let run = |program: Program, arguments: &[&str]| {
                let mut command: Command = program();
                command.args(arguments).current_dir(scene.path("."));
                scene.run_command(command, &[])
            };
            let output = format!("--output={name}");
            let outcome = run(ours, &["-s", how, &output, "volume"]);
            let sums = sidecar(how, name);
            outcome.wrote(&[name, &sums]);
            let found = String::from_utf8(scene.read(&sums)).expect("it is text");
            if find(program).is_some() {
                let mut command = tool(program, ["--", name]);
                command.current_dir(scene.path("."));
                let expected = succeed(command).stdout;
                assert_eq!(found.as_bytes(), expected, "{name:?}");
                if name != "re\rturn" {
                    check_by_program(&scene, program, &sums);
                }
            } else {
                let escaped = name.replace('\\', "\\\\").replace('\n', "\\n");
                let begin = if escaped == name { "" } else { "\\" };
                let hash = blake3::hash(&scene.read(name));
                assert_eq!(found, format!("{begin}{hash}  {escaped}\n"));
            }
            scene.remove(name);
            scene.remove(&sums);
        }
    }
}

/// Where a link leads is replaced; the checksum stands beside the name that was given.
#[test]
fn through_a_link() {
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    scene.write("real", b"what was there before");
    symlink("real", scene.path("link")).expect("there is room");
    let outcome = scene.run("-s --checksum -O link volume");
    outcome.wrote(&["real", "link.b3"]);
    check_sum(&scene, "--checksum", "link", "a link");
}

#[test]
fn nothing_is_overwritten_unasked() {
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    scene.write("out.b3", b"something of value");
    let remedy = "--output never overwrites; give another name, or use --overwrite";
    let outcome = scene.run("-s --checksum -o out volume");
    outcome.refused("out.b3: exists already", remedy);
    // Another one is none of its business.
    let outcome = scene.run("-s --checksum=sha256 -o out volume");
    outcome.wrote(&["out", "out.sha256"]);

    fs::create_dir(scene.path("folder.b3")).expect("there is room");
    let outcome = scene.run("-s --checksum -O folder volume");
    outcome.refused("folder.b3: is a directory", "name a file in it");

    scene.write("source", &small_volume::volume().bytes);
    fs::rename(scene.path("source"), scene.path("copy.b3")).expect("it is there");
    let outcome = scene.run("-s --checksum -O copy copy.b3");
    let found = "copy.b3: is SOURCE and the file of --checksum, which must be different files";
    outcome.refused(found, "give each of them its own name");
}

/// What fails leaves what was there, with the checksum that belongs to it.
#[test]
fn failures_leave_nothing() {
    let scene = small_volume::scene();
    scene.write("old", b"what was there before");
    scene.write("old.b3", b"its checksum");
    for line in ["-r --checksum -o out cut", "-r --checksum -O old cut"] {
        let error = cut_error(&scene, "cut");
        scene.run(line).refused(&error, DAMAGED);
    }
}

/// An image that jumps back is not written from its start to its end.
#[test]
fn images_that_jump_back() {
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    scene.run("-m -s -o image volume").wrote(&["image"]);
    let outcome = scene.run("-r --checksum -o out image");
    let found = "out: gets no checksum: it is not written from its start to its end, since the \
                 image jumps back, as those of metadata do";
    let remedy = "leave out --checksum, and run b3sum or sha256sum afterwards";
    outcome.refused(found, remedy);
}

#[test]
fn goes_with_files_only() {
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    let outcome = scene.run("-s --checksum -O /dev/null volume");
    let message = "--checksum goes with a file: a device or pipe has no name that the checksum \
                   could stand beside";
    outcome.failed(2, &error_text(message, USAGE));
    scene.make_pipe("pipe");
    let outcome = scene.run("-s --checksum -O pipe volume");
    outcome.failed(2, &error_text(message, USAGE));
    outcome.changed_only(&[]);
}

fn sha256_of(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(bytes);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Something to restore, in every form that is read in another way.
fn restorable(scene: &Scene) -> [&'static str; 4] {
    let volume = small_volume::volume();
    let image = image_of(&volume);
    scene.write("image", &image);
    scene.write("volume", &volume.bytes);
    scene.write(
        "image.zst",
        zstd::encode_all(&*image, 1).expect("to memory"),
    );
    scene
        .run("-q -s --compress -o image.seekable volume")
        .wrote(&["image.seekable"]);
    ["image", "volume", "image.zst", "image.seekable"]
}

const RESTORES: [&str; 4] = [
    "-q -r -n",
    "-q -r -o out",
    "-q -r -O out",
    "-q -r --in-place -O old",
];

#[test]
fn restores_compare_the_sidecar_before_anything_is_there() {
    for kind in ["b3", "sha256"] {
        let scene = Scene::new();
        scene.write("old", vec![0xA5; 4 << 20]);
        let names = restorable(&scene);
        for name in names {
            let expected = "0123456789abcdef".repeat(4);
            let sums = format!("{name}.{kind}");
            scene.write(&sums, format!("{expected}  {name}\n"));
            let found = match kind {
                "b3" => blake3::hash(&scene.read(name)).to_string(),
                _ => sha256_of(&scene.read(name)),
            };
            for line in RESTORES {
                scene.run(&format!("{line} {name}")).refused(
                    &format!("{name}: its checksum is {found}, {sums} says {expected}"),
                    &format!(
                        "some of its bytes are not those it was made of: take another copy of it; \
                         or, if it was changed on purpose since, remove {sums}"
                    ),
                );
            }
            // Of the right one, nothing is said.
            scene.write(&sums, format!("{found} *{name}\n"));
            for line in RESTORES {
                let outcome = scene.run(&format!("{line} {name}"));
                outcome.failed(0, "");
            }
            scene.remove("out");
        }
    }
}

#[test]
fn one_flipped_bit_of_an_image_is_never_restored() {
    let scene = Scene::new();
    let image = image_of(&small_volume::volume());
    let hash = blake3::hash(&image);
    scene.write("image.b3", format!("{hash}  image\n"));
    for at in (0..image.len()).step_by(image.len() / 40) {
        let mut flipped = image.clone();
        flipped[at] ^= 1 << (at % 8);
        scene.write("image", &flipped);
        for line in ["-q -r -n image", "-q -r -o out image"] {
            let outcome = scene.run(line);
            assert_eq!(outcome.code(), Some(1), "byte {at}: {line}");
            outcome.changed_only(&[]);
        }
        let outcome = scene.run("-q -r -o - image");
        assert_eq!(outcome.code(), Some(1), "byte {at}");
    }
}

#[test]
fn sidecars_that_do_not_belong_to_it_are_named() {
    let scene = Scene::with_volume(&small_volume::volume().bytes);
    scene.write("image", image_of(&small_volume::volume()));
    scene.write("image.b3", "no checksum at all\n");
    scene.run("-r -o out image").refused(
        "image.b3: has no checksum of image",
        "was it made by b3sum or sha256sum? If it belongs to another file, move it away",
    );
    scene.remove("image.b3");
    fs::create_dir(scene.path("image.b3")).expect("there is room");
    scene.run("-r -n image").refused(
        "image.b3: cannot be read: it is not a regular file",
        "it would tell whether the file beside it is whole; if it is not needed, move it away",
    );
    // A copy reads only what is in use.
    scene.write(
        "volume.sha256",
        "00  volume\n".replace("00", &"ab".repeat(32)),
    );
    scene.run("-q -o out volume").wrote_with_warning(
        "volume.sha256 is not compared: a copy reads only what is in use; ntfsclone verify volume \
         compares it",
        &["out"],
    );
}

/// Names that are not UTF-8, or escaped in the sidecar: as sha256sum writes them.
#[test]
fn sidecars_carry_any_name() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, process::Command};
    let names: [&[u8]; 4] = [b"a\xff\xfe.img", b"b\nc.img", b"d\\e.img", b"f\rg.img"];
    for name in names {
        let scene = Scene::with_volume(small_volume::volume().bytes);
        let name = OsStr::from_bytes(name);
        let run = |line: &str, last: &[&OsStr]| {
            let mut command = scene.command(crate::support::program::ours, line);
            command.args(last);
            scene.run_command(command, &[])
        };
        let mut line_of_first = Vec::new();
        for option in ["--checksum", "--checksum=sha256"] {
            let outcome = run(&format!("-s {option} -O"), &[name, OsStr::new("volume")]);
            assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
            // The second save removes what the first one left beside it.
            let mut first = name.to_owned();
            first.push(".b3");
            let first = scene.path(".").join(first);
            match option {
                "--checksum" => line_of_first = std::fs::read(&first).expect("it is there"),
                _ => std::fs::write(&first, &line_of_first).expect("it can be written"),
            }
        }
        let outcome = run("verify", &[name]);
        outcome.reported("Checksums looked at: b3, sha256\n");
        assert_eq!(outcome.code(), Some(0), "{name:?}");
        // Its line is found among others, and so would be a difference.
        for extension in [".b3", ".sha256"] {
            let mut sidecar = name.to_owned();
            sidecar.push(extension);
            let path = scene.path(".").join(&sidecar);
            let line = std::fs::read(&path).expect("it is there");
            let other = format!("{}  other\n", "0".repeat(64));
            std::fs::write(&path, [other.as_bytes(), &line].concat()).expect("it can be written");
        }
        assert_eq!(run("verify", &[name]).code(), Some(0), "{name:?}");
        if met_here(&[Need::Tool("sha256sum")]) {
            let mut command = Command::new("sha256sum");
            command.arg(name).current_dir(scene.path("."));
            let made = command.output().expect("it starts").stdout;
            let mut sidecar = name.to_owned();
            sidecar.push(".sha256");
            std::fs::write(scene.path(".").join(&sidecar), made).expect("it can be written");
            assert_eq!(run("verify", &[name]).code(), Some(0), "{name:?}");
        }
    }
}
