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

pub(crate) fn with_gpt(partitions: &[Partition<'_>]) -> Vec<u8> {
    const ENTRIES: usize = 2 * SECTOR;
    const ENTRY: usize = 128;
    /// EBD0A0A2-B9E5-4433-87C0-68B6B72699C7: Microsoft's basic data.
    const BASIC_DATA: [u8; 16] = [
        0xA2, 0xA0, 0xD0, 0xEB, 0xE5, 0xB9, 0x33, 0x44, 0x87, 0xC0, 0x68, 0xB6, 0xB7, 0x26, 0x99,
        0xC7,
    ];
    let mut disk = place(partitions);
    let sectors = (disk.len() / SECTOR) as u32 - 1;
    put_mbr_entry(&mut disk, 0, 0xEE, 1, sectors);
    disk[SECTOR..SECTOR + 8].copy_from_slice(b"EFI PART");
    let mut put = |offset: usize, bytes: &[u8]| {
        disk[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(SECTOR + 8, &0x0001_0000_u32.to_le_bytes());
    put(SECTOR + 12, &92_u32.to_le_bytes());
    put(SECTOR + 24, &1_u64.to_le_bytes());
    put(SECTOR + 72, &2_u64.to_le_bytes());
    put(SECTOR + 80, &128_u32.to_le_bytes());
    put(SECTOR + 84, &(ENTRY as u32).to_le_bytes());
    for (index, partition) in partitions.iter().enumerate() {
        let entry = ENTRIES + index * ENTRY;
        let first = u64::from(partition.sector);
        let last = first + (partition.bytes.len() / SECTOR) as u64 - 1;
        put(entry, &BASIC_DATA);
        put(entry + 16, &[index as u8 + 1; 16]);
        put(entry + 32, &first.to_le_bytes());
        put(entry + 40, &last.to_le_bytes());
    }
    disk
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

fn put_mbr_entry(disk: &mut [u8], index: usize, kind: u8, first: u32, sectors: u32) {
    let entry = &mut disk[446 + index * 16..][..16];
    entry[4] = kind;
    entry[8..12].copy_from_slice(&first.to_le_bytes());
    entry[12..16].copy_from_slice(&sectors.to_le_bytes());
}
