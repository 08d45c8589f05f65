//! Disks in several files, written by qemu-img and libewf where they are installed.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use ntfs_volume_builder::pattern;
use ntfsclone_core::disk::DiskFormat;

use crate::disk_files::{disk, open};
use crate::oracle::{Folder, tool};
use crate::read::{check, read};
use crate::run::run;

/// Writes to the last file of a chain, with another byte at each level.
#[track_caller]
fn write_level(qemu_io: &Path, format: &str, file: &Path, level: u64) {
    let start = level * 300;
    for command in [
        format!("write -P {} {start}k 500k", 0x10 + level),
        format!("write -P {} {}k 1536", 0x20 + level, 4000 + 3 * level),
        format!("write -z {}k 64k", start + 128),
    ] {
        let mut io = Command::new(qemu_io);
        let output = io.args(["-f", format, "-c", &command]).arg(file).output();
        assert!(output.unwrap().status.success(), "{command} of {format}");
    }
}

#[test]
fn chains_of_qemu_are_read() {
    let (Some(qemu_img), Some(qemu_io)) = (tool("qemu-img"), tool("qemu-io")) else {
        return;
    };
    let rows: &[(DiskFormat, &str, &str, &str)] = &[
        (DiskFormat::Qcow2, "qcow2", "raw", ""),
        (DiskFormat::Qcow2, "qcow2", "qcow2", ""),
        (DiskFormat::Qcow2, "qcow2", "qcow2", "-o compat=0.10"),
        (DiskFormat::Qcow2, "qcow2", "qcow2", "-o cluster_size=512"),
        (DiskFormat::Qcow2, "qcow2", "qcow2", "-o cluster_size=2M"),
        (
            DiskFormat::Qcow2,
            "qcow2",
            "qcow2",
            "-o extended_l2=on,cluster_size=64k",
        ),
        (
            DiskFormat::Qcow2,
            "qcow2",
            "vmdk",
            "-o compression_type=zstd",
        ),
        (DiskFormat::Qcow2, "qcow2", "vpc", ""),
        (DiskFormat::Qcow2, "qcow2", "vdi", ""),
        (DiskFormat::Qcow2, "qcow2", "vhdx", ""),
        (DiskFormat::Vmdk, "vmdk", "vmdk", ""),
        (
            DiskFormat::Vmdk,
            "vmdk",
            "vmdk",
            "-o subformat=twoGbMaxExtentSparse",
        ),
    ];
    for (format, name, base_name, options) in rows {
        let folder = Folder::new();
        let raw = folder.join("raw");
        fs::write(&raw, disk()).unwrap();
        let base = folder.join("0");
        let convert = format!("convert -f raw -O {base_name}");
        run(&qemu_img, &convert, &[&raw, &base]);
        let mut parent = (base, *base_name);
        for level in 1..4 {
            let file = folder.join(&format!("{level}.disk"));
            let (path, parent_name) = &parent;
            // By a relative path, and by an absolute one.
            let path = match level % 2 {
                0 => path.display().to_string(),
                _ => path.file_name().unwrap().to_str().unwrap().to_owned(),
            };
            let create = format!("create -q -f {name} {options} -F {parent_name} -b {path}");
            run(&qemu_img, &create, &[&file]);
            write_level(&qemu_io, name, &file, level);
            parent = (file, name);
        }
        let (top, _) = parent;
        let expected = folder.join("expected");
        run(
            &qemu_img,
            &format!("convert -f {name} -O raw"),
            &[&top, &expected],
        );
        let opened = open(&folder, *format, "3.disk");
        let title = format!("{name} over {base_name} {options}");
        assert!(opened.files.len() >= 3, "{title}: {:?}", opened.files);
        check(&opened.source, &fs::read(&expected).unwrap(), &title);
    }
}

#[test]
fn vmdk_of_qemu_in_several_files_is_read() {
    let (Some(qemu_img), Some(qemu_io)) = (tool("qemu-img"), tool("qemu-io")) else {
        return;
    };
    const GIB: u64 = 1 << 30;
    for (kind, files) in [
        ("monolithicFlat", 1),
        ("twoGbMaxExtentFlat", 3),
        ("twoGbMaxExtentSparse", 3),
    ] {
        let folder = Folder::new();
        let file = folder.join("disk.vmdk");
        let create = Command::new(&qemu_img)
            .args([
                "create",
                "-q",
                "-f",
                "vmdk",
                "-o",
                &format!("subformat={kind}"),
            ])
            .arg(&file)
            .arg("5G")
            .output();
        assert!(create.unwrap().status.success(), "{kind}");
        let pieces = [
            (0, 0x11),
            (2 * GIB - 4096, 0x22),
            (2 * GIB, 0x33),
            (5 * GIB - 8192, 0x44),
        ];
        for (offset, byte) in pieces {
            let command = format!("write -P {byte} {offset} 8192");
            let mut io = Command::new(&qemu_io);
            let output = io.args(["-f", "vmdk", "-c", &command]).arg(&file).output();
            assert!(output.unwrap().status.success(), "{command}");
        }
        let opened = open(&folder, DiskFormat::Vmdk, "disk.vmdk");
        assert_eq!(opened.files.len(), files, "{kind}");
        let disk = opened.source;
        assert_eq!(disk.size(), 5 * GIB, "{kind}");
        let around = read(&disk, 2 * GIB - 8192, 5 * 4096).unwrap();
        let expected = [
            [0; 4096],
            [0x22; 4096],
            [0x33; 4096],
            [0x33; 4096],
            [0; 4096],
        ]
        .concat();
        assert!(around == expected, "{kind}");
        assert!(read(&disk, 0, 8192).unwrap() == [0x11; 8192], "{kind}");
        assert!(
            read(&disk, 5 * GIB - 8192, 8192).unwrap() == [0x44; 8192],
            "{kind}"
        );
        assert!(read(&disk, 3 * GIB, 8192).unwrap() == [0; 8192], "{kind}");
    }
}

#[test]
fn clusters_that_qemu_stores_in_another_file_are_read() {
    let Some(qemu_img) = tool("qemu-img") else {
        return;
    };
    for options in ["", ",data_file_raw=on", ",extended_l2=on"] {
        let folder = Folder::new();
        let raw = folder.join("raw");
        fs::write(&raw, disk()).unwrap();
        let data = folder.join("data").display().to_string();
        let convert = format!("convert -f raw -O qcow2 -o data_file={data}{options}");
        run(&qemu_img, &convert, &[&raw, &folder.join("disk")]);
        let opened = open(&folder, DiskFormat::Qcow2, "disk");
        check(&opened.source, &disk(), &format!("data file{options}"));
    }
}

/// By libewf, in all its formats with segments.
#[test]
fn forensic_images_of_libewf_are_read() {
    let Some(ewfacquire) = tool("ewfacquirestream") else {
        return;
    };
    let disk = pattern(9, 3 << 20);
    for options in [
        "-f encase1 -c none",
        "-f encase2 -c fast",
        "-f encase3 -c best",
        "-f encase5 -c none -b 16",
        "-f encase6 -c fast -b 4096",
        "-f encase6 -c fast -b 32768",
        "-f ftk -c fast",
        "-f smart -c fast",
        "-f linen6 -c empty-block",
    ] {
        for content in [&disk, &crate::disk_files::disk()] {
            let folder = Folder::new();
            let mut child = Command::new(&ewfacquire)
                .args(options.split(' '))
                .args(["-S", "1048576", "-q", "-t"])
                .arg(folder.join("disk"))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut stdin = child.stdin.take().unwrap();
            stdin.write_all(content).unwrap();
            drop(stdin);
            assert!(child.wait().unwrap().success(), "{options}");
            let opened = open(&folder, DiskFormat::Ewf, "disk.E01");
            check(&opened.source, content, options);
        }
    }
}
