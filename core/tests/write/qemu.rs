//! Disks that are written here, checked and read by qemu-img.

use std::fs;

use ntfsclone_core::write::{Partitioning, RAW, Writer};

use crate::encoding::{DISKS, encode, volumes};
use crate::oracle::{Folder, tool};
use crate::run::run;

fn qemu_format(writer: &Writer) -> &'static str {
    match writer.id {
        "vhd" | "vhd-fixed" => "vpc",
        "qcow2" => "qcow2",
        "vdi" => "vdi",
        "vhdx" => "vhdx",
        "vmdk" => "vmdk",
        other => panic!("{other}"),
    }
}

#[test]
fn qemu_finds_no_fault_and_the_same_bytes() {
    let Some(qemu_img) = tool("qemu-img") else {
        return;
    };
    let folder = Folder::new();
    for (name, built) in volumes() {
        // It does not read VHDX with sectors of 4096 bytes.
        let has_large_sectors = built.geometry.bytes_per_sector == 4096;
        let disk = encode(&RAW, &built, Partitioning::Gpt, 1 << 20);
        for writer in DISKS {
            if has_large_sectors && writer.id == "vhdx" {
                continue;
            }
            let case = format!("{name}, {}", writer.id);
            let format = qemu_format(writer);
            let file = encode(writer, &built, Partitioning::Gpt, 1 << 20);
            let path = folder.join("disk");
            std::fs::write(&path, &file).unwrap();
            let file = path;
            // It checks no VHD.
            if format != "vpc" {
                let printed = run(&qemu_img, &format!("check -f {format}"), &[&file]);
                assert!(printed.contains("No errors"), "{case}: {printed}");
            }
            let raw = folder.join("raw");
            run(
                &qemu_img,
                &format!("convert -f {format} -O raw"),
                &[&file, &raw],
            );
            let found = fs::read(&raw).unwrap();
            assert_eq!(found.len(), disk.len(), "{case}");
            assert!(found == disk, "{case}");
        }
    }
}
