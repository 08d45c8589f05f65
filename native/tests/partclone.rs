//! Images of partclone: what is restored of them, and what is said of damaged ones.

use crate::support::{
    requirements::met_here,
    scene::Scene,
    small_volume::{DAMAGED, builder, clone_of, volume},
    verify_report::{check_found, check_sound, report},
    wrapped::{WRAPPERS, shell},
};
use ntfs_volume_builder::{FileData, PartcloneImage, Run, Volume};
use ntfsclone_core::image::partclone::Index;
use std::io::Write;

fn image() -> Vec<u8> {
    PartcloneImage::version_2().of_volume(&volume())
}

fn modes() -> Vec<PartcloneImage> {
    let version_2 = PartcloneImage::version_2;
    let with_checksum = |checksum_mode, blocks_per_checksum, reseed| PartcloneImage {
        checksum_mode,
        blocks_per_checksum,
        reseed,
        ..version_2()
    };
    vec![
        version_2(),
        PartcloneImage::version_1(0),
        PartcloneImage::version_1(4),
        with_checksum(0, 0, true),
        with_checksum(0x20, 1, false),
        with_checksum(0x30, 7, true),
        with_checksum(0x31, 256, true),
        PartcloneImage {
            bitmap_mode: 8,
            ..version_2()
        },
    ]
}

/// The start of a file must be the volume: what follows the backup boot sector is not recorded by
/// version 1.
#[track_caller]
fn check_restored(scene: &Scene, name: &str, volume: &Volume, what: &str) {
    let (restored, expected) = (scene.read(name), clone_of(volume));
    assert!(restored.len() >= expected.len(), "{what}");
    assert!(restored[..expected.len()] == expected, "{what}");
    assert!(restored.len() - expected.len() < 4096, "{what}");
    scene.remove(name);
}

#[test]
fn images_of_every_mode_are_restored() {
    for volume in [volume(), builder().cluster_size(512).build()] {
        let scene = Scene::with_volume(&volume.bytes);
        for mode in modes() {
            let what = format!("{mode:?}");
            let image = mode.of_volume(&volume);
            scene.write("image", &image);
            scene.run("-r -o out image").wrote(&["out"]);
            check_restored(&scene, "out", &volume, &what);
            scene.run_with_input("-r -o out -", &image).wrote(&["out"]);
            check_restored(&scene, "out", &volume, &what);
            scene.run("-o out image").wrote(&["out"]);
            check_restored(&scene, "out", &volume, &what);
            scene.write("out", vec![0x77; volume.bytes.len() + 5000]);
            scene.run("--overwrite out -r image").wrote(&["out"]);
            check_restored(&scene, "out", &volume, &what);
            scene.run("-n -r image").wrote(&[]);
            scene.run("verify --against volume image").wrote(&[]);
            scene.run("verify --against image volume").wrote(&[]);
        }
    }
}

#[test]
fn what_it_is_in_is_reported() {
    let scene = Scene::new();
    scene.write("image", image());
    let outcome = scene.run("-r -o out image");
    outcome.reported("Image: image (partclone)\n");
    outcome.reported("In use: ");
    scene.run("info image").reported("image (partclone), ");
}

#[test]
fn damage_is_refused() {
    let scene = Scene::new();
    let sound = image();
    let len = sound.len();
    let (mut bit, mut header, mut bitmap) = (sound.clone(), sound.clone(), sound.clone());
    bit[len - 30_000] ^= 1;
    header[60] ^= 1;
    bitmap[112] ^= 1;
    let longer = [sound.as_slice(), b"more"].concat();
    let cut = &sound[..len - 100];
    let table: [(&[u8], &str); 5] = [
        (&bit, "image: the image is damaged: the checksum at byte 0x"),
        (
            &header,
            "image: the image header at byte 0x6a is damaged: its checksum is",
        ),
        (&bitmap, "image: the block bitmap at byte 0x"),
        (cut, "image: the image is truncated: it ends after "),
        (&longer, "image: the image data at byte 0x"),
    ];
    for (bytes, message) in table {
        scene.write("image", bytes);
        for line in [
            "-r -o out image",
            "-n -r image",
            "-o out image",
            "-s -o out image",
        ] {
            let outcome = scene.run(line);
            assert_eq!(outcome.code(), Some(1), "{line}: {message}");
            let errors = outcome.errors();
            assert!(errors.contains(message), "{line}: {errors}");
            assert!(errors.contains(DAMAGED), "{line}: {errors}");
            outcome.changed_only(&[]);
        }
        // Not for a bad image.
        scene.write("old", "what is there");
        let outcome = scene.run("--overwrite old -r image");
        assert_eq!(outcome.code(), Some(1), "{message}");
        outcome.changed_only(&[]);
    }
}

#[test]
fn other_file_systems_are_refused_by_name() {
    let scene = Scene::new();
    let mode = PartcloneImage {
        file_system: "EXTFS".to_owned(),
        ..PartcloneImage::version_2()
    };
    scene.write("image", mode.of_volume(&volume()));
    for line in [
        "-r -o out image",
        "-o out image",
        "-s -o out image",
        "-n -r image",
        "info image",
        "verify image",
        "map -o out image",
        "-r --rescue -o out image",
    ] {
        scene.run(line).refused(
            "image: the image is of partclone, and of a volume of EXTFS, not of NTFS",
            "restore it with partclone, or with Clonezilla",
        );
    }
}

#[test]
fn no_partition_is_in_an_image() {
    let scene = Scene::new();
    scene.write("image", image());
    let (found, remedy) = (
        "has no partition table",
        "leave out --partition, if it is a volume or an image",
    );
    let input = scene.run("-r --partition 1 -o out image");
    input.refused(&format!("image: {found}"), remedy);
    let input = scene.run_with_input("-r --partition 1 -o out -", &image());
    input.refused(&format!("standard input: {found}"), remedy);
}

#[test]
fn sound_images_are_verified() {
    if !met_here(WRAPPERS) {
        return;
    }
    let volume = volume();
    for mode in modes() {
        let scene = Scene::with_volume(&volume.bytes);
        scene.write("image", mode.of_volume(&volume));
        shell(&scene, "gzip -c image > x; split -b 90000 image y.");
        for words in ["image", "x", "y.aa"] {
            check_sound(&scene, words, &volume);
        }
    }
}

#[test]
fn wrong_checksums_are_found_with_their_files() {
    if !met_here(WRAPPERS) {
        return;
    }
    let volume = builder()
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    let scene = Scene::new();
    let mode = PartcloneImage {
        blocks_per_checksum: 1,
        ..PartcloneImage::version_2()
    };
    let mut image = mode.of_volume(&volume);
    let at = image.len() - 4100 - 50;
    image[at] ^= 1;
    scene.write("image", &image);
    shell(&scene, "gzip -c image > x");
    for name in ["image", "x"] {
        let report = check_found(&scene, name, &["block-checksum"]);
        assert_eq!(report["files"], serde_json::json!(["/late.bin"]), "{name}");
        assert_eq!(report["findings"][0]["in"], "image");
        assert_eq!(report["findings"][0]["offset"], at + 46);
        let place = &report["findings"][0]["also_at"];
        assert_eq!(
            (&place["in"], &place["length"]),
            (&"volume".into(), &4096.into())
        );
    }
}

/// Of plain images and streams.
#[test]
fn findings_of_the_volume_have_a_place_in_the_image() {
    if !met_here(WRAPPERS) {
        return;
    }
    let mut volume = builder()
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    volume.tear_record(volume.record_number("late.bin"));
    let scene = Scene::new();
    let image = PartcloneImage::version_2().of_volume(&volume);
    scene.write("image", &image);
    shell(&scene, "gzip -c image > x");
    for name in ["image", "x"] {
        let report = check_found(
            &scene,
            name,
            &["record-unreadable", "cluster-only-in-bitmap"],
        );
        let finding = &report["findings"][0];
        let at = |place: &serde_json::Value| place["offset"].as_u64().unwrap() as usize;
        assert_eq!(finding["also_at"]["in"], "image", "{name}");
        let record = &image[at(&finding["also_at"])..][..512];
        assert_eq!(record, &volume.bytes[at(finding)..][..512], "{name}");
    }
}

#[test]
fn what_is_cut_off_is_told_by_its_files() {
    let volume = builder()
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    let scene = Scene::new();
    let image = PartcloneImage::version_2().of_volume(&volume);
    scene.write("image", &image[..image.len() - 6000]);
    check_found(&scene, "image", &["image-truncated"]);
}

/// What has a wrong checksum is written as it is; what is missing is marked.
#[test]
fn damaged_images_are_rescued() {
    let volume = builder()
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    let expected = clone_of(&volume);
    let scene = Scene::new();
    let image = PartcloneImage::version_2().of_volume(&volume);
    let mut bit = image.clone();
    let at = image.len() - 1000;
    bit[at] ^= 1;
    scene.write("bit", &bit);
    scene.write("cut", &image[..image.len() - 6000]);
    for line in ["-r --rescue -o out bit", "--rescue -o out bit"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(3), "{line}: {}", outcome.errors());
        let errors = outcome.errors();
        assert!(errors.contains("/late.bin"), "{line}: {errors}");
        let made = scene.read("out");
        let different = made.iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!((made.len(), different), (expected.len(), 1), "{line}");
        scene.remove("out");
    }
    for line in ["-r --rescue -o out cut", "--rescue -o out cut"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(3), "{line}: {}", outcome.errors());
        let made = scene.read("out");
        let differs = |at: &usize| made[*at] != expected[*at];
        let first = (0..expected.len()).find(differs).expect("some is missing");
        assert!(
            (501 * 4096..503 * 4096).contains(&first),
            "{line}: {first:#x}"
        );
        let mut sectors = made[first..503 * 4096].windows(10);
        assert!(sectors.any(|bytes| bytes == b"BadSectoR\0"), "{line}");
        let rest = 503 * 4096..expected.len();
        assert!(made[rest.clone()] == expected[rest], "{line}");
        scene.remove("out");
    }
    scene.write("sound", &image);
    scene.run("-r --rescue -o out sound").wrote(&["out"]);
    assert!(scene.read("out") == expected);
}

/// A device may end with the last cluster: its backup boot sector is not missing.
#[test]
fn rescue_expects_no_backup_past_the_end_of_the_device() {
    for cluster_size in [512, 1024, 4096] {
        let volume = builder().cluster_size(cluster_size).build();
        let mut blocks = vec![None; volume.geometry.clusters as usize];
        for lcn in volume.used_clusters() {
            blocks[lcn as usize] = Some(volume.cluster(lcn));
        }
        let size = volume.geometry.clusters * u64::from(cluster_size);
        let image = PartcloneImage::version_2().of_blocks(cluster_size, size, &blocks);
        let scene = Scene::new();
        scene.write("image", &image);
        for line in ["-r --rescue -o out image", "--rescue -o out image"] {
            scene.run(line).wrote(&["out"]);
            let expected = &clone_of(&volume)[..size as usize];
            assert!(scene.read("out") == expected, "{line}, {cluster_size}");
            scene.remove("out");
        }
        scene.run("-n -r --rescue image").wrote(&[]);
    }
}

/// Zeros in place of what an image lacks must not pass for a copy.
#[test]
fn lacking_clusters_are_refused() {
    let volume = builder()
        .file("late.bin", FileData::Runs(vec![Run::at(500, 3)]))
        .build();
    let mut blocks = vec![None; volume.geometry.clusters as usize];
    for lcn in volume.used_clusters().filter(|&lcn| lcn != 501) {
        blocks[lcn as usize] = Some(volume.cluster(lcn));
    }
    let mode = PartcloneImage::version_2();
    let size = volume.bytes.len() as u64;
    let scene = Scene::new();
    scene.write("image", mode.of_blocks(4096, size, &blocks));
    let outcome = scene.run("-s -o out image");
    assert_eq!(outcome.code(), Some(1));
    let errors = outcome.errors();
    let found = "image: lacks 1 cluster in use of the volume";
    assert!(errors.contains(found), "{errors}");
    outcome.changed_only(&[]);
    let report = check_found(&scene, "image", &["cluster-missing"]);
    assert_eq!(report["files"], serde_json::json!(["/late.bin"]));
}

/// In zstd frames of `size` bytes with a seek table, and where each begins.
fn in_frames(bytes: &[u8], size: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut starts, mut table) = (Vec::new(), Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        starts.push(file.len());
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("a level of zstd");
        encoder.include_checksum(true).expect("an option of zstd");
        encoder.write_all(piece).expect("into memory");
        let frame = encoder.finish().expect("into memory");
        table.extend((frame.len() as u32).to_le_bytes());
        table.extend((piece.len() as u32).to_le_bytes());
        file.extend(frame);
    }
    file.extend(0x184D_2A5E_u32.to_le_bytes());
    file.extend((table.len() as u32 + 9).to_le_bytes());
    file.extend(&table);
    file.extend((starts.len() as u32).to_le_bytes());
    file.push(0);
    file.extend(0x8F92_EAB1_u32.to_le_bytes());
    (file, starts)
}

/// Where the blocks after a lost frame are is known, and their checksums are not.
#[test]
fn a_lost_frame_says_nothing_of_the_checksums_after_it() {
    let volume = builder()
        .clusters(600)
        .file("data.bin", FileData::Runs(vec![Run::at(100, 400)]))
        .build();
    let image = PartcloneImage::version_2().of_volume(&volume);
    let (mut file, starts) = in_frames(&image, 64 << 10);
    let scene = Scene::new();
    scene.write("image", &file);
    check_sound(&scene, "image", &volume);
    // Of the file alone, with much of it after that.
    let damaged = starts[starts.len() / 2];
    file[damaged + 40] ^= 0x55;
    scene.write("image", &file);
    let report = check_found(&scene, "image", &["frame-damaged"]);
    assert_eq!(
        report["image"]["bytes"],
        (starts.len() / 2) << 16,
        "{report}"
    );
    assert_eq!(report["files"], serde_json::json!(["/data.bin"]));
}

/// Each lost frame names the files that have clusters in it, and no others.
#[test]
fn a_lost_frame_names_the_files_in_it() {
    const FRAME: usize = 64 << 10;
    let files = [("first.bin", 100), ("second.bin", 300), ("third.bin", 400)];
    let volume = files
        .into_iter()
        .fold(builder().clusters(600), |volume, (name, start)| {
            volume.file(name, FileData::Runs(vec![Run::at(start, 100)]))
        })
        .build();
    let image = PartcloneImage::version_2().of_volume(&volume);
    let index = Index::read(image.as_slice()).expect("it is sound");
    let (sound, starts) = in_frames(&image, FRAME);
    let scene = Scene::new();
    // The first ones have the bitmap and metadata.
    for damaged in 3..starts.len() {
        let mut file = sound.clone();
        file[starts[damaged] + 40] ^= 0x55;
        scene.write("image", &file);
        let (_, report) = report(&scene, "image");
        let lost = (damaged * FRAME) as u64..((damaged + 1) * FRAME) as u64;
        let expected = files.iter().filter(|&&(_, start)| {
            (start..start + 100).any(|cluster| {
                let offset = index.offset(index.blocks().rank(cluster));
                offset < lost.end && lost.start < offset + 4096
            })
        });
        let expected: Vec<String> = expected.map(|(name, _)| format!("/{name}")).collect();
        let found = report["findings"][0]["files"].as_array().expect("a list");
        let found = found.iter().filter_map(|file| file.as_str());
        let is_one = |path: &&str| files.iter().any(|(name, _)| path[1..] == **name);
        let found: Vec<&str> = found.filter(is_one).collect();
        assert_eq!(found, expected, "frame {damaged}: {report}");
    }
}
