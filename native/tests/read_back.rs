//! `--verify`: what was written is read back from the disk.

use crate::support::{
    lying_device::{LYING_DEVICES, LyingDevice},
    requirements::met_here,
    scene::{Outcome, Scene},
    small_volume::{clone_of, image_of, volume},
};

const VERIFIED: &str = "Verified: read back from the disk, and what was meant to be written\n";

fn report(outcome: &Outcome) -> String {
    String::from_utf8_lossy(outcome.stdout()).into_owned()
}

#[test]
fn what_is_there_is_verified() {
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    for line in [
        "-s -o out volume",
        "-m -s -o out volume",
        "-o out volume",
        "-m -o out volume",
        "--sparse -o out volume",
        "--direct --reflink=never -o out volume",
        "-r -o out image",
        "-r --new-serial -o out image",
    ] {
        let outcome = scene.run(&format!("--verify {line}"));
        outcome.wrote(&["out"]);
        assert!(report(&outcome).contains(VERIFIED), "{line}");
        scene.remove("out");
    }
    scene.run("-r -o out image").wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume));
}

/// It holds clusters twice: those that were written over are not looked for.
#[test]
fn an_image_of_metadata_is_verified_as_well() {
    let scene = Scene::with_volume(&volume().bytes);
    scene.run("-m -s -o image volume").wrote(&["image"]);
    let outcome = scene.run("--verify -r -o out image");
    outcome.wrote(&["out"]);
    assert!(report(&outcome).ends_with(VERIFIED));
}

#[test]
fn a_device_that_lies_is_found_out() {
    if !met_here(LYING_DEVICES) {
        return;
    }
    let volume = volume();
    let scene = Scene::with_volume(&volume.bytes);
    scene.write("image", image_of(&volume));
    let lost = volume.used_clusters().last().expect("some") * 4096;
    for line in ["-r", ""] {
        let source = if line.is_empty() { "volume" } else { "image" };
        let device = LyingDevice::new(volume.bytes.len() as u64, lost);
        let device = device.path().display();
        let outcome = scene.run(&format!("{line} --verify -O {device} {source}"));
        assert_eq!(outcome.code(), Some(1));
        let said = outcome.errors();
        for part in [
            "is half written and not usable",
            "what was read back from bytes",
            "do not trust that disk",
        ] {
            assert!(said.contains(part), "{said}");
        }
    }
}

#[test]
fn what_cannot_be_read_back_is_refused() {
    let scene = Scene::with_volume(&volume().bytes);
    for line in [
        "--verify -s -o - volume",
        "--verify -o - volume",
        "--verify -r -n volume",
        "--verify --rescue -o out volume",
    ] {
        assert_eq!(scene.run(line).code(), Some(2), "{line}");
    }
}
