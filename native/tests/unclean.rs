//! Volumes on which Windows has work to do: copied, with a warning, and never called clean.

use crate::support::{
    scene::Scene,
    small_volume::{builder, image_of},
    verify_report::json,
};
use ntfs_volume_builder::Volume;
use serde_json::{Value, json};

const JOURNAL: &str = "the journal holds changes that are not yet in place";

fn stdout(scene: &Scene, line: &str) -> String {
    let outcome = scene.run(line);
    outcome.wrote(&[]);
    String::from_utf8_lossy(outcome.stdout()).into_owned()
}

/// `info`, `verify` and a save of the volume and of its image report `what`, a saved copy is the
/// same, and `id` is the reason for programs.
#[track_caller]
fn check_unclean(volume: &Volume, id: &str, what: &str, consequence: &str) {
    let scene = Scene::with_volume(&volume.bytes);
    let warning = format!("volume: not clean: {what}; {consequence}");
    for line in ["-s -o image volume", "-q -o raw volume"] {
        let output = line.split(' ').nth_back(1).expect("a name");
        scene.run(line).wrote_with_warning(&warning, &[output]);
    }
    assert!(scene.read("image") == image_of(volume), "{what}");
    for name in ["volume", "image", "raw"] {
        let info = stdout(&scene, &format!("info {name}"));
        assert!(info.contains(&format!("State: {what}\n")), "{info}");
        let info: Value = json(&scene.run(&format!("info --json {name}")));
        assert_eq!(info["volume"]["unclean"], json!([id]), "{info}");
        let report = stdout(&scene, &format!("verify {name}"));
        let verdict = format!("Sound, with warnings; the volume is not clean: {what}\n");
        assert!(report.ends_with(&verdict), "{report}");
    }
}

#[test]
fn an_open_journal_is_not_clean() {
    let mut volume = builder().build();
    volume.write_restart_pages(false);
    let consequence = "Windows applies them when it mounts the volume";
    check_unclean(&volume, "journal", JOURNAL, consequence);
}

#[test]
fn flags_of_work_to_do_are_not_clean() {
    let mounts = "Windows completes that when it mounts the volume";
    for (flags, id, what, consequence) in [
        (
            0x4000,
            "check-interrupted",
            "chkdsk began on the volume, and did not end",
            "Windows checks it again",
        ),
        (
            0x8000,
            "check-not-concluded",
            "chkdsk changed the volume, and Windows has not mounted it since",
            mounts,
        ),
        (2, "journal-resize", "the journal is to be resized", mounts),
        (
            4,
            "upgrade",
            "NTFS is to be upgraded to a newer version",
            mounts,
        ),
        (
            8,
            "changed-by-nt4",
            "Windows NT 4 changed the volume, and a newer Windows has not mounted it since",
            mounts,
        ),
        (
            0x10,
            "change-journal-deletion",
            "the change journal is being deleted",
            mounts,
        ),
        (
            0x20,
            "object-ids",
            "the object ids are to be repaired",
            mounts,
        ),
    ] {
        let volume = builder().volume_flags(flags).build();
        check_unclean(&volume, id, what, consequence);
    }
}

/// Both, of a dirty volume: all reasons are listed.
#[test]
fn all_reasons_are_reported() {
    let mut volume = builder().volume_flags(1 | 0x4000).build();
    volume.write_restart_pages(false);
    let scene = Scene::with_volume(&volume.bytes);
    let info = stdout(&scene, "info volume");
    let state =
        format!("State: marked dirty; {JOURNAL}; chkdsk began on the volume, and did not end\n");
    assert!(info.contains(&state), "{info}");
}

#[test]
fn a_closed_journal_is_clean() {
    // Windows sets 0x80 on healthy volumes.
    let mut volume = builder().volume_flags(0x80).build();
    volume.write_restart_pages(true);
    let scene = Scene::with_volume(&volume.bytes);
    assert!(stdout(&scene, "info volume").contains("State: clean\n"));
    assert!(stdout(&scene, "verify volume").ends_with("\nSound\n"));
    scene.run("-s -o image volume").wrote(&["image"]);
}

#[test]
fn a_damaged_journal_is_not_clean() {
    let mut volume = builder().build();
    let at = volume.stream_offset(2, 0x80, "", 0);
    volume.patch(at, &[0; 8192]);
    let scene = Scene::with_volume(&volume.bytes);
    let what = "neither restart page of the journal can be read";
    let info = stdout(&scene, "info volume");
    assert!(info.contains(&format!("State: {what}\n")), "{info}");
    let warning = format!("volume: not clean: {what}; changes that were being made are lost");
    scene
        .run("-s -o image volume")
        .wrote_with_warning(&warning, &["image"]);
}
