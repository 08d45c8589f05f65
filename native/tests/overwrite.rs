//! `--overwrite`: what was there stays until the new file is complete, and what must not be written to is not.

use crate::support::{
    loop_device::LoopDevice,
    requirements::{DEVICES, Need, met_here},
    scene::error_text,
    small_volume::{self, clone_of, image_of, volume},
};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{FileTypeExt, PermissionsExt, symlink},
    thread,
};
const OLD: &[u8] = b"what was there before";

/// The old file stays as it was until the new one is complete, and gives it its mode.
#[test]
fn replaces_when_complete() {
    let scene = small_volume::scene();
    let clone = clone_of(&volume());
    for (line, expected) in [
        ("-O out volume", &clone),
        ("-s -O out volume", &image_of(&volume())),
        ("-r -O out image", &clone),
        ("-r --in-place -O out image", &clone),
        ("--in-place -O out volume", &clone),
    ] {
        // Longer than any new one.
        scene.write("out", vec![0xA5; 3 << 20]);
        fs::set_permissions(scene.path("out"), Permissions::from_mode(0o640)).expect("it is ours");
        scene.run(line).wrote(&["out"]);
        assert!(scene.read("out") == *expected, "{line}: other bytes");
        assert_eq!(scene.mode("out"), 0o640, "{line}");
        scene.remove("out");
        // It need not exist.
        scene.run(line).wrote(&["out"]);
        assert!(scene.read("out") == *expected, "{line}: other bytes");
        scene.remove("out");
    }
}

#[test]
fn keeps_the_old_file_when_it_fails() {
    let scene = small_volume::scene();
    scene.write("out", OLD);
    scene.run("-r -O out cut").refused(
        &small_volume::cut_error(&scene, "cut"),
        small_volume::DAMAGED,
    );
    scene
        .run_with_input("-r -O out -", &scene.read("cut"))
        .refused(
            &small_volume::cut_error(&scene, "standard input"),
            small_volume::DAMAGED,
        );
    // Checked before anything is written, where that can be; said what is lost, where it cannot.
    scene.run("-r --in-place -O out cut").refused(
        &small_volume::cut_error(&scene, "cut"),
        small_volume::DAMAGED,
    );
    let outcome = scene.run_with_input("-r --in-place -O out -", &scene.read("cut"));
    let what = "out is half written and not usable: ";
    let message = format!(
        "{what}{}",
        small_volume::cut_error(&scene, "standard input")
    );
    outcome.failed(1, &error_text(&message, small_volume::DAMAGED));
    outcome.changed_only(&["out"]);
}

#[test]
fn follows_links() {
    let scene = small_volume::scene();
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    scene.write("folder/real", OLD);
    symlink("folder/real", scene.path("link")).expect("cannot make a link");
    for line in ["-O link volume", "--in-place -O link volume"] {
        scene.run(line).wrote(&["folder/real"]);
        assert!(scene.read("folder/real") == clone_of(&volume()), "{line}");
        scene.write("folder/real", OLD);
    }
}

#[test]
fn refuses_its_source() {
    let scene = small_volume::scene();
    for original in ["volume", "image"] {
        fs::hard_link(scene.path(original), scene.path(&format!("{original} 2")))
            .expect("cannot make a link");
        symlink(original, scene.path(&format!("{original}-link"))).expect("cannot make a link");
        symlink(
            format!("{original}-link"),
            scene.path(&format!("{original}-links")),
        )
        .expect("cannot make a link");
    }
    fs::rename(scene.path("volume 2"), scene.path("volume-hard")).expect("it is there");
    fs::rename(scene.path("image 2"), scene.path("image-hard")).expect("it is there");
    for kind in ["", "-link", "-links", "-hard"] {
        for (line, source) in [
            ("", "volume"),
            ("--in-place", "volume"),
            ("-s", "volume"),
            ("-r", "image"),
            ("-r --in-place", "image"),
        ] {
            scene
                .run(&format!("{line} -O {source}{kind} {source}"))
                .refused(
                    &format!("{source}{kind}: is what is being read, or lies on it"),
                    "write somewhere else",
                );
        }
    }
}

#[test]
fn refuses_what_lies_below_its_source() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let scene = small_volume::scene();
    let devices = [(); 2].map(|()| LoopDevice::attach(&scene.path("volume")));
    let [first, second] = devices
        .each_ref()
        .map(|device| device.path().display().to_string());
    for (target, source) in [
        ("volume", first.as_str()),
        (&first, "volume"),
        (&first, &second),
        (&first, &first),
    ] {
        for line in ["", "-s", "--in-place"] {
            scene.run(&format!("{line} -O {target} {source}")).refused(
                &format!("{target}: is what is being read, or lies on it"),
                "write somewhere else",
            );
        }
    }
}

#[test]
fn refuses_folders() {
    let scene = small_volume::scene();
    fs::create_dir(scene.path("folder")).expect("cannot make a folder");
    for line in [
        "-O folder volume",
        "-s -O folder volume",
        "-r -O folder image",
    ] {
        scene
            .run(line)
            .refused("folder: is a directory", "name a file in it");
    }
}

/// Written straight; what they were they stay.
#[test]
fn pipes_and_character_devices() {
    let scene = small_volume::scene();
    for line in [
        "-O /dev/null volume",
        "-s -O /dev/null volume",
        "-r -O /dev/null image",
    ] {
        scene.run(line).wrote(&[]);
        let kind = fs::metadata("/dev/null").expect("it is there").file_type();
        assert!(kind.is_char_device(), "{line} replaced /dev/null");
    }
    scene.make_pipe("pipe");
    for (line, expected) in [
        ("-O pipe volume", clone_of(&volume())),
        ("-s -O pipe volume", image_of(&volume())),
        ("-r -O pipe image", clone_of(&volume())),
    ] {
        let pipe = scene.path("pipe");
        let reader = thread::spawn(move || fs::read(pipe).expect("the pipe can be read"));
        scene.run(line).wrote(&[]);
        assert!(reader.join().expect("it ends") == expected, "{line}");
    }
}
