//! `--direct`: the same bytes past the kernel's cache as through it, and nothing left in it.

use crate::support::{
    loop_device::LoopDevice,
    program::{ours, succeed, tool},
    requirements::{DEVICES, Need, met_here, skip},
    scene::Scene,
    small_volume::{clone_of, image_of},
};
use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use rustix::fs::{Advice, AtFlags, StatxFlags};
use std::{fs::File, path::Path};

const MIB: usize = 1 << 20;

/// Large enough pieces to be worth a way of their own, and small ones between.
fn builder(cluster_size: u32) -> VolumeBuilder {
    VolumeBuilder::new()
        .cluster_size(cluster_size)
        .clusters(16 * MIB as u64 / u64::from(cluster_size))
        .fill_free(0xe5)
        .device_tail(1536.min(u64::from(cluster_size)))
        .file("large.bin", FileData::Bytes(pattern(1, 9 * MIB + 12_345)))
        .file(
            "pieces.bin",
            FileData::Fragmented {
                bytes: pattern(2, MIB),
                pieces: 7,
            },
        )
}

#[test]
fn writes_the_same_bytes() {
    for cluster_size in [512, 1024, 4096, 64 << 10] {
        let volume = builder(cluster_size).build();
        let scene = Scene::with_volume(&volume.bytes);
        let (clone, image) = (clone_of(&volume), image_of(&volume));
        scene.write("image", &image);
        for how in ["--direct", "--direct=auto", "--direct=never"] {
            for (line, expected) in [
                ("-s -o out volume", &image),
                ("-o out volume", &clone),
                ("-r -o out image", &clone),
                ("-r --in-place -O out image", &clone),
            ] {
                drop_cache(&scene.path("volume"));
                drop_cache(&scene.path("image"));
                scene.run(&format!("{how} {line}")).wrote(&["out"]);
                let found = scene.read("out");
                assert!(
                    found == *expected,
                    "{cluster_size}: {how} {line}: other bytes"
                );
                scene.remove("out");
            }
            let outcome = scene.run(&format!("{how} -s -o - volume"));
            assert!(
                outcome.stdout() == image,
                "{cluster_size}: {how}: other bytes in a pipe"
            );
            scene.run(&format!("{how} -r -n image")).changed_only(&[]);
        }
    }
}

#[test]
fn converts_to_the_same_bytes() {
    for cluster_size in [512, 4096, 64 << 10] {
        let scene = Scene::with_volume(&builder(cluster_size).build().bytes);
        for format in ["partclone", "qcow2", "vdi", "vhd", "vhdx", "vmdk"] {
            for (how, name) in [("--direct", "past"), ("--direct=never", "through")] {
                let line = format!("convert {how} --verify --to {format} volume {name}");
                scene.run(&line).wrote(&[name]);
            }
            assert!(
                scene.read("past") == scene.read("through"),
                "{cluster_size} {format}: other bytes"
            );
            scene.remove("past");
            scene.remove("through");
        }
    }
}

/// Copies of metadata jump back and forth in small pieces.
#[test]
fn writes_the_same_metadata() {
    let scene = Scene::with_volume(&builder(4096).build().bytes);
    for line in ["-m -s -o", "-m -o"] {
        for (how, name) in [("--direct", "past"), ("--direct=never", "through")] {
            let outcome = scene.run(&format!("{how} {line} {name} volume"));
            assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
        }
        assert!(
            scene.read("past") == scene.read("through"),
            "{line}: other bytes"
        );
        scene.remove("past");
        scene.remove("through");
    }
}

#[test]
fn leaves_nothing_in_the_cache() {
    if !met_here(&[Need::Tool("fincore")]) {
        return;
    }
    let scene = Scene::with_volume(&builder(4096).build().bytes);
    let volume = scene.path("volume");
    if !knows_direct(&volume) {
        return skip(
            "leaves_nothing_in_the_cache",
            "the file system knows no direct reads",
        );
    }
    // Through it, all of what is used; past it, what the scan read and less than a batch.
    for (how, range) in [
        ("--direct", 0..5 * MIB),
        ("--direct=auto", 0..5 * MIB),
        ("--direct=never", 10 * MIB..usize::MAX),
    ] {
        for line in [
            "HOW -s -o out volume",
            "HOW -o out volume",
            "convert HOW --to qcow2 volume out",
            "convert HOW --to vdi volume out",
            "convert HOW --to vhd volume out",
            "convert HOW --to vhdx --disk none volume out",
        ] {
            drop_cache(&volume);
            // Not `run`, which looks at all files.
            succeed(scene.command(ours, &line.replace("HOW", how)));
            for name in ["volume", "out"] {
                let cached = cached_bytes(&scene.path(name));
                assert!(
                    range.contains(&cached),
                    "{how} {line}: {cached} bytes of {name} cached"
                );
            }
            scene.remove("out");
        }
    }
}

#[test]
fn writes_devices() {
    if !met_here(DEVICES) {
        return;
    }
    for sector_size in [512, 4096] {
        let volume = builder(4096)
            .bytes_per_sector(sector_size)
            .device_tail(sector_size.into())
            .build();
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        scene.write("disk", vec![0x5A; volume.bytes.len()]);
        let device = LoopDevice::with_sector_size(&scene.path("disk"), sector_size.into());
        let path = device.path().display();
        let mut expected = vec![0x5A; volume.bytes.len()];
        let clone = clone_of(&volume);
        for cluster in volume.used_clusters().chain([volume.geometry.clusters]) {
            let at = cluster as usize * 4096;
            let end = (at + 4096).min(clone.len());
            expected[at..end].copy_from_slice(&clone[at..end]);
        }
        for line in ["volume", "-r image"] {
            let outcome = scene.run(&format!("--direct -O {path} {line}"));
            assert_eq!(outcome.code(), Some(0), "{}", outcome.errors());
            let found = std::fs::read(device.path()).expect("cannot read the device");
            assert!(found == expected, "{sector_size}: {line}: other bytes");
        }
    }
}

/// Whether the file system of the file says that it reads past the cache.
fn knows_direct(path: &Path) -> bool {
    let file = File::open(path).expect("cannot open the volume");
    rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, StatxFlags::DIOALIGN)
        .is_ok_and(|stat| stat.stx_dio_offset_align > 0)
}

fn drop_cache(path: &Path) {
    let file = File::open(path).expect("cannot open a file");
    // Only what is on the disk can be dropped.
    file.sync_all().expect("cannot sync a file");
    rustix::fs::fadvise(&file, 0, None, Advice::DontNeed).expect("cannot drop a file's cache");
}

fn cached_bytes(path: &Path) -> usize {
    let mut command = tool("fincore", ["--bytes", "--noheadings", "--output", "RES"]);
    command.arg(path);
    let output = succeed(command).stdout;
    let text = String::from_utf8_lossy(&output);
    text.trim().parse().expect("fincore prints a number")
}
