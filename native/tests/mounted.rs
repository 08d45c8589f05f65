//! Volumes that are mounted, under all their names: no target, and while they can be written to no source.

use crate::support::{
    loop_device::LoopDevice,
    mount::Mount,
    requirements::{DEVICES, VOLUMES, met_here},
    scene::Scene,
    small_volume::{self, clone_of},
};
use std::{fs, os::unix::fs::symlink, path::Path};

/// Whatever it is called by: its name, a link, a device over it.
#[test]
fn mounted() {
    if !met_here(&[VOLUMES, DEVICES].concat()) {
        return;
    }
    let volume = small_volume::volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("other", &volume.bytes);
    symlink("volume", scene.path("link")).expect("cannot make a link");
    fs::hard_link(scene.path("volume"), scene.path("second")).expect("cannot make a link");
    let device = LoopDevice::attach(&scene.path("volume"));
    let device = device.path().to_str().expect("an ordinary name");
    let names = ["volume", "link", "second", "./volume", device];

    let mount = Mount::read_write(&scene.path("volume"));
    for name in names {
        assert_mounted(&scene, name, mount.path(), true);
    }
    mount.unmount();

    // ntfs-3g, writing, leaves its marks on the volume.
    scene.write("volume", &volume.bytes);
    let mount = Mount::read_only(&scene.path("volume"));
    for name in names {
        assert_mounted(&scene, name, mount.path(), false);
        scene.run(&format!("-o clone {name}")).wrote(&["clone"]);
        assert!(scene.read("clone") == clone_of(&volume), "{name}");
        scene.remove("clone");
    }
    mount.unmount();
    for name in names {
        scene.run(&format!("-o clone {name}")).wrote(&["clone"]);
        scene.remove("clone");
    }
}

/// What is mounted as `proc` everywhere is no file, here or elsewhere.
#[test]
fn a_file_with_the_name_of_a_file_system_is_not_mounted() {
    let volume = small_volume::volume();
    let scene = Scene::new();
    scene.write("proc", &volume.bytes);
    scene.run("-o clone proc").wrote(&["clone"]);
    assert!(scene.read("clone") == clone_of(&volume));
}

/// A mounted device is also its file, and any other device over that.
#[test]
fn mounted_device() {
    if !met_here(&[VOLUMES, DEVICES].concat()) {
        return;
    }
    let volume = small_volume::volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("other", &volume.bytes);
    let devices = [(); 2].map(|()| LoopDevice::attach(&scene.path("volume")));
    let [first, second] = devices
        .each_ref()
        .map(|device| device.path().to_str().expect("an ordinary name"));
    for (writable, mount) in [
        (true, Mount::read_write as fn(&Path) -> Mount),
        (false, Mount::read_only),
    ] {
        let mount = mount(first.as_ref());
        for name in [first, second, "volume"] {
            assert_mounted(&scene, name, mount.path(), writable);
        }
        mount.unmount();
    }
}

/// It is no target; nor, while it can be written to, a source.
#[track_caller]
fn assert_mounted(scene: &Scene, name: &str, point: &Path, writable: bool) {
    let point = point.display();
    if writable {
        for line in ["-s -o out", "-o out"] {
            scene.run(&format!("{line} {name}")).refused(
                &format!("{name}: is mounted read-write on {point}"),
                &format!(
                    "a volume that changes while it is read gives a broken copy; umount {point} \
                     first, or mount -o remount,ro {point}"
                ),
            );
        }
    }
    for line in ["-O", "--in-place -O", "-s -O"] {
        scene.run(&format!("{line} {name} other")).refused(
            &format!("{name}: is mounted on {point}"),
            &format!("umount {point} first"),
        );
    }
}
