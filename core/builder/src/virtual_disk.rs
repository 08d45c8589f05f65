//! Small virtual disks in the formats of several programs, with blocks as small as a format allows. Blocks of zeros are
//! not stored.

/// Bytes of a sector.
pub(crate) const SECTOR: usize = 512;
/// Bytes of [`vhd`]'s UUID.
pub(crate) const VHD_ID: [u8; 16] = *b"UUID of this VHD";

/// Writes `bytes` at `offset`, after zeros where there is nothing yet.
pub(crate) fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    file.resize(file.len().max(end), 0);
    file[offset..end].copy_from_slice(bytes);
}

/// The blocks of a disk; the last one is filled up with zeros. `None` where all bytes are zeros.
fn blocks(disk: &[u8], size: usize) -> Vec<Option<Vec<u8>>> {
    let block = |bytes: &[u8]| {
        let mut block = bytes.to_vec();
        block.resize(size, 0);
        bytes.iter().any(|&byte| byte != 0).then_some(block)
    };
    disk.chunks(size).map(block).collect()
}

/// Appends at the next multiple of `alignment`. Returns where.
pub(crate) fn append(file: &mut Vec<u8>, alignment: usize, bytes: &[u8]) -> usize {
    let offset = file.len().next_multiple_of(alignment);
    put(file, offset, bytes);
    offset
}

/// Deflate without compression: one stored block (RFC 1951, 3.2.4).
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len()).expect("a small block");
    let lengths = [len.to_le_bytes(), (!len).to_le_bytes()];
    [&[1], lengths.as_flattened(), bytes].concat()
}

/// The same in the zlib format.
pub(crate) fn zlib(bytes: &[u8]) -> Vec<u8> {
    [
        &[0x78, 0x01],
        &deflate(bytes)[..],
        &adler32(bytes).to_be_bytes(),
    ]
    .concat()
}

/// The checksum of RFC 1950.
pub(crate) fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1, 0), |(a, b), &byte| {
        let a = (a + u32::from(byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    b << 16 | a
}

/// A frame of zstd without compression, of 256 bytes at least.
fn zstd(bytes: &[u8]) -> Vec<u8> {
    let len = u16::try_from(bytes.len() - 256).expect("a small block");
    let block = (bytes.len() as u32) << 3 | 1;
    let header = [0x28, 0xB5, 0x2F, 0xFD, 0x60];
    [
        &header,
        &len.to_le_bytes()[..],
        &block.to_le_bytes()[..3],
        bytes,
    ]
    .concat()
}

/// A VHD: fixed, or dynamic with blocks of `block_size` bytes.
pub fn vhd(disk: &[u8], block_size: Option<usize>) -> Vec<u8> {
    const HEADER: usize = SECTOR;
    const TABLE: usize = HEADER + 1024;
    let mut footer = vec![0; SECTOR];
    put(&mut footer, 0, b"conectix");
    put(&mut footer, 12, &0x0001_0000_u32.to_be_bytes());
    let header_offset = block_size.map_or(u64::MAX, |_| HEADER as u64);
    put(&mut footer, 16, &header_offset.to_be_bytes());
    put(&mut footer, 28, b"test");
    for offset in [40, 48] {
        put(&mut footer, offset, &(disk.len() as u64).to_be_bytes());
    }
    let disk_type = block_size.map_or(2_u32, |_| 3);
    put(&mut footer, 60, &disk_type.to_be_bytes());
    put(&mut footer, 68, &VHD_ID);
    redo_vhd_checksum(&mut footer);
    let Some(block_size) = block_size else {
        return [disk, &footer].concat();
    };
    let blocks = blocks(disk, block_size);
    let mut file = footer.clone();
    let mut header = vec![0; 1024];
    put(&mut header, 0, b"cxsparse");
    put(&mut header, 8, &u64::MAX.to_be_bytes());
    put(&mut header, 16, &(TABLE as u64).to_be_bytes());
    put(&mut header, 24, &0x0001_0000_u32.to_be_bytes());
    put(&mut header, 28, &(blocks.len() as u32).to_be_bytes());
    put(&mut header, 32, &(block_size as u32).to_be_bytes());
    put(&mut file, HEADER, &header);
    redo_vhd_checksum(&mut file[HEADER..]);
    put(&mut file, TABLE, &vec![0xFF; blocks.len() * 4]);
    for (number, block) in blocks.iter().enumerate() {
        if let Some(block) = block {
            let bitmap = vec![
                0xFF;
                (block_size / SECTOR / 8)
                    .next_multiple_of(SECTOR)
                    .max(SECTOR)
            ];
            let offset = append(&mut file, SECTOR, &[bitmap, block.clone()].concat());
            let sector = (offset / SECTOR) as u32;
            put(&mut file, TABLE + 4 * number, &sector.to_be_bytes());
        }
    }
    append(&mut file, SECTOR, &footer);
    file
}

/// Makes the checksum of a VHD footer or header right, which `file` begins with.
pub fn redo_vhd_checksum(file: &mut [u8]) {
    let (len, offset) = match file.starts_with(b"cxsparse") {
        true => (1024, 36),
        false => (SECTOR, 64),
    };
    file[offset..offset + 4].fill(0);
    let sum: u32 = file[..len].iter().map(|&byte| u32::from(byte)).sum();
    file[offset..offset + 4].copy_from_slice(&(!sum).to_be_bytes());
}

/// A dynamic VDI with blocks of `block_size` bytes, each after 8 bytes that are not of the disk.
pub fn vdi(disk: &[u8], block_size: usize) -> Vec<u8> {
    const TABLE: usize = 512;
    const EXTRA: usize = 8;
    let blocks = blocks(disk, block_size);
    let data = (TABLE + 4 * blocks.len()).next_multiple_of(SECTOR);
    let mut file = b"<<< Oracle VM VirtualBox Disk Image >>>\n".to_vec();
    let stored = blocks.iter().flatten().count();
    let fields: [(usize, usize); 10] = [
        (64, 0xBEDA_107F),
        (68, 0x0001_0001),
        (72, 0x190),
        (76, 1),
        (340, TABLE),
        (344, data),
        (360, SECTOR),
        (376, block_size),
        (380, EXTRA),
        (384, blocks.len()),
    ];
    for (offset, value) in fields {
        put(&mut file, offset, &(value as u32).to_le_bytes());
    }
    put(&mut file, 368, &(disk.len() as u64).to_le_bytes());
    put(&mut file, 388, &(stored as u32).to_le_bytes());
    // Not in order: as blocks of a disk that was written at random.
    let mut next = stored as u32;
    for (number, block) in blocks.iter().enumerate() {
        let free = [u32::MAX, u32::MAX - 1][number % 2];
        let entry = block.as_ref().map_or(free, |block| {
            next -= 1;
            let offset = data + next as usize * (EXTRA + block_size);
            put(&mut file, offset, &[0xEE; EXTRA]);
            put(&mut file, offset + EXTRA, block);
            next
        });
        put(&mut file, TABLE + 4 * number, &entry.to_le_bytes());
    }
    file
}

/// How the clusters of a qcow2 image are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qcow2 {
    /// As they are, in version 2.
    Version2,
    /// As they are; clusters of zeros are recorded as zeros.
    Version3,
    /// Compressed by zlib.
    Zlib,
    /// Compressed by zstd.
    Zstd,
    /// In 32 subclusters, of which those of zeros are not stored.
    Subclusters,
}

/// A qcow2 image with clusters of `1 << cluster_bits` bytes. There are no reference counts.
pub fn qcow2(disk: &[u8], cluster_bits: u32, form: Qcow2) -> Vec<u8> {
    const COMPRESSED: u64 = 1 << 62;
    const COPIED: u64 = 1 << 63;
    let cluster_size = 1_usize << cluster_bits;
    let entry_size = if form == Qcow2::Subclusters { 16 } else { 8 };
    let clusters = blocks(disk, cluster_size);
    let tables: Vec<_> = clusters.chunks(cluster_size / entry_size).collect();
    let mut file = Vec::new();
    put(&mut file, 0, b"QFI\xFB");
    let version: u32 = if form == Qcow2::Version2 { 2 } else { 3 };
    put(&mut file, 4, &version.to_be_bytes());
    put(&mut file, 20, &cluster_bits.to_be_bytes());
    put(&mut file, 24, &(disk.len() as u64).to_be_bytes());
    put(&mut file, 36, &(tables.len() as u32).to_be_bytes());
    put(&mut file, 40, &(cluster_size as u64).to_be_bytes());
    if version == 3 {
        let features: u64 = match form {
            Qcow2::Zstd => 1 << 3,
            Qcow2::Subclusters => 1 << 4,
            _ => 0,
        };
        put(&mut file, 72, &features.to_be_bytes());
        put(&mut file, 96, &4_u32.to_be_bytes());
        put(&mut file, 100, &112_u32.to_be_bytes());
        put(&mut file, 104, &[u8::from(form == Qcow2::Zstd)]);
    }
    put(&mut file, cluster_size, &vec![0; tables.len() * 8]);
    for (index, table) in tables.iter().enumerate() {
        if table.iter().all(Option::is_none) {
            continue;
        }
        let table_offset = append(&mut file, cluster_size, &vec![0; cluster_size]);
        let entry = COPIED | table_offset as u64;
        put(&mut file, cluster_size + 8 * index, &entry.to_be_bytes());
        for (number, cluster) in table.iter().enumerate() {
            let offset = table_offset + entry_size * number;
            let entry = match (cluster, form) {
                (None, Qcow2::Version3) => 1,
                (None, _) => continue,
                (Some(cluster), Qcow2::Zlib | Qcow2::Zstd) => {
                    let compressed = match form {
                        Qcow2::Zlib => deflate(cluster),
                        _ => zstd(cluster),
                    };
                    // The first of the sectors, of which the smallest clusters have two, is shared.
                    let is_shared = (file.len() % SECTOR + compressed.len()).div_ceil(SECTOR)
                        <= 2 * cluster_size / SECTOR;
                    let alignment = if is_shared { 1 } else { SECTOR };
                    let at = append(&mut file, alignment, &compressed);
                    let sectors = (at + compressed.len()).div_ceil(SECTOR) - at / SECTOR - 1;
                    COMPRESSED | (sectors as u64) << (62 - (cluster_bits - 8)) | at as u64
                }
                (Some(cluster), _) => {
                    if form == Qcow2::Subclusters {
                        let bitmap = subclusters(cluster);
                        put(&mut file, offset + 8, &bitmap.to_be_bytes());
                    }
                    COPIED | append(&mut file, cluster_size, cluster) as u64
                }
            };
            put(&mut file, offset, &entry.to_be_bytes());
        }
    }
    file
}

/// A bit for each subcluster that is stored, then one for each second of those that are not.
fn subclusters(cluster: &[u8]) -> u64 {
    let bit = |(number, bytes): (usize, &[u8])| match bytes.iter().any(|&byte| byte != 0) {
        true => 1_u64 << number,
        false if number % 2 == 0 => 1 << (32 + number),
        false => 0,
    };
    cluster
        .chunks(cluster.len() / 32)
        .enumerate()
        .map(bit)
        .sum()
}

/// A VMDK with grains of `grain_size` bytes: monolithic sparse, or stream-optimised. Tables have 8 entries.
pub fn vmdk(disk: &[u8], grain_size: usize, is_stream_optimised: bool) -> Vec<u8> {
    const ENTRIES: usize = 8;
    let grains = blocks(disk, grain_size);
    let flags: u32 = match is_stream_optimised {
        true => 0x0003_0001,
        false => 0x0000_0005,
    };
    let create_type = match is_stream_optimised {
        true => "streamOptimized",
        false => "monolithicSparse",
    };
    let sectors = disk.len() / SECTOR;
    let descriptor = format!(
        "# Disk DescriptorFile\nversion=1\nCID=12345678\nparentCID=ffffffff\n\
         createType=\"{create_type}\"\n\nRW {sectors} SPARSE \"disk.vmdk\"\n"
    );
    let mut header = vec![0; SECTOR];
    put(&mut header, 0, b"KDMV");
    put(
        &mut header,
        4,
        &(if is_stream_optimised { 3_u32 } else { 2 }).to_le_bytes(),
    );
    put(&mut header, 8, &flags.to_le_bytes());
    for (offset, value) in [(12, sectors), (20, grain_size / SECTOR), (28, 1), (36, 2)] {
        put(&mut header, offset, &(value as u64).to_le_bytes());
    }
    put(&mut header, 44, &(ENTRIES as u32).to_le_bytes());
    put(&mut header, 73, b"\n \r\n");
    put(
        &mut header,
        77,
        &u16::from(is_stream_optimised).to_le_bytes(),
    );
    let mut file = [header.clone(), descriptor.into_bytes()].concat();
    file.resize(3 * SECTOR, 0);
    let mut directory = Vec::new();
    for (index, table) in grains.chunks(ENTRIES).enumerate() {
        let mut entries = Vec::new();
        for (number, grain) in table.iter().enumerate() {
            let first = (index * ENTRIES + number) * grain_size / SECTOR;
            let sector = match grain {
                None if is_stream_optimised => 0,
                None => 1,
                Some(grain) if is_stream_optimised => {
                    let data = zlib(grain);
                    let len = (data.len() as u32).to_le_bytes();
                    let marked = [&(first as u64).to_le_bytes(), &len[..], &data].concat();
                    append(&mut file, SECTOR, &marked) / SECTOR
                }
                Some(grain) => append(&mut file, SECTOR, grain) / SECTOR,
            };
            entries.extend((sector as u32).to_le_bytes());
        }
        entries.resize(ENTRIES * 4, 0);
        let sector = match table.iter().any(Option::is_some) {
            true => append(&mut file, SECTOR, &entries) / SECTOR,
            false => 0,
        };
        directory.extend((sector as u32).to_le_bytes());
    }
    let directory = (append(&mut file, SECTOR, &directory) / SECTOR) as u64;
    put(&mut header, 56, &directory.to_le_bytes());
    if is_stream_optimised {
        append(&mut file, SECTOR, &header);
        append(&mut file, SECTOR, &[0; SECTOR]);
        put(&mut header, 56, &u64::MAX.to_le_bytes());
    }
    put(&mut file, 0, &header);
    file.resize(file.len().next_multiple_of(SECTOR), 0);
    file
}
