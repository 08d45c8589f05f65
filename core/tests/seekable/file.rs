//! Files written by hand, as the description of the format says, without what core has for that.

use ntfs_volume_builder::pattern;
use ntfsclone_core::image::ntfsclone::Header;

/// Bytes of the stream in a frame: the fewest that may be.
pub(crate) const FRAME: usize = 1024;

/// Frames and what follows them.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) stream: Vec<u8>,
    /// Each compressed frame, and its bytes of the stream.
    pub(crate) frames: Vec<(Vec<u8>, u32)>,
    pub(crate) version: u32,
    pub(crate) sections: Vec<([u8; 4], Vec<u8>)>,
}

pub(crate) const FACTS: &str = r#"{"tool":"a test","note":"é"}"#;
/// 2 clusters from 3, then one from 1, then the tail.
pub(crate) const MAP: &[u8] = &[6, 2, 7, 1, 16, 1];

pub(crate) fn header() -> Header {
    Header::new(256, 10 * 256 + 100, 10, 3)
}

impl File {
    pub(crate) fn new(stream: Vec<u8>) -> Self {
        let frames: Vec<_> = stream
            .chunks(FRAME)
            .map(|content| (compress(content), content.len() as u32))
            .collect();
        let hashes: Vec<u8> = stream
            .chunks(FRAME)
            .flat_map(|content| *blake3::hash(content).as_bytes())
            .collect();
        let whole = blake3::hash(&hashes);
        let sections = vec![
            (*b"HEAD", head(1, FRAME as u32, stream.len() as u64)),
            (*b"FACT", FACTS.as_bytes().to_vec()),
            (*b"HASH", [whole.as_bytes(), hashes.as_slice()].concat()),
            (*b"MAPS", MAP.to_vec()),
        ];
        Self {
            stream,
            frames,
            version: 1,
            sections,
        }
    }

    /// Of 5 frames, the last one short, not all of them compressible.
    pub(crate) fn sample() -> Self {
        let mut stream = pattern(1, 2 * FRAME);
        stream.resize(4 * FRAME + 1, 7);
        Self::new(stream)
    }

    pub(crate) fn section(&mut self, tag: &[u8; 4]) -> &mut Vec<u8> {
        let found = self.sections.iter_mut().find(|section| &section.0 == tag);
        &mut found.expect("it has it").1
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        self.frames
            .iter()
            .flat_map(|frame| frame.0.clone())
            .collect()
    }

    pub(crate) fn summary(&self) -> Vec<u8> {
        let mut content = b"ntfsclnz".to_vec();
        content.extend(self.version.to_le_bytes());
        for (tag, section) in &self.sections {
            content.extend(tag);
            content.extend((section.len() as u64).to_le_bytes());
            content.extend(section);
        }
        let size = 8 + content.len() + 48;
        let mut frame = 0x184D_2A5D_u32.to_le_bytes().to_vec();
        frame.extend((size as u32 - 8).to_le_bytes());
        frame.extend(content);
        let hash = blake3::hash(&frame);
        frame.extend(hash.as_bytes());
        frame.extend((size as u64).to_le_bytes());
        frame.extend(b"ntfsclnz");
        frame
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let summary = self.summary();
        let mut sizes: Vec<(u32, u32)> = self
            .frames
            .iter()
            .map(|(bytes, size)| (bytes.len() as u32, *size))
            .collect();
        sizes.push((summary.len() as u32, 0));
        [self.data(), summary, seek_table(&sizes)].concat()
    }
}

pub(crate) fn head(kind: u32, frame_size: u32, stream_size: u64) -> Vec<u8> {
    let mut head = kind.to_le_bytes().to_vec();
    head.extend(frame_size.to_le_bytes());
    head.extend(stream_size.to_le_bytes());
    head.extend(256_u32.to_le_bytes());
    for field in [10_u64, 10 * 256 + 100, 3] {
        head.extend(field.to_le_bytes());
    }
    head
}

/// Compressed and decompressed size of each frame.
pub(crate) fn seek_table(sizes: &[(u32, u32)]) -> Vec<u8> {
    let mut table = 0x184D_2A5E_u32.to_le_bytes().to_vec();
    table.extend((sizes.len() as u32 * 8 + 9).to_le_bytes());
    for (compressed, size) in sizes {
        table.extend(compressed.to_le_bytes());
        table.extend(size.to_le_bytes());
    }
    table.extend((sizes.len() as u32).to_le_bytes());
    table.push(0);
    table.extend(0x8F92_EAB1_u32.to_le_bytes());
    table
}

pub(crate) fn compress(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; zstd_safe::compress_bound(content.len())];
    let mut context = zstd_safe::CCtx::create();
    let checksum = zstd_safe::CParameter::ChecksumFlag(true);
    context.set_parameter(checksum).expect("it is known");
    let len = context.compress2(frame.as_mut_slice(), content);
    frame.truncate(len.expect("there is room"));
    frame
}
