//! `convert` of a disk that Clonezilla saved: its tables, and every partition by its image.

use crate::support::{
    disk::{self, Partition},
    program::{succeed, tool},
    requirements::{Need, met_here},
    scene::Scene,
    small_volume::{builder, clone_of, image_of, volume},
    wrapped::{gzip, shell},
};
use ntfs_volume_builder::{PartcloneImage, Volume};
use std::fs;

const SECTOR: usize = 512;
/// First sectors of the partitions.
const STARTS: [u32; 3] = [63, 6144, 10240];
/// The partition of another file system: bytes of a block, and how many there are.
const BLOCK: usize = 1024;
const BLOCKS: usize = 1000;

/// A disk, and the folder that it is saved to.
struct Saved {
    scene: Scene,
    /// What a copy of the disk is.
    copy: Vec<u8>,
    first: Volume,
    second: Volume,
}

/// Blocks of another file system: every third is in use.
fn blocks() -> Vec<Option<Vec<u8>>> {
    let block = |number: usize| vec![number as u8 | 1; BLOCK];
    (0..BLOCKS)
        .map(|number| number.is_multiple_of(3).then(|| block(number)))
        .collect()
}

fn other_image() -> Vec<u8> {
    let blocks = blocks();
    let blocks: Vec<Option<&[u8]>> = blocks.iter().map(Option::as_deref).collect();
    let image = PartcloneImage {
        file_system: "EXTFS".to_owned(),
        ..PartcloneImage::version_2()
    };
    image.of_blocks(BLOCK as u32, (BLOCK * BLOCKS) as u64, &blocks)
}

/// Saves a disk with that table as `name`.
fn save(table: fn(&[Partition<'_>]) -> Vec<u8>, name: &str) -> Saved {
    let (first, second) = (volume(), builder().clusters(4096).build());
    let copies = [clone_of(&first), clone_of(&second)];
    let other: Vec<u8> = blocks()
        .into_iter()
        .flat_map(|block| block.unwrap_or_else(|| vec![0; BLOCK]))
        .collect();
    let contents = [(&copies[0], 0x07), (&other, 0x83), (&copies[1], 0x07)];
    let partitions = contents.into_iter().zip(STARTS);
    let partitions: Vec<Partition<'_>> = partitions
        .map(|((bytes, kind), sector)| Partition {
            sector,
            kind,
            bytes,
        })
        .collect();
    let mut copy = table(&partitions);
    copy[..8].copy_from_slice(b"BOOTCODE");
    // A boot loader.
    copy[40 * SECTOR..40 * SECTOR + 4].copy_from_slice(b"GRUB");

    let scene = Scene::new();
    fs::create_dir(scene.path("F")).unwrap();
    let write = |file: &str, bytes: &[u8]| scene.write(&format!("F/{file}"), bytes);
    write("clonezilla-img", b"");
    write("disk", format!("{name}\n").as_bytes());
    write(&format!("{name}-mbr"), &copy[..SECTOR]);
    let start = STARTS[0] as usize * SECTOR;
    write(
        &format!("{name}-hidden-data-after-mbr"),
        &copy[SECTOR..start - SECTOR],
    );
    let sectors = copy.len() / SECTOR;
    let parted = format!("Model: a disk\nDisk /dev/{name}: {sectors}s\n");
    write(&format!("{name}-pt.parted"), parted.as_bytes());
    Saved {
        scene,
        copy,
        first,
        second,
    }
}

impl Saved {
    /// With images of the partitions with these names.
    fn with_images(self, [first, other, second]: [&str; 3]) -> Self {
        let write = |file: String, bytes: &[u8]| self.scene.write(&format!("F/{file}"), bytes);
        write(
            "parts".to_owned(),
            format!("{first} {other} {second}\n").as_bytes(),
        );
        let image = gzip(&PartcloneImage::version_2().of_volume(&self.first));
        let (start, end) = image.split_at(image.len() / 2);
        write(format!("{first}.ntfs-ptcl-img.gz.aa"), start);
        write(format!("{first}.ntfs-ptcl-img.gz.ab"), end);
        let image = zstd::encode_all(&other_image()[..], 1).unwrap();
        write(format!("{other}.ext4-ptcl-img.zst.aa"), &image);
        write(format!("{second}.ntfs-img"), &image_of(&self.second));
        self
    }

    fn with_gpt_files(self) -> Self {
        let len = self.copy.len();
        self.scene.write("F/sda-gpt-1st", &self.copy[..34 * SECTOR]);
        let backup = &self.copy[len - 33 * SECTOR..];
        self.scene.write("F/sda-gpt-2nd", backup);
        self
    }
}

fn gpt() -> Saved {
    let saved = save(disk::with_gpt, "sda");
    saved.with_images(["sda1", "sda2", "sda3"]).with_gpt_files()
}

#[test]
fn every_format_holds_the_disk() {
    let saved = gpt();
    let scene = &saved.scene;
    for source in ["F", "F/sda"] {
        scene
            .run(&format!("convert {source} x.raw"))
            .wrote(&["x.raw"]);
        assert!(scene.read("x.raw") == saved.copy, "{source}");
        scene.remove("x.raw");
    }
    for name in ["x.qcow2", "x.vdi", "x.vhd", "x.vhdx", "x.vmdk"] {
        scene.run(&format!("convert F {name}")).wrote(&[name]);
        scene
            .run(&format!("convert {name} x.raw"))
            .wrote(&["x.raw"]);
        assert!(scene.read("x.raw") == saved.copy, "{name}");
        let to = name.trim_start_matches("x.");
        let piped = scene.run(&format!("convert --to {to} F -"));
        assert!(piped.stdout() == scene.read(name), "{name}");
        scene.remove("x.raw");
    }
    scene
        .run("convert --compress --checksum --verify F x.raw.zst")
        .wrote(&["x.raw.zst", "x.raw.zst.b3"]);
    let decompressed = zstd::decode_all(&scene.read("x.raw.zst")[..]).unwrap();
    assert!(decompressed == saved.copy);
}

#[test]
fn names_of_partitions_may_have_a_p() {
    let saved = save(disk::with_mbr, "nvme0n1");
    let saved = saved.with_images(["nvme0n1p1", "nvme0n1p2", "nvme0n1p3"]);
    saved.scene.run("convert F x.raw").wrote(&["x.raw"]);
    assert!(saved.scene.read("x.raw") == saved.copy);
}

#[test]
fn logical_partitions_get_their_links() {
    let saved = save(disk::with_logical, "sda");
    let saved = saved.with_images(["sda5", "sda6", "sda7"]);
    let scene = &saved.scene;
    let without = scene.run("convert F x.raw");
    without.refused(
        "F/sda-pt.sf: is missing, and it has the logical partitions",
        "is the folder complete?",
    );
    let lens = [
        saved.first.bytes.len(),
        BLOCK * BLOCKS,
        saved.second.bytes.len(),
    ];
    let lines: String = (5..)
        .zip(STARTS.iter().zip(lens))
        .map(|(number, (start, len))| {
            format!(
                "/dev/sda{number} : start= {start}, size= {}, type=7\n",
                len / SECTOR
            )
        })
        .collect();
    scene.write(
        "F/sda-pt.sf",
        format!("label: dos\nunit: sectors\n\n{lines}"),
    );
    scene.run("convert F x.raw").wrote(&["x.raw"]);
    let made = scene.read("x.raw");
    assert_eq!(made.len(), saved.copy.len());
    for (start, len) in STARTS.iter().zip(lens) {
        let start = *start as usize * SECTOR;
        assert!(made[start..start + len] == saved.copy[start..start + len]);
    }
    for (number, volume) in [(5, &saved.first), (7, &saved.second)] {
        let line = format!("convert --partition {number} x.raw volume.raw");
        scene.run(&line).wrote(&["volume.raw"]);
        assert!(scene.read("volume.raw") == clone_of(volume));
        scene.remove("volume.raw");
    }
}

#[test]
fn other_partitions_are_made_anew_or_empty() {
    let saved = gpt();
    let scene = &saved.scene;
    scene.write("F/parts", "sda1\n");
    scene.remove("F/sda2.ext4-ptcl-img.zst.aa");
    scene.remove("F/sda3.ntfs-img");
    scene.write(
        "F/swappt-sda2.info",
        "UUID=\"01234567-89ab-cdef-0123-456789abcdef\"\nLABEL=\"\"\n",
    );
    let outcome = scene.run("convert F x.raw");
    outcome.wrote(&["x.raw"]);
    outcome.reported("Partition 2: a swap area 01234567-89ab-cdef-0123-456789abcdef, made anew");
    outcome.reported("Partition 3: not saved");
    let made = scene.read("x.raw");
    let start = STARTS[1] as usize * SECTOR;
    assert_eq!(&made[start + 4086..start + 4096], b"SWAPSPACE2");
    let start = STARTS[2] as usize * SECTOR;
    let end = start + saved.second.bytes.len();
    assert!(made[start..end].iter().all(|&byte| byte == 0));
}

#[test]
fn bytes_of_a_partition_are_copied_as_they_are() {
    let saved = gpt();
    let scene = &saved.scene;
    scene.remove("F/sda2.ext4-ptcl-img.zst.aa");
    let start = STARTS[1] as usize * SECTOR;
    let bytes = &saved.copy[start..start + BLOCK * BLOCKS];
    scene.write("F/sda2.dd-img.gz.aa", gzip(bytes));
    scene.run("convert F x.vhdx").wrote(&["x.vhdx"]);
    scene.run("convert x.vhdx x.raw").wrote(&["x.raw"]);
    assert!(scene.read("x.raw") == saved.copy);
    for (len, message, remedy) in [
        (
            3 << 20,
            "holds more bytes than its partition, which has 1024000",
            "is it an image of this disk?",
        ),
        (
            1_000_000,
            "ends after 1000000 bytes, and its partition has 1024000",
            "is it complete?",
        ),
    ] {
        scene.write("F/sda2.dd-img.gz.aa", gzip(&vec![1; len]));
        scene
            .run("convert F y.raw")
            .refused(&format!("F/sda2.dd-img.gz.aa: {message}"), remedy);
    }
}

#[test]
fn damaged_and_missing_images_leave_no_output() {
    let saved = gpt();
    let scene = &saved.scene;
    let check = |message: &str| {
        let outcome = scene.run("convert F x.vhdx");
        assert_eq!(outcome.code(), Some(1));
        assert!(outcome.errors().contains(message), "{}", outcome.errors());
        outcome.changed_only(&[]);
    };
    let sound = scene.read("F/sda2.ext4-ptcl-img.zst.aa");
    let mut image = other_image();
    let last = image.len() - 100;
    image[last] ^= 1;
    scene.write(
        "F/sda2.ext4-ptcl-img.zst.aa",
        zstd::encode_all(&image[..], 1).unwrap(),
    );
    check("F/sda2.ext4-ptcl-img.zst.aa: ");
    image[last] ^= 1;
    let cut = zstd::encode_all(&image[..last], 1).unwrap();
    scene.write("F/sda2.ext4-ptcl-img.zst.aa", cut);
    check("F/sda2.ext4-ptcl-img.zst.aa: ");
    scene.remove("F/sda2.ext4-ptcl-img.zst.aa");
    check("F: has no image of sda2, which was saved");
    scene.write("F/sda2.ext4-ptcl-img.zst.aa", sound);
    scene.write("F/lvm_vg_dev.list", "vg0 /dev/sda2 abc\n");
    check("F/sda: its partition /dev/sda2 is of LVM");
    scene.write("F/lvm_vg_dev.list", "vg0 /dev/sdaa2 abc\n");
    scene.run("convert F x.vhdx").wrote(&["x.vhdx"]);
}

#[test]
fn a_missing_backup_of_the_table_is_reported() {
    let saved = gpt();
    saved.scene.remove("F/sda-gpt-2nd");
    saved.scene.run("convert F x.raw").wrote_with_warning(
        "F: the backup of the partition table is not there (sda-gpt-2nd); sgdisk -e makes one on \
         the copy",
        &["x.raw"],
    );
    let mut expected = saved.copy.clone();
    let start = expected.len() - 33 * SECTOR;
    expected[start..].fill(0);
    assert!(saved.scene.read("x.raw") == expected);
}

#[test]
fn a_master_boot_record_of_large_sectors_is_refused() {
    let saved = save(disk::with_mbr, "sda").with_images(["sda1", "sda2", "sda3"]);
    let parted = "Disk /dev/sda: 9000s\nSector size (logical/physical): 4096B/4096B\n";
    saved.scene.write("F/sda-pt.parted", parted);
    saved.scene.run("convert F x.raw").refused(
        "F/sda: has a master boot record that counts in sectors of more than 512 bytes",
        "restore it with Clonezilla",
    );
}

#[test]
fn an_image_larger_than_its_partition_is_refused() {
    let saved = gpt();
    let large = builder().clusters(8192).build();
    saved.scene.write("F/sda3.ntfs-img", image_of(&large));
    let outcome = saved.scene.run("convert F x.vhdx");
    assert_eq!(outcome.code(), Some(1));
    let message = "F/sda3.ntfs-img: holds a volume of ";
    assert!(outcome.errors().contains(message), "{}", outcome.errors());
}

/// Version 1 does not record where the partition ends: all of its blocks fit.
#[test]
fn images_of_old_versions_fill_their_partition() {
    let saved = gpt();
    let scene = &saved.scene;
    let blocks = blocks();
    let blocks: Vec<Option<&[u8]>> = blocks.iter().map(Option::as_deref).collect();
    let image = PartcloneImage {
        file_system: "EXTFS".to_owned(),
        ..PartcloneImage::version_1(0)
    };
    let image = image.of_blocks(BLOCK as u32, (BLOCK * BLOCKS) as u64, &blocks);
    scene.write("F/sda2.ext4-ptcl-img.zst.aa", image);
    scene.run("convert F x.raw").wrote(&["x.raw"]);
    assert!(scene.read("x.raw") == saved.copy);
}

#[test]
fn a_partition_beyond_the_disk_is_refused() {
    let saved = gpt();
    saved.scene.remove("F/sda-gpt-1st");
    saved.scene.remove("F/sda-gpt-2nd");
    let mut mbr = saved.copy[..SECTOR].to_vec();
    mbr[446..510].fill(0);
    mbr[450] = 0x83;
    mbr[454..458].copy_from_slice(&63_u32.to_le_bytes());
    mbr[458..462].copy_from_slice(&1_000_000_u32.to_le_bytes());
    saved.scene.write("F/sda-mbr", mbr);
    saved.scene.write("F/sda-hidden-data-after-mbr", "");
    let outcome = saved.scene.run("convert F x.raw");
    assert_eq!(outcome.code(), Some(1));
    let message = "and partition 1 ends at byte 0x1e84fe00";
    assert!(outcome.errors().contains(message), "{}", outcome.errors());
}

#[test]
fn one_of_several_disks_is_named() {
    let saved = gpt();
    let scene = &saved.scene;
    scene.write("F/disk", "sda sdb\n");
    scene.write("F/sdb-mbr", vec![0; SECTOR]);
    scene.run("convert F x.raw").refused(
        "F: is a folder of Clonezilla with the disks sda, sdb",
        "name one: F/sda",
    );
    scene.run("convert F/sda x.raw").wrote(&["x.raw"]);
    assert!(scene.read("x.raw") == saved.copy);
}

/// Formats that hold one volume, and a new partition table, are for the only NTFS in the folder.
#[test]
fn one_volume_of_a_folder_is_still_converted() {
    let saved = gpt();
    let scene = &saved.scene;
    let outcome = scene.run("convert F x.ntfsclone");
    let message = "F: is a folder of Clonezilla; NTFS is in";
    assert!(outcome.errors().contains(message), "{}", outcome.errors());
    scene.remove("F/sda3.ntfs-img");
    scene.run("convert F x.ntfsclone").wrote(&["x.ntfsclone"]);
    assert!(scene.read("x.ntfsclone") == image_of(&saved.first));
    scene.run("convert --disk=none F x.raw").wrote(&["x.raw"]);
    assert!(scene.read("x.raw") == clone_of(&saved.first));
}

#[test]
fn a_disk_of_other_programs_passes_their_checks() {
    let tools = ["sfdisk", "partclone.extfs", "mkfs.ext4", "e2fsck", "gzip"];
    if !met_here(&tools.map(Need::Tool)) {
        return;
    }
    let scene = Scene::new();
    let volume = volume();
    scene.write("ntfs", &volume.bytes);
    fs::create_dir(scene.path("F")).unwrap();
    scene.write(
        "F/sda-pt.parted",
        "Disk /dev/sda: 131072s\nSector size (logical/physical): 512B/512B\n",
    );
    shell(
        &scene,
        "truncate -s 64M disk; \
         printf 'label: gpt\\nstart=2048, size=16384\\nstart=20480, size=65536\\n' | sfdisk -q disk; \
         mkdir files; seq 100000 > files/numbers; truncate -s 32M ext4; mkfs.ext4 -q -d files ext4; \
         dd if=ntfs of=disk bs=512 seek=2048 conv=notrunc status=none; \
         dd if=ext4 of=disk bs=512 seek=20480 conv=notrunc status=none; \
         touch F/clonezilla-img; echo sda > F/disk; echo sda1 sda2 > F/parts; \
         head -c 512 disk > F/sda-mbr; head -c 17408 disk > F/sda-gpt-1st; \
         tail -c 16896 disk > F/sda-gpt-2nd; sfdisk -d disk > F/sda-pt.sf; \
         partclone.extfs -c -s ext4 -o - 2>log | gzip > F/sda2.ext4-ptcl-img.gz.aa",
    );
    let image = PartcloneImage::version_2().of_volume(&volume);
    scene.write("F/sda1.ntfs-ptcl-img.gz.aa", gzip(&image));
    scene.run("convert F copy.raw").wrote(&["copy.raw"]);
    shell(
        &scene,
        "sfdisk -q --verify copy.raw; sfdisk -d copy.raw | tail -n +4 | sed s/copy.raw/disk/ > table; \
         sfdisk -d disk | tail -n +4 | cmp - table; \
         dd if=copy.raw of=copied bs=512 skip=20480 count=65536 status=none; e2fsck -fn copied 2>log",
    );
    let path = scene.path("copied");
    let shown = succeed(tool(
        "debugfs",
        ["-R".as_ref(), "cat numbers".as_ref(), path.as_os_str()],
    ));
    assert_eq!(shown.stdout, scene.read("files/numbers"));
}
