//! Images as partclone writes them, in every version and mode of the format.

use twox_hash::{XxHash3_128, XxHash64};

use crate::volume::Volume;

/// How an image of partclone is written.
#[derive(Clone, Debug)]
pub struct PartcloneImage {
    /// 1 or 2.
    pub version: u8,
    /// Name of the file system.
    pub file_system: String,
    /// As in the header: 0 none, 0x20 CRC-32, 0x30 XXH64, 0x31 XXH128.
    pub checksum_mode: u16,
    /// Blocks between two checksums.
    pub blocks_per_checksum: u32,
    /// Each checksum starts afresh.
    pub reseed: bool,
    /// As in the header: 0 none, 1 a bit a block, 8 a byte a block.
    pub bitmap_mode: u8,
    /// Bytes after each checksum of version 1: 0, or 4 as some builds write.
    pub padding: usize,
}

impl PartcloneImage {
    /// As `partclone.ntfs` writes, but for a checksum after every 7 blocks.
    pub fn version_2() -> Self {
        Self {
            version: 2,
            file_system: "NTFS".to_owned(),
            checksum_mode: 0x20,
            blocks_per_checksum: 7,
            reseed: true,
            bitmap_mode: 1,
            padding: 0,
        }
    }

    /// Version 1 has no modes.
    pub fn version_1(padding: usize) -> Self {
        Self {
            version: 1,
            blocks_per_checksum: 1,
            reseed: false,
            bitmap_mode: 8,
            padding,
            ..Self::version_2()
        }
    }

    /// The image of a volume: its used clusters, or all, if there is no bitmap.
    pub fn of_volume(&self, volume: &Volume) -> Vec<u8> {
        let mut blocks = vec![None; volume.geometry.clusters as usize];
        for lcn in volume.used_clusters() {
            blocks[lcn as usize] = Some(volume.cluster(lcn));
        }
        if self.bitmap_mode == 0 {
            for (block, lcn) in blocks.iter_mut().zip(0..) {
                *block = Some(volume.cluster(lcn));
            }
        }
        let cluster_size = volume.geometry.cluster_size;
        self.of_blocks(cluster_size, volume.bytes.len() as u64, &blocks)
    }

    /// The image of a volume of these blocks; `None` is one that is not in use.
    pub fn of_blocks(
        &self,
        block_size: u32,
        device_size: u64,
        blocks: &[Option<&[u8]>],
    ) -> Vec<u8> {
        let used = blocks.iter().flatten().count() as u64;
        let mut image = match self.version {
            1 => self.header_1(block_size, device_size, blocks.len() as u64, used),
            _ => self.header_2(block_size, device_size, blocks.len() as u64, used),
        };
        let present: Vec<u8> = blocks
            .iter()
            .map(|block| u8::from(block.is_some()))
            .collect();
        match self.bitmap_mode {
            0 => {}
            1 => {
                let bits: Vec<u8> = present
                    .chunks(8)
                    .map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | bit))
                    .collect();
                image.extend(&bits);
                image.extend(crc32(!0, &bits).to_le_bytes());
            }
            _ => {
                image.extend(&present);
                image.extend(b"BiTmAgIc");
            }
        }
        self.append_blocks(&mut image, blocks);
        image
    }

    fn header_1(&self, block_size: u32, device_size: u64, blocks: u64, used: u64) -> Vec<u8> {
        let mut header = b"partclone-image".to_vec();
        header.extend(padded(&self.file_system, 15));
        header.extend(b"0001\0\0");
        header.extend(block_size.to_le_bytes());
        header.extend(
            [device_size, blocks, used]
                .map(u64::to_le_bytes)
                .as_flattened(),
        );
        // What stands there does not matter.
        header.resize(header.len() + 4096, 0xEE);
        header
    }

    fn header_2(&self, block_size: u32, device_size: u64, blocks: u64, used: u64) -> Vec<u8> {
        let mut header = b"partclone-image\0".to_vec();
        header.extend(padded("0.3.23", 14));
        header.extend(b"0002\xDE\xC0");
        header.extend(padded(&self.file_system, 16));
        let sizes = [device_size, blocks, used, used].map(u64::to_le_bytes);
        header.extend(sizes.as_flattened());
        header.extend([block_size, 18].map(u32::to_le_bytes).as_flattened());
        let checksum_size = match self.checksum_mode {
            0 => 0,
            0x20 => 4,
            0x30 => 8,
            _ => 16,
        };
        let shorts = [2, 64, self.checksum_mode, checksum_size].map(u16::to_le_bytes);
        header.extend(shorts.as_flattened());
        header.extend(self.blocks_per_checksum.to_le_bytes());
        header.extend([u8::from(self.reseed), self.bitmap_mode]);
        redo_partclone_header(&mut header);
        header
    }

    fn append_blocks(&self, image: &mut Vec<u8>, blocks: &[Option<&[u8]>]) {
        let stored: Vec<&[u8]> = blocks.iter().copied().flatten().collect();
        if self.checksum_mode == 0 {
            image.extend(stored.concat());
            return;
        }
        // All that a checksum covers: since the last one, or since the first block.
        let mut covered = Vec::new();
        for strip in stored.chunks(self.blocks_per_checksum as usize) {
            if self.reseed {
                covered.clear();
            }
            for block in strip {
                image.extend(*block);
                match self.version {
                    1 => covered.resize(covered.len() + block.len(), block[0]),
                    _ => covered.extend(*block),
                }
            }
            match self.checksum_mode {
                0x20 => image.extend(crc32(!0, &covered).to_le_bytes()),
                0x30 => image.extend(XxHash64::oneshot(0, &covered).to_le_bytes()),
                _ => image.extend(XxHash3_128::oneshot(&covered).to_le_bytes()),
            }
            image.resize(image.len() + self.padding, 0);
        }
    }
}

/// Makes the checksum of a header of version 2 match again what stands before it.
pub fn redo_partclone_header(image: &mut Vec<u8>) {
    let checksum = crc32(!0, &image[..106]);
    image.resize(image.len().max(110), 0);
    image[106..110].copy_from_slice(&checksum.to_le_bytes());
}

fn padded(text: &str, len: usize) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(len, 0);
    bytes
}

/// CRC-32 without the inversion at the end.
fn crc32(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| match crc & 1 {
            1 => crc >> 1 ^ 0xEDB8_8320,
            _ => crc >> 1,
        })
    })
}
