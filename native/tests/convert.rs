//! `convert`: every format from every kind of source, and back.

use crate::support::{
    scene::Scene,
    small_volume::{self, clone_of, image_of, volume},
};
use ntfs_volume_builder::{PartcloneImage, Volume};

/// Formats by the names of their files, and whether the volume is a partition by default.
const FORMATS: [(&str, bool); 9] = [
    ("x.raw", false),
    ("x.ntfsclone", false),
    ("x.partclone", false),
    ("x.qcow2", true),
    ("x.vdi", true),
    ("x.vhd", true),
    ("x.vhdx", true),
    ("x.vmdk", true),
    ("x.VHDX", true),
];

/// A clone of the volume in a partition at 1 MiB, which both boot sectors record.
fn in_partition(volume: &Volume) -> Vec<u8> {
    let mut clone = clone_of(volume);
    let backup = clone.len() - 512;
    for start in [0, backup] {
        clone[start + 0x1C..start + 0x20].copy_from_slice(&2048_u32.to_le_bytes());
    }
    clone
}

#[test]
fn every_format_holds_the_same_clusters() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    for (name, is_disk) in FORMATS {
        scene.run(&format!("convert volume {name}")).wrote(&[name]);
        let partition = if is_disk { " --partition 1" } else { "" };
        scene
            .run(&format!("convert{partition} {name} back.raw"))
            .wrote(&["back.raw"]);
        let expected = match is_disk {
            true => in_partition(&volume),
            false => clone_of(&volume),
        };
        assert!(scene.read("back.raw") == expected, "{name}");
        let verified = scene.run(&format!("verify{partition} {name}"));
        assert_eq!(verified.code(), Some(0), "{name}: {}", verified.errors());
        scene.remove("back.raw");
        scene.remove(name);
    }
}

#[test]
fn any_format_becomes_any_other() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let disks: Vec<&str> = FORMATS.iter().map(|(name, _)| *name).take(8).collect();
    for from in &disks {
        let options = match *from {
            "x.ntfsclone" | "x.partclone" => "",
            _ => "--disk=none ",
        };
        scene
            .run(&format!("convert {options}volume {from}"))
            .wrote(&[from]);
        for to in &disks {
            let options = match *to {
                "x.ntfsclone" | "x.partclone" => "",
                _ => "--disk=none ",
            };
            let direct = scene.run(&format!("convert {options}volume direct-{to}"));
            assert_eq!(direct.code(), Some(0), "{to}: {}", direct.errors());
            let file = format!("other-{to}");
            scene
                .run(&format!("convert {options}{from} {file}"))
                .wrote(&[&file]);
            let same = scene.read(&file) == scene.read(&format!("direct-{to}"));
            assert!(same, "{from} to {to}");
            scene.remove(&file);
            scene.remove(&format!("direct-{to}"));
        }
        scene.remove(from);
    }
}

#[test]
fn all_kinds_of_sources_make_the_same_disk() {
    let volume = volume();
    let scene = small_volume::scene();
    scene
        .run("convert volume expected.qcow2")
        .wrote(&["expected.qcow2"]);
    let expected = scene.read("expected.qcow2");
    let image = image_of(&volume);
    for (index, piece) in image.chunks(100_000).enumerate() {
        scene.write(&format!("pieces.a{}", (b'a' + index as u8) as char), piece);
    }
    scene.write("partclone", PartcloneImage::version_2().of_volume(&volume));
    scene.run("-s --compress -o image.zst volume");
    for source in ["image", "image.zst", "pieces.aa", "partclone"] {
        let line = format!("convert {source} x.qcow2");
        let outcome = scene.run(&line);
        assert_eq!(outcome.code(), Some(0), "{source}: {}", outcome.errors());
        assert!(scene.read("x.qcow2") == expected, "{source}");
        scene.remove("x.qcow2");
    }
    let piped = scene.run_with_input("convert - x.qcow2", &image);
    assert_eq!(piped.code(), Some(0), "{}", piped.errors());
    assert!(scene.read("x.qcow2") == expected);
}

#[test]
fn a_pipe_gets_what_a_file_gets() {
    let scene = small_volume::scene();
    for format in [
        "qcow2",
        "vdi",
        "vhd",
        "vhd-fixed",
        "vhdx",
        "vmdk",
        "partclone",
        "ntfsclone",
    ] {
        scene
            .run(&format!("convert --to {format} volume x"))
            .wrote(&["x"]);
        let piped = scene.run(&format!("convert --to {format} volume -"));
        assert_eq!(piped.code(), Some(0), "{}", piped.errors());
        assert!(piped.stdout() == scene.read("x"), "{format}");
        scene.remove("x");
    }
    scene
        .run("convert --to raw --disk=mbr volume x")
        .wrote(&["x"]);
    let piped = scene.run("convert --to raw --disk=mbr volume -");
    assert!(piped.stdout() == scene.read("x"));
}

/// The original has no such command, and programs that drive it do not run this one.
#[test]
fn the_lines_of_the_original_are_not_among_ours() {
    let scene = Scene::with_volume(&volume().bytes);
    for output in ["x.raw", "x.ntfsclone", "x.vhdx"] {
        let converted = scene.run(&format!("convert volume {output}"));
        let report = String::from_utf8(converted.stdout().to_vec()).unwrap();
        let first_words = report.lines().map(|line| line.split(' ').next().unwrap());
        let first_words: Vec<&str> = first_words.collect();
        let last = match output {
            "x.raw" => "Cloned",
            "x.ntfsclone" => "Saved",
            _ => "Converted",
        };
        let expected = ["Volume:", "Cluster", "Volume", "Device", "In", last];
        assert_eq!(first_words, expected, "{report}");
        assert_eq!(converted.errors(), "");
    }
}

#[test]
fn existing_files_are_replaced_only_on_request() {
    let scene = small_volume::scene();
    scene.write("x.vhdx", b"kept");
    scene.run("convert volume x.vhdx").refused(
        "x.vhdx: exists already",
        "--output never overwrites; give another name, or use --overwrite",
    );
    assert!(scene.read("x.vhdx") == b"kept");
    scene.run("convert -O volume x.vhdx").wrote(&["x.vhdx"]);
    assert!(scene.read("x.vhdx").starts_with(b"vhdxfile"));
    // The option may stand before what it concerns.
    scene.run("convert volume -O x.vhdx").wrote(&["x.vhdx"]);
}

#[test]
fn dirty_volumes_are_refused_without_force() {
    let scene = Scene::with_volume(small_volume::builder().dirty(true).build().bytes);
    let outcome = scene.run("convert volume x.vhdx");
    assert_eq!(outcome.code(), Some(1));
    outcome.changed_only(&[]);
    let forced = scene.run("convert --force volume x.vhdx");
    assert_eq!(forced.code(), Some(0), "{}", forced.errors());
    forced.changed_only(&["x.vhdx"]);
}

#[test]
fn outputs_are_compressed_hashed_and_read_back() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    for format in ["qcow2", "qcow2 --disk=none", "vhd-fixed", "partclone"] {
        scene
            .run(&format!("convert --to {format} volume x"))
            .wrote(&["x"]);
        let options = format!("--compress --checksum --verify --to {format}");
        scene
            .run(&format!("convert {options} volume x.zst"))
            .wrote(&["x.zst", "x.zst.b3"]);
        let decompressed = zstd::decode_all(&scene.read("x.zst")[..]).unwrap();
        assert!(decompressed == scene.read("x"), "{format}");
        for name in ["x", "x.zst", "x.zst.b3"] {
            scene.remove(name);
        }
    }
}

#[test]
fn formats_are_listed_and_named() {
    let scene = small_volume::scene();
    let listed = scene.run("convert --list-formats");
    let listed = String::from_utf8(listed.stdout().to_vec()).unwrap();
    for format in [
        "raw",
        "ntfsclone",
        "partclone",
        "qcow2",
        "vdi",
        "vhd-fixed",
        "vhdx",
        "vmdk",
    ] {
        assert!(
            listed.lines().any(|line| line.starts_with(format)),
            "{listed}"
        );
    }
    let unnamed = scene.run("convert volume x.img");
    assert_eq!(unnamed.code(), Some(2));
    assert!(
        unnamed
            .errors()
            .contains("does not say its format; give one with --to: raw,")
    );
    let table = scene.run("convert --disk=gpt volume x.ntfsclone");
    assert_eq!(table.code(), Some(2));
    assert!(
        table
            .errors()
            .contains("--disk goes with raw and virtual disks")
    );
    unnamed.changed_only(&[]);
    table.changed_only(&[]);
}

/// A disk is described whole, but free space takes none of the file's.
#[test]
fn free_space_is_a_hole() {
    use std::os::unix::fs::MetadataExt;

    let volume = small_volume::builder().clusters(64 << 10).build();
    let scene = Scene::with_volume(&volume.bytes);
    for line in ["--to vhd-fixed volume x", "--to raw --disk=gpt volume x"] {
        scene.run(&format!("convert {line}")).wrote(&["x"]);
        let metadata = scene.path("x").metadata().unwrap();
        assert!(metadata.len() > 256 << 20);
        assert!(metadata.blocks() * 512 < 16 << 20, "{line}");
        scene.remove("x");
    }
}

/// Windows does not open virtual disks that are sparse files on NTFS.
#[test]
fn disks_of_windows_have_no_holes_on_ntfs() {
    use crate::support::{mount::Mount, program, requirements};
    use std::os::unix::fs::MetadataExt;

    if !requirements::met_here(requirements::VOLUMES) {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("ntfs", vec![0; 64 << 20]);
    let options = ["-q", "-F"].map(std::ffi::OsStr::new);
    let path = scene.path("ntfs");
    program::succeed(program::tool(
        "mkntfs",
        options.into_iter().chain([path.as_os_str()]),
    ));
    let mount = Mount::read_write(&scene.path("ntfs"));
    for format in ["vhd", "vhd-fixed", "vhdx"] {
        scene
            .run(&format!("convert --to {format} volume x"))
            .wrote(&["x"]);
        let on_ntfs = mount.path().join("x");
        let mut command = program::ours();
        command.args(["convert", "--to", format]);
        command.arg(scene.path("volume")).arg(&on_ntfs);
        program::succeed(command);
        let metadata = on_ntfs.metadata().unwrap();
        assert!(metadata.blocks() * 512 >= metadata.len(), "{format}");
        assert!(
            std::fs::read(&on_ntfs).unwrap() == scene.read("x"),
            "{format}"
        );
        scene.remove("x");
        std::fs::remove_file(&on_ntfs).unwrap();
    }
    mount.unmount();
}
