//! Devices that are used where the list of mounts does not show it, and machines without such a list.

use crate::support::{
    disk::{self, Partition},
    loop_device::LoopDevice,
    program::{find, finish, printed, tool},
    requirements::{DEVICES, Need, VOLUMES, met_here},
    scene::Scene,
    small_volume::{self, image_of},
};
use rustix::fs::OFlags;
use std::{
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    process::{Command, Output, Stdio},
};

const NAMESPACES: &[Need] = &[Need::Root, Need::Tool("unshare"), Need::Tool("mount")];

/// Runs a script in a mount namespace of its own.
fn elsewhere(script: &str) -> Command {
    tool(
        "unshare",
        [
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-e",
            "-c",
            script,
        ],
    )
}

#[test]
fn mounted_in_another_namespace() {
    if !met_here(&[VOLUMES, DEVICES, NAMESPACES].concat()) {
        return;
    }
    for (options, is_refused) in [("rw", true), ("ro", false)] {
        let scene = Scene::with_volume(small_volume::volume().bytes);
        std::fs::create_dir(scene.path("point")).expect("a folder can be made");
        let device = LoopDevice::attach(&scene.path("volume"));
        let device = device.path().to_str().expect("an ordinary name");
        let point = scene.path("point");
        let driver = find("ntfs-3g").expect("it was asked for");
        let script = format!(
            "{} -o {options} {device} {1}; echo; read line; umount {1}",
            driver.display(),
            point.display()
        );
        let mut command = elsewhere(&script);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().expect("unshare starts");
        wait_for_line(&mut holder);
        for (line, out) in [
            (format!("-s -o out1 {device}"), "out1"),
            ("-o out2 volume".to_owned(), "out2"),
            (format!("-s -f -o out3 {device}"), "out3"),
        ] {
            let outcome = scene.run(&line);
            if !is_refused {
                outcome.wrote(&[out]);
                continue;
            }
            assert_eq!(outcome.code(), Some(1), "{line}");
            let expected = format!("is mounted read-write on {} in the mount", point.display());
            assert!(outcome.errors().contains(&expected), "{}", outcome.errors());
            outcome.changed_only(&[]);
        }
        drop(holder.stdin.take());
        let _ = holder.wait();
    }
}

fn wait_for_line(holder: &mut std::process::Child) {
    use std::io::Read;
    let stdout = holder.stdout.as_mut().expect("it is a pipe");
    stdout.read_exact(&mut [0]).expect("it is mounted");
}

#[test]
fn held_by_another_program() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = Scene::with_volume(small_volume::volume().bytes);
    let device = LoopDevice::attach(&scene.path("volume"));
    let name = device.path().to_str().expect("an ordinary name");
    let mut options = OpenOptions::new();
    let options = options.read(true).custom_flags(OFlags::EXCL.bits() as i32);
    let held = options.open(device.path()).expect("nobody else has it");
    let remedy = "it may be mounted in a container, be part of another device, or be written to: \
                  lsblk and fuser -vm may tell; if it does not change, go on with --force";
    let found = format!("{name}: is in use, by something that is not known");
    for line in ["-o out", "-s -o out", "-r -n", "map -o out"] {
        scene.run(&format!("{line} {name}")).refused(&found, remedy);
    }
    scene.run("-o out volume").refused(
        &format!("volume: {name}, on the same bytes, is in use, by something that is not known"),
        remedy,
    );
    scene
        .run(&format!("-f -s -o out {name}"))
        .wrote_with_warning(
            &format!("{found}; what is read is out of date as soon as something is written there"),
            &["out"],
        );
    drop(held);
    scene.run(&format!("-s -o free {name}")).wrote(&["free"]);
}

/// As in an initramfs.
#[test]
fn without_a_list_of_mounts() {
    if !met_here(NAMESPACES) {
        return;
    }
    let volume = small_volume::volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("old", "old");
    let run = |options: &str| -> Output {
        let ours = scene.command(crate::support::program::ours, "");
        let program = Path::new(ours.get_program()).display().to_string();
        let script = format!(
            "mount -t tmpfs none /proc; mount -t tmpfs none /sys; exec {program} {options}"
        );
        let mut command = elsewhere(&script);
        command.current_dir(scene.path("."));
        finish(command)
    };
    let refused = run("-s -o out volume");
    assert_eq!(refused.status.code(), Some(1));
    let text = printed(&refused);
    assert!(
        text.contains("volume: cannot tell whether it is mounted"),
        "{text}"
    );
    assert!(text.contains("go on with --force"), "{text}");
    assert!(!scene.path("out").exists());
    for (options, out) in [
        ("-s -f -o out volume", "out"),
        ("-s -f -O old volume", "old"),
    ] {
        let saved = run(options);
        let text = printed(&saved);
        assert!(saved.status.success(), "{text}");
        assert!(
            text.contains("warning: volume: cannot tell whether it is mounted"),
            "{text}"
        );
        assert!(scene.read(out) == image_of(&volume));
    }
}

#[test]
fn whole_disks_are_no_targets() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let volume = small_volume::volume();
    let partition = |bytes| Partition {
        sector: 64,
        kind: 7,
        bytes,
    };
    let content = vec![0; 3 << 20];
    let partitions = [partition(&content[..])];
    let mbr = disk::with_mbr(&partitions);
    let gpt = disk::with_gpt(&partitions);
    let mut backup = vec![0; mbr.len()];
    let last = backup.len() / 512 - 1;
    backup[last * 512..].copy_from_slice(&gpt[512..1024]);
    backup[last * 512 + 24..last * 512 + 32].copy_from_slice(&(last as u64).to_le_bytes());
    // A volume on all of a disk has the signature of an MBR, too.
    let mut superfloppy = backup.clone();
    superfloppy[..volume.bytes.len()].copy_from_slice(&volume.bytes);
    let lost = "and the partition in it would be lost";
    let table = [
        (&mbr, Some(format!("MBR), {lost}"))),
        (&gpt, Some(format!("GPT), {lost}"))),
        (&backup, Some("GPT), which would be lost".to_owned())),
        (&superfloppy, None),
        (&vec![0; mbr.len()], None),
    ];
    let scene = small_volume::scene();
    for (bytes, found) in table {
        scene.write("disk", bytes);
        let device = LoopDevice::attach(&scene.path("disk"));
        let name = device.path().to_str().expect("an ordinary name");
        for line in [
            "-O {} volume",
            "-s -O {} volume",
            "-r -O {} image",
            "--rescue -O {} volume",
        ] {
            let line = line.replace("{}", name);
            let Some(found) = &found else {
                assert_eq!(scene.run(&line).code(), Some(0), "{line}");
                continue;
            };
            scene.run(&line).refused(
                &format!("{name}: has a partition table ({found}"),
                "name one of its partitions; or write over the whole disk with --force",
            );
        }
        if found.is_some() {
            assert!(scene.read("disk") == **bytes);
            let forced = scene.run(&format!("-f -O {name} volume"));
            assert_eq!(forced.code(), Some(0), "{}", forced.errors());
        }
    }
}
