//! A disk that is too small, or becomes full.

use crate::support::{
    program::{succeed, tool},
    requirements::{Need, met_here},
    scene::{Scene, error_text, warning_text},
    scratch_directory,
    small_volume::{builder, clone_of, image_of, volume},
};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const NEEDS: &[Need] = &[Need::Root, Need::Tool("mount"), Need::Tool("umount")];
const FULL: &str = "No space left on device";
const MAKE_ROOM: &str = "make room, or write elsewhere";

/// A file system in memory, of so many bytes.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn new(bytes: usize) -> Self {
        let folder = scratch_directory();
        let options = format!("size={bytes}");
        let mut mount = tool("mount", ["-t", "tmpfs", "-o", &options, "none"]);
        mount.arg(folder.path());
        succeed(mount);
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("it is mounted");
        entries
            .map(|entry| entry.expect("it can be listed").file_name())
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = tool("umount", [self.0.path()]).status();
    }
}

fn scene() -> Scene {
    let scene = Scene::with_volume(&volume().bytes);
    scene.write("image", image_of(&volume()));
    scene
}

/// Warned before, failed once, and nothing left.
#[test]
fn new_file() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = scene();
    let disk = SmallDisk::new(128 << 10);
    let out = disk.path("out");
    let out = out.to_str().expect("an ordinary path");
    for line in [
        "-o OUT volume",
        "-s -o OUT volume",
        "-r -o OUT image",
        "-O OUT volume",
    ] {
        let outcome = scene.run(&line.replace("OUT", out));
        let error = error_text(&format!("cannot write to {out}: {FULL}"), MAKE_ROOM);
        let errors = outcome.errors();
        let warning = errors.strip_suffix(&error);
        let warning = warning.unwrap_or_else(|| panic!("{line}: {errors}"));
        let found = warning.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        let expected = warning_text(&format!("{out}: KiB is needed, KiB is free there"));
        let expected = expected.replace(|c: char| c.is_ascii_digit() || c == '.', "");
        assert_eq!(
            found.replace("  ", " "),
            expected.replace("  ", " "),
            "{line}: {warning}"
        );
        assert!(
            warning.ends_with("128.00 KiB is free there\n"),
            "{line}: {warning}"
        );
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
        assert!(disk.names().is_empty(), "{line} leaves {:?}", disk.names());
    }
}

/// How much a compressed file needs is not known before.
#[test]
fn compressed() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = scene();
    let disk = SmallDisk::new(128 << 10);
    let out = disk.path("out");
    let out = out.to_str().expect("an ordinary path");
    for line in [
        "-s --compress -o OUT volume",
        "--compress -o OUT volume",
        "-s --compress --checksum -O OUT volume",
    ] {
        let outcome = scene.run(&line.replace("OUT", out));
        outcome.refused(&format!("cannot write to {out}: {FULL}"), MAKE_ROOM);
        assert!(disk.names().is_empty(), "{line} leaves {:?}", disk.names());
    }
}

/// Where there is no room for the old and the new file, the old one is not given up unasked.
#[test]
fn replaced_file() {
    if !met_here(NEEDS) {
        return;
    }
    let volume = volume();
    let scene = scene();
    let size = (volume.used_clusters().count() + 8) * 4096;
    let disk = SmallDisk::new(size);
    let old = vec![0xA5; size / 2];
    let out = disk.path("out");
    fs::write(&out, &old).expect("there is room");
    let name = out.to_str().expect("an ordinary path");
    for (line, expected) in [
        ("-O OUT volume", clone_of(&volume)),
        ("-s -O OUT volume", image_of(&volume)),
        ("-r -O OUT image", clone_of(&volume)),
    ] {
        let outcome = scene.run(&line.replace("OUT", name));
        let errors = outcome.errors();
        let end = " is free there\n  the existing file stays until the new one is complete, so \
                   there must be room for both; make room, or give up the existing file at once \
                   with --in-place\n";
        assert!(
            errors.starts_with(&format!("ntfsclone: {name}: ")),
            "{line}: {errors}"
        );
        assert!(
            errors.contains(" is needed, ") && errors.ends_with(end),
            "{line}: {errors}"
        );
        assert_eq!(outcome.code(), Some(1), "{line}");
        assert!(
            fs::read(&out).expect("it is there") == old,
            "{line}: the old file changed"
        );
        assert_eq!(disk.names(), ["out"], "{line}");

        let line = format!("--in-place {}", line.replace("OUT", name));
        scene.run(&line).wrote(&[]);
        assert!(
            fs::read(&out).expect("it is there") == expected,
            "{line}: other bytes"
        );
        assert_eq!(disk.names(), ["out"], "{line}");
        fs::write(&out, &old).expect("there is room");
    }
}

/// Overwritten in place, the old file is not given up where the new one cannot fit even so.
#[test]
fn file_in_place() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = scene();
    let disk = SmallDisk::new(128 << 10);
    let out = disk.path("out");
    let name = out.to_str().expect("an ordinary path");
    for line in ["--in-place -O OUT volume", "-r --in-place -O OUT image"] {
        fs::write(&out, [0xA5; 4096]).expect("there is room");
        let found = "604.50 KiB is needed, 128.00 KiB is there without the existing file";
        let outcome = scene.run(&line.replace("OUT", name));
        outcome.refused(&format!("{name}: {found}"), MAKE_ROOM);
        assert!(
            fs::read(&out).expect("it is there") == [0xA5; 4096],
            "{line}"
        );
    }
}

/// What was saved when the disk became full is noted, and nothing more; nothing advises to remove it.
#[test]
fn rescue_stops_with_a_map_of_all_that_is_saved() {
    if !met_here(NEEDS) {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let disk = SmallDisk::new(768 << 10);
    for with_map in [true, false] {
        let [out, map] = ["out", "map"].map(|name| disk.path(name));
        let options = match with_map {
            true => format!("--mapfile {}", map.display()),
            false => String::new(),
        };
        let outcome = scene.run(&format!("--rescue {options} -o {} volume", out.display()));
        let errors = outcome.errors();
        assert_eq!(outcome.code(), Some(1), "{errors}");
        assert!(errors.contains(FULL), "{errors}");
        assert!(
            errors.ends_with("make room first; what is saved stays, and is not read again\n"),
            "{errors}"
        );
        let part = |end: &str| {
            let name = disk.names().into_iter().find(|name| name.ends_with(end));
            disk.path(&name.expect("it is kept"))
        };
        let (out, map) = match with_map {
            true => (out, map),
            false => (part(".part"), part(".part.map")),
        };
        let content = fs::read(&out).expect("it is there");
        let text = fs::read_to_string(&map).expect("it is there");
        let lines = text.lines().filter(|line| line.ends_with('+'));
        let number = |digits: &str| usize::from_str_radix(digits.trim_start_matches("0x"), 16);
        let saved = lines.map(|line| {
            let mut fields = line
                .split_whitespace()
                .map(|field| number(field).unwrap_or(0));
            let start = fields.next().expect("a position");
            start..start + fields.next().expect("a size")
        });
        let saved: Vec<_> = saved.collect();
        for range in saved.clone() {
            assert!(
                content[range.clone()] == volume.bytes[range.clone()],
                "{range:x?}"
            );
        }
        let bytes: usize = saved.iter().map(std::iter::ExactSizeIterator::len).sum();
        assert!(bytes > 200 << 10, "{bytes} bytes are noted");
        assert!(
            errors.contains(&format!("{:.2} KiB are saved", bytes as f64 / 1024.0)),
            "{errors}"
        );

        // The same command without its map would not remove what is saved either.
        if with_map {
            fs::remove_file(&map).expect("it is there");
            let outcome = scene.run(&format!("--rescue {options} -o {} volume", out.display()));
            assert_eq!(outcome.code(), Some(1));
            assert!(!outcome.errors().contains("remove"), "{}", outcome.errors());
        }
        for name in disk.names() {
            fs::remove_file(disk.path(&name)).expect("it is there");
        }
    }
}

/// A disk that is full at the start is found out before hours of reading.
#[test]
fn rescue_without_space_for_its_map_does_not_begin() {
    if !met_here(NEEDS) {
        return;
    }
    let scene = scene();
    let disk = SmallDisk::new(64 << 10);
    let map = disk.path("map");
    let outcome = scene.run(&format!(
        "--rescue --mapfile {} -o out volume",
        map.display()
    ));
    let message = format!(
        "cannot keep space for the map file {}: {FULL}",
        map.display()
    );
    outcome.refused(&message, MAKE_ROOM);
    assert!(disk.names().is_empty(), "{:?}", disk.names());
}

/// A full disk is no reason to try for ever.
#[test]
fn device_below_is_full() {
    if !met_here(&[NEEDS, crate::support::requirements::DEVICES].concat()) {
        return;
    }
    let volume = builder().build();
    let scene = Scene::with_volume(&volume.bytes);
    let disk = SmallDisk::new(256 << 10);
    let file = fs::File::create(disk.path("partition")).expect("there is room");
    file.set_len(volume.bytes.len() as u64)
        .expect("it is sparse");
    let device = crate::support::loop_device::LoopDevice::attach(&disk.path("partition"));
    let name = device.path().display();
    let outcome = scene.run(&format!("-O {name} volume"));
    let errors = outcome.errors();
    let begin = format!("ntfsclone: {name} is half written and not usable: cannot ");
    assert!(errors.starts_with(&begin), "{errors}");
    assert_eq!(errors.matches("ntfsclone:").count(), 1, "{errors}");
    assert_eq!(outcome.code(), Some(1), "{errors}");
}
