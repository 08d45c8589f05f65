//! Damages of the file system's own files.

use super::*;

#[test]
fn mft_and_boot_sectors_are_checked() {
    check(&[
        (
            "a file marked as free",
            |b| flip_mark(b, b.record_number("linked")),
            &[RecordMarkedFree],
        ),
        (
            "a free record marked",
            |b| flip_mark(b, b.mft_records - 1),
            &[RecordMarkedUsed],
        ),
        (
            "a bitmap that is too short",
            |b| attribute(b, "$MFT", kind::BITMAP, 0x30, &[1]),
            &[AttributeSizes, MftSize],
        ),
        (
            "an $MFT longer than its runs",
            |b| attribute(b, "$MFT", kind::DATA, 0x32, &[9]),
            &[AttributeSizes, MftSize],
        ),
        (
            "a copy that differs",
            |b| b.patch_mirror_record(1, |record| record[0x12] ^= 2),
            &[MftMirror],
        ),
        (
            "a copy elsewhere",
            |b| b.patch(0x38, &(b.geometry.clusters / 3).to_le_bytes()),
            &[MftMirror, BootSectorsDiffer],
        ),
        (
            "no boot sector",
            build::Volume::damage_boot_sector,
            &[BootSector],
        ),
        (
            "no backup",
            build::Volume::damage_backup_boot_sector,
            &[BackupBootSector],
        ),
        (
            "a backup of another volume",
            |b| {
                let end = b.bytes.len() as u64;
                b.patch(end - 512 + 0x48, &[9]);
            },
            &[BackupBootSector],
        ),
        (
            "a backup of another size",
            |b| {
                let end = b.bytes.len() as u64;
                b.patch(end - 512 + 0x28, &[9]);
            },
            &[BootSectorsDiffer],
        ),
    ]);
}

#[test]
fn other_system_files_are_checked() {
    check(&[
        (
            "a letter",
            |b| stream(b, 10, kind::DATA, 2 * 0x61, &[0x42]),
            &[Upcase],
        ),
        (
            "a sign",
            |b| stream(b, 10, kind::DATA, 2 * 0x2B, &[0x2C]),
            &[Upcase],
        ),
        (
            "an upper case that has one",
            |b| stream(b, 10, kind::DATA, 2 * 0x400, &[0x61, 0]),
            &[Upcase],
        ),
        (
            "a character that is not one of Latin",
            |b| stream(b, 10, kind::DATA, 2 * 0x0433, &[0x33, 0x04]),
            &[Upcase],
        ),
        (
            "the checksum of the table",
            |b| b.patch_attribute(10, kind::DATA, "$Info", 0x28 + 8, &[0x5A]),
            &[Upcase],
        ),
        (
            "a table without a checksum",
            |b| b.remove_attribute(10, kind::DATA, "$Info"),
            &[UpcaseUnknown],
        ),
        (
            "a short table",
            |b| attribute(b, "$UpCase", kind::DATA, 0x30, &[0, 0, 1]),
            &[AttributeSizes, Upcase],
        ),
        (
            "no table",
            |b| b.remove_attribute(10, kind::DATA, ""),
            &[ClusterOnlyInBitmap, Upcase],
        ),
        (
            "a definition",
            |b| stream(b, 4, kind::DATA, 0xA0 + 0x80, &[0x90]),
            &[AttributeDefinitions],
        ),
        (
            "no definitions",
            |b| stream(b, 4, kind::DATA, 0x80, &[0]),
            &[AttributeDefinitions],
        ),
        (
            "dirty",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 10, &[1]),
            &[Dirty],
        ),
        (
            "a check under way",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 11, &[0x40]),
            &[CheckInterrupted],
        ),
        (
            "a check that Windows did not conclude",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 11, &[0x80]),
            &[Unfinished],
        ),
        (
            "another version",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 8, &[9]),
            &[VolumeInformation],
        ),
        (
            "a version that no Windows has",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 8, &[1, 9]),
            &[VolumeInformation],
        ),
        (
            "the version of a beta",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 8, &[2]),
            &[VolumeInformation],
        ),
        (
            "an older version than that of its files",
            |b| attribute(b, "$Volume", kind::VOLUME_INFORMATION, 0x18 + 8, &[1]),
            &[VolumeInformation],
        ),
        (
            "no information",
            |b| b.remove_attribute(3, kind::VOLUME_INFORMATION, ""),
            &[VolumeInformation],
        ),
        (
            "an open journal",
            |b| b.write_restart_pages(false),
            &[JournalNotClean],
        ),
        (
            "half a journal",
            |b| {
                b.write_restart_pages(true);
                stream(b, 2, kind::DATA, 510, &[9]);
            },
            &[JournalRestart],
        ),
        (
            "no journal",
            |b| stream(b, 2, kind::DATA, 0, &[0; 8192]),
            &[Journal],
        ),
        (
            "no bitmap",
            |b| b.remove_attribute(6, kind::DATA, ""),
            &[Bitmap],
        ),
        (
            "a short bitmap",
            |b| attribute(b, "$Bitmap", kind::DATA, 0x30, &[8]),
            &[Bitmap, AttributeSizes],
        ),
    ]);
}

#[test]
fn security_descriptors_are_checked() {
    /// Writes a byte of a value of `$Secure`.
    fn secure(built: &mut build::Volume, kind: u32, name: &str, at: usize, byte: u8) {
        built.patch_attribute(9, kind, name, 0x20 + at, &[byte]);
    }
    check(&[
        (
            "a descriptor",
            |b| secure(b, kind::DATA, "$SDS", 0x18, 9),
            &[Security],
        ),
        (
            "the header of one",
            |b| secure(b, kind::DATA, "$SDS", 4, 9),
            &[Security],
        ),
        (
            "its place",
            |b| secure(b, kind::INDEX_ROOT, "$SII", 0x20 + 0x14 + 8, 9),
            &[Security],
        ),
        (
            "its number",
            |b| secure(b, kind::INDEX_ROOT, "$SII", 0x20 + 0x11, 9),
            &[Security],
        ),
        (
            "a number that is not there",
            |b| {
                attribute(
                    b,
                    "docs/letter.txt",
                    kind::STANDARD_INFORMATION,
                    0x18 + 0x34,
                    &[7],
                )
            },
            &[Security],
        ),
        (
            "no index by number",
            |b| b.remove_attribute(9, kind::INDEX_ROOT, "$SII"),
            &[SecurityMissing],
        ),
        (
            "no index by hash",
            |b| b.remove_attribute(9, kind::INDEX_ROOT, "$SDH"),
            &[SecurityMissing],
        ),
        (
            "no descriptors",
            |b| b.remove_attribute(9, kind::DATA, "$SDS"),
            &[SecurityMissing],
        ),
        (
            "another hash in the index by hash",
            |b| secure(b, kind::INDEX_ROOT, "$SDH", 0x20 + 0x10, 9),
            &[Security],
        ),
        (
            "another place in the index by hash",
            |b| secure(b, kind::INDEX_ROOT, "$SDH", 0x20 + 0x18 + 8, 9),
            &[Security],
        ),
        (
            "an index by number in another order",
            |b| b.patch_attribute(9, kind::INDEX_ROOT, "$SII", 0x20 + 4, &[0x11]),
            &[IndexDamaged, Security],
        ),
        (
            "a damaged index of $Extend",
            |b| {
                let quota = b.record_number("$Extend/$Quota");
                b.patch_attribute(quota, kind::INDEX_ROOT, "$Q", 0x20 + 0x14, &[0xFF]);
            },
            &[IndexDamaged],
        ),
    ]);
}
