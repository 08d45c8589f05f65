//! `verify`: what is sound is said to be, and what is not is found, with the files it touches.

use crate::support::{
    disk::{self, Partition},
    image::Image,
    program::ours,
    requirements::met_here,
    scene::Scene,
    small_volume::{builder, image_of, volume},
    verify_report::{check_found, check_sound, codes, json, report, used},
    wrapped::{COMPRESSED, WRAPPERS, shell},
};
use ntfs_volume_builder::{FileData, Run, VolumeBuilder};
use std::process::Command;

#[test]
fn what_is_sound_is_said_to_be() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for words in ["image", "volume", "--direct image", "--threads 1 image"] {
        check_sound(&scene, words, &volume);
    }
    let outcome = scene.run("verify image");
    outcome.wrote(&[]);
    let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
    assert!(text.ends_with("Sound\n"), "{text}");
    let older = Image::parse(&image_of(&volume)).to_version_10_0();
    scene.write("older", older);
    let (status, report) = report(&scene, "older");
    assert_eq!((status, codes(&report)), (0, vec!["image-without-tail"]));
}

#[test]
fn pieces_and_partitions_are_verified_as_one() {
    let volume = volume();
    let scene = Scene::new();
    let image = image_of(&volume);
    let (first, second) = image.split_at(image.len() / 3);
    scene.write("image.aa", first);
    scene.write("image.ab", second);
    check_sound(&scene, "image.aa", &volume);
    check_sound(&scene, "image", &volume);
}

#[test]
fn what_is_cut_off_is_told_by_its_files() {
    let volume = builder()
        .file("early.bin", FileData::Runs(vec![Run::at(300, 2)]))
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    let scene = Scene::new();
    let image = image_of(&volume);
    // In the middle of the last cluster but one.
    scene.write("image", &image[..image.len() - 512 - 2 * 4097]);
    let report = check_found(&scene, "image", &["image-truncated", "cluster-missing"]);
    assert_eq!(report["files"], serde_json::json!(["/late.bin"]));
    assert_eq!(report["findings"][0]["in"], "image");
    assert_eq!(report["findings"][1]["in"], "volume");
    assert_eq!(report["findings"][1]["offset"], 501 * 4096);
    // The image is cut within cluster 501.
    let lost = serde_json::json!({ "in": "volume", "offset": 501 * 4096, "length": null });
    assert_eq!(report["findings"][0]["also_at"], lost);
    assert_eq!(report["findings"][1]["also_at"], serde_json::Value::Null);

    let outcome = scene.run("verify image");
    assert_eq!(outcome.code(), Some(1));
    assert_eq!(outcome.errors(), "ntfsclone: image: not sound; 2 errors\n");
    let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
    assert!(text.contains("Touched: /late.bin\n"), "{text}");
}

#[test]
fn damage_of_the_volume_inside_is_found() {
    let twice = builder()
        .file("a", FileData::Runs(vec![Run::at(400, 2)]))
        .file("b", FileData::Runs(vec![Run::at(401, 2)]))
        .build();
    let scene = Scene::with_volume(&twice.bytes);
    scene.write("image", image_of(&twice));
    for source in ["image", "volume"] {
        let report = check_found(&scene, source, &["cluster-claimed-twice"]);
        assert_eq!(report["files"], serde_json::json!(["/a", "/b"]));
        assert_eq!(report["findings"][0]["offset"], 401 * 4096);
    }
    // Both boot sectors.
    let mut image = image_of(&volume());
    image[56 + 1 + 3..][..4].copy_from_slice(b"gone");
    let tail = image.len() - 512;
    image[tail + 3..][..4].copy_from_slice(b"gone");
    scene.write("image", image);
    check_found(&scene, "image", &["volume-unreadable"]);
}

/// In images, compressed ones, streams, and on a disk of which the volume is a partition.
#[test]
fn findings_of_the_volume_have_a_place_in_the_image() {
    if !met_here(WRAPPERS) {
        return;
    }
    let mut volume = builder()
        .file("file", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    volume.patch_record(volume.record_number("file"), |record| record[0x12] = 9);
    let scene = Scene::with_volume(&volume.bytes);
    let image = image_of(&volume);
    scene.write("image", &image);
    shell(&scene, "gzip -c image > stream");
    scene
        .run("--compress -s -o seekable volume")
        .wrote(&["seekable"]);
    let partition = Partition {
        sector: 64,
        kind: 0x07,
        bytes: &volume.bytes,
    };
    let disk = disk::with_mbr(&[partition]);
    scene.write("disk", &disk);
    let number = |place: &serde_json::Value| place["offset"].as_u64().unwrap() as usize;
    for (words, whole, bytes) in [
        ("image", "image", &image),
        ("stream", "image", &image),
        ("seekable", "image", &image),
        ("--partition 1 disk", "disk", &disk),
    ] {
        let (status, report) = report(&scene, words);
        assert_eq!((status, codes(&report)), (0, vec!["link-count"]), "{words}");
        let finding = &report["findings"][0];
        let also = &finding["also_at"];
        assert_eq!(
            (&finding["in"], &also["in"]),
            (&"volume".into(), &whole.into()),
            "{words}"
        );
        let record = &volume.bytes[number(finding)..][..512];
        assert!(record.starts_with(b"FILE"));
        assert_eq!(&bytes[number(also)..][..512], record, "{words}");

        let outcome = scene.run(&format!("verify {words}"));
        let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
        let (offset, also) = (number(finding), number(also));
        let place = format!("byte {offset:#x} of the volume (byte {also:#x} of the {whole}): ");
        assert!(text.contains(&place), "{text}");
        assert!(text.contains("chkdsk corrects it\n"), "{text}");
    }
    let (_, report) = report(&scene, "volume");
    assert_eq!(report["findings"][0]["also_at"], serde_json::Value::Null);
}

#[test]
fn an_image_of_metadata_is_known_as_such() {
    let scene = Scene::with_volume(&volume().bytes);
    scene.run("-m -s -o image volume").wrote(&["image"]);
    let (status, report) = report(&scene, "image");
    assert_eq!((status, codes(&report)), (0, vec!["metadata-only"]));

    // Where its clusters are can be kept beside it, and is not believed of another.
    scene.run("verify --index image").wrote(&["image.index"]);
    let told = |warning: &str| {
        let outcome = scene.run("info --json image");
        assert!(outcome.errors().contains(warning), "{}", outcome.errors());
        json(&outcome)["image"]["is_metadata"].clone()
    };
    assert_eq!(told(""), true);
    let kept = scene.read("image.index");
    let mut damaged = kept.clone();
    damaged[30] ^= 1;
    scene.write("image.index", damaged);
    assert_eq!(told("image.index: the summary"), true);
    scene.write("image", scene.read("image").repeat(2));
    scene.write("image.index", kept);
    assert_eq!(told("image.index is not of this image"), true);
    assert_eq!(scene.run("verify --index volume").code(), Some(1));
    let older = Image::parse(&image_of(&volume())).to_version_10_0();
    scene.write("older", older);
    assert_eq!(scene.run("verify --index older").code(), Some(1));
}

/// Images and raw volumes that were compressed are as good as they were before.
#[test]
fn what_is_compressed_is_looked_into() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("plain", image_of(&volume));
    for (line, name) in [("-s", "image"), ("", "raw")] {
        let line = format!("{line} --compress --checksum -o {name} volume");
        let sidecar = format!("{name}.b3");
        scene.run(&line).wrote(&[name, &sidecar]);
        let (status, report) = report(&scene, &format!("{name} --against plain"));
        assert_eq!(status, 0, "{report}");
        let checksums = serde_json::json!(["b3", "frames"]);
        assert_eq!(report["checksums"], checksums);
        assert_eq!(report["volume"]["clusters"], used(&volume));
        let (status, _) = self::report(&scene, &format!("plain --against {name}"));
        assert_eq!(status, 0);

        // In the first frame, which holds all of it; and in the summary.
        scene.remove(&sidecar);
        let sound = scene.read(name);
        for (at, expected) in [
            (sound.len() / 2, "frame-damaged"),
            (sound.len() - 60, "summary"),
        ] {
            let mut damaged = sound.clone();
            damaged[at] ^= 1;
            scene.write(name, damaged);
            let (status, report) = self::report(&scene, name);
            assert_eq!(status, 1);
            assert!(codes(&report).contains(&expected), "{name}, {at}: {report}");
        }
    }
}

/// What the tools of that name write is checked.
#[test]
fn checksums_beside_it_are_checked() {
    let volume = volume();
    let scene = Scene::new();
    let image = image_of(&volume);
    scene.write("image", &image);
    let sum = Command::new("sha256sum")
        .arg("image")
        .current_dir(scene.path("."))
        .output()
        .expect("sha256sum is everywhere");
    scene.write("image.sha256", &sum.stdout);
    scene.write(
        "image.b3",
        format!("{}  image\n", blake3::hash(&image).to_hex()),
    );
    let (status, sound) = report(&scene, "image");
    assert_eq!(status, 0);
    assert_eq!(sound["checksums"], serde_json::json!(["b3", "sha256"]));

    // Content that nothing else checks.
    let mut damaged = image.clone();
    let at = damaged.len() - 600;
    damaged[at] ^= 1;
    scene.write("image", &damaged);
    check_found(&scene, "image", &["checksum", "checksum"]);

    scene.write("image.b3", "nonsense\n");
    let outcome = scene.run("verify image");
    assert_eq!(outcome.code(), Some(1));
    assert!(
        outcome
            .errors()
            .contains("image.b3: has no checksum of image")
    );
}

/// What can only be read from start to end is looked into all the same.
#[test]
fn streams_are_verified_as_files_are() {
    if !met_here(WRAPPERS) {
        return;
    }
    let sound = volume();
    let mut damaged = volume();
    damaged.patch_record(damaged.record_number("docs/pieces.bin"), |record| {
        record[0x38 + 4] ^= 0xff;
    });
    damaged.set_in_bitmap(400..401, true);
    for (volume, content) in [(&sound, "image"), (&damaged, "image"), (&damaged, "volume")] {
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(volume));
        let mut expected = report(&scene, content);
        // What is compressed has to be restored first.
        if content == "volume" {
            without_advice(&mut expected.1);
        }
        assert!(expected.1["volume"]["clusters"].is_u64());
        expected.1["source"] = "x".into();
        for wrapping in COMPRESSED {
            let script = wrapping.script.replace("image", content);
            shell(&scene, &script);
            let mut found = report(&scene, "x");
            if content == "volume" {
                without_advice(&mut found.1);
            }
            assert_eq!(found, expected, "{script}");
        }
        let outcome = scene.run_with_input("verify --json -", &scene.read(content));
        expected.1["source"] = json(&outcome)["source"].clone();
        let mut found = json(&outcome);
        if content == "volume" {
            without_advice(&mut found);
        }
        assert_eq!((outcome.code(), found), (Some(expected.0), expected.1));
    }
}

fn without_advice(report: &mut serde_json::Value) {
    let findings = report["findings"].as_array_mut().expect("a list");
    for finding in findings {
        finding["advice"] = serde_json::Value::Null;
    }
}

/// A volume that is no image is not to be restored first.
#[test]
fn advice_can_be_followed() {
    let mut volume = volume();
    volume.patch_record(volume.record_number("docs/pieces.bin"), |record| {
        record[0x38 + 4] ^= 0xff;
    });
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("cut", &volume.bytes[..volume.bytes.len() / 2]);
    for source in ["volume", "cut"] {
        let (status, report) = report(&scene, source);
        assert_eq!(status, 1);
        let text = report.to_string();
        assert!(!text.contains("restore"), "{text}");
    }
    let (_, report) = report(&scene, "cut");
    let message = report["findings"][0]["message"].as_str().expect("text");
    assert!(message.contains("inside the volume of"), "{message}");
}

/// Anything may stand under the name of a sidecar; none of it is waited for.
#[test]
fn sidecars_that_are_no_files() {
    let volume = volume();
    let scene = Scene::new();
    scene.write("image", image_of(&volume));
    for name in ["image.b3", "image.sha256"] {
        scene.make_pipe(name);
        let outcome = scene.run("verify image");
        assert_eq!(outcome.code(), Some(1));
        let errors = outcome.errors();
        assert!(errors.contains("it is not a regular file"), "{errors}");
        scene.remove(name);
        std::os::unix::fs::symlink("/dev/zero", scene.path(name)).expect("a link");
        assert_eq!(scene.run("verify image").code(), Some(1));
        scene.remove(name);
    }
    scene.make_pipe("image.index");
    assert_eq!(scene.run("info image").code(), Some(0));
}

/// A report that could not be written is not a success.
#[test]
fn reports_to_a_full_disk_fail() {
    let scene = Scene::with_volume(&volume().bytes);
    for words in [
        "verify volume",
        "verify --json volume",
        "info volume",
        "info --json volume",
        "--help",
        "--version",
        "verify --help",
        "--generate man",
    ] {
        let mut command = ours();
        command.args(words.split(' ')).current_dir(scene.path("."));
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        command.stdout(full.expect("Linux has it"));
        let output = command.output().expect("it runs");
        assert_eq!(output.status.code(), Some(1), "{words}");
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            errors.contains("cannot write to standard output"),
            "{words}: {errors}"
        );
    }
}

/// What is met too late to be kept, and tells nothing of being metadata.
#[test]
fn a_stream_is_read_a_second_time_for_what_was_not_kept() {
    const CLUSTERS: u64 = 70_000;
    let volume = VolumeBuilder::new()
        .clusters(CLUSTERS)
        .file(
            "large.bin",
            FileData::Runs(vec![Run::at(2000, CLUSTERS - 4000)]),
        )
        .file(
            "hiberfil.sys",
            FileData::Placed {
                runs: vec![Run::at(CLUSTERS - 500, 1)],
                bytes: b"hibr".repeat(1000),
            },
        )
        .build();
    let scene = Scene::new();
    for (name, bytes) in [("image", image_of(&volume)), ("volume", volume.bytes)] {
        let compressed = zstd::encode_all(bytes.as_slice(), 1).expect("to memory");
        scene.write(name, &compressed);
        let (status, report) = report(&scene, name);
        assert_eq!((status, codes(&report)), (0, vec!["hibernated"]), "{name}");
        let outcome = scene.run_with_input("verify --json -", &compressed);
        assert_eq!(codes(&json(&outcome)), ["volume-not-checked"]);
        assert_eq!(outcome.code(), Some(1));
    }
}

/// Nothing is said of the image where the machine is to blame.
#[test]
fn a_stream_needs_room_for_what_is_kept() {
    let scene = Scene::new();
    let compressed = zstd::encode_all(image_of(&volume()).as_slice(), 1).expect("to memory");
    scene.write("x", &compressed);
    let mut command = scene.command(ours, "verify --json x");
    command.env("TMPDIR", scene.path("missing"));
    scene.run_command(command, &[]).refused(
        "x: its metadata cannot be kept in a temporary file: No such file or directory",
        "make room there, or name another folder in TMPDIR",
    );
}

#[test]
fn what_is_not_whole_is_not_called_sound() {
    let scene = Scene::new();
    let image = image_of(&volume());
    let compressed = zstd::encode_all(image.as_slice(), 1).expect("to memory");
    scene.write("cut.zst", &compressed[..compressed.len() - 9]);
    check_found(&scene, "cut.zst", &["image-unreadable"]);
    scene.write(
        "text",
        "no image at all, but some text that is long enough to be one",
    );
    assert_eq!(scene.run("verify text").code(), Some(1));
    assert_eq!(scene.run("verify missing").code(), Some(1));
    assert_eq!(scene.run("verify").code(), Some(2));
    assert_eq!(scene.run("verify - --against -").code(), Some(2));
}

/// What only the content of files tells.
#[test]
fn content_of_files_is_read_where_that_is_asked_for() {
    let mut volume = builder()
        .file("rescued.bin", FileData::Runs(vec![Run::at(300, 2)]))
        .file("packed.bin", FileData::Compressed(vec![7; 200_000]))
        .build();
    let mut mark = b"BadSectoR\0".to_vec();
    mark.resize(512, b'?');
    volume.bytes[301 * 4096..][..512].copy_from_slice(&mark);
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for words in ["image", "volume"] {
        check_sound(&scene, words, &volume);
        let report = check_found(&scene, &format!("--deep {words}"), &["rescue-mark"]);
        assert_eq!(report["files"], serde_json::json!(["/rescued.bin"]));
        assert_eq!(report["findings"][0]["offset"], 301 * 4096);
    }
    let outcome = scene.run_with_input("verify --deep -", &volume.bytes);
    assert_eq!(outcome.code(), Some(1));
    assert!(
        outcome
            .errors()
            .contains("--deep reads files here and there"),
        "{}",
        outcome.errors()
    );
}
