//! What a save or clone reports of damage of its source, which it copies as it is.

use crate::support::{
    scene::Scene,
    small_volume::{builder, clone_of, image_of},
};
use ntfs_volume_builder::{Volume, attribute_type};

/// A letter of `$UpCase` is wrong.
fn with_damaged_table() -> Volume {
    let mut volume = builder().build();
    let at = volume.stream_offset(10, attribute_type::DATA, "", 2 * 0x61);
    volume.patch(at, &[0x42]);
    volume
}

/// A directory lacks the name of a file.
fn with_lost_name() -> Volume {
    let mut volume = builder().build();
    let directory = volume.record_number("docs");
    volume.remove_entry(directory, "hello.txt");
    volume
}

#[test]
fn damaged_system_files_are_warned_of() {
    let volume = with_damaged_table();
    let scene = Scene::with_volume(&volume.bytes);
    for (line, output) in [
        ("-s -o image volume", "image"),
        ("-o raw volume", "raw"),
        ("-s --compress -o image.zst volume", "image.zst"),
        ("-m -s -o metadata volume", "metadata"),
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}");
        outcome.changed_only(&[output]);
        let errors = outcome.errors();
        assert!(
            errors.starts_with(
                "ntfsclone: warning: volume: is damaged, and so is the copy: 1 error\n    error: "
            ),
            "{errors}"
        );
        assert!(errors.contains("(/$UpCase)\n"), "{errors}");
        assert!(
            errors.ends_with("\n    ntfsclone verify volume lists all that is wrong with it\n"),
            "{errors}"
        );
    }
    assert!(scene.read("image") == image_of(&volume));
    assert!(scene.read("raw") == clone_of(&volume));
}

/// A failing disk is read for the copy only.
#[test]
fn a_rescue_checks_nothing() {
    let scene = Scene::with_volume(&with_damaged_table().bytes);
    scene.run("--rescue -o raw volume").wrote(&["raw"]);
}

#[test]
fn all_files_are_checked_on_demand() {
    let volume = with_lost_name();
    let scene = Scene::with_volume(&volume.bytes);
    scene.run("-s -o image volume").wrote(&["image"]);
    for threads in [1, 4] {
        let outcome = scene.run(&format!("--check --threads {threads} -s -O image volume"));
        assert_eq!(outcome.code(), Some(0));
        let errors = outcome.errors();
        assert!(
            errors.contains("is damaged, and so is the copy: 1 error"),
            "{errors}"
        );
        assert!(
            errors.contains("no directory has an entry for it (/docs/hello.txt)"),
            "{errors}"
        );
        assert!(scene.read("image") == image_of(&volume));
    }
}

#[test]
fn a_sound_volume_is_reported() {
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("--check -o raw volume");
    outcome.wrote(&["raw"]);
    outcome.reported("files and directories, nothing is damaged\n");
    let outcome = scene.run("--check -s -o - volume");
    assert_eq!(outcome.code(), Some(0));
    assert!(outcome.stdout() == image_of(&volume));
    assert!(outcome.errors().contains("nothing is damaged\n"));
}

#[test]
fn check_is_refused_where_it_has_no_meaning() {
    let scene = Scene::with_volume(&builder().build().bytes);
    for line in ["--check -r -o raw volume", "--check --rescue -o raw volume"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(2), "{line}");
        assert!(outcome.errors().contains("--check "), "{line}");
        outcome.changed_only(&[]);
    }
}
