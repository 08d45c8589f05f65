//! `info`: what is known at a glance, whatever the size.

use std::fs::OpenOptions;

use crate::support::{
    scene::Scene,
    small_volume::{builder, image_of, volume},
};
use serde_json::Value;

fn info(scene: &Scene, source: &str) -> Value {
    let outcome = scene.run(&format!("info --json {source}"));
    outcome.wrote(&[]);
    serde_json::from_slice(outcome.stdout()).expect("JSON")
}

#[test]
fn the_same_is_told_of_a_volume_and_its_image() {
    let volume = builder().dirty(true).label("A \"label\"").build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let (of_volume, of_image) = (info(&scene, "volume"), info(&scene, "image"));
    assert_eq!(of_volume["volume"], of_image["volume"]);
    assert_eq!(of_volume["format"], "ntfs-volume");
    assert_eq!(of_image["format"], "ntfsclone-image");
    assert_eq!(of_volume["image"], Value::Null);
    let used = volume.used_clusters().count() as u64;
    let header = serde_json::json!({
        "version": "10.1",
        "cluster_size": 4096,
        "device_size": volume.bytes.len(),
        "clusters": 512,
        "clusters_in_use": used,
        "is_metadata": false,
    });
    assert_eq!(of_image["image"], header);
    let told = &of_volume["volume"];
    assert_eq!(told["label"], "A \"label\"");
    assert_eq!(told["is_dirty"], true);
    assert_eq!(told["ntfs_version"], "3.1");
    assert_eq!(told["usage"]["used"], used);

    let text = scene.run("info image");
    text.wrote(&[]);
    let text = String::from_utf8_lossy(text.stdout()).into_owned();
    for part in [
        "version 10.1",
        "label \"A \\\"label\\\"\"",
        "State: marked dirty",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn a_stream_tells_its_header() {
    let scene = Scene::new();
    let image = image_of(&volume());
    let outcome = scene.run_with_input("info --json -", &image);
    let told: Value = serde_json::from_slice(outcome.stdout()).expect("JSON");
    assert_eq!(told["image"]["clusters"], 512);
    assert_eq!(told["volume"], Value::Null);
    assert_eq!(told["warnings"].as_array().map(Vec::len), Some(1));
}

#[test]
fn what_is_damaged_is_left_out() {
    let scene = Scene::new();
    let image = image_of(&volume());
    scene.write("cut", &image[..image.len() - 100]);
    let outcome = scene.run("info --json cut");
    // An image should hold one.
    assert_eq!(outcome.code(), Some(1));
    assert!(
        outcome
            .errors()
            .contains("cut: the volume in it cannot be read")
    );
    let told: Value = serde_json::from_slice(outcome.stdout()).expect("JSON");
    assert_eq!(told["image"]["clusters"], 512);
    assert_eq!(told["volume"], Value::Null);
    let why = |told: &Value| told["warnings"][0].as_str().expect("text").to_owned();
    assert!(why(&told).starts_with("it is damaged: "), "{told}");
    // It may be one of metadata: that is not looked for in so many bytes.
    scene.write("large", &image[..image.len() - 100]);
    let large = OpenOptions::new().write(true).open(scene.path("large"));
    large
        .and_then(|file| file.set_len(1 << 30))
        .expect("sparse");
    assert!(why(&info(&scene, "large")).contains("too large to be read at once"));
    scene.write("text", "no image at all");
    assert_eq!(scene.run("info text").code(), Some(1));
}

#[test]
fn a_compressed_image_tells_what_it_was_made_from() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene
        .run("-s --compress --note hello\u{1b}[0m -o image volume")
        .wrote(&["image"]);
    let told = info(&scene, "image");
    assert_eq!(told["layers"], serde_json::json!(["zstd, seekable"]));
    assert_eq!(told["made"]["source"], "volume");
    assert_eq!(told["made"]["note"], "hello\u{1b}[0m");
    assert_eq!(told["volume"], info(&scene, "volume")["volume"]);
    let outcome = scene.run("info image");
    let text = String::from_utf8_lossy(outcome.stdout()).into_owned();
    assert!(text.contains("Note: hello\\u{1b}[0m\n"), "{text}");
}

#[test]
fn partitions_of_a_disk_are_listed() {
    use crate::support::disk::{self, Partition};
    let volume = volume();
    let empty = vec![0; 1 << 20];
    let partition = |sector, kind, bytes| Partition {
        sector,
        kind,
        bytes,
    };
    let scene = Scene::new();
    scene.write(
        "disk",
        disk::with_mbr(&[
            partition(64, 0x83, &empty[..]),
            partition(4096, 0x07, &volume.bytes[..]),
        ]),
    );
    let text = scene.run("info disk");
    text.wrote(&[]);
    for part in [
        "disk: a whole disk with 2 partitions (MBR)\n",
        "Partition 1: not NTFS, 1048576 bytes (1.00 MiB) at byte 0x8000\n",
        "Partition 2: NTFS, 2097664 bytes (2.00 MiB) at byte 0x200000\n",
    ] {
        text.reported(part);
    }
    // The only one with NTFS.
    let of_partition = scene.run("info --partition 2 disk");
    let of_partition = String::from_utf8_lossy(of_partition.stdout()).into_owned();
    assert!(of_partition.contains("partition 2"), "{of_partition}");
    text.reported(&format!("\n\n{of_partition}"));
    let told = info(&scene, "disk");
    let expected = serde_json::json!({
        "source": "disk",
        "format": "disk",
        "table": "mbr",
        "partitions": [
            {"number": 1, "offset": 0x8000, "size": 1 << 20, "is_ntfs": false},
            {"number": 2, "offset": 2 << 20, "size": 2097664, "is_ntfs": true},
        ],
        "warnings": [],
    });
    assert_eq!(told, expected);
    // Of a stream only the start is known.
    let outcome = scene.run_with_input("info --json -", &scene.read("disk"));
    let told: Value = serde_json::from_slice(outcome.stdout()).expect("JSON");
    assert_eq!(outcome.code(), Some(0));
    assert_eq!(told["partitions"][1]["is_ntfs"], Value::Null);
    let outcome = scene.run_with_input("info -", &scene.read("disk"));
    outcome.reported("ntfsclone info --partition 1 -\n");
}
