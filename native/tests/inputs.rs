//! Restoring from whatever an image or volume comes in.

use crate::support::{
    old_device::{LEFT, OldDevice},
    program::{self, ours},
    requirements::{DEVICES, Need, met_here},
    scene::Scene,
    small_volume::{DAMAGED, builder, clone_of, image_of, truncated, volume},
    wrapped::{COMPRESSED, IN_PIECES, WRAPPERS, Wrapping, shell},
};
use std::process::Command;

/// With an image that is not compressed to almost nothing.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.write("image", image_of(&volume()));
    scene
}

/// Restores what is named, in every way, to the same bytes.
#[track_caller]
fn check(scene: &Scene, wrapping: &Wrapping, name: &str) {
    let Wrapping { script, layers, .. } = wrapping;
    let expected = clone_of(&volume());
    let line = format!(", version 10.1 ({layers})\n");
    let outcome = scene.run(&format!("-r -o out {name}"));
    outcome.wrote(&["out"]);
    outcome.reported(&line);
    assert!(scene.read("out") == expected, "{script}: to a file");
    scene.remove("out");
    let outcome = scene.run(&format!("-r -o - {name}"));
    assert_eq!(outcome.code(), Some(0), "{script}: {}", outcome.errors());
    assert!(outcome.stdout() == expected, "{script}: to a stream");
    let outcome = scene.run(&format!("-n -r {name}"));
    outcome.wrote(&[]);
    outcome.reported(&line);
}

#[test]
fn compressed() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene();
    for wrapping in COMPRESSED {
        wrapping.make(&scene);
        check(&scene, wrapping, wrapping.name);

        let line = format!(
            "Image: standard input, version 10.1 ({})\n",
            wrapping.layers
        );
        let outcome = scene.run_with_input("-r -o out -", &scene.read("x"));
        outcome.wrote(&["out"]);
        outcome.reported(&line);
        assert!(
            scene.read("out") == clone_of(&volume()),
            "{}",
            wrapping.script
        );
        scene.remove("out");
        // A file that is standard input can be read twice, as any other.
        let outcome = scene.run_command(with_stdin(&scene, "-r --in-place -O out -", "x"), &[]);
        outcome.wrote(&["out"]);
        assert!(
            scene.read("out") == clone_of(&volume()),
            "{}",
            wrapping.script
        );
        scene.remove("out");
        wrapping.unmake(&scene);
    }
}

/// The program with a file as its standard input.
fn with_stdin(scene: &Scene, line: &str, file: &str) -> Command {
    let path = ours().get_program().to_owned();
    let mut command = program::tool("sh", ["-c", &format!("exec \"$0\" {line} < {file}")]);
    command.arg(path).current_dir(scene.path("."));
    command
}

#[test]
fn in_pieces() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene();
    for wrapping in IN_PIECES {
        wrapping.make(&scene);
        check(&scene, wrapping, wrapping.name);
        wrapping.unmake(&scene);
    }
}

/// One of those that the report says the same of.
fn one_of_each() -> Vec<&'static Wrapping> {
    let mut all: Vec<&Wrapping> = COMPRESSED.iter().chain(IN_PIECES).collect();
    all.dedup_by_key(|wrapping| wrapping.layers);
    all
}

/// All of the image is checked before a device is written to.
#[test]
fn to_a_device() {
    if !met_here(&[WRAPPERS, &[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = volume();
    let scene = scene();
    let device = OldDevice::new(volume.bytes.len());
    let line = |name: &str| format!("-r -O {} {name}", device.name());
    for wrapping in one_of_each() {
        wrapping.make(&scene);
        shell(
            &scene,
            "last=$(find x* -type f \\( -name 'x*' -o -name 'sda*' -o -name 'image.*' -o -name \
             '*.gz' \\) | sort | tail -1); mv $last kept; head -c -2 kept > $last",
        );
        let outcome = scene.run(&line(wrapping.name));
        assert_eq!(outcome.code(), Some(1), "{}", wrapping.script);
        // What is that short would be written only after it was all read.
        assert!(
            !outcome.errors().contains("half written"),
            "{}: {}",
            wrapping.script,
            outcome.errors()
        );
        assert!(
            device.content() == vec![LEFT; volume.bytes.len()],
            "{}: the device was written to",
            wrapping.script
        );
        shell(&scene, "rm kept");
        wrapping.unmake(&scene);
    }
    let mut expected = vec![LEFT; volume.bytes.len()];
    for cluster in volume.used_clusters() {
        let range = cluster as usize * 4096..(cluster as usize + 1) * 4096;
        expected[range.clone()].copy_from_slice(&volume.bytes[range]);
    }
    expected[2 << 20..].copy_from_slice(&volume.bytes[2 << 20..]);
    for wrapping in one_of_each() {
        let device = OldDevice::new(volume.bytes.len());
        wrapping.make(&scene);
        scene
            .run(&format!("-r -O {} {}", device.name(), wrapping.name))
            .wrote(&[]);
        assert!(device.content() == expected, "{}", wrapping.script);
        wrapping.unmake(&scene);
    }
}

#[test]
fn compressed_image_on_a_device() {
    if !met_here(&[WRAPPERS, &[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = scene();
    for command in [
        "zstd -qc",
        "gzip -c",
        "xz -c",
        "bzip2 -c",
        "lz4 -qc",
        "lzop -c",
        "lzip -c",
        "xz -c --format=lzma",
    ] {
        shell(&scene, &format!("{command} image > x"));
        let device = OldDevice::new(1 << 20);
        shell(
            &scene,
            &format!(
                "dd if=x of={} conv=notrunc,fsync status=none",
                device.name()
            ),
        );
        scene
            .run(&format!("-r -o out {}", device.name()))
            .wrote(&["out"]);
        assert!(scene.read("out") == clone_of(&volume()), "{command}");
        scene.remove("out");
    }
}

#[test]
fn compressed_and_damaged() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene();
    for (command, format, last) in [
        ("zstd -qc", "zstd", 2),
        ("gzip -c", "gzip", 2),
        ("xz -c", "xz", 2),
        ("bzip2 -c", "bzip2", 2),
        ("lz4 -qc", "lz4", 2),
        // The last four are the mark of the end.
        ("lzop -c", "lzop", 6),
        ("lzip -c", "lzip", 2),
    ] {
        shell(&scene, &format!("{command} image > x"));
        let bytes = scene.read("x");
        let lines = ["-r -o out x", "-n -r x", "-r -o out -"];
        let outcomes = |scene: &Scene, bytes: &[u8]| {
            scene.write("x", bytes);
            lines.map(|line| (line, scene.run_with_input(line, bytes)))
        };
        for len in [20, 1000, bytes.len() - 1] {
            for (line, outcome) in outcomes(&scene, &bytes[..len]) {
                let name = if line.ends_with('-') {
                    "standard input"
                } else {
                    "x"
                };
                let message =
                    format!("{name}: the {format} stream ends too early, at byte {len:#x}");
                outcome.refused(&message, DAMAGED);
            }
        }
        let longer = [&bytes[..], b"more"].concat();
        for (line, outcome) in outcomes(&scene, &longer) {
            let name = if line.ends_with('-') {
                "standard input"
            } else {
                "x"
            };
            let message = format!(
                "{name}: the {format} stream ends at byte {:#x}, but other bytes follow it",
                bytes.len()
            );
            outcome.refused(
                &message,
                "was something appended to it? Cut it there, if what follows is not needed",
            );
        }
        for at in [bytes.len() / 2, bytes.len() - last] {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0xFF;
            for (_, outcome) in outcomes(&scene, &damaged) {
                assert_eq!(outcome.code(), Some(1), "{format}");
                outcome.changed_only(&[]);
                let message = format!(": the {format} stream is damaged near byte 0x");
                assert!(outcome.errors().contains(&message), "{}", outcome.errors());
                assert!(outcome.errors().contains(DAMAGED), "{}", outcome.errors());
            }
        }
    }
    // Sound as a stream, but no whole image.
    let image = image_of(&volume());
    let len = image.len() - 100;
    shell(&scene, &format!("head -c {len} image | gzip -c > x"));
    scene.run("-r -o out x").refused(
        &format!("x, decompressed: {}", truncated(&image[..len])),
        DAMAGED,
    );
    shell(&scene, "gzip -c image | zstd -qc | xz -c > x");
    scene.run("-r -o out x").refused(
        "x: is compressed more than 2 times",
        "gzip -d -c IMAGE | ntfsclone --restore-image ... -",
    );
    shell(&scene, "gzip -c < /dev/null > x");
    scene
        .run("-r -o out x")
        .refused("x: is empty", "was it written completely?");
}

/// A stream of much that was compressed to little.
#[test]
fn memory_does_not_grow() {
    if !met_here(WRAPPERS) {
        return;
    }
    const CLUSTERS: u64 = 150_000;
    let scene = Scene::new();
    let mut start = volume().bytes[..512].to_vec();
    start[0x28..0x30].copy_from_slice(&(CLUSTERS * 8).to_le_bytes());
    scene.write("start", &start);
    let rest = CLUSTERS * 4096 - 512;
    for command in ["zstd -qc", "gzip -1c"] {
        shell(
            &scene,
            &format!("(cat start; head -c {rest} /dev/zero) | {command} > x"),
        );
        let path = ours().get_program().to_owned();
        let line = "ulimit -v 450000; exec \"$0\" -n -r x";
        let mut command = program::tool("sh", ["-c", line]);
        command.arg(path).current_dir(scene.path("."));
        scene.run_command(command, &[]).wrote(&[]);
    }
}

/// Where any part of a volume can be read, what is in use is copied; of a stream, all.
#[test]
fn volumes() {
    if !met_here(WRAPPERS) {
        return;
    }
    // Bytes after the volume are not all copied: at most a cluster of them.
    for builder in [
        builder(),
        builder().device_tail(9000),
        builder().extra_sectors(3),
    ] {
        let volume = builder.build();
        let scene = Scene::with_volume(&volume.bytes);
        scene.run("-o reference volume").wrote(&["reference"]);
        let used = scene.read("reference");
        let mut all = volume.bytes.clone();
        all.truncate(used.len());

        scene.run("-r -o out volume").wrote(&["out"]);
        assert!(scene.read("out") == used);
        scene.remove("out");
        scene.run("-n -r volume").wrote(&[]);
        assert!(scene.run("-r -o - volume").stdout() == used);
        let outcome = scene.run_command(with_stdin(&scene, "-r -o out -", "volume"), &[]);
        outcome.wrote(&["out"]);
        assert!(scene.read("out") == used, "standard input that is a file");
        scene.remove("out");

        shell(&scene, "gzip -c volume > x");
        let compressed = scene.read("x");
        for (line, input, name) in [
            ("-r -o out x", &[][..], "x (gzip)"),
            ("-r -o out -", &compressed, "standard input (gzip)"),
            ("-r -o out -", &volume.bytes, "standard input"),
        ] {
            let outcome = scene.run_with_input(line, input);
            outcome.wrote(&["out"]);
            outcome.reported(&format!("Volume: {name}\n"));
            assert!(scene.read("out") == all, "{name}");
            scene.remove("out");
        }
        scene.run("-n -r x").wrote(&[]);
        assert!(scene.run("-r -o - x").stdout() == all);

        let clusters = volume.geometry.volume_size();
        let short = clusters as usize - 1;
        let message =
            format!("standard input: holds a volume of {clusters} bytes, but ends after {short}");
        for line in ["-n -r -", "-r -o out -"] {
            scene
                .run_with_input(line, &volume.bytes[..short])
                .refused(&message, DAMAGED);
        }
    }
    let mut damaged = volume();
    damaged.damage_boot_sector();
    let scene = Scene::with_volume(&damaged.bytes);
    let outcome = scene.run("-r -o out volume");
    outcome.changed_only(&["out"]);
    assert!(
        outcome.errors().contains("using the backup"),
        "{}",
        outcome.errors()
    );
    assert!(scene.read("out") == clone_of(&damaged));

    let scene = Scene::with_volume(&volume().bytes);
    shell(&scene, "gzip -c volume > x");
    // Both boot sectors of a stream get the new serial number, and nothing else.
    scene.run("--new-serial -r -o out x").wrote(&["out"]);
    let (new, mut expected) = (scene.read("out"), volume().bytes);
    let backup = volume().geometry.volume_size() as usize;
    for sector in [0, backup] {
        let field = sector + 0x48..sector + 0x50;
        assert_ne!(new[field.clone()], expected[field.clone()]);
        expected[field.clone()].copy_from_slice(&new[0x48..0x50]);
    }
    assert!(new == expected);
    scene.remove("out");
    scene.run("--rescue -r -o out x").wrote(&["out"]);
    assert!(scene.read("out") == volume().bytes);
}

#[test]
fn compressed_volume_to_a_device() {
    if !met_here(&[WRAPPERS, &[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    shell(&scene, "gzip -c volume > x");
    let device = OldDevice::new(volume.bytes.len());
    scene
        .run(&format!("--discard -r -O {} x", device.name()))
        .refused(
            "x: is a volume in a stream, of which all is written; what is free in it is not known",
            "restore it without --discard, or decompress it to a file first",
        );
    scene.run(&format!("-r -O {} x", device.name())).wrote(&[]);
    assert!(
        device.content() == volume.bytes,
        "not every byte was written"
    );
}

#[test]
fn what_others_read() {
    let scene = Scene::new();
    for (magic, found) in [
        (&b"QFI\xFB\0\0\0\x01"[..], "is a virtual disk (QCOW)"),
        (b"QED\0", "is a virtual disk (QED)"),
        (b"MSWIM\0\0\0", "is a Windows image (WIM, ESD or SWM)"),
        (b"LRZI", "is compressed with lrzip"),
        (
            b"\x02\x21\x4C\x18",
            "is compressed with lz4 in its format before frames",
        ),
        (b"PK\x03\x04", "is a ZIP archive"),
        (b"\xEB\x58\x90-FVE-FS-", "is encrypted by BitLocker"),
    ] {
        let mut bytes = magic.to_vec();
        bytes.resize(5000, 0x11);
        scene.write("image", &bytes);
        for line in [
            "-r -o out image",
            "-r -o out -",
            "-n -r image",
            "-o out image",
        ] {
            let outcome = scene.run_with_input(line, &bytes);
            assert_eq!(outcome.code(), Some(1), "{line}");
            assert!(
                outcome.errors().contains(found),
                "{line}: {}",
                outcome.errors()
            );
            outcome.changed_only(&[]);
        }
    }
}

/// What the image holds is named, not what is missing in it.
#[test]
fn image_of_another_file_system() {
    let mut volume = volume();
    volume.patch(3, b"ReFS\0\0\0\0");
    volume.damage_backup_boot_sector();
    let scene = Scene::new();
    scene.write("image", image_of(&volume));
    for line in ["info image", "verify image", "map image", "-s -o out image"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(1), "{line}");
        let text = [outcome.stdout(), outcome.errors().as_bytes()].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(
            text.contains("is a ReFS volume, not NTFS"),
            "{line}: {text}"
        );
        assert!(!text.contains("is damaged"), "{line}: {text}");
        outcome.changed_only(&[]);
    }
}
