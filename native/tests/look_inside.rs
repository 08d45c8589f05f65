//! `ls` and `cat`: what is in a volume or image, without restoring it.

use ntfs_volume_builder::{File, FileData, pattern};
use serde_json::Value;

use crate::support::{
    scene::Scene,
    small_volume::{builder, image_of},
};

/// A volume with names in two cases, a stream and a file of several clusters, and its image.
fn scene() -> Scene {
    let volume = builder()
        .file(
            "Papers/Hello.txt",
            File::new()
                .data(b"hello".to_vec())
                .stream("more", b"stream".to_vec()),
        )
        .file("Papers/deep/Large.bin", FileData::Bytes(pattern(7, 20_000)))
        .file("Papers/\u{1b}[31mred", FileData::Resident(b"x".to_vec()))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene
}

fn lines(scene: &Scene, arguments: &str) -> Vec<String> {
    let outcome = scene.run(arguments);
    outcome.wrote(&[]);
    let text = String::from_utf8(outcome.stdout().to_vec()).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_volume_and_its_image_list_the_same() {
    let scene = scene();
    let of_volume = lines(&scene, "ls -R volume Papers");
    assert_eq!(of_volume, lines(&scene, "ls -R image papers"));
    assert_eq!(of_volume, lines(&scene, "ls -R --by=mft image \\PAPERS"));
    assert!(of_volume.contains(&"/Papers/deep/Large.bin".to_owned()));
    assert_eq!(
        lines(&scene, "ls image papers/**/*.BIN"),
        ["/Papers/deep/Large.bin"]
    );
    let streams = lines(&scene, "ls --streams image Papers");
    assert!(
        streams.contains(&"Hello.txt:more".to_owned()),
        "{streams:?}"
    );
}

#[test]
fn control_characters_of_names_do_not_reach_a_terminal() {
    let scene = scene();
    let names = lines(&scene, "ls image Papers");
    assert!(
        names.iter().any(|name| name.contains("[31mred")),
        "{names:?}"
    );
    assert!(
        !names.iter().any(|name| name.contains('\u{1b}')),
        "{names:?}"
    );
}

#[test]
fn json_has_an_object_for_each_file() {
    let scene = scene();
    let list = lines(&scene, "ls --json image Papers/Hello.txt");
    let [line] = &list[..] else {
        panic!("{list:?}");
    };
    let file: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(file["path"], "/Papers/Hello.txt");
    assert_eq!(file["size"], 5);
    assert_eq!(file["streams"][0]["name"], "more");
}

#[test]
fn content_is_written_whole_and_in_part() {
    let scene = scene();
    let content = pattern(7, 20_000);
    let cat = |arguments: &str| {
        let outcome = scene.run(arguments);
        outcome.wrote(&[]);
        outcome.stdout().to_vec()
    };
    assert_eq!(cat("cat image papers/DEEP/large.bin"), content);
    assert_eq!(cat("cat volume Papers\\deep\\Large.bin"), content);
    let part = "cat --range 4000-8999 image Papers/deep/Large.bin";
    assert_eq!(cat(part), content[4000..9000]);
    let part = "cat --range 19990+100 image Papers/deep/Large.bin";
    assert_eq!(cat(part), content[19_990..]);
    assert_eq!(cat("cat image Papers/Hello.txt:more"), b"stream");
}

#[test]
fn what_an_image_lacks_is_an_error_and_no_zeros() {
    let scene = scene();
    let metadata = scene.run("--metadata --save-image -o metadata volume");
    assert_eq!(metadata.code(), Some(0), "{}", metadata.errors());
    let outcome = scene.run("cat metadata Papers/deep/Large.bin");
    assert_eq!(outcome.code(), Some(1), "{}", outcome.errors());
    assert!(
        outcome.errors().contains("Large.bin"),
        "{}",
        outcome.errors()
    );
    assert_eq!(outcome.stdout(), b"");
}

#[test]
fn a_path_that_is_not_there_is_named() {
    let scene = scene();
    let remedy = "ntfsclone ls lists what there is";
    let missing = scene.run("ls image Papers/nothing");
    missing.refused("image: there is no nothing in /Papers", remedy);
    let missing = scene.run("cat image nothing");
    missing.refused("image: there is no nothing in /", remedy);
    let directory = scene.run("cat image Papers");
    directory.refused(
        "image: /Papers: the file has no such stream",
        "it is a directory: list it with ls",
    );
}
