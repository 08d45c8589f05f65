//! `verify --against`: what two have in use is compared, however each can be read.

use crate::support::{
    loop_device::LoopDevice,
    requirements::{DEVICES, Need, met_here},
    scene::Scene,
    small_volume::{builder, image_of, volume},
    verify_report::{check_found, check_sound, report, used},
    wrapped::{COMPRESSED, WRAPPERS, shell},
};
use ntfs_volume_builder::{FileData, Run, VolumeBuilder};

#[test]
fn two_that_are_the_same_are_told_from_two_that_are_not() {
    let volume = builder()
        .file("a", FileData::Runs(vec![Run::at(400, 2)]))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene.run("-r -o restored image").wrote(&["restored"]);
    let mut changed = scene.read("restored");
    changed[401 * 4096 + 17] ^= 1;
    // Free, and no difference.
    changed[450 * 4096] ^= 1;
    scene.write("changed", &changed);
    scene
        .run("-s -o changed.img changed")
        .wrote(&["changed.img"]);
    let names = ["image", "volume", "restored"];
    for (ours, other) in names.iter().flat_map(|a| names.iter().map(move |b| (a, b))) {
        let (status, report) = report(&scene, &format!("{ours} --against {other}"));
        assert_eq!(status, 0, "{ours} {other}: {report}");
        assert_eq!(report["compared"], used(&volume) * 4096 + 512);
    }
    for ours in names {
        for other in ["changed", "changed.img"] {
            let words = format!("{ours} --against {other}");
            let report = check_found(&scene, &words, &["content-differs"]);
            assert_eq!(report["findings"][0]["offset"], 401 * 4096, "{words}");
            assert_eq!(report["findings"][0]["files"], serde_json::json!(["/a"]));
        }
    }
    // What the other has not is no match for zeros.
    let zeros = builder().file("z", FileData::Bytes(vec![0; 9000])).build();
    let image = image_of(&zeros);
    scene.write("zeros", &zeros.bytes);
    scene.write("cut", &image[..image.len() / 2]);
    let outcome = scene.run("verify zeros --against cut");
    assert_eq!(outcome.code(), Some(1));
    scene.write("short", &zeros.bytes[..zeros.bytes.len() - 512]);
    check_found(&scene, "zeros --against short", &["content-differs"]);
}

#[test]
fn a_device_is_compared() {
    let needs: Vec<Need> = DEVICES.to_vec();
    if !met_here(&needs) {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene.write("below", vec![0xA5; volume.bytes.len() + (1 << 20)]);
    let device = LoopDevice::attach(&scene.path("below"));
    let name = device.path().display();
    assert_eq!(scene.run(&format!("-r -O {name} image")).code(), Some(0));
    let outcome = scene.run(&format!("verify image --against {name}"));
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    // What follows the volume on the device is no part of it.
    let outcome = scene.run(&format!("verify {name} --against volume"));
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
    // An image on a device does not reach to its end.
    let outcome = scene.run(&format!("-s -O {name} volume"));
    assert_eq!(outcome.code(), Some(0));
    check_sound(&scene, &name.to_string(), &volume);
}

/// What can only be read from start to end, on either side.
#[test]
fn streams_are_compared_as_they_pass_by() {
    if !met_here(WRAPPERS) {
        return;
    }
    let volume = builder()
        .file("a", FileData::Runs(vec![Run::at(400, 2)]))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let bytes = used(&volume) * 4096 + 512;
    let mut changed = scene.read("volume");
    changed[401 * 4096 + 17] ^= 1;
    // Free, and no difference.
    changed[450 * 4096] ^= 1;
    scene.write("changed", &changed);
    scene
        .run("-s -o changed.img changed")
        .wrote(&["changed.img"]);

    for content in ["image", "volume"] {
        for wrapping in COMPRESSED {
            let script = wrapping.script.replace("image", content);
            shell(&scene, &script);
            for words in [
                "x --against image",
                "x --against volume",
                "image --against x",
                "volume --against x",
            ] {
                let (status, report) = report(&scene, words);
                assert_eq!(status, 0, "{script}: {words}: {report}");
                assert_eq!(report["compared"], bytes, "{script}: {words}");
            }
            for words in [
                "x --against changed",
                "x --against changed.img",
                "changed --against x",
                "changed.img --against x",
            ] {
                let report = check_found(&scene, words, &["content-differs"]);
                assert_eq!(report["findings"][0]["offset"], 401 * 4096, "{words}");
                assert_eq!(report["findings"][0]["files"], serde_json::json!(["/a"]));
            }
        }
    }
    let outcome = scene.run_with_input("verify volume --against -", &scene.read("x"));
    assert_eq!((outcome.code(), outcome.errors().as_str()), (Some(0), ""));
}

/// Clusters that never come are not taken for the same, nor is a volume with
/// other clusters.
#[test]
fn what_a_stream_lacks_is_different() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene
        .run("--metadata -s -o metadata volume")
        .wrote(&["metadata"]);
    scene.run("--metadata -o wiped volume").wrote(&["wiped"]);
    let other = VolumeBuilder::new().cluster_size(512).build();
    scene.write("other", &other.bytes);
    let compress = |name: &str| {
        let bytes = zstd::encode_all(scene.read(name).as_slice(), 1).expect("to memory");
        scene.write(&format!("{name}.zst"), bytes);
    };
    for name in ["metadata", "other"] {
        compress(name);
        let (status, plain) = report(&scene, &format!("wiped --against {name}"));
        assert_eq!(status, 1);
        let (status, stream) = report(&scene, &format!("wiped --against {name}.zst"));
        assert_eq!(status, 1);
        let differences = |report: &serde_json::Value| {
            let findings = report["findings"].as_array().expect("a list").clone();
            let places = findings.iter().map(|finding| {
                let [offset, length] = ["offset", "length"].map(|key| finding[key].as_u64());
                (offset, length)
            });
            places.collect::<Vec<_>>()
        };
        assert!(!differences(&plain).is_empty());
        if name == "metadata" {
            assert_eq!(differences(&stream), differences(&plain));
        }
    }
}

/// One of the two has to be read at any place, the other may be read twice.
#[test]
fn two_streams_are_not_compared() {
    let scene = Scene::new();
    let image = image_of(&volume());
    let compressed = zstd::encode_all(image.as_slice(), 1).expect("to memory");
    scene.write("image", &image);
    scene.write("x", &compressed);
    scene.run("verify x --against x").refused(
        "x: can only be read from start to end, and what it is compared with, too",
        "decompress one of them to a file first; what --compress makes can be read as it is",
    );
    scene
        .run_with_input("verify - --against image", &image)
        .refused(
            "standard input: comes through a pipe, and cannot be read again to compare it",
            "name a file, or exchange the two: --against - reads a pipe",
        );
    // Damage of the other, met when it passes by.
    scene.write("cut", &compressed[..compressed.len() - 100]);
    let outcome = scene.run("verify image --against cut");
    outcome.changed_only(&[]);
    assert_eq!(outcome.code(), Some(1));
    assert!(outcome.errors().contains("cut: "), "{}", outcome.errors());
}

/// What tells at once that the two are not of one origin is said, and all else is not
/// read for that.
#[test]
fn other_volumes_are_known_at_once() {
    let with = |label, serial| builder().label(label).serial(serial).build().bytes;
    let scene = Scene::with_volume(with("first", 1));
    scene.run("-s -o image volume").wrote(&["image"]);
    scene.write("second", with("second", 2));
    let message = "are two volumes: their serial numbers are 0000000000000001 and \
                   0000000000000002; their labels are \"first\" and \"second\"";
    for ours in ["volume", "image"] {
        let outcome = scene.run(&format!("verify {ours} --against second"));
        assert_eq!(outcome.code(), Some(1));
        outcome.reported(&format!(
            "{ours} and second {message}; nothing else was compared\n"
        ));
    }
    // Of another size.
    scene.write("larger", builder().clusters(600).build().bytes);
    let outcome = scene.run("verify image --against larger");
    assert_eq!(outcome.code(), Some(1));
    outcome.reported("they have 512 clusters of 4096 bytes and 600 of 4096");
    check_found(&scene, "image --against larger", &["other-volume"]);
}

/// A serial number of its own is all that differs.
#[test]
fn a_copy_with_a_new_serial_number_is_the_same() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-s -o image volume").wrote(&["image"]);
    for option in ["--new-serial", "--new-half-serial"] {
        scene
            .run(&format!("-r {option} -o copy image"))
            .wrote(&["copy"]);
        for words in [
            "image --against copy",
            "volume --against copy",
            "copy --against image",
        ] {
            let (status, report) = report(&scene, words);
            assert_eq!(status, 0, "{words}: {report}");
            assert_eq!(report["findings"][0]["code"], "serial-differs", "{words}");
            assert_eq!(report["errors"], 0);
        }
        // Any other byte of the boot sector is a difference.
        let mut changed = scene.read("copy");
        changed[0x50] ^= 1;
        scene.write("changed", &changed);
        let (status, report) = report(&scene, "image --against changed");
        assert_eq!(status, 1, "{report}");
        assert_eq!(report["findings"][0]["code"], "content-differs");
        scene.remove("copy");
    }
}

/// The place of the volume on its disk is all that differs.
#[test]
fn a_volume_of_a_disk_that_convert_made_is_the_same() {
    let scene = Scene::with_volume(&volume().bytes);
    scene.run("convert volume x.vhdx").wrote(&["x.vhdx"]);
    for words in [
        "volume --against x.vhdx --partition 1",
        "x.vhdx --against volume --partition 1",
    ] {
        let (status, report) = report(&scene, words);
        assert_eq!(status, 0, "{words}: {report}");
        assert_eq!(report["findings"][0]["code"], "hidden-sectors-differ");
        assert_eq!(report["notes"], 1, "{report}");
    }
    // Any other byte of the boot sectors is a difference.
    let mut changed = scene.read("volume");
    changed[0x20] ^= 1;
    scene.write("changed", &changed);
    let words = "changed --against x.vhdx --partition 1";
    let expected = ["content-differs", "hidden-sectors-differ"];
    check_found(&scene, words, &expected);
}

/// A partition is that of each of the two that is a disk.
#[test]
fn a_partition_is_of_each_that_is_a_disk() {
    use crate::support::disk::{self, Partition};
    let volume = volume();
    let disk = disk::with_mbr(&[Partition {
        sector: 2048,
        kind: 0x07,
        bytes: &volume.bytes[..],
    }]);
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("disk", &disk);
    scene.write("disk2", &disk);
    scene.write("image", image_of(&volume));
    for words in [
        "disk --against image",
        "image --against disk",
        "disk --against volume",
        "volume --against disk",
        "disk --against disk2",
    ] {
        let (status, report) = report(&scene, &format!("--partition 1 {words}"));
        assert_eq!(status, 0, "{words}: {report}");
        assert_ne!(report["compared"], serde_json::Value::Null);
    }
    scene
        .run("verify --partition 2 image --against disk")
        .refused(
            "disk: has no partition 2; it has 1",
            "name one of these with --partition",
        );
}
