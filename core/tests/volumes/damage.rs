//! Volumes with bytes changed anywhere: all that is asked of them ends, and
//! what is asked holds.

use std::sync::LazyLock;

use ntfs_volume_builder::{Volume, VolumeBuilder};
use ntfsclone_core::clusters::select_used;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::samples::everything;

static SOUND: LazyLock<Volume> = LazyLock::new(|| everything().build());

/// Records that are in use.
static RECORDS: LazyLock<Vec<u64>> = LazyLock::new(|| {
    let is_in_use = |number: &u64| SOUND.record(*number)[0x16] & 1 == 1;
    (0..SOUND.mft_records).filter(is_in_use).collect()
});

fn scan(bytes: &[u8]) {
    crate::targets::run("volume_scan", bytes);
}

proptest! {
    #[test]
    fn bytes_anywhere(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..60),
    ) {
        let mut bytes = SOUND.bytes.clone();
        for (at, byte) in changes {
            bytes[at.index(SOUND.bytes.len())] = byte;
        }
        scan(&bytes);
    }

    /// As above, but the records' fixups are still right: what is in them is
    /// looked at.
    #[test]
    fn bytes_in_records(
        changes in prop::collection::vec(
            (any::<Index>(), 8..440_usize, prop_oneof![Just(0), Just(0xFF), any::<u8>()]),
            1..8,
        ),
    ) {
        let mut built = SOUND.clone();
        for (record, at, byte) in changes {
            built.patch_record(*record.get(&RECORDS), |record| record[at] = byte);
        }
        scan(&built.bytes);
    }

    #[test]
    fn bytes_in_the_boot_sector(
        changes in prop::collection::vec((0x0B..0x50_usize, any::<u8>()), 1..4),
    ) {
        let mut built = SOUND.clone();
        built.damage_backup_boot_sector();
        for (at, byte) in changes {
            built.bytes[at] = byte;
        }
        scan(&built.bytes);
    }

    #[test]
    fn cut_anywhere(len in any::<Index>()) {
        scan(&SOUND.bytes[..len.index(SOUND.bytes.len())]);
    }
}

/// The tests above see what they should: the sound volume is read whole.
#[test]
fn the_sound_volume_is_sound() {
    let volume = ntfsclone_core::ntfs::Volume::open(SOUND.bytes.as_slice()).unwrap();
    assert!(volume.is_hibernated().unwrap());
    assert!(RECORDS.len() > 80);
    let selection = select_used(&volume, |_| {}).unwrap();
    assert_eq!(selection.findings.errors(), 0);
    scan(&SOUND.bytes);
}

/// A run longer than any device: the clusters kept of `$LogFile` at doubling
/// distances come to an end.
#[test]
fn a_log_file_without_end() {
    let mut built = VolumeBuilder::new()
        .cluster_size(512)
        .clusters(3000)
        .build();
    let data = built.attribute_offset(2, 0x80, "").unwrap();
    built.patch_record(2, |record| {
        // Room for one run with a length of eight bytes, 0x70 << 56.
        let end = data + usize::from(record[data + 4]);
        record.copy_within(end..end + 8, end + 8);
        record[data + 4] += 8;
        record[0x18] += 8;
        let pairs = data + usize::from(record[data + 0x20]);
        record[pairs..][..11].copy_from_slice(&[0x18, 0, 0, 0, 0, 0, 0, 0, 0x70, 20, 0]);
    });
    scan(&built.bytes);
}
