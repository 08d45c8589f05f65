//! Disks written by qemu-img, in all its formats and options, where it is installed.

use std::fs;
use std::process::Command;

use crate::disk_files::disk;
use crate::oracle::{Folder, tool};
use crate::read::{Open, QCOW2, VDI, VHD, VHDX, VMDK, check, source, whole};
use crate::run::run;

#[track_caller]
fn check_converted(open: Open, format: &str, options: &[&str]) {
    let Some(qemu_img) = tool("qemu-img") else {
        return;
    };
    let folder = Folder::new();
    let raw = folder.join("raw");
    let disk = disk();
    fs::write(&raw, &disk).unwrap();
    for options in options {
        let file = folder.join("disk");
        let arguments = format!("convert -f raw -O {format} {options}");
        run(&qemu_img, &arguments, &[&raw, &file]);
        let found = open(&source(fs::read(&file).unwrap())).unwrap();
        // A VHD has whole cylinders, unless told otherwise.
        let mut expected = disk.clone();
        expected.resize(found.size() as usize, 0);
        check(&found, &expected, &format!("{format} {options}"));
    }
}

#[test]
fn vhd_of_qemu_is_read() {
    check_converted(
        VHD,
        "vpc",
        &[
            "",
            "-o force_size=on",
            "-o subformat=fixed",
            "-o subformat=fixed,force_size=on",
        ],
    );
}

#[test]
fn vdi_of_qemu_is_read() {
    check_converted(VDI, "vdi", &["", "-o static=on"]);
}

#[test]
fn qcow2_of_qemu_is_read() {
    check_converted(
        QCOW2,
        "qcow2",
        &[
            "",
            "-o compat=0.10",
            "-o cluster_size=512",
            "-o cluster_size=4k,lazy_refcounts=on",
            "-o cluster_size=2M",
            "-o preallocation=metadata",
            "-o preallocation=falloc,compat=0.10",
            "-o preallocation=full",
            "-o extended_l2=on,cluster_size=16k",
            "-o extended_l2=on,cluster_size=128k",
            "-o extended_l2=on,cluster_size=2M",
            "-S 512 -o extended_l2=on,cluster_size=64k",
        ],
    );
}

#[test]
fn compressed_qcow2_of_qemu_is_read() {
    check_converted(
        QCOW2,
        "qcow2",
        &[
            "-c",
            "-c -o compat=0.10",
            "-c -o cluster_size=512",
            "-c -o cluster_size=4k",
            "-c -o cluster_size=2M",
            "-c -o extended_l2=on,cluster_size=32k",
            "-c -o compression_type=zstd",
            "-c -o compression_type=zstd,cluster_size=512",
            "-c -o compression_type=zstd,cluster_size=2M",
            "-c -o compression_type=zstd,extended_l2=on,cluster_size=2M",
        ],
    );
}

#[test]
fn vmdk_of_qemu_is_read() {
    check_converted(
        VMDK,
        "vmdk",
        &[
            "",
            "-o zeroed_grain=on",
            "-o compat6=on",
            "-o hwversion=14,adapter_type=lsilogic",
            "-o subformat=streamOptimized",
            "-o subformat=streamOptimized,zeroed_grain=on",
        ],
    );
}

#[test]
fn vhdx_of_qemu_is_read() {
    check_converted(
        VHDX,
        "vhdx",
        &[
            "",
            "-o block_size=1M",
            "-o block_size=256M",
            "-o block_size=2M,log_size=4M",
            "-o subformat=fixed",
        ],
    );
}

/// Writes, discards and snapshots: clusters in another order, and zeros that are recorded as such.
#[test]
fn disks_that_were_written_to_are_read() {
    let (Some(qemu_img), Some(qemu_io)) = (tool("qemu-img"), tool("qemu-io")) else {
        return;
    };
    let rows: &[(Open, &str, &str)] = &[
        (QCOW2, "qcow2", "compat=1.1"),
        (QCOW2, "qcow2", "compat=0.10"),
        (QCOW2, "qcow2", "extended_l2=on,cluster_size=64k"),
        (QCOW2, "qcow2", "cluster_size=512,lazy_refcounts=on"),
        (VDI, "vdi", ""),
        (VHD, "vpc", "force_size=on"),
        (VMDK, "vmdk", "zeroed_grain=on"),
        (VHDX, "vhdx", "block_size=1M"),
    ];
    let folder = Folder::new();
    for (open, format, options) in rows {
        let file = folder.join("disk");
        let options = match options.is_empty() {
            true => String::new(),
            false => format!("-o {options}"),
        };
        let size = "9000448";
        let create = Command::new(&qemu_img)
            .args(["create", "-q", "-f", format])
            .args(options.split(' ').filter(|option| !option.is_empty()))
            .arg(&file)
            .arg(size)
            .status();
        assert!(create.unwrap().success(), "{format} {options}");
        for command in [
            "write -P 0x11 8M 300k",
            "write -P 0x22 1M 2M",
            "write -P 0x33 70k 1k",
            "write -z 1536k 200k",
            "write -P 0x44 1600k 4k",
            "discard 2M 512k",
        ] {
            let arguments = format!("-f {format} -c");
            let mut io = Command::new(&qemu_io);
            let output = io
                .args(arguments.split(' '))
                .arg(command)
                .arg(&file)
                .output();
            assert!(output.unwrap().status.success(), "{command} of {format}");
        }
        if *format == "qcow2" {
            run(&qemu_img, "snapshot -c before", &[&file]);
            let mut io = Command::new(&qemu_io);
            let output = io
                .args(["-f", "qcow2", "-c", "write -P 0x55 8200k 100k"])
                .arg(&file)
                .output();
            assert!(output.unwrap().status.success());
        }
        let raw = folder.join("raw");
        run(
            &qemu_img,
            &format!("convert -f {format} -O raw"),
            &[&file, &raw],
        );
        let found = open(&source(fs::read(&file).unwrap())).unwrap();
        check(
            &found,
            &fs::read(&raw).unwrap(),
            &format!("{format} {options}"),
        );
    }
}

#[test]
fn disks_without_data_are_zeros() {
    let Some(qemu_img) = tool("qemu-img") else {
        return;
    };
    let folder = Folder::new();
    for (open, format) in [
        (QCOW2, "qcow2"),
        (VDI, "vdi"),
        (VHD, "vpc"),
        (VMDK, "vmdk"),
        (VHDX, "vhdx"),
    ] {
        let file = folder.join("disk");
        let create = Command::new(&qemu_img)
            .args(["create", "-q", "-f", format])
            .arg(&file)
            .arg("3M")
            .status();
        assert!(create.unwrap().success(), "{format}");
        let disk = open(&source(fs::read(&file).unwrap())).unwrap();
        assert!(disk.size() >= 3 << 20, "{format}");
        assert!(whole(&disk).iter().all(|&byte| byte == 0), "{format}");
    }
}
