//! Block devices as source and as target.

use crate::support::{
    loop_device::LoopDevice,
    old_device::{LEFT, OldDevice},
    program::ours,
    requirements::{DEVICES, Need, met_here},
    scene::Scene,
    small_volume::{builder, clone_of, image_of, volume},
};
use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    process::Stdio,
};

fn available() -> bool {
    met_here(&[&[Need::Root], DEVICES].concat())
}

#[test]
fn too_small() {
    if !available() {
        return;
    }
    let volume = volume();
    let length = volume.bytes.len();
    let least = volume.used_clusters().count() * 4096 + 512;
    let remedy = format!(
        "its files need {least} bytes: --size=fill makes the volume as large as the device"
    );
    for size in [length - 512, length - 4096, 1 << 20] {
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", image_of(&volume));
        let target = OldDevice::new(size);
        let name = target.name();
        for line in [
            "-O NAME volume",
            "--in-place -O NAME volume",
            "-r -O NAME image",
        ] {
            scene.run(&line.replace("NAME", name)).refused(
                &format!("{name}: has {size} bytes, {length} are needed"),
                &remedy,
            );
        }
        assert!(target.content() == vec![LEFT; size], "{size}: written to");
    }
}

/// Gaps leave a device as it is, whatever is cloned to it; what lies behind the volume is not its business.
#[test]
fn large_enough() {
    if !available() {
        return;
    }
    for (volume, more) in [
        (volume(), 0),
        (volume(), 10 * 4096),
        (builder().device_tail(0).build(), 512),
        (builder().extra_sectors(5).device_tail(4096).build(), 0),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        let length = volume.bytes.len();
        let target = OldDevice::new(length + more);
        let outcome = scene.run(&format!("-O {} volume", target.name()));
        outcome.wrote(&[]);
        let mut expected = vec![LEFT; length + more];
        let copied = volume.used_clusters().chain([volume.geometry.clusters]);
        for start in copied.map(|cluster| cluster as usize * 4096) {
            let range = start..length.min(start + 4096);
            expected[range.clone()].copy_from_slice(&volume.bytes[range]);
        }
        assert!(target.content() == expected, "other bytes, {more} more");
    }
}

/// A source on a longer device brings more bytes than the volume has; the target need not have room for these.
#[test]
fn only_what_belongs_to_the_volume_needs_room() {
    if !available() {
        return;
    }
    let volume = builder().device_tail(2048).build();
    let scene = Scene::with_volume(&volume.bytes);
    let length = volume.geometry.volume_size() as usize + 512;
    let target = OldDevice::new(length);
    scene
        .run(&format!("-O {} volume", target.name()))
        .wrote(&[]);
    let backup = &target.content()[length - 512..];
    assert!(
        backup == &volume.bytes[length - 512..length],
        "no backup boot sector"
    );
}

#[test]
fn in_use() {
    if !available() {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let target = OldDevice::new(volume.bytes.len());
    let name = target.name();
    let exclusive = rustix::fs::OFlags::EXCL.bits().cast_signed();
    let held = OpenOptions::new()
        .read(true)
        .custom_flags(exclusive)
        .open(name);
    let held = held.expect("nobody uses it");
    for line in ["-O NAME volume", "-s -O NAME volume", "-r -O NAME image"] {
        scene.run(&line.replace("NAME", name)).refused(
            &format!("{name}: is in use (mounted, swap, part of another device, or written by another run)"),
            "unmount it, or wait for the other run to end",
        );
    }
    drop(held);
    assert!(
        target.content() == vec![LEFT; volume.bytes.len()],
        "written to"
    );
    scene.run(&format!("-O {name} volume")).wrote(&[]);
}

#[test]
fn read_only() {
    if !available() {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("other", &volume.bytes);
    let device = LoopDevice::attach_read_only(&scene.path("volume"));
    let name = device.path().display();
    for line in ["-O NAME other", "-s -O NAME other"] {
        scene.run(&line.replace("NAME", &name.to_string())).refused(
            &format!("{name}: is read-only"),
            "is it write-protected? blockdev --setrw may help",
        );
    }
    // To be read is all that is asked of a source.
    scene.run(&format!("-o clone {name}")).wrote(&["clone"]);
    assert!(scene.read("clone") == clone_of(&volume));
    scene.run(&format!("-s -o image {name}")).wrote(&["image"]);
    assert!(scene.read("image") == image_of(&volume));
}

/// Metadata alone would take the place of a volume that somebody may want.
#[test]
fn metadata_to_a_device() {
    if !available() {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let target = OldDevice::new(volume.bytes.len());
    let name = target.name();
    scene.run(&format!("-m -O {name} volume")).refused(
        &format!("{name}: is a device, and metadata alone would take the place of what is on it"),
        "write metadata to a file; or do it all the same with --force",
    );
    assert!(
        target.content() == vec![LEFT; volume.bytes.len()],
        "written to"
    );
    scene.run(&format!("-m -f -O {name} volume")).wrote(&[]);
    assert!(target.content()[..512] == volume.bytes[..512]);
}

/// A device is never created, and never overwritten without being asked to.
#[test]
fn output_refuses_devices() {
    if !available() {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    let target = OldDevice::new(volume.bytes.len());
    let name = target.name();
    for line in ["-o NAME volume", "-s -o NAME volume"] {
        scene.run(&line.replace("NAME", name)).refused(
            &format!("{name}: exists already"),
            "--output never overwrites; give another name, or use --overwrite",
        );
    }
}

/// The source is open for reading only, while the program waits for somebody to take its output.
#[test]
fn source_is_opened_read_only() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    for line in ["-o - volume", "-s -f -o - volume"] {
        let mut command = scene.command(ours, line);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("it starts");
        let mut stdout = child.stdout.take().expect("piped above");
        stdout.read_exact(&mut [0; 10]).expect("it writes");
        let process = PathBuf::from(format!("/proc/{}", child.id()));
        let mut handles = 0;
        for entry in fs::read_dir(process.join("fd")).expect("it runs") {
            let entry = entry.expect("it can be listed");
            let Ok(path) = fs::read_link(entry.path()) else {
                continue;
            };
            if path != scene.path("volume") {
                continue;
            }
            handles += 1;
            let info = fs::read_to_string(process.join("fdinfo").join(entry.file_name()));
            let info = info.expect("it is open");
            let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
            let flags = u32::from_str_radix(flags.expect("Linux says so").trim(), 8);
            assert_eq!(
                flags.expect("it is octal") & 0o3,
                0,
                "{line}: not read-only"
            );
        }
        assert!(handles > 0, "{line}: the source is not open");
        drop(stdout);
        child.wait().expect("it ends");
    }
}
