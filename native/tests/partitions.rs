//! Partitions of a whole disk: read as if each were a file of its own.

use crate::support::{
    disk::{self, Partition},
    requirements::met_here,
    scene::Scene,
    small_volume::{DAMAGED, clone_of, image_of, truncated, volume},
    wrapped::{WRAPPERS, gzip, shell},
};

#[test]
fn partitions() {
    if !met_here(WRAPPERS) {
        return;
    }
    let volume = volume();
    let other = vec![0x11; 1 << 20];
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let partitions = [partition(64, &other[..]), partition(4096, &volume.bytes)];
    for disk in [disk::with_mbr(&partitions), disk::with_gpt(&partitions)] {
        let scene = Scene::new();
        scene.write("disk", &disk);
        for (line, expected) in [
            ("--partition 2 -o out disk", clone_of(&volume)),
            ("--partition 2 -r -o out disk", clone_of(&volume)),
            ("--partition 2 -s -o out disk", image_of(&volume)),
        ] {
            scene.run(line).wrote(&["out"]);
            assert!(scene.read("out") == expected, "{line}");
            scene.remove("out");
        }
        scene.run("--partition 2 -n -r disk").wrote(&[]);
        scene.write("volume", &volume.bytes);

        shell(&scene, "(cat disk; head -c 3000000 /dev/zero) | xz -0c > x");
        for (line, input) in [
            ("--partition 2 -r -o out x", &[][..]),
            ("--partition 2 -r -o out -", &disk[..]),
        ] {
            let outcome = scene.run_with_input(line, input);
            outcome.wrote(&["out"]);
            assert!(scene.read("out") == volume.bytes, "{line}");
            scene.remove("out");
        }
        // All that follows the partition is read, too.
        let mut bytes = scene.read("x");
        let end = bytes.len() - 3;
        bytes[end] ^= 1;
        scene.write("damaged", &bytes);
        let outcome = scene.run("--partition 2 -r -o out damaged");
        assert!(
            outcome.errors().contains("the xz stream is damaged"),
            "{}",
            outcome.errors()
        );
        outcome.changed_only(&[]);

        for (line, message, remedy) in [
            (
                "-r -o out disk",
                "disk: is a whole disk; NTFS is in\n    partition 2: at byte 0x200000, 2.00 MiB",
                "name the partition: --partition 2",
            ),
            (
                "-r -o out x",
                "x: is a whole disk, with\n    partition 1: at byte 0x8000, 1.00 MiB\n    \
                 partition 2: at byte 0x200000, 2.00 MiB",
                "name the partition with NTFS: --partition N",
            ),
            (
                "--partition 3 -o out disk",
                "disk: has no partition 3; it has 1, 2",
                "name one of these with --partition",
            ),
            (
                "--partition 3 -r -o out x",
                "x: has no partition 3; it has 1, 2",
                "name one of these with --partition",
            ),
            (
                "--partition 1 -o out volume",
                "volume: has no partition table",
                "leave out --partition, if it is a volume or an image",
            ),
            (
                "--partition 2 --rescue -o out disk",
                "disk: has no device for its partition, which --rescue needs",
                "make one: losetup --find --show --partscan disk",
            ),
        ] {
            scene.run(line).refused(message, remedy);
        }
    }
}

#[test]
fn the_only_partition_with_ntfs_is_taken_to_look_inside() {
    let volume = volume();
    let other = vec![0x11; 1 << 20];
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let scene = Scene::with_volume(&volume.bytes);
    let one = disk::with_gpt(&[partition(64, &other[..]), partition(4096, &volume.bytes)]);
    scene.write("one", &one);
    let two = [
        partition(64, &volume.bytes[..]),
        partition(8192, &volume.bytes),
    ];
    scene.write("two", disk::with_gpt(&two));
    let alone = disk::with_gpt(&[partition(4096, &volume.bytes[..])]);
    scene.write("alone", &alone);
    scene.write("alone.gz", gzip(&alone));
    scene
        .run("convert -q --to vhdx volume vhdx")
        .changed_only(&["vhdx"]);
    let list = scene.run("ls -R volume").stdout().to_vec();
    let content = scene.run("cat volume big.bin").stdout().to_vec();
    for (disk, number) in [("one", 2), ("alone", 1), ("alone.gz", 1), ("vhdx", 1)] {
        let with_ntfs = if disk == "alone.gz" { "" } else { " with NTFS" };
        let taken = format!(
            "{disk}: is a whole disk; partition {number} is taken, the only one{with_ntfs}\n"
        );
        for (line, expected) in [("ls -R", &list), ("cat", &content)] {
            let file = if line == "cat" { "big.bin" } else { "" };
            let outcome = scene.run(&format!("{line} {disk} {file}"));
            assert_eq!(
                outcome.code(),
                Some(0),
                "{line} {disk}: {}",
                outcome.errors()
            );
            assert!(outcome.errors().contains(&taken), "{}", outcome.errors());
            assert!(outcome.stdout() == expected, "{line} {disk}");
        }
        let extracted = scene.run(&format!("extract {disk} big.bin -C out"));
        assert!(
            extracted.errors().contains(&taken),
            "{}",
            extracted.errors()
        );
        assert!(scene.read("out/big.bin") == content);
        std::fs::remove_dir_all(scene.path("out")).expect("it was made");
        // Named, nothing has to be said.
        let named = scene.run(&format!("ls --partition {number} {disk}"));
        assert!(!named.errors().contains("is taken"), "{}", named.errors());
    }
    let found = "two: is a whole disk; NTFS is in\n    partition 1: at byte 0x8000, 2.00 MiB\n    \
                 partition 2: at byte 0x400000, 2.00 MiB";
    for line in ["ls two", "cat two big.bin", "serve --listen 0 two"] {
        scene
            .run(line)
            .refused(found, "name the partition: --partition 1");
    }
    // What writes asks all the same.
    for line in ["-o out one", "-s -o out one", "-r -o out one"] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(1), "{line}");
        outcome.changed_only(&[]);
    }
}

/// It ends where it ends, and never goes on in what follows the partition.
/// The start of a disk is lost with its table: its header, or all of it.
#[test]
fn backup_of_the_partition_table() {
    let volume = volume();
    let disk = disk::with_gpt(&[Partition {
        sector: 4096,
        kind: 0x07,
        bytes: &volume.bytes,
    }]);
    let warning = "disk: the partition table is damaged; its backup at the end of the disk is used";
    for lost in [512..1024, 0..34 * 512] {
        let mut disk = disk.clone();
        disk[lost].fill(0);
        let scene = Scene::new();
        scene.write("disk", disk);
        for (line, expected) in [
            ("--partition 1 -o out disk", clone_of(&volume)),
            ("--partition 1 -s -o out disk", image_of(&volume)),
            ("--partition 1 -r -o out disk", clone_of(&volume)),
        ] {
            scene.run(line).wrote_with_warning(warning, &["out"]);
            assert!(scene.read("out") == expected, "{line}");
            scene.remove("out");
        }
        for line in [
            "info --partition 1 disk",
            "verify --partition 1 disk",
            "map --partition 1 disk",
            "-n -r --partition 1 disk",
        ] {
            let outcome = scene.run(line);
            assert_eq!(outcome.code(), Some(0), "{line}");
            assert!(
                outcome.errors().contains(warning),
                "{line}: {}",
                outcome.errors()
            );
            outcome.changed_only(&[]);
        }
    }
}

#[test]
fn image_in_a_partition() {
    let image = image_of(&volume());
    let cut = image.len() / 512 * 512;
    assert_ne!(cut, image.len());
    let mut padded = image.clone();
    padded.resize(cut + 512, 0x22);
    let others = vec![1; 8 << 20];
    let partition = |sector, bytes| Partition {
        sector,
        kind: 0x07,
        bytes,
    };
    let disk = |image| disk::with_mbr(&[partition(64, image), partition(4096, &others[..])]);
    let scene = Scene::new();
    for direct in ["always", "never"] {
        let line = format!("--partition 1 -r --direct={direct} -o out disk");
        scene.write("disk", disk(&padded));
        scene.run(&line).wrote(&["out"]);
        assert!(scene.read("out") == clone_of(&volume()), "{direct}");
        scene.remove("out");
        scene.write("disk", disk(&image));
        scene
            .run(&line)
            .refused(&format!("disk: {}", truncated(&image[..cut])), DAMAGED);
    }
}
