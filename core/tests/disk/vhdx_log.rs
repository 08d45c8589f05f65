//! Logs of VHDX files that were not closed: what is in them is read.

use ntfs_volume_builder::{VHDX_TABLE, VhdxChange, VhdxLogEntry, pattern, vhdx, write_vhdx_log};
use ntfsclone_core::Error;
use ntfsclone_core::error::Structure;
use ntfsclone_core::io::Source;

use crate::made::disk;
use crate::read::{VHDX, check, source};

const SECTOR: usize = 4096;
const LOG: usize = 1 << 20;

/// A file whose block is missing in its table, and the sector of the table that has it.
fn unfinished() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let disk = disk(1 << 20);
    let mut file = vhdx(&disk);
    let sector = file[VHDX_TABLE..][..SECTOR].to_vec();
    file[VHDX_TABLE..][..SECTOR].fill(0xEE);
    (file, sector, disk)
}

fn entry(sequence_number: u64, tail: usize, file: &[u8], changes: &[VhdxChange]) -> VhdxLogEntry {
    VhdxLogEntry {
        sequence_number,
        tail,
        changes: changes.to_vec(),
        file_sizes: [file.len() as u64; 2],
    }
}

/// The sector of the table.
fn table(bytes: &[u8]) -> VhdxChange {
    VhdxChange::Sector(VHDX_TABLE as u64, bytes.to_vec())
}

fn open(file: &[u8]) -> ntfsclone_core::Result<Source> {
    VHDX(&source(file.to_vec()))
}

#[track_caller]
fn check_log(file: &[u8], disk: &[u8]) {
    check(&open(file).unwrap(), disk, "replayed");
}

#[track_caller]
fn check_damaged(file: &[u8]) {
    let error = open(file).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            Error::Corrupt {
                structure: Structure::DiskLog,
                ..
            }
        ),
        "{error:?}"
    );
}

#[test]
fn logged_sectors_and_zeros_are_read() {
    let (mut file, sector, disk) = unfinished();
    let elsewhere = VhdxChange::Sector(8192, pattern(9, SECTOR));
    let zeros = VhdxChange::Zeros(VHDX_TABLE as u64, 2 * SECTOR as u64);
    let changes = [elsewhere, zeros.clone(), table(&sector)];
    let all = entry(7, 0, &file, &changes);
    write_vhdx_log(&mut file, 0, &[all]);
    check_log(&file, &disk);
    // In the other order the block is gone.
    let (mut file, sector, disk) = unfinished();
    let all = entry(7, 0, &file, &[table(&sector), zeros]);
    write_vhdx_log(&mut file, 0, &[all]);
    check_log(&file, &vec![0; disk.len()]);
}

#[test]
fn entries_are_replayed_in_order_around_the_end_of_the_log() {
    let (file, sector, disk) = unfinished();
    let wrong = vec![0xDD; SECTOR];
    for start in [0, SECTOR, LOG - SECTOR, LOG - 3 * SECTOR] {
        let mut file = file.clone();
        let entries = [
            entry(100, start, &file, &[table(&wrong)]),
            entry(
                101,
                start,
                &file,
                &[VhdxChange::Zeros(1 << 19, 4096), table(&wrong)],
            ),
            entry(102, start, &file, &[table(&sector)]),
        ];
        write_vhdx_log(&mut file, start, &entries);
        check_log(&file, &disk);
    }
}

#[test]
fn entry_of_many_sectors_is_replayed() {
    let (mut file, sector, disk) = unfinished();
    let unused = 512 << 10;
    let mut changes: Vec<VhdxChange> = (0..60)
        .map(|index| VhdxChange::Sector(unused + 4096 * index, pattern(index, SECTOR)))
        .collect();
    changes.extend((0..100).map(|index| VhdxChange::Zeros(unused + 4096 * index, 4096)));
    changes.push(table(&sector));
    // Descriptors in two sectors.
    let all = entry(1, LOG - 5 * SECTOR, &file, &changes);
    write_vhdx_log(&mut file, LOG - 5 * SECTOR, &[all]);
    check_log(&file, &disk);
}

#[test]
fn incomplete_newest_entry_is_ignored() {
    let (mut file, sector, disk) = unfinished();
    let good = entry(5, 0, &file, &[table(&sector)]);
    let cut = entry(6, 0, &file, &[table(&vec![0xDD; SECTOR])]);
    let end = write_vhdx_log(&mut file, 0, &[good, cut]);
    // Its last sector was not written.
    file[LOG + end - SECTOR..][..SECTOR].fill(0);
    check_log(&file, &disk);
}

#[test]
fn entries_before_the_tail_are_not_replayed() {
    let (mut file, sector, disk) = unfinished();
    let elsewhere = VhdxChange::Sector(8192, pattern(9, SECTOR));
    let old = entry(5, 0, &file, &[table(&vec![0xDD; SECTOR])]);
    let end = write_vhdx_log(&mut file, 0, &[old]);
    file[VHDX_TABLE..][..SECTOR].copy_from_slice(&sector);
    let new = entry(6, end, &file, &[elsewhere]);
    write_vhdx_log(&mut file, end, &[new]);
    check_log(&file, &disk);
}

#[test]
fn entries_of_another_log_are_not_replayed() {
    let (mut file, sector, _) = unfinished();
    let all = entry(7, 0, &file, &[table(&sector)]);
    write_vhdx_log(&mut file, 0, &[all]);
    // Its GUID, in both headers.
    for header in [64 << 10, 128 << 10] {
        file[header + 48] = 0x77;
    }
    ntfs_volume_builder::redo_vhdx_checksums(&mut file);
    check_damaged(&file);
}

#[test]
fn log_without_a_valid_entry_is_damaged() {
    let (mut file, sector, _) = unfinished();
    let all = entry(7, 0, &file, &[table(&sector)]);
    write_vhdx_log(&mut file, 0, &[all]);
    for offset in [0, 8, 12, 16, 24, 32, 64, 4096, 5000] {
        let mut damaged = file.clone();
        damaged[LOG + offset] ^= 0x41;
        check_damaged(&damaged);
    }
    // The tail is not in the log.
    let (mut file, sector, _) = unfinished();
    let all = entry(7, 8 * SECTOR, &file, &[table(&sector)]);
    write_vhdx_log(&mut file, 0, &[all]);
    check_damaged(&file);
}

#[test]
fn truncated_file_is_found_by_its_log() {
    let (mut file, sector, _) = unfinished();
    let mut all = entry(7, 0, &file, &[table(&sector)]);
    all.file_sizes[0] += 1 << 20;
    write_vhdx_log(&mut file, 0, &[all]);
    check_damaged(&file);
}

#[test]
fn file_that_was_not_extended_yet_is_read() {
    let (mut file, sector, disk) = unfinished();
    let mut entry_after_end = sector.clone();
    entry_after_end[..8].copy_from_slice(&((file.len() as u64) | 6).to_le_bytes());
    let mut all = entry(7, 0, &file, &[table(&entry_after_end)]);
    all.file_sizes[1] += 1 << 20;
    write_vhdx_log(&mut file, 0, &[all]);
    check_log(&file, &vec![0; disk.len()]);
}

#[test]
fn huge_logs_are_refused() {
    let (mut file, sector, _) = unfinished();
    let all = entry(7, 0, &file, &[table(&sector)]);
    write_vhdx_log(&mut file, 0, &[all]);
    for (length, is_limit) in [
        (u32::MAX, true),
        (64 << 20, false),
        (0, false),
        (4097, false),
    ] {
        let mut file = file.clone();
        for header in [64 << 10, 128 << 10] {
            file[header + 68..][..4].copy_from_slice(&u32::to_le_bytes(length));
        }
        ntfs_volume_builder::redo_vhdx_checksums(&mut file);
        let error = open(&file).map(|_| ()).unwrap_err();
        let found = matches!(
            error,
            Error::Limit {
                structure: Structure::DiskLog,
                ..
            }
        );
        assert_eq!(found, is_limit, "{error:?}");
    }
}
