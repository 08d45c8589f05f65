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
    let message = "x.aa: the image command at byte 0x15f90 is damaged: its end is 0x15f90, expected \
                   the rest of the image";
    scene.run("-r -o out x.aa").refused(message, DAMAGED);

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
