//! `ls` and `cat`: what is in a volume or image, without restoring it.

use ntfs_volume_builder::{File, FileData, Run, attribute_type, pattern};
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
    directory.refused("image: /Papers: it is a directory", "list it with ls");
}

/// A reparse point of that tag, with a name to substitute and one to print.
fn reparse_point(tag: u32, name: &str) -> FileData {
    let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = name.len() as u16;
    let mut data: Vec<u8> = [0, len, 0, len]
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect();
    if tag == 0xA000_000C {
        data.extend([1, 0, 0, 0]);
    }
    data.extend(name);
    let head = [tag.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    FileData::Resident([head, data].concat())
}

#[test]
fn what_has_no_content_of_its_own_is_refused_by_name() {
    let with_point = |data: FileData, tag, name| {
        File::new().data(data).attribute(
            attribute_type::REPARSE_POINT,
            "",
            reparse_point(tag, name),
        )
    };
    let empty = || FileData::Resident(Vec::new());
    let hole = || FileData::Runs(vec![Run::hole(3)]);
    let mut volume = builder()
        .file("link", with_point(empty(), 0xA000_000C, "..\\there"))
        .file("junction", with_point(empty(), 0xA000_0003, "C:\\Users"))
        .file("dedup", with_point(hole(), 0x8000_0013, ""))
        .file("cloud", with_point(hole(), 0x9000_301A, ""))
        .file("secret", FileData::Bytes(pattern(1, 5000)))
        .build();
    let record = volume.record_number("secret");
    volume.patch_attribute(record, attribute_type::DATA, "", 0x0D, &[0x40]);
    let scene = Scene::with_volume(&volume.bytes);
    let table = [
        (
            "link",
            "volume: /link is a symbolic link to ..\\there",
            "name the file that it leads to",
        ),
        (
            "junction",
            "volume: /junction is a junction to C:\\Users",
            "name the file that it leads to",
        ),
        (
            "dedup",
            "volume: /dedup: it is deduplicated: its content is in the chunk store of the volume",
            "restore the volume, and open the file in Windows Server with Data Deduplication",
        ),
        (
            "cloud",
            "volume: /cloud: it is a placeholder: its content is in a cloud",
            "take it from there",
        ),
        (
            "secret",
            "volume: /secret: it is encrypted (EFS)",
            "--efs-raw writes it as Windows backs it up; or restore the volume, and open the file in \
             Windows as a user who has the key",
        ),
    ];
    for (path, found, remedy) in table {
        scene
            .run(&format!("cat volume {path}"))
            .refused(found, remedy);
    }
    let long = lines(&scene, "ls -l volume");
    let marked = |mark: &str| long.iter().any(|line| line.ends_with(mark));
    for mark in [
        " link -> ..\\there",
        " dedup [deduplicated]",
        " cloud [in a cloud]",
    ] {
        assert!(marked(mark), "{mark}: {long:?}");
    }
}

#[test]
fn deleted_files_are_listed_and_taken_out() {
    let part = FileData::Runs(vec![Run::at(400, 3)]);
    let volume = builder()
        .file("Papers/kept", FileData::Resident(vec![1]))
        .file(
            "Papers/old.txt",
            File::new().data(b"old".to_vec()).record(50).deleted(),
        )
        .file(
            "Papers/large",
            File::new()
                .data(FileData::Bytes(pattern(3, 9000)))
                .record(51)
                .deleted(),
        )
        .file("part", File::new().data(part).record(52).deleted())
        .file("other", FileData::Runs(vec![Run::at(402, 2)]))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let of_volume = [
        "      50 recoverable  /Papers/old.txt",
        "      51 recoverable  /Papers/large",
        "      52 partly       /part",
    ];
    assert_eq!(lines(&scene, "ls --deleted volume"), of_volume);
    assert_eq!(lines(&scene, "ls --deleted volume papers"), of_volume[..2]);
    assert_eq!(
        lines(&scene, "ls --deleted volume **/*.TXT"),
        of_volume[..1]
    );
    let of_image = scene.run("ls --deleted image");
    assert_eq!(of_image.code(), Some(0), "{}", of_image.errors());
    assert!(
        of_image
            .errors()
            .contains("does not hold the clusters of 2 deleted files")
    );
    let listed = String::from_utf8_lossy(of_image.stdout()).into_owned();
    assert!(listed.contains("51 not-in-image"), "{listed}");
    let json = lines(&scene, "ls --deleted --json volume part");
    let file: Value = serde_json::from_str(&json[0]).expect("JSON");
    assert_eq!(file["deleted"]["recovery"], "partly");
    assert_eq!(
        (&file["deleted"]["clusters"], &file["deleted"]["free"]),
        (&3.into(), &2.into())
    );

    let cat = |arguments: &str| scene.run(arguments).stdout().to_vec();
    assert_eq!(cat("cat --record 50 volume"), b"old");
    assert_eq!(cat("cat --record 50 image"), b"old");
    assert_eq!(cat("cat --record 51 volume"), pattern(3, 9000));
    let kept = volume.record_number("Papers/kept");
    assert_eq!(cat(&format!("cat --record {kept} volume")), [1]);
    scene.run("cat --record 52 volume").refused(
        "volume: [record 52]: the content from byte 8192 on is in clusters that other files use now",
        "--range 0+8192 writes what is before; ranges after it may be sound too",
    );
    assert_eq!(cat("cat --record 52 --range 0+8192 volume").len(), 8192);
    let lost = scene.run("cat --record 51 image");
    assert_eq!(
        (lost.code(), lost.stdout()),
        (Some(1), &b""[..]),
        "{}",
        lost.errors()
    );
}
