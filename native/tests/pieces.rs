//! Files in pieces and folders of Clonezilla: which files are one, and which are not all there.

use crate::support::{
    scene::Scene,
    small_volume::{self, DAMAGED, clone_of, image_of, volume},
};
use ntfs_volume_builder::PartcloneImage;
use std::fs;

#[test]
fn sets_of_pieces() {
    let volume = volume();
    let scene = small_volume::scene();
    let image = scene.read("image");
    let count = image.chunks(50_000).len();
    assert!(count >= 4);
    for (index, piece) in image.chunks(50_000).enumerate() {
        scene.write(&format!("x.a{}", (b'a' + index as u8) as char), piece);
    }
    let first = "name the first: x.aa";
    let middle = "x.ac: is a piece of a file, and not the first";
    scene.run("-r -o out x.ac").refused(middle, first);
    // What is written must be none of what is read.
    for piece in ["x.aa", "x.ac"] {
        scene.run(&format!("-r --overwrite {piece} x.aa")).refused(
            &format!("{piece}: is what is being read, or lies on it"),
            "write somewhere else",
        );
    }
    scene.run("-r --rescue -o out x.aa").wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume));
    scene.remove("out");
    scene.remove("x.ac");
    for name in ["x.aa", "x"] {
        scene.run(&format!("-r -o out {name}")).refused(
            "x.ac: is missing, but x.ad is there",
            "all pieces must be in one folder, under the names they were given",
        );
    }
    // The last ones may be missing: what is left is no whole image.
    let scene = small_volume::scene();
    scene.write("x.aa", &image[..50_000]);
    scene.write("x.ab", &image[50_000..90_000]);
    let message = format!(
        "2 pieces were found, the next would be x.ac: x.aa: {}",
        small_volume::truncated(&image[..90_000])
    );
    scene.run("-r -o out x.aa").refused(&message, DAMAGED);
    let outcome = scene.run("verify x");
    assert_eq!(outcome.code(), Some(1));
    outcome.reported(&format!(
        "{}; the next piece would be x.ac\n",
        small_volume::truncated(&image[..90_000])
    ));

    // A volume in pieces is one, with and without --restore-image.
    let scene = Scene::new();
    for (index, piece) in volume.bytes.chunks(300_001).enumerate() {
        scene.write(&format!("v.{index:02}"), piece);
    }
    let outcome = scene.run("-s -o out v.00");
    outcome.wrote(&["out"]);
    outcome.reported(" in 7 pieces\n");
    assert!(scene.read("out") == image_of(&volume));
    for line in ["-o clone v.00", "-r -o clone v", "-o clone v"] {
        scene.run(line).wrote(&["clone"]);
        assert!(scene.read("clone") == clone_of(&volume), "{line}");
        scene.remove("clone");
    }
    scene.run("--rescue -o out2 v.00").refused(
        "v.00: is in pieces, which --rescue does not go with",
        "copy them to one file with ddrescue first",
    );
}

#[test]
fn clonezilla_folders() {
    let scene = small_volume::scene();
    fs::create_dir(scene.path("saved")).expect("cannot make a folder");
    let refused = |message: &str, remedy: &str| {
        scene.run("-r -o out saved").refused(message, remedy);
    };
    refused(
        "saved: is a directory",
        "name an image file, or - for standard input",
    );
    scene.write("saved/clonezilla-img", "");
    refused(
        "saved: is a folder of Clonezilla without an image of NTFS",
        "is it the right folder?",
    );
    let partclone = PartcloneImage::version_2().of_volume(&volume());
    scene.write("saved/sda1.ntfs-ptcl-img.uncomp.aa", &partclone[..30_000]);
    scene.write("saved/sda1.ntfs-ptcl-img.uncomp.ab", &partclone[30_000..]);
    scene.run("-r -o out saved").wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume()));
    scene.remove("out");
    scene.remove("saved/sda1.ntfs-ptcl-img.uncomp.aa");
    scene.remove("saved/sda1.ntfs-ptcl-img.uncomp.ab");
    let image = scene.read("image");
    scene.write("saved/sda2.ntfs-img.aa", &image[..30_000]);
    scene.write("saved/sda2.ntfs-img.ab", &image[30_000..]);
    scene.run("-r -o out saved").wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume()));
    scene.remove("out");
    scene.write("saved/sda3.ntfs-img", &image);
    scene.write("saved/sda4.ntfs-ptcl-img.zst", &partclone);
    refused(
        "saved: is a folder of Clonezilla; NTFS is in\n    saved/sda2.ntfs-img.aa\n    \
         saved/sda3.ntfs-img\n    saved/sda4.ntfs-ptcl-img.zst",
        "name one of them instead of the folder",
    );
    scene
        .run("-r -o out saved/sda2.ntfs-img.aa")
        .wrote(&["out"]);
    assert!(scene.read("out") == clone_of(&volume()));
}

/// As split makes them without a dot, or with numbers.
#[test]
fn names_of_other_pieces() {
    let volume = volume();
    let image = image_of(&volume);
    type Numbering = fn(usize) -> String;
    let sets: [(&str, Numbering); 5] = [
        ("x_", |index| format!("a{}", (b'a' + index as u8) as char)),
        ("x", |index| format!("a{}", (b'a' + index as u8) as char)),
        ("x.img.gz-", |index| format!("{index:02}")),
        ("x", |index| format!("{index:02x}")),
        ("x.", |index| format!("{index:02x}")),
    ];
    for (stem, suffix) in sets {
        let scene = Scene::with_volume(&volume.bytes);
        let size = image.len().div_ceil(20);
        for (index, piece) in image.chunks(size).enumerate() {
            scene.write(&format!("{stem}{}", suffix(index)), piece);
        }
        let base = stem.trim_end_matches(['.', '_', '-']);
        for name in [format!("{stem}{}", suffix(0)), base.to_owned()] {
            let outcome = scene.run(&format!("-r -o out {name}"));
            outcome.wrote(&["out"]);
            outcome.reported(" (20 pieces)\n");
            assert!(scene.read("out") == clone_of(&volume), "{name}");
            scene.remove("out");
        }
        let second = format!("{stem}{}", suffix(1));
        scene.run(&format!("-r -o out {second}")).refused(
            &format!("{second}: is a piece of a file, and not the first"),
            &format!("name the first: {stem}{}", suffix(0)),
        );
    }
}

/// Whole files with such names are not pieces of one.
#[test]
fn files_of_their_own_are_no_pieces() {
    let volume = volume();
    let scene = Scene::new();
    for name in ["disk00", "disk01", "copy_aa", "copy_ab"] {
        scene.write(name, &volume.bytes);
    }
    for name in ["disk00", "disk01", "copy_aa", "copy_ab"] {
        scene.run(&format!("-s -o out {name}")).wrote(&["out"]);
        assert!(scene.read("out") == image_of(&volume), "{name}");
        scene.remove("out");
    }
}
