//! Raw clones that share their room on the disk with the volume: the same bytes, and no room.

use crate::support::{
    compare::assert_same_volume,
    file_system::FileSystem,
    program::{call, errors, finish, ours, printed, reference, succeed},
    requirements::{Need, SHARING_FILE_SYSTEMS, met_here},
    scene::Scene,
    small_volume::{builder, clone_of},
    volume::MIB,
};
use ntfs_volume_builder::{FileData, Volume, pattern};
use std::{
    fs,
    path::{Path, PathBuf},
};

const SIZE: u64 = 320 * MIB;
const FILE_SYSTEMS: [&str; 2] = ["xfs", "btrfs"];

/// With a large file, and one in pieces of a cluster, which may be less than a block.
fn large(cluster_size: u32) -> Volume {
    const SCATTERED: u32 = 20_000;
    let scattered = FileData::Fragmented {
        bytes: pattern(4, SCATTERED as usize),
        pieces: SCATTERED.div_ceil(cluster_size).into(),
    };
    builder()
        .file("large.bin", FileData::Bytes(pattern(3, 16 << 20)))
        .file("scattered.bin", scattered)
        .cluster_size(cluster_size)
        .clusters((48 << 20) / u64::from(cluster_size))
        .build()
}

/// Runs ours with `line` on a volume; returns what it reports.
fn run(line: &str, to: &Path, volume: &Path) -> String {
    let output = succeed(call(ours, line, &[to, volume]));
    assert_eq!(errors(&output), "", "{line}");
    printed(&output)
}

fn names(folder: PathBuf) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("it can be listed");
    let names = entries.map(|entry| entry.expect("it can be listed").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// The same bytes whatever the blocks and clusters, as without it and as the original's.
#[test]
fn same_bytes() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    for kind in FILE_SYSTEMS {
        let disk = FileSystem::new(kind, SIZE);
        let source = disk.path("volume");
        for cluster_size in [512, 1024, 4096, 8192] {
            let what = format!("{kind}, clusters of {cluster_size}");
            let volume = large(cluster_size);
            fs::write(&source, &volume.bytes).expect("there is room");
            let shared = disk.path("shared");
            let report = run("-o", &shared, &source);
            assert!(report.contains("of it shared with the source"), "{report}");
            assert!(
                fs::read(&shared).expect("it is there") == clone_of(&volume),
                "{what}"
            );
            let apart = disk.path("apart");
            let report = run("--reflink=never -o", &apart, &source);
            assert!(!report.contains("shared"), "{report}");
            assert!(
                fs::read(&apart).expect("it is there") == clone_of(&volume),
                "{what}"
            );
            if met_here(&[Need::Reference]) {
                let theirs = disk.path("theirs");
                succeed(call(reference, "-O", &[&theirs, &source]));
                let length = volume.geometry.volume_size();
                assert_same_volume(&what, &shared, &theirs, length);
                fs::remove_file(theirs).expect("it is there");
            }
            // What is written to the one is not seen in the other.
            fs::write(&source, vec![0xA5; volume.bytes.len()]).expect("there is room");
            assert!(
                fs::read(&shared).expect("it is there") == clone_of(&volume),
                "{what}"
            );
            for file in [&shared, &apart] {
                fs::remove_file(file).expect("it is there");
            }
        }
    }
}

#[test]
fn takes_no_room() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    for kind in FILE_SYSTEMS {
        let disk = FileSystem::new(kind, SIZE);
        let source = disk.path("volume");
        for cluster_size in [512, 1024, 4096] {
            let what = format!("{kind}, clusters of {cluster_size}");
            fs::write(&source, large(cluster_size).bytes).expect("there is room");
            let taken = |line: &str| {
                let before = disk.free();
                run(line, &disk.path("out"), &source);
                let taken = before.saturating_sub(disk.free());
                fs::remove_file(disk.path("out")).expect("it is there");
                taken
            };
            let taken = ["-o", "--reflink never -o"].map(taken);
            assert!(taken[0] < MIB && taken[1] > 14 * MIB, "{what}: {taken:?}");
        }
    }
}

/// There need be no room for a second copy, nor is there a warning that there is none; what is replaced stays until
/// the clone is complete.
#[test]
fn needs_no_room() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    for kind in FILE_SYSTEMS {
        let disk = FileSystem::new(kind, SIZE);
        let volume = large(4096);
        let [source, old] = ["volume", "old"].map(|name| disk.path(name));
        fs::write(&source, &volume.bytes).expect("there is room");
        fs::write(&old, "old").expect("there is room");
        let filler = |number: u64| disk.path(&format!("filler{number}"));
        const PIECE: u64 = 4 * MIB;
        let fits = |number: &u64| fs::write(filler(*number), vec![1; PIECE as usize]).is_ok();
        let fitted = (0..SIZE / PIECE).take_while(fits).count() as u64;
        // Room for what keeps account of the blocks.
        for number in fitted - 2..fitted + 1 {
            fs::remove_file(filler(number)).expect("it is there, maybe in part");
        }
        for (line, out) in [("-o", "new"), ("-O", "old"), ("--in-place -O", "old")] {
            let out = disk.path(out);
            run(line, &out, &source);
            assert!(
                fs::read(&out).expect("it is there") == clone_of(&volume),
                "{kind}, {line}"
            );
        }
        let output = finish(call(
            ours,
            "--reflink=never -o",
            &[&disk.path("apart"), &source],
        ));
        assert_eq!(
            output.status.code(),
            Some(1),
            "{kind}: {}",
            printed(&output)
        );
        assert!(!disk.path("apart").exists());
    }
}

/// New serial numbers are written to the copy alone.
#[test]
fn new_serial_numbers() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    for kind in FILE_SYSTEMS {
        let disk = FileSystem::new(kind, SIZE);
        for (builder, what) in [
            (builder(), "plain"),
            (builder().cluster_size(512).clusters(6000), "small clusters"),
            (builder().bytes_per_sector(4096), "large sectors"),
            (builder().extra_sectors(3).device_tail(4096), "a tail"),
        ] {
            let volume = builder.build();
            let backup = volume.geometry.backup_boot_sector_offset();
            let backup = backup.expect("there is one") as usize;
            let [source, out] = ["volume", "out"].map(|name| disk.path(name));
            fs::write(&source, &volume.bytes).expect("there is room");
            let report = run("--new-serial -O", &out, &source);
            assert!(report.contains("of it shared with the source"), "{report}");
            let mut new = fs::read(&out).expect("it is there");
            let fields = [0, backup].map(|sector| sector + 0x48..sector + 0x50);
            let [serial, in_backup] = fields.each_ref().map(|field| new[field.clone()].to_vec());
            assert_eq!(serial, in_backup, "{kind}, {what}");
            let old = clone_of(&volume);
            assert_ne!(serial, old[fields[0].clone()], "{kind}, {what}");
            for field in fields {
                new[field.clone()].copy_from_slice(&old[field]);
            }
            assert!(
                new == old,
                "{kind}, {what}: more than the serial number changed"
            );
            assert!(
                fs::read(&source).expect("it is there") == volume.bytes,
                "{kind}, {what}: the source changed"
            );
        }
        assert_eq!(names(disk.path("")), ["out", "volume"], "{kind}");
    }
}

/// Where files cannot share, they are copied without a word.
#[test]
fn falls_back() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    let volume = large(4096);
    let scene = Scene::with_volume(&volume.bytes);
    let disks = FILE_SYSTEMS.map(|kind| FileSystem::new(kind, SIZE));
    let [xfs, btrfs] = disks.each_ref().map(|disk| {
        let source = disk.path("volume");
        fs::write(&source, &volume.bytes).expect("there is room");
        source
    });
    let outside = scene.path("volume");
    for (source, out) in [
        (&outside, disks[0].path("out")),
        (&outside, disks[1].path("out")),
        (&btrfs, disks[0].path("out")),
        (&xfs, disks[1].path("out")),
        (&xfs, scene.path("out")),
    ] {
        let report = run("-O", &out, source);
        assert!(!report.contains("shared"), "{report}");
        assert!(
            fs::read(&out).expect("it is there") == clone_of(&volume),
            "{}",
            out.display()
        );
    }
    for disk in &disks {
        assert_eq!(names(disk.path("")), ["out", "volume"]);
    }
}

/// To see zeros, all must be read: what asks for holes gets them.
#[test]
fn not_with_sparse() {
    if !met_here(SHARING_FILE_SYSTEMS) {
        return;
    }
    let disk = FileSystem::new("xfs", SIZE);
    let [source, out] = ["volume", "out"].map(|name| disk.path(name));
    fs::write(&source, builder().build().bytes).expect("there is room");
    let report = run("--sparse -o", &out, &source);
    assert!(!report.contains("shared"), "{report}");
}
