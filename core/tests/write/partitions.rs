//! The partition table around a volume.

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Damage, PartitionTable};
use ntfsclone_core::write::{Partitioning, RAW};

use crate::encoding::{encode, expected, volumes};

#[test]
fn a_raw_disk_has_the_volume_in_its_partition() {
    for (name, built) in volumes() {
        for partitioning in [Partitioning::Gpt, Partitioning::Mbr] {
            let disk = encode(&RAW, &built, partitioning, 1 << 16);
            let table = PartitionTable::read(&disk.as_slice()).unwrap();
            assert_eq!(table.partitions.len(), 1, "{name}");
            let volume = expected(&built, 1 << 20);
            assert!(disk[1 << 20..][..volume.len()] == volume, "{name}");
        }
    }
}

#[test]
fn both_copies_of_the_table_are_sound() {
    let (_, built) = volumes().remove(0);
    let mut disk = encode(&RAW, &built, Partitioning::Gpt, 1 << 16);
    let whole = PartitionTable::read(&disk.as_slice()).unwrap();
    // The first copy is damaged.
    disk[512 + 80] ^= 1;
    let other = PartitionTable::read(&disk.as_slice()).unwrap();
    assert_eq!(other.damage, Some(Damage::BackupUsed));
    assert_eq!(other.partitions, whole.partitions);
    assert_eq!(disk.as_slice().size() % (1 << 20), 0);
    // The protective MBR covers the disk.
    assert_eq!((disk[446 + 4], &disk[510..512]), (0xEE, &[0x55, 0xAA][..]));
}

#[test]
fn identifiers_follow_from_the_serial_number() {
    let (_, built) = volumes().remove(0);
    let disk = encode(&RAW, &built, Partitioning::Gpt, 1 << 16);
    let again = encode(&RAW, &built, Partitioning::Gpt, 1 << 16);
    assert!(disk == again);
    let disk_guid = &disk[512 + 56..][..16];
    let partition_guid = &disk[1024 + 16..][..16];
    assert_ne!(disk_guid, partition_guid);
    // Version 8, and the variant of RFC 9562.
    for guid in [disk_guid, partition_guid] {
        assert_eq!((guid[7] >> 4, guid[8] >> 6), (8, 2));
    }
}
