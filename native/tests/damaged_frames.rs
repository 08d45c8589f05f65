//! Compressed images of which one part is damaged: that part is named, with the files in it, and nothing else.

use crate::support::{
    scene::Scene,
    small_volume::{builder, clone_of},
    verify_report::{check_found, codes, json, report},
};
use ntfs_volume_builder::{FileData, Run, Volume};
use ntfsclone_core::image::seekable::SeekableReader;
use serde_json::json;

/// Clusters in a frame of a raw volume.
const CLUSTERS: u64 = 1024;

/// Of 5 frames, with files in each but the first, and one in two of them.
fn volume() -> Volume {
    let files = [
        ("second", CLUSTERS + 100, 50),
        ("both", 2 * CLUSTERS - 10, 20),
        ("third", 2 * CLUSTERS + 500, 50),
        ("fourth", 3 * CLUSTERS + 100, 50),
        ("fifth", 4 * CLUSTERS + 100, 50),
    ];
    let volume = builder().clusters(4 * CLUSTERS + 500);
    files
        .into_iter()
        .fold(volume, |volume, (name, start, count)| {
            volume.file(name, FileData::Runs(vec![Run::at(start, count)]))
        })
        .build()
}

/// A compressed clone of the volume, and where its frames begin; the last one is the summary, and the seek
/// table follows.
fn clone(scene: &Scene) -> (Vec<u8>, Vec<usize>) {
    scene
        .run("--compress -o sound volume")
        .changed_only(&["sound"]);
    let bytes = scene.read("sound");
    let reader = SeekableReader::open(bytes.as_slice()).expect("it is sound");
    let reader = reader.expect("it has a seek table");
    let frames = reader.table().frames();
    let mut starts: Vec<usize> = frames.map(|frame| frame.position as usize).collect();
    starts.push(reader.table().position() as usize);
    (bytes, starts)
}

/// The volume is shown whatever is damaged, and a file in another part can be told from it.
fn check_info(scene: &Scene) {
    let outcome = scene.run("info --json image");
    assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
    let document = json(&outcome);
    assert!(!document["volume"].is_null(), "{document}");
}

#[test]
fn a_frame_costs_the_files_in_it() {
    let scene = Scene::with_volume(&volume().bytes);
    let (good, starts) = clone(&scene);
    let files: [&[&str]; 4] = [
        &["/both", "/second"],
        &["/both", "/third"],
        &["/fourth"],
        &["/fifth"],
    ];
    for (number, expected) in (1..).zip(files) {
        for at in [0, 6, 40] {
            let mut bytes = good.clone();
            let end = starts[number + 1];
            bytes[(starts[number] + at).min(end - 1)..end]
                .iter_mut()
                .take(8)
                .for_each(|byte| *byte ^= 0xFF);
            scene.write("image", &bytes);
            let report = check_found(&scene, "image", &["frame-damaged"]);
            let found: Vec<&str> = report["files"]
                .as_array()
                .expect("a list")
                .iter()
                .filter_map(|file| file.as_str())
                .filter(|file| !file.starts_with("/$"))
                .collect();
            assert_eq!(found, expected, "frame {number}: {report}");
            let place = json!(number as u64 * CLUSTERS * 4096);
            assert_eq!(report["findings"][0]["offset"], place, "{report}");
            assert_eq!(
                report["volume"]["files"],
                json_of_sound(&scene)["volume"]["files"]
            );
            check_info(&scene);
        }
    }
}

fn json_of_sound(scene: &Scene) -> serde_json::Value {
    report(scene, "sound").1
}

#[test]
fn the_first_frame_hides_nothing_else() {
    let scene = Scene::with_volume(&volume().bytes);
    let (good, _) = clone(&scene);
    for at in [0, 5, 60] {
        let mut bytes = good.clone();
        bytes[at] ^= 0xFF;
        scene.write("image", &bytes);
        let (status, report) = report(&scene, "image");
        assert_eq!(status, 1);
        let codes = codes(&report);
        assert_eq!(codes[0], "frame-damaged", "{report}");
        assert!(
            codes[1..].iter().all(|code| *code == "records-lost"),
            "{report}"
        );
        check_info(&scene);
    }
}

#[test]
fn damage_behind_the_frames_costs_nothing() {
    let scene = Scene::with_volume(&volume().bytes);
    let (good, starts) = clone(&scene);
    let [summary, table] = starts[starts.len() - 2..] else {
        panic!("there is a summary");
    };
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let end = good.len();
    for (bytes, expected) in [
        (flipped(summary), "summary"),
        (flipped(summary + 30), "summary"),
        (flipped(table - 60), "summary"),
        (flipped(table - 3), "summary"),
        (flipped(table), "seek-table"),
        (flipped(table + 5), "seek-table"),
        (flipped(table + 9), "seek-table"),
        (flipped(table + 13), "seek-table"),
        (flipped(end - 9), "seek-table"),
        (flipped(end - 1), "seek-table"),
        (good[..end - 1].to_vec(), "seek-table"),
        (good[..table + 12].to_vec(), "seek-table"),
        (good[..table].to_vec(), "seek-table"),
        ([&good[..], &[0]].concat(), "stream-end"),
        ([&good[..], &[7; 3000]].concat(), "stream-end"),
    ] {
        scene.write("image", &bytes);
        let report = check_found(&scene, "image", &[expected]);
        assert_eq!(report["files"], json!([]), "{report}");
        check_info(&scene);
        // All of it is there.
        scene.run("-r -O restored image");
        assert!(scene.read("restored") == clone_of(&volume()), "{expected}");
    }
}
