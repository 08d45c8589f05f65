//! `convert` of a whole disk: NTFS partitions by their used clusters, all else as it is.

use crate::support::{
    disk::{self, Partition},
    program::{ours, succeed, tool},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, clone_of, volume},
    wrapped::shell,
};
use ntfs_volume_builder::Volume;

/// The names of outputs that can hold a disk.
const FORMATS: [&str; 6] = ["x.raw", "x.qcow2", "x.vdi", "x.vhd", "x.vhdx", "x.vmdk"];
const SECTOR: usize = 512;
/// First sectors of the partitions.
const STARTS: [u32; 3] = [63, 6144, 10240];
/// Of no NTFS, with zeros in it.
const OTHER: usize = 1 << 20;

/// Makes a disk of partitions.
type MakeDisk = fn(&[Partition<'_>]) -> Vec<u8>;

/// A disk of each kind, and what a copy of it is: free clusters are zeros.
fn disks() -> Vec<(&'static str, Vec<u8>, Vec<u8>)> {
    let (first, second) = (volume(), second_volume());
    let copies = [clone_of(&first), clone_of(&second)];
    let mut other = vec![0x11; OTHER];
    other[200_000..900_000].fill(0);
    let make = |first: &[u8], second: &[u8], table: MakeDisk| {
        let partitions = [(first, 0x07), (&other[..], 0x83), (second, 0x07)];
        let partitions: Vec<Partition<'_>> = partitions
            .into_iter()
            .zip(STARTS)
            .map(|((bytes, kind), sector)| Partition {
                sector,
                kind,
                bytes,
            })
            .collect();
        let mut disk = table(&partitions);
        disk[..8].copy_from_slice(b"BOOTCODE");
        // Between two partitions.
        let gap = STARTS[2] as usize * SECTOR - 100_000;
        disk[gap..gap + 5].copy_from_slice(b"a gap");
        disk
    };
    let tables: [(_, MakeDisk); 3] = [
        ("MBR", disk::with_mbr),
        ("GPT", disk::with_gpt),
        ("logical", disk::with_logical),
    ];
    tables
        .into_iter()
        .map(|(name, table)| {
            let disk = make(&first.bytes, &second.bytes, table);
            (name, disk, make(&copies[0], &copies[1], table))
        })
        .collect()
}

fn second_volume() -> Volume {
    builder().cluster_size(512).clusters(4096).build()
}

/// A scene with the disk with a GPT, and its copy.
fn gpt_scene() -> (Scene, Vec<u8>) {
    let (_, disk, copy) = disks().swap_remove(1);
    let scene = Scene::new();
    scene.write("disk", disk);
    (scene, copy)
}

#[test]
fn every_format_holds_the_same_disk() {
    for (table, disk, copy) in disks() {
        let scene = Scene::new();
        scene.write("disk", disk);
        for name in FORMATS {
            scene.run(&format!("convert disk {name}")).wrote(&[name]);
            let back = scene.run(&format!("convert {name} back.raw"));
            back.wrote(&["back.raw"]);
            assert!(scene.read("back.raw") == copy, "{table}: {name}");
            scene.remove("back.raw");
            scene.remove(name);
        }
    }
}

#[test]
fn a_pipe_gets_what_a_file_gets() {
    let (scene, _) = gpt_scene();
    for format in ["raw", "qcow2", "vdi", "vhd", "vhd-fixed", "vhdx", "vmdk"] {
        scene
            .run(&format!("convert --to {format} disk x"))
            .wrote(&["x"]);
        let piped = scene.run(&format!("convert --to {format} disk -"));
        assert_eq!(piped.code(), Some(0), "{}", piped.errors());
        assert!(piped.stdout() == scene.read("x"), "{format}");
        scene.remove("x");
    }
}

#[test]
fn each_part_is_reported() {
    let (scene, _) = gpt_scene();
    let outcome = scene.run("convert disk x.vhdx");
    for part in [
        "Disk: disk, 3 partitions (GPT)",
        "Partition 1 is NTFS",
        "free ones become zeros",
        "Partition 2 is not NTFS: copied as it is, 1.00 MiB of 1.00 MiB",
        "Partition 3 is NTFS",
    ] {
        outcome.reported(part);
    }
}

#[test]
fn disks_within_something_else_are_found() {
    if !met_here(&[Need::Tool("gzip"), Need::Tool("split")]) {
        return;
    }
    let (scene, copy) = gpt_scene();
    shell(
        &scene,
        "gzip -c disk > disk.gz; split -b 1000000 disk pieces.; gzip -c disk | split -b 100000 - z.",
    );
    scene
        .run("convert --compress disk x.raw.zst")
        .wrote(&["x.raw.zst"]);
    scene.run("convert disk x.qcow2").wrote(&["x.qcow2"]);
    for source in ["disk.gz", "pieces.aa", "z.aa", "x.raw.zst", "x.qcow2"] {
        let outcome = scene.run(&format!("convert {source} back.raw"));
        assert_eq!(outcome.code(), Some(0), "{source}: {}", outcome.errors());
        assert!(scene.read("back.raw") == copy, "{source}");
        scene.remove("back.raw");
    }
    let ours = ours();
    let program = ours.get_program().to_str().unwrap();
    shell(&scene, &format!("{program} convert -q - back.raw < disk"));
    assert!(scene.read("back.raw") == copy);
}

#[test]
fn outputs_are_compressed_hashed_and_read_back() {
    let (scene, copy) = gpt_scene();
    scene
        .run("convert --compress --checksum --verify disk x.raw.zst")
        .wrote(&["x.raw.zst", "x.raw.zst.b3"]);
    let decompressed = zstd::decode_all(&scene.read("x.raw.zst")[..]).unwrap();
    assert!(decompressed == copy);
    scene
        .run("convert --checksum=sha256 --verify disk x.vhdx")
        .wrote(&["x.vhdx", "x.vhdx.sha256"]);
}

#[test]
fn formats_of_one_volume_are_refused() {
    let (scene, _) = gpt_scene();
    for format in ["ntfsclone", "partclone"] {
        scene.run(&format!("convert disk x.{format}")).refused(
            &format!("disk: is a whole disk, and {format} holds one volume"),
            "name the partition: --partition N; or convert it to a virtual disk, or raw",
        );
    }
    for table in ["gpt", "mbr", "none"] {
        let outcome = scene.run(&format!("convert --disk={table} disk x.vhdx"));
        assert_eq!(outcome.code(), Some(2));
        let message = "--disk puts one volume into a partition table; disk is a whole disk";
        assert!(outcome.errors().contains(message), "{}", outcome.errors());
        outcome.changed_only(&[]);
    }
}

#[test]
fn a_dirty_volume_is_refused_by_its_number() {
    let dirty = builder().dirty(true).build();
    let sound = volume();
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let disk = disk::with_gpt(&[
        partition(64, &sound.bytes[..]),
        partition(8192, &dirty.bytes),
    ]);
    let scene = Scene::new();
    scene.write("disk", disk);
    let outcome = scene.run("convert disk x.vhdx");
    assert_eq!(outcome.code(), Some(1));
    assert!(
        outcome
            .errors()
            .contains("disk, partition 2: is marked dirty"),
        "{}",
        outcome.errors()
    );
    outcome.changed_only(&[]);
    let forced = scene.run("convert --force disk x.vhdx");
    assert_eq!(forced.code(), Some(0), "{}", forced.errors());
}

#[test]
fn a_damaged_table_is_copied_as_it_is() {
    let (_, mut disk, mut copy) = disks().swap_remove(1);
    for disk in [&mut disk, &mut copy] {
        disk[SECTOR + 20] ^= 1;
    }
    let scene = Scene::new();
    scene.write("disk", disk);
    scene.run("convert disk x.raw").wrote_with_warning(
        "disk: the partition table is damaged; its backup at the end of the disk is used",
        &["x.raw"],
    );
    assert!(scene.read("x.raw") == copy);
}

#[test]
fn partitions_that_overlap_are_copied_as_they_are() {
    let volume = volume();
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let mut disk = disk::with_mbr(&[
        partition(64, &volume.bytes[..]),
        partition(8192, &[7; 4096]),
    ]);
    // The second begins within the first.
    disk[446 + 16 + 8..446 + 16 + 12].copy_from_slice(&128_u32.to_le_bytes());
    let scene = Scene::new();
    scene.write("disk", &disk);
    scene.run("convert disk x.raw").wrote_with_warning(
        "disk: partitions 1, 2 overlap: they are copied as they are",
        &["x.raw"],
    );
    assert!(scene.read("x.raw") == disk);
}

#[test]
fn large_sectors_are_recorded_where_the_format_can() {
    let volume = builder().bytes_per_sector(4096).build();
    let start = 16_usize;
    let mut disk = vec![0; start * 4096];
    disk.extend(&volume.bytes);
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    let entry = &mut disk[446..462];
    entry[4] = 0x07;
    entry[8..12].copy_from_slice(&(start as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&((volume.bytes.len() / 4096) as u32).to_le_bytes());
    let scene = Scene::new();
    scene.write("disk", &disk);
    scene.run("convert disk x.vhdx").wrote(&["x.vhdx"]);
    scene
        .run("convert --partition 1 x.vhdx volume.raw")
        .wrote(&["volume.raw"]);
    assert!(scene.read("volume.raw") == clone_of(&volume));
    let outcome = scene.run("convert disk x.qcow2");
    assert_eq!(outcome.code(), Some(0));
    let warning = "the disk has sectors of 4096 bytes, and qcow2 does not record that";
    assert!(outcome.errors().contains(warning), "{}", outcome.errors());
}

#[test]
fn holes_take_no_space() {
    use std::os::unix::fs::MetadataExt;

    let scene = Scene::new();
    let volume = volume();
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    // The second partition is larger than its content, which is a hole.
    let mut disk = disk::with_mbr(&[
        partition(64, &volume.bytes[..]),
        partition(8192, &[7; 4096]),
    ]);
    let sectors = (64_u32 << 20) / 512;
    disk[446 + 16 + 12..446 + 16 + 16].copy_from_slice(&sectors.to_le_bytes());
    scene.write("disk", disk);
    let file = std::fs::File::options()
        .write(true)
        .open(scene.path("disk"));
    file.unwrap().set_len(256 << 20).unwrap();
    for name in ["x.raw", "x.qcow2", "x.vhdx", "x.vhd", "x.vdi"] {
        scene.run(&format!("convert disk {name}")).wrote(&[name]);
        let metadata = scene.path(name).metadata().unwrap();
        assert!(metadata.blocks() * 512 < 16 << 20, "{name}");
        if name != "x.raw" {
            assert!(metadata.len() < 32 << 20, "{name}");
        }
    }
    // Nor do those of a virtual disk.
    scene.run("convert x.qcow2 y.vdi").wrote(&["y.vdi"]);
    assert!(scene.path("y.vdi").metadata().unwrap().len() < 32 << 20);
}

#[test]
fn qemu_finds_no_fault() {
    if !met_here(&[Need::Tool("qemu-img")]) {
        return;
    }
    let (scene, copy) = gpt_scene();
    scene.write("expected", copy);
    for name in FORMATS {
        scene.run(&format!("convert disk {name}")).wrote(&[name]);
        let path = scene.path(name);
        if ["x.qcow2", "x.vdi", "x.vhdx", "x.vmdk"].contains(&name) {
            succeed(tool("qemu-img", ["check".as_ref(), path.as_os_str()]));
        }
        let expected = scene.path("expected");
        let format = match name {
            "x.vhd" => "vpc",
            _ => &name[2..],
        };
        let options = ["compare", "-f", format, "-F", "raw"].map(std::ffi::OsStr::new);
        let files = [path.as_os_str(), expected.as_os_str()];
        succeed(tool("qemu-img", options.into_iter().chain(files)));
    }
}
