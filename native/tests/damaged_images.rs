//! Images that are cut short, too long, damaged, or none at all: refused, with the place of the damage.

use crate::support::{
    old_device::{LEFT, OldDevice},
    requirements::{DEVICES, Need, met_here},
    scene::{Scene, error_text},
    small_volume::{self, clone_of, image_of, volume},
};
use std::fs;

#[test]
fn truncated() {
    let image = image_of(&volume());
    let scene = Scene::new();
    scene.write("image", "");
    scene
        .run("-r -o out image")
        .refused("image: is empty", "was it written completely?");
    scene
        .run_with_input("-r -o out -", &[])
        .refused("standard input: is empty", "was it written completely?");

    let commands = commands(&image);
    let mut lengths: Vec<usize> = (1..70).collect();
    for &command in commands.iter().step_by(11).chain(commands.last()) {
        lengths.extend([command, command + 1, command + 5, command + 9]);
    }
    lengths.push(image.len() - 1);
    for length in lengths {
        scene.write("image", &image[..length]);
        let message = |name| format!("{name}: {}", small_volume::truncated(&image[..length]));
        scene
            .run("-n -r image")
            .refused(&message("image"), small_volume::DAMAGED);
        if length % 5 == 0 {
            scene
                .run("-r -o out image")
                .refused(&message("image"), small_volume::DAMAGED);
            scene
                .run_with_input("-r -o out -", &image[..length])
                .refused(&message("standard input"), small_volume::DAMAGED);
        }
    }
}

#[test]
fn trailing_bytes() {
    let image = image_of(&volume());
    let scene = Scene::new();
    let end = image.len();
    let mut filled = image.clone();
    // One whole read of the program: what follows comes alone in the next.
    let padding = (4 << 20) - end;
    filled.splice(56..56, vec![0; padding]);
    filled[46..50].copy_from_slice(&(56 + padding as u32).to_le_bytes());
    assert_eq!(filled.len(), 4 << 20);
    scene.write("image", &filled);
    scene.run("-n -r image").wrote(&[]);

    for (image, more, found) in [
        (&image, vec![0], "0x0"),
        (&image, b"x".to_vec(), "0x78"),
        (&image, vec![1; 5 << 20], "0x1"),
        (&image, image.clone(), "0x0"),
        (&filled, vec![7], "0x7"),
    ] {
        let longer = [&image[..], &more[..]].concat();
        scene.write("image", &longer);
        let message = |name| {
            format!(
                "{name}: the image command at byte {:#x} is damaged: the byte after its end is \
                 {found}, expected nothing",
                image.len()
            )
        };
        for line in ["-n -r image", "-r -o out image"] {
            scene
                .run(line)
                .refused(&message("image"), small_volume::DAMAGED);
        }
        scene
            .run_with_input("-r -o out -", &longer)
            .refused(&message("standard input"), small_volume::DAMAGED);
    }
}

#[test]
fn bad_commands() {
    let image = image_of(&volume());
    let commands = commands(&image);
    let gap = *commands
        .iter()
        .find(|&&at| image[at] == 0)
        .expect("there is a gap");
    let last = *commands.last().expect("there is a last one");
    let table: &[(usize, &[u8], &str)] = &[
        (commands[0], &[2], "a command is 0x2, expected 0 or 1"),
        (commands[40], &[0xFF], "a command is 0xff, expected 0 or 1"),
        (last, b"x", "a command is 0x78, expected 0 or 1"),
        (
            gap,
            &[0; 9],
            "a gap's count is 0x0, expected one that stays within the volume",
        ),
        (
            gap,
            b"\0\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F",
            "a gap's count is 0x7fffffffffffffff, expected one that stays within the volume",
        ),
        (
            gap,
            b"\0\0\0\0\0\0\0\0\x80",
            "a gap's count is 0x8000000000000000, expected one that stays within the volume",
        ),
        (
            gap,
            b"\0\x01\x02\0\0\0\0\0\0",
            "a gap's count is 0x201, expected one that stays within the volume",
        ),
    ];
    let scene = Scene::new();
    for (offset, bytes, found) in table {
        let mut bad = image.clone();
        bad[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        scene.write("image", &bad);
        let message =
            |name| format!("{name}: the image command at byte {offset:#x} is damaged: {found}");
        for line in ["-n -r image", "-r -o out image", "-r -O out image"] {
            scene
                .run(line)
                .refused(&message("image"), small_volume::DAMAGED);
        }
        scene
            .run_with_input("-r -o out -", &bad)
            .refused(&message("standard input"), small_volume::DAMAGED);
    }
}

#[test]
fn impossible_headers() {
    let size = "its cluster size is";
    let power = "expected a power of two from 256 to 2 MiB";
    let number = "its number of clusters is";
    let within = "expected at least 1, and within its device size";
    let table: &[(usize, &[u8], String)] = &[
        (16, &[11], "is not supported (10 or below is)".into()),
        (16, &[255], "is not supported (10 or below is)".into()),
        (18, &[0, 0, 0, 0], format!("{size} 0x0, {power}")),
        (18, &[1, 16, 0, 0], format!("{size} 0x1001, {power}")),
        (18, &[128, 0, 0, 0], format!("{size} 0x80, {power}")),
        (18, &[0, 0, 64, 0], format!("{size} 0x400000, {power}")),
        (18, &[0, 0, 0, 128], format!("{size} 0x80000000, {power}")),
        (22, &[0; 8], format!("{number} 0x200, {within}")),
        (
            22,
            &[255; 8],
            "its device size is 0xffffffffffffffff, expected less than 2^63".into(),
        ),
        (30, &[0; 8], format!("{number} 0x0, {within}")),
        (
            30,
            &[1, 2, 0, 0, 0, 0, 0, 0],
            format!("{number} 0x201, {within}"),
        ),
        (
            30,
            &[0, 0, 0, 0, 0, 0, 0, 1],
            format!("{number} 0x100000000000000, {within}"),
        ),
        (
            46,
            &[0; 4],
            "the offset of its data is 0x0, expected at least 50".into(),
        ),
        (
            46,
            &[49, 0, 0, 0],
            "the offset of its data is 0x31, expected at least 50".into(),
        ),
    ];
    let image = image_of(&volume());
    let scene = Scene::new();
    for (offset, bytes, found) in table {
        let mut bad = image.clone();
        bad[*offset..*offset + bytes.len()].copy_from_slice(bytes);
        scene.write("image", &bad);
        // The field in question is named by its place; a wrong device size shows in the next one.
        let place = if found.starts_with(number) {
            30
        } else {
            *offset
        };
        let message = match offset {
            16 => format!(
                "image: the image header at byte 0x10: major version {:#x} {found}",
                bytes[0]
            ),
            _ => format!("image: the image header at byte {place:#x} is damaged: {found}"),
        };
        let remedy = match offset {
            16 => "is there a newer version of this program?",
            _ => small_volume::DAMAGED,
        };
        for line in ["-n -r image", "-r -o out image", "-r -o - image"] {
            let outcome = scene.run(line);
            outcome.refused(&message, remedy);
            assert!(outcome.stdout().is_empty(), "{line}");
        }
    }
    // What stands between the header and the data is nobody's business; the clusters in use are there for a bar.
    let mut odd = image.clone();
    odd[38..46].fill(0xFF);
    odd[50..56].fill(0xEE);
    odd.splice(56..56, [0x77; 9]);
    odd[46..50].copy_from_slice(&65_u32.to_le_bytes());
    scene.write("image", odd);
    scene.run("-r -o out image").wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume()));
}

/// The header is what is wrong with it, not the file.
#[test]
fn image_with_a_damaged_start_is_an_image() {
    let scene = Scene::new();
    for damaged in [0..7, 0..50] {
        let mut image = image_of(&volume());
        image[damaged].fill(0x5A);
        scene.write("image", image);
        let errors = scene.run("-r -o out image").errors();
        let found = "image: the image header at byte 0x0 is damaged: its magic is 0x5a5a5a5a5a5a5a";
        assert!(errors.contains(found), "{errors}");
    }
}

#[test]
fn no_image() {
    let scene = Scene::new();
    scene.write(
        "image",
        "just a text, and a long one: of some more than fifty characters",
    );
    let unknown =
        "is neither an image of ntfsclone nor an NTFS volume, nor anything else that is known";
    let remedy = "is it the right file? If it was an image, restore what is left of it with \
                  --restore-image --rescue";
    for line in [
        "-r -o out image",
        "-n -r image",
        "verify image",
        "info image",
    ] {
        scene
            .run(line)
            .refused(&format!("image: {unknown}"), remedy);
    }
    let text = scene.read("image");
    let outcome = scene.run_with_input("-r -o out -", &text);
    outcome.refused(&format!("standard input: {unknown}"), remedy);
    scene.remove("image");
    let missing = "cannot open image: No such file or directory";
    scene.run("-r -o out image").refused(missing, "");
    fs::create_dir(scene.path("image")).expect("cannot make a folder");
    let remedy = "name an image file, or - for standard input";
    scene
        .run("-r -o out image")
        .refused("image: is a directory", remedy);
}

/// What can be checked first costs the target nothing.
#[test]
fn bad_image_for_a_target_in_place() {
    if !met_here(&[&[Need::Root], DEVICES].concat()) {
        return;
    }
    let image = image_of(&volume());
    let end = image.len() - 10;
    let scene = Scene::new();
    scene.write("image", &image[..end]);
    scene.write("target", [LEFT; 10000]);
    let device = OldDevice::new(volume().bytes.len());
    let found = |name| format!("{name}: {}", small_volume::truncated(&image[..end]));
    for line in [
        format!("-r -O {} image", device.name()),
        "-r --in-place -O target image".into(),
    ] {
        scene
            .run(&line)
            .refused(&found("image"), small_volume::DAMAGED);
    }
    assert!(
        device.content() == vec![LEFT; volume().bytes.len()],
        "the device was written to"
    );

    for target in [device.name(), "target"] {
        let outcome = scene.run_with_input(&format!("-r --in-place -O {target} -"), &image[..end]);
        let message = format!(
            "{target} is half written and not usable: {}",
            found("standard input")
        );
        outcome.failed(1, &error_text(&message, small_volume::DAMAGED));
    }
    // Of a header that is wrong, too little is known to begin at all.
    let device = OldDevice::new(volume().bytes.len());
    let outcome = scene.run_with_input(&format!("-r -O {} -", device.name()), &image[..40]);
    assert_eq!(outcome.code(), Some(1));
    assert!(
        !outcome.errors().contains("half written"),
        "{}",
        outcome.errors()
    );
    assert!(
        device.content() == vec![LEFT; volume().bytes.len()],
        "the device was written to"
    );
}

/// Where the commands of an image of the small volume stand.
fn commands(image: &[u8]) -> Vec<usize> {
    let mut commands = Vec::new();
    let mut at = 56;
    while at < image.len() {
        commands.push(at);
        at += match image[at] {
            0 => 9,
            // Only the last cluster is shorter.
            _ => 1 + 4096,
        };
    }
    commands
}
