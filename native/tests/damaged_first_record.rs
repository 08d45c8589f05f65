//! Volumes whose MFT record 0 is damaged, in all commands that look inside: with its copy in `$MFTMirr`, and without.

use std::fs;

use ntfs_volume_builder::{FileData, Volume};
use rustix::process::Signal;

use crate::extract::ended;
use crate::support::{
    fuse_mount::FuseMount,
    nbd_client::Client,
    requirements::{Need, met_here},
    scene::Scene,
    server::Server,
    small_volume::builder,
};

const FUSE: &[Need] = &[Need::Root, Need::Fuse, Need::Tool("umount")];

const WARNING: &str = "volume: MFT record 0 is damaged; its copy at byte";
const REFUSAL: &str = "volume: no file is known: $MFT cannot be found, nor by its copy in $MFTMirr";

fn volume() -> Volume {
    let file = FileData::Resident(b"content".to_vec());
    let mut volume = builder().file("file", file).build();
    volume.tear_record(0);
    volume
}

/// Of that the copy is damaged, too.
fn volume_without_copy() -> Volume {
    let mut volume = volume();
    volume.patch_mirror_record(0, |record| record[..4].fill(0));
    volume
}

#[test]
fn its_copy_is_used_with_a_warning() {
    let scene = Scene::with_volume(&volume().bytes);
    for line in [
        "info volume",
        "ls volume",
        "cat volume file",
        "extract volume file -C out",
        "extract volume file -o files.tar",
    ] {
        ended(&scene.run(line), 0, WARNING);
    }
    assert_eq!(scene.run("cat volume file").stdout(), b"content");
    assert_eq!(scene.read("out/file"), b"content");
}

#[test]
fn its_copy_is_used_to_mount() {
    if !met_here(FUSE) {
        return;
    }
    let scene = Scene::with_volume(&volume().bytes);
    let mount = FuseMount::start(&scene, "volume");
    assert!(mount.announced.contains(WARNING), "{}", mount.announced);
    assert_eq!(fs::read(mount.path("file")).unwrap(), b"content");
    assert_eq!(mount.unmount().0, Some(0));
}

#[test]
fn the_volume_is_served_as_it_is_with_a_warning() {
    for (volume, warning) in [
        (volume(), WARNING),
        (
            volume_without_copy(),
            "volume: the volume cannot be opened, and is served as it is",
        ),
    ] {
        let scene = Scene::with_volume(&volume.bytes);
        let server = Server::start(&scene, "volume");
        let mut client = Client::connect(&server.socket);
        assert!(client.read_all() == volume.bytes);
        drop(client);
        let (_, errors) = server.end(Signal::TERM);
        assert!(errors.contains(warning), "{errors}");
    }
}

#[test]
fn without_its_copy_no_file_is_known() {
    let scene = Scene::with_volume(&volume_without_copy().bytes);
    fs::create_dir(scene.path("mnt")).unwrap();
    let remedy =
        "save all of it with --rescue; programs such as photorec look for files in the copy";
    for line in [
        "ls volume",
        "cat volume file",
        "extract volume -C out",
        "mount volume mnt",
    ] {
        let outcome = scene.run(line);
        ended(&outcome, 1, REFUSAL);
        ended(&outcome, 1, remedy);
    }
    assert!(!scene.path("out").exists());
}
