//! `extract --xattrs`: what NTFS has beside content, by the names and with the values of ntfs-3g.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use ntfs_volume_builder::{File, FileData};

use crate::extract::ended;
use crate::support::{
    mount::Mount,
    program::{succeed, tool},
    requirements::{Need, VOLUMES, met_here},
    scene::Scene,
    small_volume::builder,
};

const SYSTEM: [&str; 3] = ["ntfs_acl", "ntfs_attrib_be", "ntfs_crtime_be"];

/// What the files and directories are called that the volume has.
const PATHS: [&str; 3] = ["docs", "docs/file", "docs/hidden"];

/// All extended attributes of a file; those of `prefix` without it.
fn attributes(path: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let names = xattr::list(path).unwrap();
    let names = names.map(|name| name.into_string().unwrap());
    // ntfs-3g does not list its own.
    let system = SYSTEM.map(|name| format!("{prefix}{name}"));
    let names = names.chain(system.clone()).map(|name| {
        let value = xattr::get(path, &name).unwrap();
        let value = value.unwrap_or_else(|| panic!("{path:?} has no {name}"));
        match system.contains(&name) {
            true => (name[prefix.len()..].to_owned(), value),
            false => (name, value),
        }
    });
    names.collect()
}

/// A volume with streams, attributes and two security descriptors.
fn make(volume: &Path) {
    let file = fs::File::create(volume).unwrap();
    file.set_len(16 << 20).unwrap();
    let mut format = Command::new("mkntfs");
    let formatted = format.args(["-q", "-F", "-f"]).arg(volume).output();
    assert!(formatted.unwrap().status.success());
    let mount = Mount::read_write(volume);
    let at = |name: &str| mount.path().join(name);
    fs::create_dir(at("docs")).unwrap();
    fs::write(at("docs/file"), "content").unwrap();
    fs::write(at("docs/hidden"), "content").unwrap();
    xattr::set(at("docs/file"), "user.of file, 100%", b"stream\0").unwrap();
    xattr::set(at("docs"), "user.of directory", b"stream").unwrap();
    // Hidden and read-only.
    xattr::set(at("docs/hidden"), "system.ntfs_attrib_be", &[0, 0, 0, 3]).unwrap();
    // Everybody may read, no more.
    let mut descriptor = xattr::get(at("docs/hidden"), "system.ntfs_acl")
        .unwrap()
        .unwrap();
    let len = descriptor.len();
    let mask = 0x001f_01ff_u32.to_le_bytes();
    let position = (0..len - 4)
        .find(|at| descriptor[*at..*at + 4] == mask)
        .unwrap();
    descriptor[position..position + 4].copy_from_slice(&0x0012_0089_u32.to_le_bytes());
    xattr::set(at("docs/hidden"), "system.ntfs_acl", &descriptor).unwrap();
    mount.unmount();
}

#[test]
fn attributes_are_those_of_a_mount() {
    if !met_here(VOLUMES) {
        return;
    }
    let scene = Scene::new();
    make(&scene.path("volume"));
    let mount = Mount::read_only(&scene.path("volume"));
    let expected = PATHS.map(|path| attributes(&mount.path().join(path), "system."));
    assert_ne!(expected[1]["ntfs_acl"], expected[2]["ntfs_acl"]);

    // This file system has no place for those of the system.
    let outcome = scene.run("extract volume --xattrs -C out");
    let warning = "out: this file system has no system.ntfs_acl, it is user.ntfs_acl there";
    ended(&outcome, 0, warning);
    assert_eq!(outcome.errors().matches("warning").count(), 1);
    let out = scene.path("out");
    let check = |folder: &Path, prefix: &str| {
        for (path, expected) in PATHS.iter().zip(&expected) {
            assert_eq!(&attributes(&folder.join(path), prefix), expected, "{path}");
        }
    };
    check(&out, "user.");
    let mode = |name: &str| fs::metadata(out.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("docs/hidden") & 0o222, 0);
    assert_ne!(mode("docs/file") & 0o222, 0);

    scene
        .run("extract volume --xattrs -o files.tar")
        .wrote(&["files.tar"]);
    for (program, options) in [("tar", "--xattrs"), ("bsdtar", "--xattrs")] {
        if met_here(&[Need::Tool(program)]) {
            fs::create_dir(scene.path(program)).unwrap();
            let mut unpack = tool(program, [options, "-xf", "../files.tar"]);
            unpack.current_dir(scene.path(program));
            succeed(unpack);
            check(&scene.path(program), "user.");
        }
    }

    // On NTFS they are as they were, but for the attribute of files that were changed.
    let other = Scene::new();
    make(&other.path("target"));
    let target = Mount::read_write(&other.path("target"));
    let folder = target.path().join("out");
    let line = format!("extract volume --xattrs -C {}", folder.display());
    ended(&scene.run(&line), 0, "");
    const ARCHIVE: u8 = 0x20;
    for (path, expected) in PATHS.iter().zip(&expected) {
        let mut found = attributes(&folder.join(path), "system.");
        let mut expected = expected.clone();
        for attributes in [&mut found, &mut expected] {
            attributes.get_mut("ntfs_attrib_be").unwrap()[3] |= ARCHIVE;
        }
        assert_eq!(found, expected, "{path}");
    }
}

/// A stream that is not an extended attribute is named, and all else is there.
#[test]
fn streams_that_are_no_attributes_are_named() {
    let volume = builder()
        .file(
            "Papers/file",
            File::new()
                .data(FileData::Resident(b"content".to_vec()))
                .stream("large", FileData::Bytes(vec![1; 70_000]))
                .stream("ntfs_acl", FileData::Resident(b"not one".to_vec()))
                .stream("small", FileData::Resident(b"stream".to_vec())),
        )
        .build();
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("extract volume --xattrs Papers -C out");
    ended(
        &outcome,
        3,
        "/Papers/file:large: a stream of more than 64 KiB",
    );
    ended(
        &outcome,
        3,
        "/Papers/file:ntfs_acl: the name is that of another",
    );
    assert_eq!(scene.read("out/Papers/file"), b"content");
    let found = attributes(&scene.path("out/Papers/file"), "user.");
    assert_eq!(found["user.small"], b"stream");
    assert!(!found.contains_key("user.large"));
    // That of all files, which the builder has put into `$Secure`.
    assert_eq!(found["ntfs_acl"][..4], [1, 0, 4, 0x80]);
}
