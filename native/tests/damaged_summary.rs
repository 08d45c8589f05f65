//! Rot in what is around the frames of a compressed image: no data is lost, and `verify`
//! notices. `core/tests/seekable` flips every bit; here are some, in every form of input.

use crate::support::{scene::Scene, small_volume::volume};

/// A compressed image, and where its summary begins.
fn image(scene: &Scene) -> (Vec<u8>, usize) {
    scene
        .run("-q -s --compress -o sound volume")
        .wrote(&["sound"]);
    let bytes = scene.read("sound");
    let start = bytes.windows(8).position(|window| window == b"ntfsclnz");
    (bytes, start.expect("it has a summary") - 8)
}

#[test]
fn flipped_bits_behind_the_frames_are_found_in_files_pieces_and_pipes() {
    let scene = Scene::with_volume(&volume().bytes);
    let (sound, start) = image(&scene);
    let last = sound.len() - 1;
    let descriptor = sound.len() - 5;
    let mut places: Vec<_> = (start..last).step_by(29).map(|at| (at, at % 8)).collect();
    places.extend([(descriptor, 0), (descriptor, 1), (descriptor, 7), (last, 7)]);
    for (at, bit) in places {
        let mut bytes = sound.clone();
        bytes[at] ^= 1 << bit;
        let what = format!("byte {at:#x}, bit {bit}");
        scene.write("image", &bytes);
        let outcome = scene.run("verify image");
        assert_eq!(outcome.code(), Some(1), "{what}");
        let (first, second) = bytes.split_at(start / 2);
        scene.write("image.aa", first);
        scene.write("image.ab", second);
        let outcome = scene.run("verify image.aa");
        assert_eq!(outcome.code(), Some(1), "pieces: {what}");
        let outcome = scene.run_with_input("verify -", &bytes);
        assert_eq!(outcome.code(), Some(1), "pipe: {what}");
        // The data is all there.
        assert_eq!(scene.run("-q -r -n image").code(), Some(0), "{what}");
    }
}

#[test]
fn flipped_bit_without_meaning_in_a_frame_is_found() {
    let scene = Scene::with_volume(&volume().bytes);
    let (sound, _) = image(&scene);
    let mut bytes = sound.clone();
    bytes[4] ^= 0x10;
    scene.write("image", &bytes);
    for outcome in [
        scene.run("verify image"),
        scene.run_with_input("verify -", &bytes),
    ] {
        assert_eq!(outcome.code(), Some(1));
        outcome.reported("the unused bit of its header is 0x1, expected 0");
    }
    assert_eq!(scene.run_with_input("verify -", &sound).code(), Some(0));
    assert_eq!(scene.run("-q -r -n image").code(), Some(0));
}
