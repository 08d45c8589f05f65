//! Restoring images of every version, from and to everything.

use crate::support::{
    image::{ByteOrder, Image},
    old_device::{LEFT, OldDevice},
    requirements::{DEVICES, Need, met_here},
    scene::{Scene, error_text, warning_text},
    small_volume::{builder, clone_of, image_of, volume},
};
use std::fs;

/// Each version of one image, and how many bytes after the clusters it holds.
fn versions() -> [(&'static str, Vec<u8>, bool); 4] {
    let current = image_of(&volume());
    let image = Image::parse(&current);
    let older = [
        ("10.0", image.to_version_10_0(), false),
        (
            "before 10, little-endian",
            image.to_old_format(ByteOrder::Little),
            false,
        ),
        (
            "before 10, big-endian",
            image.to_old_format(ByteOrder::Big),
            false,
        ),
    ];
    let [a, b, c] = older;
    [("10.1", current, true), a, b, c]
}

fn expected_clone(has_tail: bool) -> Vec<u8> {
    let mut clone = clone_of(&volume());
    if !has_tail {
        clone.truncate(2 << 20);
    }
    clone
}

fn expected_warning(name: &str, has_tail: bool) -> String {
    match has_tail {
        true => String::new(),
        false => warning_text(&format!(
            "{name}: images of this version lack the backup boot sector; chkdsk or ntfsfix makes \
             a new one"
        )),
    }
}

#[test]
fn every_version_from_a_file_and_a_pipe() {
    for (version, image, has_tail) in versions() {
        let scene = Scene::new();
        scene.write("image", &image);
        for (source, name) in [("image", "image"), ("-", "standard input")] {
            let warning = expected_warning(name, has_tail);
            let outcome = scene.run_with_input(&format!("-r -o out {source}"), &image);
            outcome.failed(0, &warning);
            outcome.changed_only(&["out"]);
            assert!(
                scene.read("out") == expected_clone(has_tail),
                "{version}: to a file"
            );
            let reports = String::from_utf8_lossy(outcome.stdout()).into_owned();
            let line = format!("Image: {name}, version {version}\n");
            assert!(reports.contains(&line), "{version}: {reports}");
            scene.remove("out");

            let outcome = scene.run_with_input(&format!("-r -o - {source}"), &image);
            assert_eq!(outcome.code(), Some(0), "{version}: {}", outcome.errors());
            assert!(
                outcome.stdout() == expected_clone(has_tail),
                "{version}: to a stream"
            );
            outcome.changed_only(&[]);

            let outcome = scene.run_with_input(&format!("-n -r {source}"), &image);
            outcome.failed(0, &warning);
            outcome.changed_only(&[]);
        }
    }
}

/// What the image holds is written, and nothing else on the device.
#[test]
fn every_version_to_a_device() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = volume();
    for (version, image, has_tail) in versions() {
        for source in ["image", "-"] {
            let device = OldDevice::new(volume.bytes.len());
            let scene = Scene::new();
            scene.write("image", &image);
            let line = format!("-r -O {} {source}", device.name());
            let outcome = scene.run_with_input(&line, &image);
            assert_eq!(outcome.code(), Some(0), "{version}: {}", outcome.errors());
            outcome.changed_only(&[]);
            let mut expected = vec![LEFT; volume.bytes.len()];
            for cluster in volume.used_clusters() {
                let range = cluster as usize * 4096..(cluster as usize + 1) * 4096;
                expected[range.clone()].copy_from_slice(&volume.bytes[range]);
            }
            if has_tail {
                expected[2 << 20..].copy_from_slice(&volume.bytes[2 << 20..]);
            }
            assert!(
                device.content() == expected,
                "{version} from {source}: other bytes"
            );
        }
    }
}

/// An image of metadata jumps back, which a stream cannot.
#[test]
fn clusters_out_of_order() {
    let volume = volume();
    let mut image = image_of(&volume)[..56].to_vec();
    let mut expected = vec![0; volume.bytes.len()];
    let mut position = 0;
    for cluster in [5_u64, 9, 2, 3, 0, 512] {
        let gap = cluster.wrapping_sub(position);
        if gap != 0 {
            image.push(0);
            image.extend(gap.to_le_bytes());
        }
        let at = cluster as usize * 4096;
        let range = at..volume.bytes.len().min(at + 4096);
        image.push(1);
        image.extend(&volume.bytes[range.clone()]);
        expected[range.clone()].copy_from_slice(&volume.bytes[range]);
        position = cluster + 1;
    }
    let scene = Scene::new();
    scene.write("image", &image);
    scene.run("-r -o out image").wrote(&["out"]);
    assert!(scene.read("out") == expected);
    scene.run("-n -r image").wrote(&[]);
    let outcome = scene.run("-r -o - image");
    assert_eq!(outcome.code(), Some(1));
    let error = error_text(
        "standard output: is a stream, and this image of metadata jumps back and forth",
        "restore it to a file or device",
    );
    assert!(outcome.errors().ends_with(&error), "{}", outcome.errors());
    assert_eq!(outcome.errors().matches("ntfsclone:").count(), 1);
}

/// What precedes the volume on its disk changes in both boot sectors, and nothing else.
#[test]
fn hidden_sectors_are_set() {
    for builder in [
        builder(),
        builder().bytes_per_sector(4096),
        builder().extra_sectors(3).device_tail(4096),
    ] {
        let volume = builder.build();
        let backup = volume.geometry.backup_boot_sector_offset();
        let backup = backup.expect("there is one") as usize;
        let mut expected = clone_of(&volume);
        for start in [0, backup] {
            expected[start + 0x1C..start + 0x20].copy_from_slice(&206_848_u32.to_le_bytes());
        }
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        for line in ["-o out volume", "-r -o out image"] {
            let outcome = scene.run(&format!("--hidden-sectors 206848 {line}"));
            outcome.reported("Hidden sectors: 206848, in both boot sectors\n");
            outcome.wrote(&["out"]);
            assert!(scene.read("out") == expected, "{line}");
            scene.remove("out");
        }
        scene.run("--hidden-sectors=auto -o out volume").failed(
            2,
            "ntfsclone: --hidden-sectors=auto goes with a partition, and out is none: say how \
             many sectors of its disk precede the volume\n  try ntfsclone --help\n",
        );
    }
}

/// Only the serial number changes, in both boot sectors; in an image never.
#[test]
fn new_serial_numbers() {
    for builder in [
        builder(),
        builder().bytes_per_sector(4096),
        builder()
            .bytes_per_sector(256)
            .cluster_size(512)
            .clusters(6000),
        builder().extra_sectors(3).device_tail(4096),
    ] {
        let volume = builder.build();
        let old = clone_of(&volume);
        let backup = volume
            .geometry
            .backup_boot_sector_offset()
            .expect("there is one") as usize;
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        for (option, first) in [("--new-serial", 0), ("--new-half-serial", 4)] {
            for line in [
                "-o out volume",
                "-r -o out image",
                "-o - volume",
                "-r -o - image",
            ] {
                let outcome = scene.run(&format!("{option} {line}"));
                assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
                let mut new = match line.contains("-o -") {
                    true => outcome.stdout().to_vec(),
                    false => scene.read("out"),
                };
                let _ = fs::remove_file(scene.path("out"));
                let fields = [0, backup].map(|sector| sector + 0x48 + first..sector + 0x50);
                let [serial, in_backup] =
                    fields.each_ref().map(|field| new[field.clone()].to_vec());
                assert_eq!(serial, in_backup, "{option} {line}");
                assert_ne!(serial, old[fields[0].clone()], "{option} {line}");
                for field in fields {
                    new[field.clone()].copy_from_slice(&old[field]);
                }
                assert!(
                    new == old,
                    "{option} {line}: more than the serial number changed"
                );
            }
        }
        let warning = "an image keeps the serial number; ask for a new one in a restore";
        let outcome = scene.run("--new-serial -s -o out volume");
        outcome.wrote_with_warning(warning, &["out"]);
        assert!(scene.read("out") == image_of(&volume));
    }
}

/// The program goes by the image's bytes, not by its name.
#[test]
fn image_on_a_device() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = volume();
    let image = image_of(&volume);
    let scene = Scene::with_volume(&volume.bytes);
    let device = OldDevice::new(image.len().next_multiple_of(4096) + (8 << 20));
    let name = device.name();
    scene.run(&format!("-s -O {name} volume")).wrote(&[]);
    assert!(device.content()[..image.len()] == image);
    scene.run(&format!("-n -r {name}")).wrote(&[]);
    scene.run(&format!("-r -o out {name}")).wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume));
}
