//! What is no volume, or one that must not be copied as it is: each refused in its own words.

use crate::support::{
    disk::{self, Partition},
    program,
    scene::{Scene, warning_text},
    small_volume::{self, builder, clone_of, image_of},
    wrapped::shell,
};
use ntfs_volume_builder::{Volume, VolumeBuilder};
use std::fs;

const OTHER_TOOL: &str = "is it the right partition? For this file system use partclone or dd";
const WHOLE_DISK: &str = "name the partition: --partition 2";
const CHKDSK: &str = "run chkdsk /f on it in Windows";
const FILES: &str = "name the device that is mounted there, or a file that holds a volume";

/// Both ways of copying refuse the source, and leave nothing behind.
#[track_caller]
fn assert_refused(scene: &Scene, message: &str, remedy: &str) {
    for line in ["-s -o out volume", "-o out volume"] {
        scene.run(line).refused(message, remedy);
    }
}

/// What stands in a sector, and where.
type Texts<'a> = &'a [(usize, &'a [u8])];

/// A sector that begins another file system.
fn sector(texts: Texts<'_>) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    for (offset, text) in texts {
        bytes[*offset..offset + text.len()].copy_from_slice(text);
    }
    bytes[510..512].copy_from_slice(&[0x55, 0xAA]);
    bytes
}

#[test]
fn other_file_systems() {
    const BITLOCKER: &str = "unlock it and name the unlocked device (dislocker, cryptsetup \
                             bitlkOpen), or decrypt it in Windows";
    // "BitLocker To Go" has a boot sector of FAT32, for machines that do not know it.
    const TO_GO: [u8; 16] = [
        0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0,
        0x01,
    ];
    let bitlocker = "is encrypted by BitLocker";
    let table: [(Texts<'_>, &str, &str); 7] = [
        (&[(0, b"\xEB\x58\x90-FVE-FS-")], bitlocker, BITLOCKER),
        (
            &[(3, b"MSWIN4.1"), (0x52, b"FAT32   "), (0x1A8, &TO_GO)],
            bitlocker,
            BITLOCKER,
        ),
        (
            &[(3, b"ReFS\0\0\0\0")],
            "is a ReFS volume, not NTFS",
            OTHER_TOOL,
        ),
        (
            &[(0, b"\xEB\x76\x90EXFAT   ")],
            "is an exFAT volume, not NTFS",
            OTHER_TOOL,
        ),
        (
            &[(0x36, b"FAT12   ")],
            "is a FAT volume, not NTFS",
            OTHER_TOOL,
        ),
        (
            &[(0x36, b"FAT16   ")],
            "is a FAT volume, not NTFS",
            OTHER_TOOL,
        ),
        (
            &[(3, b"mkfs.fat"), (0x52, b"FAT32   ")],
            "is a FAT volume, not NTFS",
            OTHER_TOOL,
        ),
    ];
    for (texts, found, remedy) in table {
        let scene = Scene::with_volume(sector(texts));
        assert_refused(&scene, &format!("volume: {found}"), remedy);
    }
}

/// What the tools at hand make is named at every door.
#[test]
fn files_and_volumes_of_other_programs() {
    let table = [
        ("tar", "tar -cf x volume", "is a tar archive"),
        ("tar", "tar --format=v7 -cf x volume", "is a tar archive"),
        ("tar", "tar -czf x volume", "is a tar archive"),
        (
            "cpio",
            "echo volume | cpio -o --quiet -H newc > x",
            "is a cpio archive",
        ),
        ("zip", "zip -q x.zip volume; mv x.zip x", "is a ZIP archive"),
        (
            "qemu-img",
            "qemu-img convert -O vdi volume x",
            "is a virtual disk (VDI)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O qed volume x",
            "is a virtual disk (QED)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O qcow2 volume x",
            "is a virtual disk (QCOW)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O parallels volume x",
            "is a virtual disk (Parallels)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O vhdx volume x",
            "is a virtual disk (VHDX)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O vpc volume x",
            "is a virtual disk (VHD)",
        ),
        (
            "qemu-img",
            "qemu-img convert -O vmdk volume x",
            "is a virtual disk (VMDK)",
        ),
        (
            "openssl",
            "openssl enc -aes-256-cbc -pbkdf2 -k secret -in volume -out x",
            "is encrypted with openssl",
        ),
        (
            "gpg",
            "mkdir -m 700 home; \
             gpg --homedir home --batch --passphrase secret --pinentry-mode loopback -qco x volume; \
             gpgconf --homedir home --kill all; rm -r home",
            "is encrypted with gpg",
        ),
        (
            "mkfs.ext4",
            "truncate -s 8M x; mkfs.ext4 -qF x",
            "is an ext2, ext3 or ext4 volume",
        ),
        (
            "mkfs.ext4",
            "truncate -s 8M x; mkfs.ext4 -qF -t ext2 x",
            "is an ext2, ext3 or ext4 volume",
        ),
        (
            "mkfs.btrfs",
            "truncate -s 128M x; mkfs.btrfs -q x",
            "is a Btrfs volume",
        ),
        (
            "mkfs.xfs",
            "truncate -s 300M x; mkfs.xfs -q x",
            "is an XFS volume",
        ),
        (
            "mkswap",
            "truncate -s 1M x; chmod 600 x; mkswap x",
            "is swap space",
        ),
        (
            "mkfs.fat",
            "truncate -s 8M x; mkfs.fat x",
            "is a FAT volume",
        ),
        (
            "mkfs.f2fs",
            "truncate -s 64M x; mkfs.f2fs -q x",
            "is an F2FS volume",
        ),
        (
            "mksquashfs",
            "mksquashfs volume x -quiet -no-progress",
            "is a squashfs volume",
        ),
        (
            "genisoimage",
            "genisoimage -quiet -o x volume",
            "is an image of a disc (ISO 9660)",
        ),
        (
            "cryptsetup",
            "truncate -s 32M x; \
             echo secret | cryptsetup luksFormat -q --pbkdf-force-iterations 1000 --pbkdf pbkdf2 x",
            "is encrypted with LUKS 2",
        ),
    ];
    let is_there = |tool: &str| program::find(tool).is_some();
    for (_, script, found) in table.into_iter().filter(|(tool, ..)| is_there(tool)) {
        let scene = Scene::with_volume(small_volume::volume().bytes);
        shell(&scene, script);
        let head: Vec<u8> = scene.read("x").into_iter().take(1 << 20).collect();
        for line in [
            "info x",
            "verify x",
            "map x",
            "-s -o out x",
            "-o out x",
            "-r -o out x",
            "-n -r x",
            "-r -o out -",
        ] {
            let outcome = scene.run_with_input(line, &head);
            assert_eq!(outcome.code(), Some(1), "{script}; {line}");
            let errors = outcome.errors();
            assert!(
                errors.contains(&format!(": {found}")),
                "{script}; {line}: {errors}"
            );
            outcome.changed_only(&[]);
        }
    }
}

#[test]
fn whole_disks() {
    let volume = small_volume::volume();
    let fat = sector(&[(0x36, b"FAT16   ")]);
    let partition = |sector, kind, bytes| Partition {
        sector,
        kind,
        bytes,
    };
    let second = VolumeBuilder::new().clusters(256).build();
    let partitions = [
        partition(64, 0x06, &fat[..]),
        partition(4096, 0x07, &volume.bytes),
        partition(10240, 0x07, &second.bytes),
    ];
    let found = "volume: is a whole disk; NTFS is in\n    partition 2: at byte 0x200000, 2.00 MiB\n    \
                 partition 3: at byte 0x500000, 1.00 MiB";
    for disk in [disk::with_mbr(&partitions), disk::with_gpt(&partitions)] {
        assert_refused(&Scene::with_volume(disk), found, WHOLE_DISK);
    }
    let none = "volume: is a whole disk with 1 partition, none of them NTFS";
    for disk in [
        disk::with_mbr(&partitions[..1]),
        disk::with_gpt(&partitions[..1]),
    ] {
        assert_refused(&Scene::with_volume(disk), none, "is it the right disk?");
    }
}

#[test]
fn no_volume_at_all() {
    let table: [(Vec<u8>, &str, &str); 3] = [
        (
            vec![0; 1 << 20],
            "volume: begins with zeros: there is no boot sector of NTFS, nor a backup at its end",
            "is it the right device? If it was NTFS, testdisk may find it",
        ),
        (
            Vec::new(),
            "volume: is too small for a volume",
            "is it the right file?",
        ),
        (
            vec![7; 511],
            "volume: is too small for a volume",
            "is it the right file?",
        ),
    ];
    for (bytes, message, remedy) in table {
        assert_refused(&Scene::with_volume(bytes), message, remedy);
    }
}

#[test]
fn no_regular_file() {
    let scene = Scene::new();
    assert_refused(&scene, "cannot open volume: No such file or directory", "");
    fs::create_dir(scene.path("volume")).expect("cannot make a folder");
    assert_refused(&scene, "volume: is a directory", FILES);
    fs::remove_dir(scene.path("volume")).expect("it is empty");
    // Nobody writes to it: a program that waited for that would hang.
    scene.make_pipe("volume");
    assert_refused(
        &scene,
        "volume: is a pipe",
        "a volume is read here and there; only images can come from a pipe",
    );
}

#[test]
fn damaged_first_boot_sector() {
    for sector_size in [512, 1024, 4096] {
        let mut volume = builder().bytes_per_sector(sector_size).build();
        volume.damage_boot_sector();
        let scene = Scene::with_volume(&volume.bytes);
        let backup = volume.geometry.volume_size();
        let warning = format!(
            "volume: the first boot sector is damaged; using the backup at byte {backup:#x}. The \
             copy has the damaged one too: repair it there (chkdsk, testdisk)"
        );
        scene
            .run("-o clone volume")
            .wrote_with_warning(&warning, &["clone"]);
        assert!(
            scene.read("clone") == clone_of(&volume),
            "{sector_size}: clone"
        );
        scene
            .run("-s -o image volume")
            .wrote_with_warning(&warning, &["image"]);
        assert!(
            scene.read("image") == image_of(&volume),
            "{sector_size}: image"
        );
        scene.run("-r -o restored image").wrote(&["restored"]);
        assert!(
            scene.read("restored") == clone_of(&volume),
            "{sector_size}: restored"
        );

        // Nobody would read a new serial number there.
        let outcome = scene.run("--new-serial -o out volume");
        assert_eq!(outcome.code(), Some(1));
        let found = "its first boot sector is damaged and cannot get a new serial number";
        assert!(outcome.errors().contains(found), "{}", outcome.errors());
        outcome.changed_only(&[]);

        volume.damage_backup_boot_sector();
        assert_refused(
            &Scene::with_volume(&volume.bytes),
            "volume is no NTFS volume: the boot sector at byte 0x0 is damaged: the system name is \
             0x5a5a5a5a5a5a5a5a, expected 0x4e54465320202020 (NTFS)",
            "is it the right device?",
        );
    }
}

#[test]
fn mirror_that_differs() {
    for record in 0..4 {
        let mut volume = small_volume::volume();
        volume.patch_mirror_record(record, |bytes| bytes[0x10] ^= 1);
        assert_refused(
            &Scene::with_volume(&volume.bytes),
            &format!("volume: $MFTMirr does not match $MFT (record {record})"),
            &format!("{CHKDSK}; or copy it as it is with --rescue"),
        );
    }
}

#[test]
fn dirty() {
    let volume = builder().dirty(true).build();
    let scene = Scene::with_volume(&volume.bytes);
    assert_refused(
        &scene,
        "volume: is marked dirty: it was not unmounted cleanly, or has errors",
        &format!("{CHKDSK}; or copy it as it is with --force"),
    );
    let warning = "volume is marked dirty";
    scene
        .run("-f -o clone volume")
        .wrote_with_warning(warning, &["clone"]);
    assert!(scene.read("clone") == clone_of(&volume));
    scene
        .run("--force -so image volume")
        .wrote_with_warning(warning, &["image"]);
    assert!(scene.read("image") == image_of(&volume));
}

#[test]
fn hibernated() {
    let volume = builder().hibernated().build();
    let scene = Scene::with_volume(&volume.bytes);
    let warning = "volume: Windows is hibernated on this volume (or was shut down with fast \
                   startup); it is safe to read, but files that Windows had open may be older in \
                   the copy than it knows";
    scene
        .run("-o clone volume")
        .wrote_with_warning(warning, &["clone"]);
    assert!(scene.read("clone") == clone_of(&volume));
}

/// A copy that a rescue made, or another program that marks likewise.
#[test]
fn first_sector_marked_by_a_rescue() {
    let mut volume = small_volume::volume();
    volume.bytes[..512].fill(b'?');
    volume.bytes[..10].copy_from_slice(b"BadSectoR\0");
    let scene = Scene::with_volume(&volume.bytes);
    for line in [
        "info volume",
        "-q -s -o image volume",
        "-q -r -o copy volume",
    ] {
        let outcome = scene.run(line);
        assert_eq!(outcome.code(), Some(0), "{line}: {}", outcome.errors());
    }
    volume.damage_backup_boot_sector();
    let scene = Scene::with_volume(&volume.bytes);
    for line in [
        "info volume",
        "verify volume",
        "-q -s -o image volume",
        "-q -s --rescue -o image volume",
        "-q -r -o copy volume",
        "-q -r -n volume",
    ] {
        scene.run(line).refused(
            "volume: begins with a sector that could not be read, marked by --rescue; what it \
             holds is told by that sector, or by a backup boot sector at the end of a volume, \
             which is not there",
            "rescue the source again, with --retries; or let testdisk look for the boot sector",
        );
    }
}

#[test]
fn device_cut_short() {
    let volume = small_volume::volume();
    for length in [(2 << 20) - 1, 1 << 20, 4096, 512] {
        assert_refused(
            &Scene::with_volume(&volume.bytes[..length]),
            &format!("volume: holds a volume of 2097152 bytes, but has only {length}"),
            "was it cut short? Take the whole partition, or grow it to the size it had; or copy \
             what is there with --rescue",
        );
    }
}

#[test]
fn unknown_version() {
    for (major, minor) in [(3, 2), (4, 0), (0, 9)] {
        let mut volume = small_volume::volume();
        let offset = volume
            .attribute_offset(3, 0x70, "")
            .expect("the volume has a version");
        let value = offset + 0x18;
        volume.patch_record(3, |record| {
            record[value + 8..value + 10].copy_from_slice(&[major, minor]);
        });
        assert_refused(
            &Scene::with_volume(&volume.bytes),
            &format!("volume: has NTFS version {major}.{minor}; 1.x to 3.1 are known"),
            "is there a newer version of this program? Or copy it as it is with --rescue",
        );
    }
}

/// Warnings come one by one, each on a line of its own.
#[test]
fn several_warnings() {
    let mut volume: Volume = builder().dirty(true).hibernated().build();
    volume.damage_boot_sector();
    let scene = Scene::with_volume(&volume.bytes);
    let outcome = scene.run("-f -o clone volume");
    outcome.changed_only(&["clone"]);
    let errors = outcome.errors();
    let begins = |text: &str| {
        errors
            .matches(&warning_text(text)[..text.len() + 20])
            .count()
    };
    for text in [
        "volume: the first boot sector is",
        "volume is marked dirty",
        "volume: Windows is",
    ] {
        assert_eq!(begins(text), 1, "{text} in {errors}");
    }
    assert_eq!(errors.lines().count(), 3, "{errors}");
}
