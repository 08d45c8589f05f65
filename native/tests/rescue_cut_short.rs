//! Volumes whose device ends too early: what is missing is unreadable, and all that is there is saved.

use crate::support::{
    program::{finish, ours, printed},
    scene::Scene,
    small_volume,
};
use ntfs_volume_builder::Volume;
use serde_json::Value;

/// A volume as `volume`, and its first bytes as `cut`.
struct Case {
    name: &'static str,
    volume: Volume,
    /// Where it is cut.
    end: usize,
    scene: Scene,
}

impl Case {
    fn new(name: &'static str, end: u64) -> Self {
        let volume = small_volume::volume();
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("cut", &volume.bytes[..end as usize]);
        Self {
            name,
            volume,
            end: end as usize,
            scene,
        }
    }

    /// Runs it; returns what it said.
    #[track_caller]
    fn run(&self, line: &str, code: i32) -> String {
        let outcome = finish(self.scene.command(ours, line));
        let said = printed(&outcome);
        assert_eq!(
            outcome.status.code(),
            Some(code),
            "{}: {line}: {said}",
            self.name
        );
        said
    }

    /// What stands at a position of the copy, if the source was asked for it.
    fn expected(&self, position: usize) -> u8 {
        match position < self.end {
            true => self.volume.bytes[position],
            false => *b"BadSectoR\0".get(position % 512).unwrap_or(&b'?'),
        }
    }

    /// All that is there of used clusters is in the copy; of the rest, what was read or nothing.
    #[track_caller]
    fn check(&self, what: &str, copy: &[u8]) {
        assert_eq!(copy.len(), self.volume.bytes.len(), "{}, {what}", self.name);
        let cluster = self.volume.geometry.cluster_size as usize;
        let mut used = vec![false; copy.len()];
        for lcn in self.volume.used_clusters() {
            used[lcn as usize * cluster..][..cluster].fill(true);
        }
        for (position, &byte) in copy.iter().enumerate() {
            let must_be = used[position] && position < self.end;
            let is_same = byte == self.expected(position);
            assert!(
                is_same || (!must_be && byte == 0),
                "{}, {what}: byte {position:#x} is {byte:#x}",
                self.name
            );
        }
    }
}

fn cases() -> Vec<Case> {
    let volume = small_volume::volume();
    let file = volume.stream_offset(volume.record_number("big.bin"), 0x80, "", 40_960);
    let bitmap = volume.stream_offset(6, 0x80, "", 0);
    let log_file = volume.stream_offset(2, 0x80, "", 8192);
    let size = volume.geometry.volume_size();
    vec![
        Case::new("within a file", file),
        Case::new("within a sector of a file", file + 100),
        Case::new("within $LogFile", log_file),
        Case::new("before $Bitmap", bitmap),
        Case::new("within $MFT", volume.record_offset(5)),
        Case::new("after one byte of $MFT", volume.record_offset(0) + 1),
        Case::new("a byte short", size - 1),
    ]
}

#[test]
fn all_forms_have_all_that_is_there() {
    for case in cases() {
        let said = case.run("-q -o out cut", 1);
        assert!(said.contains("--rescue"), "{said}");
        for (form, is_image) in [
            ("-o", false),
            ("-O", false),
            ("--in-place -O", false),
            ("-s -o", true),
            ("--compress -o", true),
            ("-s --compress -o", true),
        ] {
            match form.ends_with("-O") {
                true => case
                    .scene
                    .write("out", vec![0xee; case.volume.bytes.len() + 5000]),
                false => drop(std::fs::remove_file(case.scene.path("out"))),
            }
            let said = case.run(&format!("-q --rescue {form} out cut"), 3);
            assert!(said.contains("was cut short"), "{said}");
            let copy = match is_image {
                false => case.scene.read("out"),
                true => {
                    let _ = std::fs::remove_file(case.scene.path("restored"));
                    case.run("-q -r -o restored out", 0);
                    case.scene.read("restored")
                }
            };
            case.check(form, &copy);
        }
    }
}

#[test]
fn metadata_has_the_length_of_the_volume() {
    // Of records that are missing it is not known what is metadata.
    let has_records = |case: &Case| !case.name.contains("$MFT");
    for case in cases().into_iter().filter(has_records) {
        case.run("-q --rescue -m -o out cut", 3);
        let copy = case.scene.read("out");
        assert_eq!(copy.len(), case.volume.bytes.len(), "{}", case.name);
        assert!(copy[..512] == case.volume.bytes[..512], "{}", case.name);
        case.run("-q --rescue -m -s -o image cut", 3);
    }
}

/// The missing part is not tried in the map, and bad nowhere: a whole source is read to its end.
#[test]
fn a_later_run_finds_the_source_whole_again() {
    for case in cases() {
        case.run("-q --rescue --mapfile map -o out cut", 3);
        case.check("with a map", &case.scene.read("out"));
        let map = String::from_utf8(case.scene.read("map")).expect("it is text");
        let areas: Vec<&str> = map.lines().skip(5).collect();
        let is_bad = areas.iter().any(|area| area.ends_with('-'));
        let last = areas.last().expect("there is an area");
        assert!(!is_bad && last.ends_with('?'), "{}: {map}", case.name);

        case.run("-q --rescue --mapfile map -o out cut", 3);
        case.check("run again", &case.scene.read("out"));
        case.run("-q --rescue --mapfile map -o out volume", 0);
        let copy = case.scene.read("out");
        let clone = small_volume::clone_of(&case.volume);
        assert_eq!(copy.len(), clone.len(), "{}", case.name);
        for (position, (&found, &cloned)) in copy.iter().zip(&clone).enumerate() {
            let is_free = cloned == 0;
            let source = case.volume.bytes[position];
            let mark = case.expected(position);
            assert!(
                found == cloned || (is_free && (found == source || found == mark)),
                "{}: byte {position:#x} is {found:#x}",
                case.name
            );
        }
    }
}

#[test]
fn what_is_missing_is_named_in_the_report() {
    let case = cases().swap_remove(0);
    let said = case.run("-q --rescue --report report -o out cut", 3);
    assert!(said.contains("of /big.bin, at byte 40960"), "{said}");
    let report: Value = serde_json::from_slice(&case.scene.read("report")).expect("it is JSON");
    let cluster = u64::from(case.volume.geometry.cluster_size);
    let missing = case.volume.used_clusters();
    let missing = missing
        .filter(|lcn| lcn * cluster >= case.end as u64)
        .count() as u64
        * cluster;
    let tail = case.volume.bytes.len() as u64 - case.volume.geometry.volume_size();
    assert_eq!(report["bytes"], missing + tail);
    assert_eq!(report["areas"][0]["offset"], case.end);
    assert!(
        report["files"]
            .as_array()
            .is_some_and(|files| !files.is_empty())
    );
}

/// A map tells what can be read.
#[test]
fn maps_end_where_the_source_does() {
    let case = cases().swap_remove(0);
    // $Bitmap is behind the file.
    case.run("map --rescue --format json -o map cut", 3);
    let map: Value = serde_json::from_slice(&case.scene.read("map")).expect("it is JSON");
    let areas = map["areas"].as_array().expect("a list");
    let last = areas.last().expect("an area");
    let end = last["offset"].as_u64().zip(last["length"].as_u64());
    assert_eq!(
        end.map(|(offset, length)| offset + length),
        Some(case.end as u64)
    );
}

#[test]
fn info_and_verify_say_it() {
    let case = cases().swap_remove(0);
    let found = format!("ends at byte {:#x}, inside the volume", case.end);
    for line in ["info cut", "verify cut"] {
        let said = case.run(line, 1);
        assert!(said.contains(&found), "{line}: {said}");
    }
}
