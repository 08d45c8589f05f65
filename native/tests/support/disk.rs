//! Whole disks: volumes behind the partition table that places them.

const SECTOR: usize = 512;

/// A partition to be: where it begins, in sectors, and its bytes.
pub(crate) struct Partition<'a> {
    pub(crate) sector: u32,
    /// Of an MBR; a GPT says the same of all.
    pub(crate) kind: u8,
    pub(crate) bytes: &'a [u8],
}

/// At most four partitions.
pub(crate) fn with_mbr(partitions: &[Partition<'_>]) -> Vec<u8> {
    let mut disk = place(partitions);
    for (index, partition) in partitions.iter().enumerate() {
        let sectors = (partition.bytes.len() / SECTOR) as u32;
        put_mbr_entry(&mut disk, index, partition.kind, partition.sector, sectors);
    }
    disk
}

/// A sector with the first copy of the table, and one with the backup.
pub(crate) fn with_gpt(partitions: &[Partition<'_>]) -> Vec<u8> {
    const ENTRIES: usize = 2;
    const ENTRY_SECTORS: usize = 32;
    let mut disk = place(partitions);
    disk.resize(disk.len() + (ENTRY_SECTORS + 1) * SECTOR, 0);
    let last = disk.len() / SECTOR - 1;
    put_mbr_entry(&mut disk, 0, 0xEE, 1, last as u32);
    let entries = gpt_entries(partitions);
    for (header, other, table) in [(1, last, ENTRIES), (last, 1, last - ENTRY_SECTORS)] {
        disk[table * SECTOR..][..entries.len()].copy_from_slice(&entries);
        let header_bytes = gpt_header(header, other, table, &entries);
        disk[header * SECTOR..][..header_bytes.len()].copy_from_slice(&header_bytes);
    }
    disk
}

/// A disk with one extended partition, and in it a list of logical ones; before each of
/// them is a sector with its link.
pub(crate) fn with_logical(partitions: &[Partition<'_>]) -> Vec<u8> {
    const EXTENDED: u8 = 0x0F;
    let mut disk = place(partitions);
    let extended = partitions[0].sector - 1;
    let sectors = (disk.len() / SECTOR) as u32 - extended;
    put_mbr_entry(&mut disk, 0, EXTENDED, extended, sectors);
    for (index, partition) in partitions.iter().enumerate() {
        let at = (partition.sector as usize - 1) * SECTOR;
        let sectors = (partition.bytes.len() / SECTOR) as u32;
        let link = &mut disk[at..at + SECTOR];
        link.fill(0);
        link[510..].copy_from_slice(&[0x55, 0xAA]);
        put_mbr_entry(link, 0, partition.kind, 1, sectors);
        if let Some(next) = partitions.get(index + 1) {
            let from_start = next.sector - 1 - extended;
            put_mbr_entry(link, 1, EXTENDED, from_start, 1);
        }
    }
    disk
}

fn gpt_entries(partitions: &[Partition<'_>]) -> Vec<u8> {
    /// EBD0A0A2-B9E5-4433-87C0-68B6B72699C7: Microsoft's basic data.
    const BASIC_DATA: [u8; 16] = [
        0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99,
        0xC7,
    ];
    let mut entries = Vec::new();
    for (index, partition) in partitions.iter().enumerate() {
        let first = u64::from(partition.sector);
        let last = first + (partition.bytes.len() / SECTOR) as u64 - 1;
        entries.extend(BASIC_DATA);
        entries.extend([index as u8 + 1; 16]);
        entries.extend(first.to_le_bytes());
        entries.extend(last.to_le_bytes());
        entries.resize((index + 1) * 128, 0);
    }
    entries.resize(128 * 128, 0);
    entries
}

fn gpt_header(sector: usize, other: usize, table: usize, entries: &[u8]) -> Vec<u8> {
    let mut header = b"EFI PART\0\0\x01\0\x5C\0\0\0".to_vec();
    header.resize(24, 0);
    header.extend((sector as u64).to_le_bytes());
    header.extend((other as u64).to_le_bytes());
    header.resize(72, 0);
    header.extend((table as u64).to_le_bytes());
    header.extend(128_u32.to_le_bytes());
    header.extend(128_u32.to_le_bytes());
    header.extend(crc32(entries).to_le_bytes());
    let sum = crc32(&header);
    header[16..20].copy_from_slice(&sum.to_le_bytes());
    header
}

/// As zip and Ethernet have it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0_u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

fn place(partitions: &[Partition<'_>]) -> Vec<u8> {
    let mut disk = vec![0; 4096];
    for partition in partitions {
        disk.resize(partition.sector as usize * SECTOR, 0);
        disk.extend(partition.bytes);
        disk.resize(disk.len().next_multiple_of(SECTOR), 0);
    }
    disk[510..512].copy_from_slice(&[0x55, 0xAA]);
    disk
}

fn put_mbr_entry(sector: &mut [u8], index: usize, kind: u8, first: u32, sectors: u32) {
    let entry = &mut sector[446 + index * 16..][..16];
    entry[4] = kind;
    entry[8..12].copy_from_slice(&first.to_le_bytes());
    entry[12..16].copy_from_slice(&sectors.to_le_bytes());
}
