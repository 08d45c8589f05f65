//! VHDX files, and entries of their log.

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const LOG_OFFSET: usize = MIB;
const METADATA_OFFSET: usize = 2 * MIB;
/// Offset of the block allocation table.
pub const VHDX_TABLE: usize = 3 * MIB;
const LOG_GUID: [u8; 16] = [0x5A; 16];
const SECTOR: usize = 4 * KIB;
/// Bytes of the GUID of the data in a [`vhdx`].
const DATA_GUID: [u8; 16] = [
    0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF,
];
/// The same as text.
pub const VHDX_DATA_GUID: &str = "00112233-4455-6677-8899-AABBCCDDEEFF";

/// A VHDX with blocks of 1 MiB; those of zeros are not stored.
pub fn vhdx(disk: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 4 * MIB];
    put(&mut file, 0, b"vhdxfile");
    for (number, offset) in [64 * KIB, 128 * KIB].into_iter().enumerate() {
        put(&mut file, offset, b"head");
        put(&mut file, offset + 8, &(number as u64 + 1).to_le_bytes());
        put(&mut file, offset + 32, &DATA_GUID);
        put(&mut file, offset + 66, &1_u16.to_le_bytes());
        put(&mut file, offset + 68, &(MIB as u32).to_le_bytes());
        put(&mut file, offset + 72, &(LOG_OFFSET as u64).to_le_bytes());
    }
    let table = "2DC27766-F623-4200-9D64-115E9BFD4A08";
    let metadata = "8B7CA206-4790-4B9A-B8FE-575F050F886E";
    for offset in [192 * KIB, 256 * KIB] {
        put(&mut file, offset, b"regi");
        put(&mut file, offset + 8, &2_u32.to_le_bytes());
        for (index, (name, start)) in [(table, VHDX_TABLE), (metadata, METADATA_OFFSET)]
            .into_iter()
            .enumerate()
        {
            let entry = offset + 16 + 32 * index;
            put(&mut file, entry, &guid(name));
            put(&mut file, entry + 16, &(start as u64).to_le_bytes());
            put(&mut file, entry + 24, &(MIB as u32).to_le_bytes());
            put(&mut file, entry + 28, &1_u32.to_le_bytes());
        }
    }
    put(&mut file, METADATA_OFFSET, b"metadata");
    let items: [(&str, Vec<u8>); 4] = [
        (
            "CAA16737-FA36-4D43-B3B6-33F0AA44E76B",
            (MIB as u64).to_le_bytes().to_vec(),
        ),
        (
            "2FA54224-CD1B-4876-B211-5DBED83BF4B8",
            (disk.len() as u64).to_le_bytes().to_vec(),
        ),
        (
            "8141BF1D-A96F-4709-BA47-F233A8FAAB5F",
            512_u32.to_le_bytes().to_vec(),
        ),
        ("BECA12AB-B2E6-4523-93EF-C309E000C746", vec![7; 16]),
    ];
    put(
        &mut file,
        METADATA_OFFSET + 10,
        &(items.len() as u16).to_le_bytes(),
    );
    for (index, (name, value)) in items.iter().enumerate() {
        let entry = METADATA_OFFSET + 32 + 32 * index;
        let offset = 64 * KIB + 16 * index;
        put(&mut file, entry, &guid(name));
        put(&mut file, entry + 16, &(offset as u32).to_le_bytes());
        put(&mut file, entry + 20, &(value.len() as u32).to_le_bytes());
        put(&mut file, entry + 24, &6_u32.to_le_bytes());
        put(&mut file, METADATA_OFFSET + offset, value);
    }
    for (index, block) in disk.chunks(MIB).enumerate() {
        if block.iter().any(|&byte| byte != 0) {
            let offset = file.len();
            put(
                &mut file,
                VHDX_TABLE + 8 * index,
                &(offset as u64 | 6).to_le_bytes(),
            );
            file.extend(block);
            file.resize(file.len().next_multiple_of(MIB), 0);
        }
    }
    redo_vhdx_checksums(&mut file);
    file
}

/// A VHDX of which the sectors that `is_written` are its own, and the others those of the parent. Keys and values say where
/// that is.
pub fn vhdx_difference(
    disk: &[u8],
    is_written: &dyn Fn(usize) -> bool,
    locator: &[(&str, &str)],
) -> Vec<u8> {
    const PARAMETERS: usize = METADATA_OFFSET + 64 * KIB;
    const LOCATOR: usize = 128 * KIB;
    /// After the entries of so many blocks of 1 MiB comes that of a bitmap.
    const BLOCKS_PER_BITMAP: usize = 4096;
    const SECTORS: usize = MIB / 512;
    let mut file = vhdx(&[]);
    put(&mut file, PARAMETERS + 4, &[2]);
    let size = disk.len() as u64;
    put(&mut file, PARAMETERS + 16, &size.to_le_bytes());
    put(&mut file, METADATA_OFFSET + 10, &5_u16.to_le_bytes());
    let entry = METADATA_OFFSET + 32 + 32 * 4;
    put(
        &mut file,
        entry,
        &guid("A8D35F2D-B30B-454D-ABF7-D3D84834AB0C"),
    );
    put(&mut file, entry + 16, &(LOCATOR as u32).to_le_bytes());
    put(&mut file, entry + 24, &4_u32.to_le_bytes());
    let mut item = guid("B04AEFB7-D19E-4A81-B789-25B8E9445913");
    item.extend([0, 0]);
    item.extend((locator.len() as u16).to_le_bytes());
    let mut texts: Vec<u8> = Vec::new();
    let start = item.len() + 12 * locator.len();
    for (key, value) in locator {
        let utf16 =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let (key, value) = (utf16(key), utf16(value));
        let key_offset = (start + texts.len()) as u32;
        item.extend(key_offset.to_le_bytes());
        item.extend((key_offset + key.len() as u32).to_le_bytes());
        item.extend((key.len() as u16).to_le_bytes());
        item.extend((value.len() as u16).to_le_bytes());
        texts.extend([key, value].concat());
    }
    item.extend(texts);
    put(&mut file, METADATA_OFFSET + LOCATOR, &item);

    let mut bitmap = vec![0_u8; MIB];
    for (index, block) in disk.chunks(MIB).enumerate() {
        let sectors = index * SECTORS..index * SECTORS + block.len().div_ceil(512);
        let written = sectors.clone().filter(|&sector| is_written(sector)).count();
        let is_zeros = block.iter().all(|&byte| byte == 0);
        let state = match written {
            0 => 0,
            _ if written < sectors.len() => 7,
            _ if is_zeros => 2,
            _ => 6,
        };
        let mut offset = 0;
        if state >= 6 {
            offset = file.len();
            for (sector, bytes) in sectors.clone().zip(block.chunks(512)) {
                // What is the parent's is not looked at.
                match is_written(sector) {
                    true => file.extend(bytes),
                    false => file.extend([0xEE; 512]),
                }
            }
            file.resize(file.len().next_multiple_of(MIB), 0);
        }
        let entry = offset as u64 | state;
        put(&mut file, VHDX_TABLE + 8 * index, &entry.to_le_bytes());
        for sector in sectors.filter(|&sector| is_written(sector)) {
            bitmap[sector / 8] |= 1 << (sector % 8);
        }
    }
    let entry = file.len() as u64 | 6;
    let offset = VHDX_TABLE + 8 * BLOCKS_PER_BITMAP;
    put(&mut file, offset, &entry.to_le_bytes());
    file.extend(bitmap);
    redo_vhdx_checksums(&mut file);
    file
}

/// Makes the checksums of both headers and region tables right.
pub fn redo_vhdx_checksums(file: &mut [u8]) {
    for (offset, len) in [
        (64 * KIB, 4 * KIB),
        (128 * KIB, 4 * KIB),
        (192 * KIB, 64 * KIB),
        (256 * KIB, 64 * KIB),
    ] {
        if let Some(bytes) = file.get_mut(offset..offset + len) {
            redo_checksum(bytes);
        }
    }
}

fn redo_checksum(bytes: &mut [u8]) {
    bytes[4..8].fill(0);
    let checksum = crc32c(bytes);
    bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
}

/// A change of a VHDX in its log.
#[derive(Clone, Debug)]
pub enum VhdxChange {
    /// A sector of 4 KiB is written.
    Sector(u64, Vec<u8>),
    /// Zeros are written: offset and length.
    Zeros(u64, u64),
}

/// An entry of the log of a VHDX.
#[derive(Clone, Debug)]
pub struct VhdxLogEntry {
    /// Counts entries.
    pub sequence_number: u64,
    /// Offset in the log of the first entry to be replayed.
    pub tail: usize,
    /// What is written.
    pub changes: Vec<VhdxChange>,
    /// Bytes of the file when the entry was written, and once it is replayed.
    pub file_sizes: [u64; 2],
}

impl VhdxLogEntry {
    fn to_bytes(&self) -> Vec<u8> {
        let descriptors = (64 + 32 * self.changes.len()).next_multiple_of(SECTOR);
        let mut entry = vec![0; descriptors];
        put(&mut entry, 0, b"loge");
        put(&mut entry, 12, &(self.tail as u32).to_le_bytes());
        put(&mut entry, 16, &self.sequence_number.to_le_bytes());
        put(&mut entry, 24, &(self.changes.len() as u32).to_le_bytes());
        put(&mut entry, 32, &LOG_GUID);
        put(&mut entry, 48, &self.file_sizes[0].to_le_bytes());
        put(&mut entry, 56, &self.file_sizes[1].to_le_bytes());
        for (index, change) in self.changes.iter().enumerate() {
            let at = 64 + 32 * index;
            put(&mut entry, at + 24, &self.sequence_number.to_le_bytes());
            match change {
                VhdxChange::Zeros(offset, len) => {
                    put(&mut entry, at, b"zero");
                    put(&mut entry, at + 8, &len.to_le_bytes());
                    put(&mut entry, at + 16, &offset.to_le_bytes());
                }
                VhdxChange::Sector(offset, bytes) => {
                    put(&mut entry, at, b"desc");
                    put(&mut entry, at + 4, &bytes[SECTOR - 4..]);
                    put(&mut entry, at + 8, &bytes[..8]);
                    put(&mut entry, at + 16, &offset.to_le_bytes());
                    let mut sector = bytes.clone();
                    let number = self.sequence_number.to_le_bytes();
                    put(&mut sector, 0, b"data");
                    put(&mut sector, 4, &number[4..]);
                    put(&mut sector, SECTOR - 4, &number[..4]);
                    entry.extend(sector);
                }
            }
        }
        let len = (entry.len() as u32).to_le_bytes();
        put(&mut entry, 8, &len);
        redo_checksum(&mut entry);
        entry
    }
}

/// Writes entries to the log of a VHDX, from `offset` of the log on, which is a ring. Returns the offset after the last
/// one.
pub fn write_vhdx_log(file: &mut [u8], offset: usize, entries: &[VhdxLogEntry]) -> usize {
    for header in [64 * KIB, 128 * KIB] {
        put(file, header + 48, &LOG_GUID);
    }
    redo_vhdx_checksums(file);
    let mut offset = offset;
    for entry in entries {
        for sector in entry.to_bytes().chunks(SECTOR) {
            put(file, LOG_OFFSET + offset, sector);
            offset = (offset + SECTOR) % MIB;
        }
    }
    offset
}

fn put(file: &mut [u8], offset: usize, bytes: &[u8]) {
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// The bytes of a GUID by its text.
fn guid(text: &str) -> Vec<u8> {
    let digits: String = text.chars().filter(|&digit| digit != '-').collect();
    let byte =
        |index: usize| u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).expect("digits");
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    order.map(byte).to_vec()
}

fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32| crc >> 1 ^ if crc & 1 == 1 { 0x82F6_3B78 } else { 0 };
    let table: Vec<u32> = (0..256)
        .map(|byte| (0..8).fold(byte, |crc, _| step(crc)))
        .collect();
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        crc >> 8 ^ table[usize::from(crc as u8 ^ byte)]
    })
}
