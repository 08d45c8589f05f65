//! Every recipe that the original's manual gives its users, run with ours.

use crate::support::{
    compare::{self, assert_same_file, assert_same_start, assert_same_volume},
    image::{ByteOrder, Image},
    loop_device::LoopDevice,
    mount::{LoopMount, Mount},
    pipeline,
    program::{Program, call, finish, ours, reference, succeed, tool},
    requirements::{DEVICES, Need, VOLUMES, met_here},
    scratch_directory,
    tree::Tree,
    volume::{Recipe, Volume},
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
};
use tempfile::TempDir;

/// What a partition holds before something is restored to it: gaps must leave it alone.
const OLD_CONTENTS: u8 = 0xA5;

#[test]
fn device_to_device() {
    if !met_here(&[VOLUMES, DEVICES].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let targets = partitions.both(|program, target| {
        succeed(call(
            program,
            "-q --overwrite",
            &[target, partitions.source.path()],
        ));
    });
    assert_same_file("device cloned to a device", &targets[0], &targets[1]);
    partitions.assert_restored(&targets[0]);
}

#[test]
fn save_and_restore() {
    if !met_here(&[VOLUMES, DEVICES].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let targets = partitions.both(|program, target| {
        let backup = partitions.folder.path().join("backup.img");
        let source = partitions.source.path();
        succeed(call(
            program,
            "-q --save-image --output",
            &[&backup, source],
        ));
        succeed(call(
            program,
            "-q --restore-image --overwrite",
            &[target, &backup],
        ));
        fs::remove_file(backup).expect("the image is there");
    });
    assert_same_file("restored device", &targets[0], &targets[1]);
    partitions.assert_restored(&targets[0]);
}

#[test]
fn compressed_image() {
    if !met_here(&[VOLUMES, DEVICES, &[Need::Tool("gzip")]].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let backup = partitions.folder.path().join("backup.img.gz");
    let source = partitions.source.path();
    pipeline::run_into(
        [
            call(ours, "--save-image -o -", &[source]),
            tool("gzip", ["-1", "-c"]),
        ],
        &backup,
    );
    let targets = partitions.both(|program, target| {
        let mut gunzip = tool("gzip", ["-d", "-c"]);
        gunzip.arg(&backup);
        let restore = call(
            program,
            "--restore-image --overwrite",
            &[target, "-".as_ref()],
        );
        pipeline::run([gunzip, restore]);
    });
    assert_same_file("device restored from gzip", &targets[0], &targets[1]);
    partitions.assert_restored(&targets[0]);
}

/// For developers: names and sizes of everything, content of nothing, and still a volume that mounts.
#[test]
fn metadata_for_a_bug_report() {
    let tools = ["bzip2", "cp"].map(Need::Tool);
    if !met_here(&[VOLUMES, DEVICES, &tools].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let [ours_raw, expected, received] =
        ["ntfsmeta.img", "expected", "received"].map(|name| partitions.folder.path().join(name));
    let source = partitions.source.path();
    succeed(call(ours, "--metadata --output", &[&ours_raw, source]));
    succeed(call(reference, "--metadata --output", &[&expected, source]));
    assert_same_file("metadata", &ours_raw, &expected);

    succeed(tool("bzip2", [&ours_raw]));
    let mut unpack = tool("bzip2", ["-d", "-c"]);
    unpack.arg(ours_raw.with_extension("img.bz2"));
    let mut copy = tool("cp", ["--sparse=always", "/proc/self/fd/0"]);
    copy.arg(&received);
    pipeline::run([unpack, copy]);
    assert_same_file("metadata after its journey", &received, &expected);
    let blocks = fs::metadata(&received).expect("it is there").blocks();
    let length = compare::length(&received);
    assert!(
        blocks * 512 < length / 2,
        "{blocks} blocks of {length} bytes"
    );

    let mount = Mount::read_only(&received);
    let found = names_and_sizes(mount.path());
    mount.unmount();
    let mount = Mount::read_only(source);
    let expected = names_and_sizes(mount.path());
    mount.unmount();
    assert!(expected.len() > 10, "the volume has files");
    assert!(found == expected, "names or sizes differ");
}

fn names_and_sizes(folder: &Path) -> Vec<(PathBuf, u64)> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).expect("it is mounted") {
            let path = entry.expect("it is mounted").path();
            let metadata = fs::symlink_metadata(&path).expect("it is mounted");
            if metadata.is_dir() {
                left.push(path.clone());
            }
            // Where a link leads is content: wiped, it is none any more.
            if !path.ends_with("link") {
                found.push((path, metadata.len()));
            }
        }
    }
    for (path, _) in &mut found {
        *path = path
            .strip_prefix(folder)
            .expect("all are below it")
            .to_owned();
    }
    found.sort();
    found
}

/// The shell at the other end is `cat` here: it passes on what it gets, in pieces of its own choice.
#[test]
fn through_a_remote_shell() {
    if !met_here(&[VOLUMES, DEVICES, &[Need::Tool("cat")]].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let backup = partitions.folder.path().join("backup.img");
    let source = partitions.source.path();
    let shell = || tool("cat", ["-"]);
    // Backup to there, restore from there, and both at once.
    pipeline::run_into(
        [call(ours, "--save-image --output -", &[source]), shell()],
        &backup,
    );
    let from_backup = partitions.both(|program, target| {
        let restore = call(
            program,
            "--restore-image --overwrite",
            &[target, "-".as_ref()],
        );
        pipeline::run([tool("cat", [&backup]), shell(), restore]);
    });
    assert_same_file(
        "device restored from afar",
        &from_backup[0],
        &from_backup[1],
    );
    let at_once = partitions.target("at-once");
    let device = LoopDevice::attach(&at_once);
    pipeline::run([
        call(ours, "--save-image --output -", &[source]),
        shell(),
        call(
            ours,
            "--restore-image --overwrite",
            &[device.path(), "-".as_ref()],
        ),
    ]);
    drop(device);
    assert_same_file("device restored at once", &at_once, &from_backup[1]);
    partitions.assert_restored(&at_once);
}

#[test]
fn from_a_web_server() {
    if !met_here(&[VOLUMES, DEVICES, &[Need::Tool("wget")]].concat()) {
        return;
    }
    let partitions = Partitions::new();
    let backup = partitions.folder.path().join("backup.img");
    let source = partitions.source.path();
    succeed(call(ours, "-q --save-image --output", &[&backup, source]));
    let targets = partitions.both(|program, target| {
        let address = serve_once(&backup);
        pipeline::run([
            tool("wget", ["--no-proxy", "-qO", "-", &address]),
            call(
                program,
                "--restore-image --overwrite",
                &[target, "-".as_ref()],
            ),
        ]);
    });
    assert_same_file("device restored from the web", &targets[0], &targets[1]);
    partitions.assert_restored(&targets[0]);
}

/// The original takes `-` for standard output after either option.
#[test]
fn overwriting_standard_output() {
    if !met_here(VOLUMES) {
        return;
    }
    let volume = Recipe::plain("standard-output").make();
    for options in ["-q --overwrite -", "-q --save-image --overwrite -"] {
        compare::assert_same_output(
            options,
            call(ours, options, &[&volume.path()]),
            call(reference, options, &[&volume.path()]),
        );
    }
}

#[test]
fn clone_to_a_sparse_file() {
    if !met_here(
        &[
            VOLUMES,
            DEVICES,
            &[Need::Tool("mount"), Need::Tool("mount.ntfs-3g")],
        ]
        .concat(),
    ) {
        return;
    }
    let partitions = Partitions::new();
    let source = partitions.source.path();
    let clones = ["ntfs-clone.img", "reference.img"].map(|n| partitions.folder.path().join(n));
    for (program, clone) in [ours as Program, reference].into_iter().zip(&clones) {
        succeed(call(program, "-q --output", &[clone, source]));
    }
    assert_same_file("cloned file", &clones[0], &clones[1]);

    let [blocks, reference_blocks] = clones.each_ref().map(|clone| {
        let metadata = fs::metadata(clone).expect("the clone is there");
        metadata.blocks()
    });
    assert!(
        blocks <= reference_blocks + 128,
        "the clone takes {blocks} blocks of 512 bytes on the disk, the reference's {reference_blocks}"
    );

    let point = LoopMount::read_only(&clones[0]);
    let found = Tree::read(point.path());
    found.assert_same(
        "files of the mounted clone",
        &tree_of(&partitions.volume.path()),
    );
}

/// Images of older tools, as pipelines that have run for twenty years still hold them.
#[test]
fn old_images() {
    if !met_here(VOLUMES) {
        return;
    }
    let folder = scratch_directory();
    let volume = Recipe::plain("old-images").make();
    let expected_tree = tree_of(&volume.path());
    let path = |name: &str| folder.path().join(name);
    succeed(call(
        reference,
        "-q -s -o",
        &[&path("10.1.img"), &volume.path()],
    ));
    let complete = path("10.1.raw");
    succeed(call(reference, "-q -r -o", &[&complete, &path("10.1.img")]));
    // The backup boot sector behind the clusters is what the older formats lack.
    let end = volume.boot.clusters_size();
    let bytes = fs::read(path("10.1.img")).expect("the image is there");
    let image = Image::parse(&bytes);
    let cases = [
        ("10.0", image.to_version_10_0(), true),
        ("old-little", image.to_old_format(ByteOrder::Little), true),
        // The original takes the byte order of its own machine for the writer's.
        (
            "old-big",
            image.to_old_format(ByteOrder::Big),
            cfg!(target_endian = "big"),
        ),
    ];
    for (name, bytes, reference_can) in cases {
        let [old, restored] = ["img", "ours"].map(|suffix| path(&format!("{name}.{suffix}")));
        fs::write(&old, bytes).expect("cannot write an image");
        succeed(call(ours, "-q -r -o", &[&restored, &old]));
        if reference_can {
            let expected = path(&format!("{name}.reference"));
            succeed(call(reference, "-q -r -o", &[&expected, &old]));
            assert_same_volume(name, &restored, &expected, end);
        }
        assert!(
            compare::length(&restored) >= end,
            "{name}: the restored volume is cut short"
        );
        assert_same_start(name, &restored, &complete, end);
        tree_of(&restored).assert_same(name, &expected_tree);
    }
}

/// A partition with a volume, and others to restore to.
struct Partitions {
    /// Detached before its file goes: fields are dropped in this order.
    source: LoopDevice,
    volume: Volume,
    folder: TempDir,
}

impl Partitions {
    fn new() -> Self {
        let volume = Recipe::plain("recipes").make();
        Self {
            source: LoopDevice::attach(&volume.path()),
            volume,
            folder: scratch_directory(),
        }
    }

    /// A file, as long as the source, that holds something else.
    fn target(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        let length = compare::length(&self.volume.path());
        let length = usize::try_from(length).expect("a length that fits in memory");
        fs::write(&path, vec![OLD_CONTENTS; length]).expect("cannot write a partition");
        path
    }

    /// Runs `restore` for ours and for the reference, each with a device over a file of its own; returns the files.
    fn both(&self, restore: impl Fn(Program, &Path)) -> [PathBuf; 2] {
        [(ours as Program, "ours"), (reference, "reference")].map(|(program, name)| {
            let target = self.target(name);
            let device = LoopDevice::attach(&target);
            restore(program, device.path());
            target
        })
    }

    /// The device mounts, and holds the files of the source.
    fn assert_restored(&self, target: &Path) {
        let device = LoopDevice::attach(target);
        tree_of(device.path()).assert_same(
            "files of the restored device",
            &tree_of(&self.volume.path()),
        );
        let report = finish(tool("ntfsfix", [Path::new("--no-action"), device.path()]));
        assert!(report.status.success(), "ntfsfix -n: {report:?}");
    }
}

fn tree_of(volume: &Path) -> Tree {
    let mount = Mount::read_only(volume);
    let tree = Tree::read(mount.path());
    mount.unmount();
    tree
}

/// Answers one request with the file, whatever is asked for; returns the address to ask at.
fn serve_once(file: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("cannot listen");
    let address = listener.local_addr().expect("it listens");
    let bytes = fs::read(file).expect("the image is there");
    thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _): (TcpStream, _) = listener.accept()?;
        let mut lines = BufReader::new(stream.try_clone()?).lines();
        while lines
            .next()
            .transpose()?
            .is_some_and(|line| !line.is_empty())
        {}
        write!(
            stream,
            "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n",
            bytes.len()
        )?;
        stream.write_all(&bytes)
    });
    format!("http://{address}/backup.img")
}
