//! Little memory, a small address space, few processes: less speed, and nothing else.

use crate::support::{
    control_group::ControlGroup,
    large_volume,
    program::{finish, ours, printed, succeed},
    requirements::{met_here, skip},
    scene::Scene,
    wrapped::WRAPPERS,
};
use ntfs_volume_builder::{FileData, VolumeBuilder, pattern};
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A volume with content that cannot be compressed, its image, and that compressed by all.
fn scene(mib: usize) -> Scene {
    let mut random = pattern(7, mib << 20);
    let mut state = 1_u32;
    for byte in &mut random {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let volume = VolumeBuilder::new()
        .clusters(mib as u64 * 256 + 2000)
        .file("random", FileData::Bytes(random))
        .build();
    let scene = Scene::with_volume(volume.bytes);
    succeed(scene.command(ours, "-q -s -o image volume"));
    succeed(scene.command(ours, "-q -s --compress -o image.seekable volume"));
    succeed(scene.command(ours, "-q -o clone volume"));
    for disk in ["disk.qcow2", "disk.vmdk"] {
        succeed(scene.command(ours, &format!("convert -q volume {disk}")));
    }
    scene
}

/// Runs in which what is in `out` afterwards is in another file, too.
const RUNS: [(&str, &str); 9] = [
    ("-s -o out volume", "image"),
    ("-s --threads 64 -o out volume", "image"),
    ("-o out --reflink never volume", "clone"),
    ("-r -o out image", "clone"),
    ("-r -o out image.seekable", "clone"),
    ("-s --compress --threads 64 -o out volume", "image.seekable"),
    ("-m -s -o out volume", ""),
    ("convert --to qcow2 volume out", "disk.qcow2"),
    ("convert --threads 64 --to vmdk volume out", "disk.vmdk"),
];

#[track_caller]
fn check(scene: &Scene, line: &str, expected: &str, confine: impl FnOnce(&Command) -> Command) {
    let output = finish(confine(&scene.command(ours, line)));
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{line}: {text}");
    match expected {
        "" => {}
        // It says when it was made.
        "image.seekable" => {
            succeed(scene.command(ours, "-q -r -O restored out"));
            assert!(scene.read("restored") == scene.read("clone"), "{line}");
        }
        expected => assert!(scene.read("out") == scene.read(expected), "{line}"),
    }
    scene.remove("out");
}

#[test]
fn little_memory() {
    let scene = scene(40);
    for (line, expected) in RUNS {
        let compresses = line.contains("compress") || line.contains("seekable");
        let bytes = if compresses { 64 * MIB } else { 16 * MIB };
        let Some(group) = ControlGroup::with_memory(bytes) else {
            return skip("little_memory", "no control group can be made");
        };
        check(&scene, line, expected, |command| group.confine(command));
    }
    // What cannot be done in it is said, and what would take more than there is.
    let group = ControlGroup::with_memory(64 * MIB).expect("there was one");
    let line = "-s --compress=19 -o out volume";
    let output = finish(group.confine(&scene.command(ours, line)));
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("ntfsclone: out of memory: "), "{text}");
}

#[test]
fn conversions_of_a_sparse_terabyte_take_little_memory() {
    let Some(group) = ControlGroup::with_memory(32 * MIB) else {
        return skip(
            "conversions_of_a_sparse_terabyte_take_little_memory",
            "no control group can be made",
        );
    };
    let scene = Scene::new();
    large_volume::write_sparse(&scene.path("volume"), 1 << 40);
    for name in ["x.raw", "x.qcow2", "x.vdi", "x.vhd", "x.vhdx", "x.vmdk"] {
        let line = format!("convert -q volume {name}");
        let output = finish(group.confine(&scene.command(ours, &line)));
        assert_eq!(
            output.status.code(),
            Some(0),
            "{line}: {}",
            printed(&output)
        );
        scene.remove(name);
    }
}

#[test]
fn little_address_space() {
    let scene = scene(40);
    for kib in [100_000, 300_000] {
        for (line, expected) in RUNS {
            check(&scene, line, expected, |command| {
                let mut limited = Command::new("sh");
                limited.args(["-c", "ulimit -v $0; exec \"$@\"", &kib.to_string()]);
                limited.arg(command.get_program()).args(command.get_args());
                limited.current_dir(scene.path("."));
                limited
            });
        }
    }
}

#[test]
fn few_threads() {
    if !met_here(WRAPPERS) {
        return;
    }
    let scene = scene(6);
    let script =
        "xz -0 -c -T2 image >image.xz; gzip -1 -c image >image.gz; zstd -q image -o image.zst";
    let mut compress = Command::new("sh");
    compress
        .args(["-e", "-c", script])
        .current_dir(scene.path("."));
    succeed(compress);
    let more = [
        ("-r -o out image.xz", "clone"),
        ("-r -o out image.gz", "clone"),
        ("-r -o out image.zst", "clone"),
        ("--rescue -o out volume", "clone"),
        ("-s --verify -o out volume", "image"),
    ];
    for tasks in [1, 3] {
        let Some(group) = ControlGroup::with_tasks(tasks) else {
            return skip("few_threads", "no control group can be made");
        };
        for (line, expected) in RUNS.into_iter().chain(more) {
            check(&scene, line, expected, |command| group.confine(command));
        }
        for line in [
            "verify image.seekable",
            "verify --against image volume",
            "verify image.xz",
        ] {
            let output = finish(group.confine(&scene.command(ours, line)));
            assert_eq!(
                output.status.code(),
                Some(0),
                "{line}: {}",
                printed(&output)
            );
        }
    }
}
