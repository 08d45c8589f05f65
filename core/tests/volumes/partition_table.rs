//! Partitions of whole disks.

use ntfsclone_core::open::{Content, Damage, Kind, Partition, PartitionTable, Probe};

fn read(disk: &[u8]) -> Vec<Partition> {
    PartitionTable::read(disk).map_or_else(Vec::new, |table| table.partitions)
}

const NTFS: u8 = 0x07;
const LINUX: u8 = 0x83;
const EXTENDED: u8 = 0x0F;

/// A disk of 200 sectors with boot sectors of NTFS at some of them.
struct Disk {
    sector_size: usize,
    bytes: Vec<u8>,
}

impl Disk {
    fn new(sector_size: usize, ntfs_at: &[usize]) -> Self {
        let bytes = vec![0; 200 * sector_size];
        let mut disk = Self { sector_size, bytes };
        for &lba in ntfs_at {
            disk.patch(lba, 3, b"NTFS    ");
        }
        disk
    }

    fn patch(&mut self, lba: usize, offset: usize, bytes: &[u8]) {
        let start = lba * self.sector_size + offset;
        self.bytes[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// A table of type, first sector and sectors, in sector `lba`.
    fn mbr(mut self, lba: usize, entries: &[(u8, u32, u32)]) -> Self {
        self.patch(lba, 510, &[0x55, 0xAA]);
        for (index, (kind, start, sectors)) in entries.iter().enumerate() {
            let at = 446 + 16 * index;
            self.patch(lba, at + 4, &[*kind]);
            self.patch(lba, at + 8, &start.to_le_bytes());
            self.patch(lba, at + 12, &sectors.to_le_bytes());
        }
        self
    }

    /// A GPT of index, first and last sector, with entries of that size from
    /// sector 2 on.
    fn gpt(self, entry_size: u32, entries: &[(usize, u64, u64)]) -> Self {
        let mut disk = self.mbr(0, &[(0xEE, 1, 199)]);
        disk.put_gpt(1, 2, entry_size, entries);
        disk
    }

    /// The same, with a backup at the end.
    fn gpt_with_backup(self, entries: &[(usize, u64, u64)]) -> Self {
        let mut disk = self.gpt(128, entries);
        let sectors = 128 * 128 / disk.sector_size as u64;
        disk.put_gpt(199, 199 - sectors, 128, entries);
        disk
    }

    /// A copy of a GPT, with its checksums, in sector `lba`.
    fn put_gpt(&mut self, lba: u64, table: u64, entry_size: u32, entries: &[(usize, u64, u64)]) {
        let at = table as usize;
        for (index, first, last) in entries {
            let offset = index * entry_size as usize;
            self.patch(at, offset, &[0xAB; 32]);
            self.patch(at, offset + 32, &first.to_le_bytes());
            self.patch(at, offset + 40, &last.to_le_bytes());
        }
        let start = at * self.sector_size;
        let all = start..start + 128 * entry_size as usize;
        let entries = crc(self.bytes.get(all).unwrap_or_default());
        let mut header = b"EFI PART\0\0\x01\0\x5C\0\0\0".to_vec();
        header.resize(92, 0);
        header[24..32].copy_from_slice(&lba.to_le_bytes());
        header[32..40].copy_from_slice(&(200 - lba).to_le_bytes());
        header[72..80].copy_from_slice(&table.to_le_bytes());
        header[80..84].copy_from_slice(&128_u32.to_le_bytes());
        header[84..88].copy_from_slice(&entry_size.to_le_bytes());
        header[88..92].copy_from_slice(&entries.to_le_bytes());
        let sum = crc(&header);
        header[16..20].copy_from_slice(&sum.to_le_bytes());
        self.patch(lba as usize, 0, &header);
    }
}

/// CRC-32 as zip and Ethernet have it.
fn crc(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Number, first sector, sectors, and whether it is NTFS, of each partition.
fn check(name: &str, disk: &Disk, expected: &[(u32, u64, u64, bool)]) {
    let sector_size = disk.sector_size as u64;
    let expected: Vec<Partition> = expected
        .iter()
        .map(|&(number, start, sectors, is_ntfs)| Partition {
            number,
            offset: start * sector_size,
            size: sectors * sector_size,
            is_ntfs,
        })
        .collect();
    let name = format!("{name}, sectors of {sector_size}");
    assert_eq!(read(disk.bytes.as_slice()), expected, "{name}");
    if !expected.is_empty() {
        let bytes = disk.bytes.as_slice();
        let probe = Probe::new(&bytes).unwrap();
        match probe.content() {
            Content::Disk(table) => assert_eq!(table.partitions, expected, "{name}"),
            content => panic!("{name}: {content:?}"),
        }
    }
}

#[test]
fn mbr_disks() {
    for sector_size in [512, 4096] {
        let primary = Disk::new(sector_size, &[10, 60]);
        let primary = primary.mbr(
            0,
            &[(NTFS, 10, 20), (LINUX, 30, 30), (0, 0, 0), (NTFS, 60, 40)],
        );
        let expected = [(1, 10, 20, true), (2, 30, 30, false), (4, 60, 40, true)];
        check("primary", &primary, &expected);

        // Partitions 5 to 7 in an extended one, in a list of three tables.
        let logical = Disk::new(sector_size, &[2, 101, 151])
            .mbr(0, &[(NTFS, 2, 48), (EXTENDED, 100, 100)])
            .mbr(100, &[(NTFS, 1, 19), (EXTENDED, 20, 30)])
            .mbr(120, &[(LINUX, 1, 19), (EXTENDED, 50, 50)])
            .mbr(150, &[(NTFS, 1, 49)]);
        let expected = [
            (1, 2, 48, true),
            (5, 101, 19, true),
            (6, 121, 19, false),
            (7, 151, 49, true),
        ];
        check("logical", &logical, &expected);
    }
}

#[test]
fn gpt_disks() {
    for sector_size in [512, 4096] {
        for entry_size in [128, 256] {
            let disk = Disk::new(sector_size, &[70, 120]);
            let disk = disk.gpt(entry_size, &[(0, 50, 59), (1, 70, 99), (5, 120, 199)]);
            let expected = [(1, 50, 10, false), (2, 70, 30, true), (6, 120, 80, true)];
            check(&format!("entries of {entry_size}"), &disk, &expected);
        }
    }
}

/// Where a copy of a disk reads beside the partitions, in sectors.
#[test]
fn areas_outside_hold_tables_and_boot_loaders() {
    for sector_size in [512, 4096] {
        let check = |name: &str, disk: &Disk, expected: &[(u64, u64)]| {
            let bytes = disk.bytes.as_slice();
            let table = PartitionTable::read(bytes).unwrap();
            let size = sector_size as u64;
            let mut found: Vec<(u64, u64)> = table
                .areas_outside(&bytes)
                .into_iter()
                .map(|area| (area.start / size, area.end.div_ceil(size)))
                .collect();
            found.sort_unstable();
            found.dedup();
            for area in expected {
                assert!(
                    found.contains(area),
                    "{name}, {size}: {area:?} in {found:?}"
                );
            }
            // No partition is read for that.
            for (start, end) in found {
                let mut partitions = table.partitions.iter();
                let is_within = partitions.any(|partition| {
                    let first = partition.offset / size;
                    start < first + partition.size / size && end > first
                });
                assert!(!is_within, "{name}, {size}: {start}..{end}");
            }
        };
        let logical = Disk::new(sector_size, &[2, 101, 151])
            .mbr(0, &[(NTFS, 2, 48), (EXTENDED, 100, 100)])
            .mbr(100, &[(NTFS, 1, 19), (EXTENDED, 20, 30)])
            .mbr(120, &[(LINUX, 1, 19), (EXTENDED, 50, 50)])
            .mbr(150, &[(NTFS, 1, 49)]);
        let expected = [(0, 2), (100, 101), (120, 121), (150, 151)];
        check("logical", &logical, &expected);
        let entries = [(0, 50, 59), (1, 70, 99)];
        let backup = 199 - 128 * 128 / sector_size as u64;
        let gpt = Disk::new(sector_size, &[70]).gpt_with_backup(&entries);
        check("GPT", &gpt, &[(0, 50), (199, 200), (backup, 199)]);
        let mut grown = gpt;
        grown.bytes.resize(300 * sector_size, 0);
        check("grown", &grown, &[(0, 50), (199, 200), (backup, 199)]);
    }
}

/// A damaged copy is told by its checksums, and the other one is taken.
#[test]
fn gpt_backup_is_taken_where_the_first_copy_is_damaged() {
    let entries = [(0, 50, 59), (1, 70, 99)];
    let expected = [(1, 50, 10, false), (2, 70, 30, true)];
    type Patch = (usize, usize, &'static [u8]);
    let table: [(&str, &[Patch], Option<Damage>); 6] = [
        ("sound", &[], None),
        ("entry", &[(2, 32, &[51])], Some(Damage::BackupUsed)),
        ("header", &[(1, 72, &[3])], Some(Damage::BackupUsed)),
        ("signature", &[(1, 0, b"NO")], Some(Damage::BackupUsed)),
        (
            "start",
            &[(0, 0, &[0; 512]), (1, 0, b"NO")],
            Some(Damage::BackupUsed),
        ),
        ("backup", &[(199, 80, &[1])], None),
    ];
    for sector_size in [512, 4096] {
        for (name, patches, damage) in table {
            let disk = Disk::new(sector_size, &[70]);
            let mut disk = disk.gpt_with_backup(&entries);
            for (lba, offset, bytes) in patches {
                disk.patch(*lba, *offset, bytes);
            }
            check(name, &disk, &expected);
            let table = PartitionTable::read(disk.bytes.as_slice()).unwrap();
            assert_eq!((table.kind, table.damage), (Kind::Gpt, damage), "{name}");
        }
        // The disk was made larger: only the first copy knows where the backup is.
        let mut grown = Disk::new(sector_size, &[70]).gpt_with_backup(&entries);
        grown.bytes.resize(300 * sector_size, 0);
        grown.patch(2, 32, &[51]);
        check("grown", &grown, &expected);
        // Nothing better is there than what is damaged.
        let mut both = Disk::new(sector_size, &[70]).gpt_with_backup(&entries);
        both.patch(2, 16, &[1]);
        both.patch(199, 16, &[1]);
        check("both", &both, &expected);
        let table = PartitionTable::read(both.bytes.as_slice()).unwrap();
        assert_eq!(table.damage, Some(Damage::BothDamaged));
    }
}

#[test]
fn tables_that_make_no_sense() {
    let disk = || Disk::new(512, &[10]);
    let circle = disk()
        .mbr(0, &[(EXTENDED, 100, 100)])
        .mbr(100, &[(0, 0, 0), (EXTENDED, 20, 1)])
        .mbr(120, &[(0, 0, 0), (EXTENDED, 0, 1)]);
    check("a circle", &circle, &[]);
    check("no sectors", &disk().mbr(0, &[(NTFS, 10, 0)]), &[]);
    check("itself", &disk().mbr(0, &[(NTFS, 0, 10)]), &[]);
    check("past the end", &disk().mbr(0, &[(NTFS, u32::MAX, 10)]), &[]);
    check("an empty table", &disk().mbr(0, &[]), &[]);
    check("no GPT", &disk().mbr(0, &[(0xEE, 1, 199)]), &[]);
    check("no entries", &disk().gpt(128, &[]), &[]);
    check("backwards", &disk().gpt(128, &[(0, 10, 8)]), &[]);
    check("all of it", &disk().gpt(128, &[(0, 0, u64::MAX)]), &[]);
    for entry_size in [0_u32, 1, 64, 127] {
        let mut disk = disk().gpt(128, &[(0, 10, 19)]);
        disk.patch(1, 84, &entry_size.to_le_bytes());
        check(&format!("entries of {entry_size}"), &disk, &[]);
    }

    // Cut anywhere: what is left is no reason to fail.
    let whole = disk().gpt(128, &[(0, 10, 19)]).bytes;
    for len in 0..2048 {
        read(&whole[..len]);
    }
}
