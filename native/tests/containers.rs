//! A volume in whatever it may come: all that is made of it is what is made of the volume itself.

use crate::support::{
    disk::{self, Partition},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, clone_of, image_of, volume},
    wrapped::{WRAPPERS, shell},
};
use ntfs_volume_builder::{FileData, PartcloneImage, Run, Volume};

/// How it is made of `volume`, `image` or `disk`, and what to name then.
const CONTAINERS: &[(&str, &str)] = &[
    ("cp image x", "x"),
    ("ntfsclone -q --compress -s -o x volume", "x"),
    ("ntfsclone -q --compress -o x volume", "x"),
    ("gzip -c image > x", "x"),
    ("xz -0c volume > x", "x"),
    ("gzip -c volume | zstd -qc > x", "x"),
    ("split -b 90000 image x.", "x.aa"),
    ("gzip -c volume > y; split -b 9000 y x.; rm y", "x.aa"),
    (
        "mkdir x; touch x/parts x/clonezilla-img; gzip -c image > y; \
         split -b 9000 y x/sda1.ntfs-img.gz.; rm y",
        "x",
    ),
    ("cp partclone x", "x"),
    ("xz -0c partclone > x", "x"),
    ("split -b 90000 partclone x.", "x.aa"),
    (
        "mkdir x; touch x/parts x/clonezilla-img; zstd -qc partclone > y; \
         split -b 9000 y x/sda1.ntfs-ptcl-img.zst.; rm y",
        "x",
    ),
    ("lz4 -qc disk > x", "--partition 2 x"),
    ("bzip2 -c disk > x", "--partition 3 x"),
    ("cp disk x", "--partition 3 x"),
    ("split -b 900000 disk x.", "--partition 2 x.aa"),
];

/// The same, in virtual disks.
const VIRTUAL_DISKS: &[(&str, &str)] = &[
    ("qemu-img convert -f raw -O qcow2 volume x", "x"),
    ("qemu-img convert -f raw -O vhdx volume x", "x"),
    ("qemu-img convert -f raw -O qcow2 disk x", "--partition 3 x"),
    (
        "qemu-img convert -f raw -c -O qcow2 -o compression_type=zstd disk x",
        "--partition 2 x",
    ),
    (
        "qemu-img convert -f raw -c -O qcow2 -o cluster_size=4k disk x",
        "--partition 2 x",
    ),
    ("qemu-img convert -f raw -O vdi disk x", "--partition 2 x"),
    ("qemu-img convert -f raw -O vpc disk x", "--partition 2 x"),
    (
        "qemu-img convert -f raw -O vpc -o subformat=fixed disk x",
        "--partition 2 x",
    ),
    ("qemu-img convert -f raw -O vmdk disk x", "--partition 3 x"),
    (
        "qemu-img convert -f raw -O vmdk -o subformat=streamOptimized disk x",
        "--partition 2 x",
    ),
    ("qemu-img convert -f raw -O vhdx disk x", "--partition 2 x"),
    (
        "qemu-img convert -f raw -O vdi disk y; split -b 900000 y x.; rm y",
        "--partition 2 x.aa",
    ),
    (
        "qemu-img convert -f raw -O vhdx disk y; qemu-img convert -f raw -O vdi y x; rm y",
        "--partition 2 x",
    ),
];

/// The same, in virtual disks of several files.
const DISKS_OF_SEVERAL_FILES: &[(&str, &str)] = &[
    (
        "mkdir x; qemu-img convert -f raw -O qcow2 disk x/base; \
         qemu-img create -q -f qcow2 -b base -F qcow2 x/middle; \
         qemu-img create -q -f qcow2 -b middle -F qcow2 x/top",
        "--partition 2 x/top",
    ),
    (
        "mkdir x x/old; qemu-img convert -f raw -O vmdk disk x/old/base.vmdk; cd x; \
         qemu-img create -q -f vmdk -b old/base.vmdk -F vmdk top.vmdk",
        "--partition 2 x/top.vmdk",
    ),
    (
        "mkdir x; qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat disk x/y.vmdk",
        "--partition 3 x/y.vmdk",
    ),
    (
        "mkdir x; qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse disk x/y.vmdk",
        "--partition 2 x/y.vmdk",
    ),
    (
        "mkdir x; ewfacquirestream -q -c none -S 1048576 -t x/y < disk > x/log 2>&1",
        "--partition 2 x/y.E01",
    ),
    (
        "mkdir x; ewfacquirestream -q -c fast -t x/y < volume > x/log 2>&1",
        "x/y.E01",
    ),
];

/// What is written, and how it is compared where it says of what it was made.
const COMMANDS: &[(&str, Compared)] = &[
    ("-s -o out", Compared::Bytes),
    ("-o out", Compared::Bytes),
    ("-m -s -o out", Compared::Bytes),
    ("-m -o out", Compared::Bytes),
    ("--compress -s -o out", Compared::Restored),
    ("--compress -o out", Compared::Restored),
    ("--rescue -s -o out", Compared::Bytes),
    ("--rescue -o out", Compared::Bytes),
    ("map --format ddrescue -o out", Compared::Areas),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Bytes,
    /// What is restored of it.
    Restored,
    /// The lines of a map that are not comments.
    Areas,
}

/// The volume, images of it, and a disk with two of these in partitions.
fn scene(volume: &Volume) -> Scene {
    let scene = Scene::with_volume(&volume.bytes);
    let image = image_of(volume);
    // It ends where it ends, not where the partition does.
    let mut padded = image.clone();
    padded.resize(image.len().next_multiple_of(512), 0x22);
    let other = vec![0x11; 1 << 20];
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let partitions = [
        partition(64, &other[..]),
        partition(4096, &volume.bytes),
        partition(10240, &padded),
    ];
    scene.write("disk", disk::with_gpt(&partitions));
    scene.write("image", image);
    scene.write("partclone", PartcloneImage::version_2().of_volume(volume));
    scene
}

/// What a command writes of a source.
#[track_caller]
fn made(scene: &Scene, command: &str, compared: Compared, source: &str) -> Vec<u8> {
    let outcome = scene.run(&format!("{command} {source}"));
    assert_eq!(
        outcome.code(),
        Some(0),
        "{command} {source}: {}",
        outcome.errors()
    );
    let made = match compared {
        Compared::Bytes => scene.read("out"),
        Compared::Restored => {
            scene.run("-q -r -o restored out").wrote(&["restored"]);
            let restored = scene.read("restored");
            scene.remove("restored");
            restored
        }
        Compared::Areas => {
            let text = String::from_utf8(scene.read("out")).expect("a map is text");
            let lines = text.lines().filter(|line| line.starts_with("0x"));
            lines.collect::<Vec<_>>().join("\n").into_bytes()
        }
    };
    scene.remove("out");
    made
}

#[test]
fn all_that_is_made_of_a_volume_in_a_container() {
    if met_here(WRAPPERS) {
        check_all(CONTAINERS);
    }
}

#[test]
fn all_that_is_made_of_a_volume_in_a_virtual_disk() {
    if met_here(&[Need::Tool("qemu-img"), Need::Tool("split")]) {
        check_all(VIRTUAL_DISKS);
    }
}

#[test]
fn all_that_is_made_of_a_volume_in_a_disk_of_several_files() {
    if met_here(&[Need::Tool("qemu-img"), Need::Tool("ewfacquirestream")]) {
        check_all(DISKS_OF_SEVERAL_FILES);
    }
}

#[track_caller]
fn check_all(containers: &[(&str, &str)]) {
    let volume = volume();
    let scene = scene(&volume);
    let expected: Vec<Vec<u8>> = COMMANDS
        .iter()
        .map(|(command, compared)| made(&scene, command, *compared, "volume"))
        .collect();
    assert!(expected[0] == image_of(&volume));
    assert!(expected[1] == clone_of(&volume));
    for (script, source) in containers {
        make(&scene, script);
        let is_different = |command: &str| {
            // Of a volume as it is in pieces, a rescue is refused as ever, and a map has the positions of the disk:
            // see map_disk.rs.
            let differs = command.starts_with("--rescue") || command.starts_with("map");
            differs && *source == "--partition 2 x.aa"
        };
        for ((command, compared), expected) in COMMANDS.iter().zip(&expected) {
            if is_different(command) {
                continue;
            }
            let made = made(&scene, command, *compared, source);
            assert!(made == *expected, "{script}: {command}");
        }
        shell(&scene, "rm -rf x x.*");
    }
}

/// Runs a line of the shell, in which the program is called by its name.
fn make(scene: &Scene, script: &str) {
    match script.strip_prefix("ntfsclone ") {
        Some(line) => scene.run(line).wrote(&["x"]),
        None => shell(scene, script),
    }
}

/// The size of the device is in the header of an image, and in that of the next.
#[test]
fn an_image_of_a_longer_device() {
    let volume = builder().device_tail(9000).build();
    let scene = scene(&volume);
    scene.run("-s -o out image").wrote(&["out"]);
    let expected = image_of(&volume);
    assert!(scene.read("out") == expected);
    scene.remove("out");
    // Of what follows the last cluster, an image of partclone has nothing, and the backup boot
    // sector is made.
    scene.run("-s -o out partclone").wrote(&["out"]);
    let made = scene.read("out");
    let end = expected.len() - 4096 + 512;
    assert!(made.len() == expected.len() && made[..end] == expected[..end]);
}

#[test]
fn what_it_is_in_is_reported() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene(&volume());
    shell(&scene, "gzip -c image > x");
    let outcome = scene.run("-s -o out x");
    outcome.wrote(&["out"]);
    outcome.reported("Image: x, version 10.1 (gzip)\n");
    outcome.reported(
        "Decompressing x to a temporary file, in which a volume can be read here and there\n",
    );
}

/// A dirty volume is no cleaner in an image.
#[test]
fn a_volume_is_judged_in_an_image_too() {
    let scene = scene(&builder().dirty(true).build());
    for line in ["-s -o out image", "-o out image"] {
        scene.run(line).refused(
            "image: is marked dirty: it was not unmounted cleanly, or has errors",
            "run chkdsk /f on it in Windows; or copy it as it is with --force",
        );
    }
    scene
        .run("-f -s -o out image")
        .wrote_with_warning("image is marked dirty", &["out"]);
}

/// Zeros in place of what an image lacks must not pass for a copy.
#[test]
fn an_image_of_metadata_is_not_copied_as_if_it_held_all() {
    let volume = volume();
    let scene = scene(&volume);
    scene.run("-m -s -o metadata volume").wrote(&["metadata"]);
    let expected = scene.read("metadata");
    for line in [
        "-s -o out metadata",
        "-o out metadata",
        "--compress -s -o out metadata",
        "--rescue -s -o out metadata",
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
        let errors = outcome.errors();
        let found = "metadata: is an image of metadata: it lacks 96 clusters in use of the volume";
        assert!(errors.contains(found), "{line}: {errors}");
    }
    // Of metadata, all is there.
    scene.run("-m -s -o out metadata").wrote(&["out"]);
    assert!(scene.read("out") == expected);
    scene.remove("out");
    scene.run("map -o out metadata").wrote(&["out"]);
}

/// What is damaged of it is marked, as what cannot be read of a device.
#[test]
fn a_damaged_image_is_rescued() {
    let volume = volume();
    let scene = scene(&volume);
    let image = image_of(&volume);
    scene.write("cut", &image[..image.len() - 5000]);
    let outcome = scene.run("-s -o out cut");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
    for line in ["--rescue -o out cut", "--rescue -s -o out cut"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(3), "{line}: {}", outcome.errors());
        outcome.changed_only(&["out"]);
        let marked = scene.read("out");
        let mark = marked.windows(10).filter(|bytes| *bytes == b"BadSectoR\0");
        assert!(mark.count() > 0, "{line}");
        scene.remove("out");
    }
    scene.run("--rescue --mapfile map -o out cut").refused(
        "cut: is an image, or compressed, and --mapfile goes with a volume as it is",
        "leave out --mapfile",
    );
}

/// A damaged stream never passes for all of it.
#[test]
fn a_damaged_stream_is_refused_or_rescued() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene(&volume());
    shell(&scene, "gzip -c volume > y; head -c -1000 y > x");
    for line in ["-s -o out x", "-o out x", "map -o out x"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
        let errors = outcome.errors();
        assert!(
            errors.contains("the gzip stream ends too early"),
            "{errors}"
        );
    }
    let outcome = scene.run("--rescue -s -o out x");
    assert_eq!(outcome.code(), Some(3), "{}", outcome.errors());
    outcome.changed_only(&["out"]);
}

/// The backup of a partition table is taken where the first copy is damaged.
#[test]
fn a_damaged_partition_table() {
    let volume = volume();
    let scene = scene(&volume);
    let mut bytes = scene.read("disk");
    bytes[1024 + 128 + 32] ^= 1;
    scene.write("disk", &bytes);
    scene.run("--partition 2 -o out disk").wrote_with_warning(
        "disk: the partition table is damaged; its backup at the end of the disk is used",
        &["out"],
    );
    assert!(scene.read("out") == clone_of(&volume));
}

#[test]
fn a_truncated_virtual_disk_is_found_and_rescued() {
    if !met_here(&[Need::Tool("qemu-img")]) {
        return;
    }
    let volume = builder()
        .cluster_size(4096)
        .clusters(2000)
        .file("late", FileData::Runs(vec![Run::at(1900, 90)]))
        .build();
    let scene = scene(&volume);
    make(&scene, "qemu-img convert -f raw -O qcow2 volume whole");
    let mut cut = scene.read("whole");
    cut.truncate(cut.len() - 150_000);
    scene.write("x", &cut);
    let verified = scene.run("verify x");
    assert_eq!(verified.code(), Some(1));
    let report = String::from_utf8_lossy(verified.stdout()).into_owned();
    assert!(report.contains("late"), "{report}");
    for line in ["-o out x", "-s -o out x"] {
        let refused = scene.run(line);
        assert_eq!(refused.code(), Some(1), "{line}");
        refused.changed_only(&[]);
    }
    let rescued = scene.run("--rescue -o out x");
    assert!(
        rescued.errors().contains("BadSectoR"),
        "{}",
        rescued.errors()
    );
    let out = scene.read("out");
    let start = 64 << 10;
    assert!(out[..start] == clone_of(&volume)[..start]);
}

#[test]
fn a_virtual_disk_that_needs_another_file_is_refused() {
    if !met_here(&[Need::Tool("qemu-img")]) {
        return;
    }
    let scene = scene(&volume());
    const MISSING: &str = "put it in the folder of the disk, under this name";
    const OUTSIDE: &str = "if it is yours, put it in the folder of the disk, under this name (a hard link will do): no \
                           file elsewhere is opened because an image names it";
    const RAW: &str = "make a raw file of it: qemu-img convert -O raw FILE raw.img";
    for (script, found, remedy) in [
        (
            "qemu-img convert -f raw -O qcow2 volume base; \
             qemu-img create -q -f qcow2 -b base -F qcow2 x; rm base",
            "x: the virtual disk needs the file base, which is not there",
            MISSING,
        ),
        (
            "qemu-img create -q -f qcow2 -u -b /etc/passwd -F raw x 1M",
            "x: the virtual disk needs the file /etc/passwd, which is not in its folder, nor in a folder in that",
            OUTSIDE,
        ),
        (
            "qemu-img create -q -f qcow2 -u -b ../x -F raw x 1M",
            "x: the virtual disk needs the file ../x, which is not in its folder, nor in a folder in that",
            OUTSIDE,
        ),
        (
            "qemu-img create -q -f qcow2 -u -b x -F qcow2 y 1M; \
             qemu-img create -q -f qcow2 -u -b y -F qcow2 x 1M",
            "x: the virtual disk needs the file y: the virtual disk is a difference to itself: its parents are a circle",
            RAW,
        ),
        (
            "qemu-img create -q -f qcow2 -o data_file=y x 1M; rm y",
            "x: the virtual disk needs the file y, which is not there",
            MISSING,
        ),
        (
            "qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse volume y.vmdk; \
             cp y-s001.vmdk x",
            "x: the virtual disk is one of several files, described by another one",
            RAW,
        ),
    ] {
        shell(&scene, script);
        for line in ["info x", "verify x", "-o out x", "-r -o out x"] {
            scene.run(line).refused(found, remedy);
        }
    }
}

#[test]
fn a_chain_is_named_and_never_written_to() {
    if !met_here(&[Need::Tool("qemu-img")]) {
        return;
    }
    let scene = scene(&volume());
    shell(
        &scene,
        "qemu-img convert -f raw -O qcow2 volume base; qemu-img create -q -f qcow2 -b base -F qcow2 x",
    );
    scene.run("info x").reported("x (qcow2 with base), ");
    scene.run("verify x").reported("x (qcow2 with base)");
    let refused = scene.run("-O base x");
    assert_eq!(refused.code(), Some(1), "{}", refused.errors());
    refused.changed_only(&[]);
}

/// The parent was written to: what its difference holds would be mixed with that.
#[test]
fn a_parent_that_was_changed_is_refused() {
    if !met_here(&[Need::Tool("qemu-img"), Need::Tool("qemu-io")]) {
        return;
    }
    let scene = scene(&volume());
    shell(
        &scene,
        "qemu-img convert -f raw -O vmdk volume base; qemu-img create -q -f vmdk -b base -F vmdk x; \
         qemu-io -f vmdk -c 'write 0 512' base",
    );
    let refused = scene.run("info x");
    assert_eq!(refused.code(), Some(1));
    let errors = refused.errors();
    let found = "x: base is not the parent of the virtual disk, or was changed since: its id is ";
    assert!(errors.contains(found), "{errors}");
}

#[test]
fn a_virtual_disk_in_a_stream_is_refused() {
    if !met_here(&[Need::Tool("qemu-img"), Need::Tool("gzip")]) {
        return;
    }
    let scene = scene(&volume());
    shell(
        &scene,
        "qemu-img convert -f raw -O qcow2 volume y; gzip -c y > x",
    );
    let found = "x: is a virtual disk (qcow2), in a stream";
    let remedy = "write it to a file first, and decompress it";
    scene.run("-o out x").refused(found, remedy);
}
