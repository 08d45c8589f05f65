//! Anonymised records: nothing of users' data is left, everything that tells
//! where data is stays, and no bytes make it fail.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may panic"
)]

use ntfs_volume_builder::{File, FileData, Run, VolumeBuilder, pattern};
use ntfsclone_core::ntfs::attribute::AttributeBody;
use ntfsclone_core::ntfs::mft_record::MftRecord;
use ntfsclone_core::ntfs::record::undo_fixup;
use ntfsclone_core::units::RecordNumber;
use ntfsclone_core::wipe::{Times, WipeError, Wiped, wipe_index_record, wipe_mft_record};
use proptest::prelude::*;

const MARKER: &[u8] = b"SECRET-MARKER";
const RECORD_SIZE: usize = 1024;
/// The record of the deleted file, which no path leads to.
const DELETED: u64 = 40;

fn volume() -> ntfs_volume_builder::Volume {
    VolumeBuilder::new()
        .clusters(1024)
        .file("small.txt", FileData::Resident(MARKER.to_vec()))
        .file(
            "streams.txt",
            File::new()
                .data(FileData::Bytes(pattern(1, 9000)))
                .stream("hidden", FileData::Resident(MARKER.to_vec())),
        )
        .file(
            "gone.txt",
            File::from(FileData::Resident(MARKER.to_vec()))
                .record(DELETED)
                .deleted(),
        )
        .file("sparse.bin", FileData::Runs(vec![Run::hole(16)]))
        .build()
}

fn number_of(volume: &ntfs_volume_builder::Volume, path: &str) -> u64 {
    match path {
        "gone.txt" => DELETED,
        _ => volume.record_number(path),
    }
}

/// A record as it is on disk, its slack filled with the marker.
fn record_with_slack(volume: &ntfs_volume_builder::Volume, path: &str) -> (RecordNumber, Vec<u8>) {
    let number = number_of(volume, path);
    let mut volume = volume.clone();
    volume.patch_record(number, |record| {
        let used = u32::from_le_bytes(record[0x18..0x1C].try_into().unwrap()) as usize;
        for chunk in record[used..].chunks_exact_mut(MARKER.len()) {
            chunk.copy_from_slice(MARKER);
        }
    });
    let offset = volume.record_offset(number) as usize;
    let bytes = volume.bytes[offset..offset + RECORD_SIZE].to_vec();
    (RecordNumber(number), bytes)
}

fn contains(bytes: &[u8], marker: &[u8]) -> bool {
    bytes.windows(marker.len()).any(|window| window == marker)
}

/// What must stay of a record: type, name, sizes and runs of each attribute,
/// and names of files but for their times.
fn essence(on_disk: &[u8]) -> Vec<String> {
    let mut record = on_disk.to_vec();
    undo_fixup(&mut record, b"FILE").expect("a whole record");
    let parsed = MftRecord::parse(&record, 0).expect("a sound record");
    parsed
        .attributes()
        .map(|attribute| {
            let attribute = attribute.expect("a sound attribute");
            let body = match attribute.body {
                AttributeBody::Resident(value) if attribute.type_code.0 == 0x30 => {
                    format!("{:?} {:?}", &value[..8], &value[40..])
                }
                AttributeBody::Resident(value) => format!("{} bytes", value.len()),
                AttributeBody::NonResident(body) => {
                    let runs: Result<Vec<_>, _> = body.runs().collect();
                    format!("{} {:?}", body.data_size, runs.expect("a sound runlist"))
                }
            };
            format!("{:?} {:?} {body}", attribute.type_code, attribute.name)
        })
        .collect()
}

#[test]
fn nothing_of_users_is_left() {
    let volume = volume();
    for path in ["small.txt", "streams.txt", "gone.txt", "sparse.bin"] {
        let (number, mut record) = record_with_slack(&volume, path);
        assert!(contains(&record, MARKER), "{path}: the test plants it");
        let mut wiped = Wiped::default();
        wipe_mft_record(&mut record, number, Times::Reset, &mut wiped).expect("a whole record");
        assert!(!contains(&record, MARKER), "{path}");
        assert!(wiped.slack > 0, "{path}");
    }
}

#[test]
fn what_tells_where_data_is_stays() {
    let volume = volume();
    for path in ["small.txt", "streams.txt", "sparse.bin"] {
        for times in [Times::Reset, Times::Keep] {
            let (number, mut record) = record_with_slack(&volume, path);
            let before = essence(&record);
            let mut wiped = Wiped::default();
            wipe_mft_record(&mut record, number, times, &mut wiped).expect("a whole record");
            assert_eq!(essence(&record), before, "{path}");
            assert_eq!(wiped.times > 0, times == Times::Reset, "{path}");
        }
    }
}

#[test]
fn times_are_reset_unless_they_are_kept() {
    let volume = volume();
    let (number, original) = record_with_slack(&volume, "small.txt");
    let epoch = 116_444_736_000_000_000_u64.to_le_bytes();
    for (times, expected) in [(Times::Reset, true), (Times::Keep, false)] {
        let mut record = original.clone();
        wipe_mft_record(&mut record, number, times, &mut Wiped::default()).unwrap();
        assert_eq!(contains(&record, &epoch), expected, "{times:?}");
    }
}

#[test]
fn what_is_not_a_record_stays_as_it_is() {
    let volume = volume();
    let (number, original) = record_with_slack(&volume, "small.txt");
    let mut record = original.clone();
    record[0] = b'B';
    let other = record.clone();
    let mut wiped = Wiped::default();
    assert!(wipe_mft_record(&mut record, number, Times::Reset, &mut wiped).is_err());
    assert!(record == other);
    assert_eq!(wiped, Wiped::default());
}

#[test]
fn a_damaged_record_loses_its_content_too() {
    let volume = volume();
    let (number, original) = record_with_slack(&volume, "small.txt");
    // An update sequence array that is too long; a torn block.
    for (offset, byte) in [(6, 9), (RECORD_SIZE - 1, 0xEE)] {
        let mut record = original.clone();
        record[offset] = byte;
        let mut wiped = Wiped::default();
        let result = wipe_mft_record(&mut record, number, Times::Reset, &mut wiped);
        assert_eq!(result, Err(WipeError::Damaged), "byte {offset}");
        assert!(!contains(&record, MARKER), "byte {offset}");
    }
}

#[test]
fn entries_of_a_directory_lose_their_times_only() {
    let mut builder = VolumeBuilder::new().clusters(2048);
    for index in 0..200 {
        builder = builder.file(
            &format!("folder/a file with a long name {index:03}"),
            FileData::Resident(vec![]),
        );
    }
    let volume = builder.build();
    let folder = volume.record_number("folder");
    assert!(volume.index_blocks(folder) > 1);
    for block in 0..volume.index_blocks(folder) {
        let offset = volume.index_block_offset(folder, block) as usize;
        let mut record = volume.bytes[offset..offset + 4096].to_vec();
        let original = record.clone();
        let mut wiped = Wiped::default();
        wipe_index_record(&mut record, Times::Keep, &mut wiped).unwrap();
        assert!(record == original);
        wipe_index_record(&mut record, Times::Reset, &mut wiped).unwrap();
        let changed = (0..record.len())
            .filter(|&at| record[at] != original[at])
            .count() as u64;
        assert!(wiped.times > 0 && wiped.times % 32 == 0 && changed <= wiped.times);
    }
}

proptest! {
    /// Whatever the bytes: it ends, stays inside, and what parsed still does.
    #[test]
    fn any_record_stays_one(
        changes in prop::collection::vec((0_usize..RECORD_SIZE, any::<u8>()), 0..40),
        number in 0_u64..40,
        path in prop::sample::select(vec!["small.txt", "streams.txt", "gone.txt"]),
    ) {
        let mut volume = volume();
        let record_number = number_of(&volume, path);
        volume.patch_record(record_number, |record| {
            for (at, byte) in &changes {
                // The update sequence array stays, so that the rest is reached.
                if *at >= 56 || (8..0x28).contains(at) {
                    record[*at] = *byte;
                }
            }
        });
        let offset = volume.record_offset(record_number) as usize;
        let mut record = volume.bytes[offset..offset + RECORD_SIZE].to_vec();
        let mut before = record.clone();
        let parsed = undo_fixup(&mut before, b"FILE").is_ok()
            && MftRecord::parse(&before, 0).is_ok();
        let mut wiped = Wiped::default();
        let result = wipe_mft_record(&mut record, RecordNumber(number), Times::Reset, &mut wiped);
        prop_assert_eq!(record.len(), RECORD_SIZE);
        if result.is_ok() {
            prop_assert!(undo_fixup(&mut record, b"FILE").is_ok());
            prop_assert_eq!(MftRecord::parse(&record, 0).is_ok(), parsed);
        }
    }

    #[test]
    fn any_bytes_are_survived(
        mut bytes in prop::collection::vec(any::<u8>(), 0..5000),
        magic in prop::sample::select(vec![*b"FILE", *b"INDX"]),
        usa_offset in 40_u16..60,
    ) {
        if bytes.len() >= 8 {
            let count = bytes.len() / 512 + 1;
            bytes[..4].copy_from_slice(&magic);
            bytes[4..6].copy_from_slice(&usa_offset.to_le_bytes());
            bytes[6..8].copy_from_slice(&(count as u16).to_le_bytes());
        }
        let _ = wipe_mft_record(&mut bytes, RecordNumber(20), Times::Reset, &mut Wiped::default());
        let _ = wipe_index_record(&mut bytes, Times::Reset, &mut Wiped::default());
    }
}

/// What follows damage may be content: it is said that it stays.
#[test]
fn damage_is_told() {
    let mut volume = volume();
    let number = volume.record_number("small.txt");
    volume.patch_record(number, |record| {
        record[0x18..0x1C].copy_from_slice(&4096_u32.to_le_bytes());
    });
    let offset = volume.record_offset(number) as usize;
    let mut record = volume.bytes[offset..offset + RECORD_SIZE].to_vec();
    let result = wipe_mft_record(
        &mut record,
        RecordNumber(number),
        Times::Reset,
        &mut Wiped::default(),
    );
    assert_eq!(result, Err(WipeError::Damaged));
    assert!(
        undo_fixup(&mut record, b"FILE").is_ok(),
        "its fixup is done again"
    );
}
