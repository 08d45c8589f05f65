//! `convert`, by programs that know the formats from elsewhere: 7-Zip takes the
//! files out of every virtual disk, sleuthkit reads the partition tables, nbdkit
//! serves the partition, ntfs-3g mounts it.

use crate::support::{
    mount::Mount,
    program::{printed, succeed, tool},
    requirements::{Need, VOLUMES, met_here},
    scene::Scene,
    small_volume::volume,
};
use ntfs_volume_builder::pattern;
use std::ffi::OsString;

/// The file of the volume that all of them look for.
const FILE: &str = "big.bin";

#[test]
fn seven_zip_takes_files_out_of_every_virtual_disk() {
    if !met_here(&[Need::Tool("7zz")]) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    for (format, disk) in [
        ("vhdx", "gpt"),
        ("vmdk", "gpt"),
        ("qcow2", "gpt"),
        ("vdi", "gpt"),
        ("vhd", "gpt"),
        ("vhd-fixed", "gpt"),
        ("vhdx", "mbr"),
        ("qcow2", "mbr"),
    ] {
        let name = format!("{format}-{disk}");
        scene
            .run(&format!(
                "convert --to {format} --disk {disk} volume {name}"
            ))
            .wrote(&[&name]);
        let mut folder = OsString::from("-o");
        folder.push(scene.path("files"));
        let mut extract = tool("7zz", ["x", "-y"]);
        extract.arg(folder).arg(scene.path(&name));
        let said = printed(&succeed(extract));
        assert!(said.contains("Everything is Ok"), "{name}: {said}");
        assert!(
            scene.read(&format!("files/{FILE}")) == pattern(2, 100_000),
            "{name}"
        );
        scene.remove(&format!("files/{FILE}"));
    }
}

#[test]
fn sleuthkit_reads_the_partition_tables() {
    if !met_here(&[Need::Tool("mmls"), Need::Tool("fsstat")]) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    for (disk, kind) in [
        ("gpt", "Basic data partition"),
        ("mbr", "NTFS / exFAT (0x07)"),
    ] {
        scene
            .run(&format!("convert --disk {disk} volume {disk}.raw"))
            .wrote(&[&format!("{disk}.raw")]);
        let path = scene.path(&format!("{disk}.raw"));
        let mut list = tool("mmls", None::<&str>);
        list.arg(&path);
        let table = printed(&succeed(list));
        let partition = table.lines().find(|line| line.contains("0000002048   0"));
        assert!(
            partition.is_some_and(|line| line.ends_with(kind)),
            "{table}"
        );
        let mut look = tool("fsstat", ["-o", "2048"]);
        look.arg(&path);
        let found = printed(&succeed(look));
        assert!(found.contains("File System Type: NTFS"), "{found}");
        assert!(found.contains("Volume Name: TEST"), "{found}");
    }
}

#[test]
fn ntfs_3g_mounts_the_partition_that_nbdkit_finds() {
    let more = [
        Need::Tool("nbdkit"),
        Need::Tool("nbdcopy"),
        Need::Tool("qemu-img"),
    ];
    let needs: Vec<Need> = VOLUMES.iter().chain(&more).copied().collect();
    if !met_here(&needs) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    scene.run("convert volume x.vhdx").wrote(&["x.vhdx"]);
    let (disk, partition) = (scene.path("x.raw"), scene.path("partition"));
    let mut unpack = tool("qemu-img", ["convert", "-O", "raw"]);
    unpack.arg(scene.path("x.vhdx")).arg(&disk);
    succeed(unpack);
    let mut serve = tool("nbdkit", ["-U", "-", "--filter=partition", "file"]);
    serve.arg(&disk).arg("partition=1").arg("--run");
    serve.arg(format!("nbdcopy $uri '{}'", partition.display()));
    succeed(serve);
    let mounted = Mount::read_only(&partition);
    let read = std::fs::read(mounted.path().join(FILE)).expect("it is there");
    assert!(read == pattern(2, 100_000));
}
