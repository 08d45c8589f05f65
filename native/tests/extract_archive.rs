//! `extract --tar` and `--zip`: archives hold what a folder would, and other programs read them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ntfs_volume_builder::{File, FileData, pattern};

use crate::extract::{ended, hostile_volume, names};
use crate::support::{
    program::{self, finish, ours, succeed, tool},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::builder,
};

/// More than is read before a file gets into an archive.
const LONG: usize = 3 << 20;

/// Text of numbers, which can be compressed.
fn text(len: usize) -> Vec<u8> {
    let lines = (0..).flat_map(|line| format!("line {line} of a long text\n").into_bytes());
    lines.take(len).collect()
}

/// A volume with all that an archive has a form of its own for.
fn scene() -> Scene {
    let long = "L".repeat(120);
    let mut sparse = vec![0; LONG];
    sparse[1 << 20..][..10_000].copy_from_slice(&pattern(4, 10_000));
    let volume = builder()
        .clusters(8192)
        .file("Papers/Hello.txt", FileData::Resident(b"hello".to_vec()))
        .file("Papers/empty", FileData::Resident(Vec::new()))
        .file(&format!("Papers/deep/{long}"), text(5000).into_data())
        .file("Papers/äöü 漢", FileData::Resident(b"name".to_vec()))
        .file("Papers/long.bin", pattern(7, LONG + 5).into_data())
        .file("Papers/packed.txt", FileData::Compressed(text(LONG)))
        .file("Papers/sparse.bin", FileData::Sparse(sparse))
        .file(
            "Papers/linked.bin",
            File::new()
                .data(FileData::Bytes(pattern(3, 9000)))
                .link("docs/other.bin"),
        )
        .directory("Papers/nothing")
        .build();
    Scene::with_volume(&volume.bytes)
}

trait IntoData {
    fn into_data(self) -> FileData;
}

impl IntoData for Vec<u8> {
    fn into_data(self) -> FileData {
        FileData::Bytes(self)
    }
}

/// What is compared of a file: content, seconds of its time and the rest of it, names; of a directory and a link only
/// that they are there.
type Seen = (Option<blake3::Hash>, i64, i64, u64);

fn seen(folder: &Path) -> BTreeMap<PathBuf, Seen> {
    let mut all = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let content = metadata
                .is_file()
                .then(|| blake3::hash(&fs::read(&path).unwrap()));
            let links = if metadata.is_dir() {
                0
            } else {
                metadata.nlink()
            };
            let (seconds, rest) = (metadata.mtime(), metadata.mtime_nsec());
            let name = path.strip_prefix(folder).unwrap().to_owned();
            all.insert(name, (content, seconds, rest, links));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    all
}

fn unpacked(scene: &Scene, program: &str, arguments: &[&str], to: &str) -> BTreeMap<PathBuf, Seen> {
    fs::create_dir(scene.path(to)).unwrap();
    let mut command = tool(program, arguments);
    command.current_dir(scene.path(to));
    succeed(command);
    seen(&scene.path(to))
}

#[test]
fn archives_hold_what_a_folder_does() {
    let scene = scene();
    ended(&scene.run("extract volume -C out"), 0, "");
    let folder = seen(&scene.path("out"));
    let piped = scene.run("extract volume --tar");
    ended(&piped, 0, "");
    assert!(piped.errors().starts_with("Extracted 12 files"));
    let zip = scene.run("extract volume -o files.ZIP");
    zip.wrote(&["files.ZIP"]);
    zip.reported("Extracted 12 files");
    scene
        .run("extract volume -o files.tar")
        .wrote(&["files.tar"]);
    assert!(scene.read("files.tar") == piped.stdout());

    if met_here(&[Need::Tool("tar")]) {
        assert!(unpacked(&scene, "tar", &["-xf", "../files.tar"], "by-tar") == folder);
        let holes = |name: &str| fs::metadata(scene.path(name)).unwrap().blocks();
        let sparse = "Papers/sparse.bin";
        assert!(holes(&format!("by-tar/{sparse}")) <= holes(&format!("out/{sparse}")));
    }
    if met_here(&[Need::Tool("bsdtar")]) {
        assert!(unpacked(&scene, "bsdtar", &["-xf", "../files.tar"], "by-bsdtar") == folder);
    }
    // Zip knows neither a second name nor fractions of a second.
    let of_zip: BTreeMap<PathBuf, Seen> = folder
        .into_iter()
        .map(|(name, (content, seconds, _, links))| (name, (content, seconds, 0, links.min(1))))
        .collect();
    if met_here(&[Need::Tool("unzip")]) {
        let found = unpacked(&scene, "unzip", &["-q", "../files.ZIP"], "by-unzip");
        assert_eq!(found, of_zip);
    }
    if met_here(&[Need::Tool("7zz")]) {
        succeed(tool("7zz", [Path::new("t"), &scene.path("files.ZIP")]));
    }
}

/// A file that cannot be read to its end: the archive says so, to any program, and has all others.
#[test]
fn damaged_content_is_never_passed_off_as_whole() {
    let volume = builder()
        .clusters(8192)
        .file("Papers/a-small.txt", FileData::Compressed(text(100_000)))
        .file("Papers/b-long.txt", FileData::Compressed(text(LONG)))
        .file("Papers/c-sound.txt", FileData::Compressed(text(LONG)))
        .build();
    let mut bytes = volume.bytes.clone();
    for (path, unit) in [("Papers/a-small.txt", 0), ("Papers/b-long.txt", 30)] {
        let record = volume.record_number(path);
        let runs = volume.runs(record, 0x80, "");
        let unit = runs.iter().filter_map(|run| run.lcn).nth(unit).unwrap();
        let at = (unit * u64::from(volume.geometry.cluster_size)) as usize;
        bytes[at..at + 512].fill(0xff);
    }
    let scene = Scene::with_volume(&bytes);
    for format in ["tar", "zip"] {
        let outcome = scene.run(&format!("extract volume -o files.{format} Papers"));
        ended(&outcome, 3, "/Papers/a-small.txt: the compressed data");
        ended(&outcome, 3, "/Papers/b-long.txt: the compressed data");
        ended(&outcome, 3, "2 files or directories could not be extracted");
        outcome.changed_only(&[&format!("files.{format}")]);
    }
    let sound = text(LONG);
    if met_here(&[Need::Tool("tar")]) {
        unpacked(&scene, "tar", &["-xf", "../files.tar"], "by-tar");
        let found = names(&scene.path("by-tar/Papers"));
        assert_eq!(found, ["b-long.txt", "c-sound.txt"]);
        let notice = String::from_utf8(scene.read("by-tar/Papers/b-long.txt")).unwrap();
        let start = "ntfsclone: THIS IS NOT THE WHOLE FILE Papers/b-long.txt, ";
        assert!(notice.starts_with(start) && notice.len() < 1000, "{notice}");
        assert!(scene.read("by-tar/Papers/c-sound.txt") == sound);
    }
    if met_here(&[Need::Tool("unzip")]) {
        let archive = scene.path("files.zip");
        let tested = finish(tool("unzip", [Path::new("-t"), &archive]));
        let said = program::printed(&tested);
        assert!(!tested.status.success());
        assert!(
            said.contains("Papers/b-long.txt") && said.contains("bad CRC"),
            "{said}"
        );
        assert!(!said.contains("a-small"), "{said}");
        let mut one = tool("unzip", [Path::new("-p"), &archive]);
        one.arg("Papers/c-sound.txt");
        assert!(succeed(one).stdout == sound);
    }
}

#[test]
fn what_an_image_lacks_is_left_out() {
    let scene = scene();
    scene
        .run("--metadata --save-image -o metadata volume")
        .wrote(&["metadata"]);
    for format in ["tar", "zip"] {
        let outcome = scene.run(&format!("extract metadata -o files.{format} Papers"));
        // In the record, in clusters, in so many that they are looked up before.
        for name in ["Hello.txt", "linked.bin", "long.bin", "packed.txt"] {
            ended(&outcome, 3, &format!("/Papers/{name}: "));
        }
        assert!(!outcome.errors().contains("; "), "{}", outcome.errors());
    }
    if met_here(&[Need::Tool("tar")]) {
        let listed = succeed(tool("tar", [Path::new("-tf"), &scene.path("files.tar")]));
        let listed = String::from_utf8(listed.stdout).unwrap();
        assert_eq!(
            listed,
            "Papers/\nPapers/deep/\nPapers/empty\nPapers/nothing/\n"
        );
    }
}

#[test]
fn hostile_names_stay_below_the_folder() {
    let scene = Scene::with_volume(hostile_volume());
    let expected = ["%2E", "%2E%2E", "e%2Ff", "g\u{1b}[31m"];
    for (format, last) in [("tar", "g\u{1b}[31m"), ("zip", "g%1B[31m")] {
        let outcome = scene.run(&format!("extract volume Papers -o files.{format}"));
        ended(
            &outcome,
            0,
            "the target cannot hold this name, it is e%2Ff there",
        );
        assert!(!outcome.errors().contains('\u{1b}'));
        let (program, arguments) = match format {
            "tar" => ("tar", ["-xf", "../files.tar"]),
            _ => ("unzip", ["-q", "../files.zip"]),
        };
        if met_here(&[Need::Tool(program)]) {
            unpacked(&scene, program, &arguments, format);
            let mut expected = expected;
            expected[3] = last;
            assert_eq!(names(&scene.path(format).join("Papers")), expected);
            assert_eq!(names(&scene.path(format)), ["Papers"]);
        }
    }
}

/// A reader that goes and a disk that is full are errors, whatever was written before.
#[test]
fn an_archive_that_ends_early_is_an_error() {
    let scene = scene();
    for format in ["--tar", "--zip"] {
        let line = format!("extract volume {format}");
        let mut command = scene.command(ours, &line);
        command.stdout(
            fs::OpenOptions::new()
                .write(true)
                .open("/dev/full")
                .unwrap(),
        );
        let ended = command.stderr(Stdio::piped()).output().unwrap();
        assert_eq!(ended.status.code(), Some(1), "{line}");
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(errors.contains("No space left on device"), "{errors}");
        assert!(!errors.contains("Extracted"), "{errors}");

        let program = scene.command(ours, &line);
        let mut command = Command::new("bash");
        command.args([
            "-c",
            "set -o pipefail; \"$@\" | head -c 1000 > /dev/null",
            "-",
        ]);
        command.arg(program.get_program()).args(program.get_args());
        command.current_dir(scene.path(""));
        let ended = command.output().unwrap();
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(1), "{line}: {errors}");
        assert!(errors.contains("Broken pipe"), "{errors}");
    }
}

/// A file that cannot take all of it is removed.
#[test]
fn a_limit_of_sizes_leaves_nothing() {
    let scene = scene();
    for format in ["tar", "zip"] {
        let program = scene.command(ours, &format!("extract volume -o files.{format}"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -f 1000; exec \"$@\"", "sh"]);
        command.arg(program.get_program()).args(program.get_args());
        command.current_dir(scene.path(""));
        let outcome = scene.run_command(command, &[]);
        let found = format!("cannot write to files.{format}: File too large");
        outcome.refused(&found, "");
    }
}

#[test]
fn a_file_that_exists_stays_without_overwrite() {
    let scene = scene();
    scene.write("files.tar", "mine");
    let outcome = scene.run("extract volume docs -o files.tar");
    ended(&outcome, 1, "files.tar: exists already");
    outcome.changed_only(&[]);
    let outcome = scene.run("extract volume docs -O -o files.tar");
    outcome.wrote(&["files.tar"]);
    let outcome = scene.run("extract volume docs -O -o volume --tar");
    ended(&outcome, 1, "volume: ");
    outcome.changed_only(&[]);
}

#[test]
fn where_to_write_is_one_thing() {
    let scene = scene();
    for (line, message) in [
        ("", "it is not given where to write"),
        (
            "-o files.rar",
            "the name of the archive does not say its format",
        ),
        ("--tar --zip", "--tar and --zip are two formats"),
        ("--tar -C out", "--directory is for files"),
        ("-o files.tar -C out", "--directory is for files"),
        (
            "--tar -O",
            "--overwrite goes with a folder or the name of a file",
        ),
        (
            "--zip --xattrs",
            "archives of zip have no extended attributes",
        ),
    ] {
        let outcome = scene.run(&format!("extract volume {line}"));
        ended(&outcome, 2, message);
        ended(&outcome, 2, "try ntfsclone extract --help");
        outcome.changed_only(&[]);
    }
}
