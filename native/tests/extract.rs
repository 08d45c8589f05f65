//! `extract`: files of a volume or image, written to a folder.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::process::Command;

use ntfs_volume_builder::{File, FileData, pattern};

use crate::support::{
    mount::Mount,
    program::{ours, tool},
    requirements::{Need, VOLUMES, met_here},
    scene::{Outcome, Scene},
    small_volume::{builder, image_of},
};

/// A volume with a folder in a folder, and its image.
fn scene() -> Scene {
    let volume = builder()
        .file("Papers/Hello.txt", FileData::Resident(b"hello".to_vec()))
        .file("Papers/deep/Large.bin", FileData::Bytes(pattern(7, 20_000)))
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    scene
}

/// The names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[track_caller]
pub(crate) fn ended(outcome: &Outcome, code: i32, message: &str) {
    let errors = outcome.errors();
    assert_eq!(outcome.code(), Some(code), "{errors}");
    assert!(errors.contains(message), "{errors}");
}

#[test]
fn paths_and_patterns_are_written_with_their_folders() {
    let scene = scene();
    scene.run("extract image -C all").wrote(&[
        "all",
        "all/Papers",
        "all/Papers/Hello.txt",
        "all/Papers/deep",
        "all/Papers/deep/Large.bin",
        "all/big.bin",
        "all/docs",
        "all/docs/hello.txt",
        "all/docs/pieces.bin",
    ]);
    assert_eq!(scene.read("all/Papers/deep/Large.bin"), pattern(7, 20_000));
    assert_eq!(scene.read("all/docs/pieces.bin"), pattern(1, 60_000));
    scene
        .run("extract volume papers/DEEP docs\\hello.txt -C some")
        .wrote(&[
            "some",
            "some/Papers",
            "some/Papers/deep",
            "some/Papers/deep/Large.bin",
            "some/docs",
            "some/docs/hello.txt",
        ]);
    scene
        .run("extract --by=mft image **/h*.TXT -C globs")
        .wrote(&[
            "globs",
            "globs/Papers",
            "globs/Papers/Hello.txt",
            "globs/docs",
            "globs/docs/hello.txt",
        ]);
    let missing = scene.run("extract image Papers/nothing -C none");
    let remedy = "ntfsclone ls lists what there is";
    missing.refused("image: there is no nothing in /Papers", remedy);
}

#[test]
fn what_exists_stays_without_overwrite() {
    let scene = scene();
    fs::create_dir_all(scene.path("out/Papers")).unwrap();
    scene.write("out/Papers/Hello.txt", "mine");
    let outcome = scene.run("extract image Papers -C out");
    ended(
        &outcome,
        3,
        "/Papers/Hello.txt: there is a file of its name already",
    );
    outcome.changed_only(&["out/Papers/deep", "out/Papers/deep/Large.bin"]);
    let outcome = scene.run("extract image Papers/Hello.txt -O -C out");
    outcome.wrote(&["out/Papers/Hello.txt"]);
    assert_eq!(scene.read("out/Papers/Hello.txt"), b"hello");
}

#[test]
fn planted_links_are_not_followed() {
    let scene = scene();
    fs::create_dir_all(scene.path("outside/deep")).unwrap();
    fs::create_dir_all(scene.path("out/docs")).unwrap();
    scene.write("outside/file", "mine");
    symlink("../outside", scene.path("out/Papers")).unwrap();
    symlink("../../outside/file", scene.path("out/docs/hello.txt")).unwrap();
    for overwrite in ["", "-O "] {
        let outcome = scene.run(&format!(
            "extract image Papers docs/hello.txt {overwrite}-C out"
        ));
        ended(
            &outcome,
            3,
            "/Papers: a file or link has its name on the target",
        );
        assert_eq!(names(&scene.path("outside")), ["deep", "file"]);
        assert_eq!(names(&scene.path("outside/deep")), [""; 0]);
        assert_eq!(scene.read("outside/file"), b"mine");
    }
    // The link itself is replaced.
    assert!(!scene.path("out/docs/hello.txt").is_symlink());
}

/// A volume with names in `Papers` that lead out of a folder, are of two, or control a terminal.
pub(crate) fn hostile_volume() -> Vec<u8> {
    let volume = builder()
        .file("Papers/QQ/inside", FileData::Resident(b"1".to_vec()))
        .file("Papers/Q", FileData::Resident(b"2".to_vec()))
        .file("Papers/eXf", FileData::Resident(b"3".to_vec()))
        .file("Papers/g\u{1b}[31m", FileData::Resident(b"4".to_vec()))
        .build();
    let mut bytes = volume.bytes.clone();
    // The length of a name and its namespace, then its characters.
    for (name, hostile) in [("QQ", ".."), ("Q", "."), ("eXf", "e/f")] {
        let utf16 = |name: &str| {
            let head = [name.len() as u8, 1, 0];
            let units = name.encode_utf16().flat_map(u16::to_le_bytes);
            [vec![head[0]], units.collect()].concat()
        };
        let (from, to) = (utf16(name), utf16(hostile));
        let found: Vec<usize> = (0..bytes.len() - from.len() - 1)
            .filter(|&at| bytes[at] == from[0] && bytes[at + 2..].starts_with(&from[1..]))
            .collect();
        assert!(!found.is_empty(), "{name}");
        for at in found {
            bytes[at + 2..at + 1 + to.len()].copy_from_slice(&to[1..]);
        }
    }
    bytes
}

#[test]
fn hostile_names_stay_below_the_folder() {
    let scene = Scene::with_volume(hostile_volume());
    let outcome = scene.run("extract volume Papers -C out");
    ended(
        &outcome,
        0,
        "the target cannot hold this name, it is e%2Ff there",
    );
    assert!(!outcome.errors().contains('\u{1b}'));
    outcome.changed_only(&[
        "out",
        "out/Papers",
        "out/Papers/%2E",
        "out/Papers/%2E%2E",
        "out/Papers/%2E%2E/inside",
        "out/Papers/e%2Ff",
        "out/Papers/g\u{1b}[31m",
    ]);
}

#[test]
fn what_an_image_lacks_is_named_and_leaves_nothing() {
    let scene = scene();
    let metadata = scene.run("--metadata --save-image -o metadata volume");
    assert_eq!(metadata.code(), Some(0), "{}", metadata.errors());
    let outcome = scene.run("extract metadata Papers -C out");
    ended(&outcome, 3, "/Papers/deep/Large.bin: ");
    ended(&outcome, 3, "/Papers/Hello.txt: ");
    outcome.changed_only(&["out", "out/Papers", "out/Papers/deep"]);
}

/// Success is of what is on the disk.
#[test]
fn a_disk_that_fails_when_all_is_written_is_an_error() {
    if !met_here(&[Need::Tool("strace")]) {
        return;
    }
    let scene = scene();
    let program = scene.command(ours, "extract image -C out");
    let mut command = tool("strace", ["-f", "-qq", "-o", "/dev/null"]);
    command.args(["-e", "inject=syncfs:error=EIO"]);
    command.arg(program.get_program()).args(program.get_args());
    command.current_dir(scene.path(""));
    let outcome = scene.run_command(command, &[]);
    ended(&outcome, 1, "cannot finish out: Input/output error");
    assert!(outcome.stdout().is_empty());
}

#[test]
fn one_damaged_file_does_not_stop_the_others() {
    let volume = builder()
        .file("Papers/Hello.txt", FileData::Resident(b"hello".to_vec()))
        .file(
            "Papers/beyond.bin",
            FileData::Runs(vec![ntfs_volume_builder::Run::at(1 << 40, 3)]),
        )
        .file(
            "Papers/linked.bin",
            File::new()
                .data(FileData::Bytes(pattern(3, 9000)))
                .link("docs/other.bin"),
        )
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("extract volume Papers docs/other.bin -C out");
    ended(&outcome, 3, "/Papers/beyond.bin: ");
    outcome.changed_only(&[
        "out",
        "out/Papers",
        "out/Papers/Hello.txt",
        "out/Papers/linked.bin",
        "out/docs",
        "out/docs/other.bin",
    ]);
    let inode = |name| fs::metadata(scene.path(name)).unwrap().ino();
    assert_eq!(inode("out/Papers/linked.bin"), inode("out/docs/other.bin"));
}

/// The value of a reparse point that is a symbolic link or a junction.
fn reparse_point(target: &str, is_junction: bool) -> Vec<u8> {
    let path: Vec<u8> = target.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let len = path.len() as u16;
    let mut data: Vec<u8> = [0, len, len, 0]
        .iter()
        .flat_map(|n| n.to_le_bytes())
        .collect();
    if !is_junction {
        data.extend(1_u32.to_le_bytes());
    }
    data.extend(path);
    // Both names end with a zero in a junction.
    data.extend([0; 4]);
    let tag: u32 = if is_junction {
        0xA000_0003
    } else {
        0xA000_000C
    };
    let head = [tag.to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
    [head, data].concat()
}

#[test]
fn files_are_as_a_mount_has_them() {
    if !met_here(VOLUMES) {
        return;
    }
    // Made by another program: reparse points need its index of them.
    let scene = Scene::new();
    let volume = scene.path("volume");
    let file = fs::File::create(&volume).unwrap();
    file.set_len(16 << 20).unwrap();
    drop(file);
    let mut format = Command::new("mkntfs");
    let formatted = format.args(["-q", "-F", "-f"]).arg(&volume).output();
    assert!(formatted.unwrap().status.success());
    let mount = Mount::read_write(&volume);
    let at = |name: &str| mount.path().join(name);
    for folder in ["new/empty", "Papers/deep", "docs"] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::write(at("docs/hello.txt"), "hello").unwrap();
    fs::write(at("Papers/deep/Large.bin"), pattern(7, 20_000)).unwrap();
    fs::write(at("new/file"), pattern(5, 70_000)).unwrap();
    fs::hard_link(at("new/file"), at("Papers/again")).unwrap();
    let sparse = fs::File::create(at("new/sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    drop(sparse);
    xattr::set(at("new/file"), "user.more", b"stream").unwrap();
    for (name, target, is_junction) in [
        ("new/relative", "..\\DOCS\\hello.TXT", false),
        ("new/through", "..\\new\\..\\gone", false),
        ("new/escape", "..\\..\\etc\\passwd", false),
        ("new/junction", "\\??\\C:\\papers", true),
        ("new/away", "\\??\\C:\\nowhere", true),
    ] {
        match is_junction {
            true => fs::create_dir(at(name)).unwrap(),
            false => fs::write(at(name), "").unwrap(),
        }
        let point = reparse_point(target, is_junction);
        xattr::set(at(name), "system.ntfs_reparse_data", &point).unwrap();
    }
    mount.unmount();

    let outcome = scene.run("extract volume --xattrs -C out");
    ended(&outcome, 3, "/new/escape: the link leads out of the volume");
    ended(&outcome, 3, "/new/away: the link leads out of the volume");
    let out = scene.path("out");
    let link = |name: &str| fs::read_link(out.join("new").join(name)).unwrap();
    assert_eq!(link("relative"), Path::new("../docs/hello.txt"));
    assert_eq!(link("through"), Path::new("../gone"));
    assert_eq!(link("junction"), Path::new("../Papers"));
    for name in ["escape", "away"] {
        assert!(fs::symlink_metadata(out.join("new").join(name)).is_err());
    }
    let mount = Mount::read_only(&volume);
    for name in [
        "new/file",
        "Papers/again",
        "new/sparse",
        "docs/hello.txt",
        "Papers/deep/Large.bin",
        "new/empty",
        "Papers",
    ] {
        let of_mount = fs::metadata(mount.path().join(name)).unwrap();
        let ours = fs::metadata(out.join(name)).unwrap();
        let seen = |file: &fs::Metadata| (file.mtime(), file.mtime_nsec(), file.is_dir());
        assert_eq!(seen(&ours), seen(&of_mount), "{name}");
        if ours.is_file() {
            assert_eq!(ours.nlink(), of_mount.nlink(), "{name}");
            let read = |root: &Path| fs::read(root.join(name)).unwrap();
            assert!(read(&out) == read(mount.path()), "{name}");
        }
    }
    // Its extended attributes may have a block.
    assert!(fs::metadata(out.join("new/sparse")).unwrap().blocks() <= 8);
    let stream = xattr::get(out.join("new/file"), "user.more").unwrap();
    assert_eq!(stream.as_deref(), Some(&b"stream"[..]));

    let outcome = scene.run("extract volume new --links=skip -C plain");
    ended(&outcome, 0, "");
    assert_eq!(names(&scene.path("plain/new")), ["empty", "file", "sparse"]);
}
