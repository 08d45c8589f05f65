//! The first section of the summary: what the stream is, and its sizes.

use core::ops::Range;

use super::{corrupt, u32_at, u64_at};
use crate::error::{Error, Result, Structure};
use crate::image::ntfsclone::Header;
use crate::image::seekable::SeekTable;
use crate::units::len_u64;

const KIND_NTFSCLONE: u32 = 1;
const KIND_RAW: u32 = 2;

const FRAME_SIZES: core::ops::RangeInclusive<u32> = 1 << 10..=128 << 20;

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An ntfsclone image.
    NtfscloneImage,
    /// A raw volume.
    RawVolume,
}

/// What is known of the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What it is.
    pub kind: Kind,
    /// Bytes of it in each frame, but for the last one.
    pub frame_size: u32,
    /// Bytes of it.
    pub stream_size: u64,
    /// The sizes of the volume, as the header of an image tells them.
    pub header: Header,
}

impl Head {
    pub(super) const SIZE: usize = 44;

    pub(super) fn parse(content: &[u8], range: Range<usize>, position: u64) -> Result<Self> {
        let position = position.saturating_add(len_u64(range.start));
        let bytes = content.get(range).unwrap_or_default();
        let Some(bytes) = bytes.first_chunk::<{ Self::SIZE }>() else {
            let found = len_u64(bytes.len());
            return Err(corrupt(position, "HEAD", found, "at least 44 bytes"));
        };
        let kind = match u32_at(bytes, 0) {
            KIND_NTFSCLONE => Kind::NtfscloneImage,
            KIND_RAW => Kind::RawVolume,
            found => {
                return Err(Error::Unsupported {
                    structure: Structure::Summary,
                    offset: position,
                    field: "kind of stream",
                    found: found.into(),
                    expected: "1 or 2",
                });
            }
        };
        let frame_size = u32_at(bytes, 4);
        if !frame_size.is_power_of_two() || !FRAME_SIZES.contains(&frame_size) {
            let expected = "a power of two from 1 KiB to 128 MiB";
            let field = "its bytes in a frame";
            return Err(corrupt(position, field, frame_size.into(), expected));
        }
        let (cluster_size, nr_clusters) = (u32_at(bytes, 16), u64_at(bytes, 20));
        let (device_size, inuse) = (u64_at(bytes, 28), u64_at(bytes, 36));
        let header = Header::new(cluster_size, device_size, nr_clusters, inuse);
        let header = header.check().map_err(|_| {
            let expected = "one that an image may have";
            corrupt(
                position,
                "its cluster size, or a size",
                cluster_size.into(),
                expected,
            )
        })?;
        Ok(Self {
            kind,
            frame_size,
            stream_size: u64_at(bytes, 8),
            header,
        })
    }

    /// All frames are as long as they should be.
    pub(super) fn check_table(&self, table: &SeekTable, position: u64) -> Result<()> {
        if self.stream_size != table.stream_size() {
            let expected = "that of the seek table";
            let field = "its size of the stream";
            return Err(corrupt(position, field, self.stream_size, expected));
        }
        let data = table.frames().rev().skip(1).rev();
        let mut left = self.stream_size;
        for frame in data {
            let expected = left.min(self.frame_size.into());
            if frame.size != expected || expected == 0 {
                let expected = "what all have but the last one";
                let field = "the content of a frame";
                return Err(corrupt(frame.position, field, frame.size, expected));
            }
            left = left.saturating_sub(frame.size);
        }
        Ok(())
    }

    pub(super) fn to_bytes(self) -> [u8; Self::SIZE] {
        let kind = match self.kind {
            Kind::NtfscloneImage => KIND_NTFSCLONE,
            Kind::RawVolume => KIND_RAW,
        };
        let header = &self.header;
        let fields = [
            &kind.to_le_bytes()[..],
            &self.frame_size.to_le_bytes(),
            &self.stream_size.to_le_bytes(),
            &header.cluster_size.to_le_bytes(),
            &header.nr_clusters.to_le_bytes(),
            &header.device_size.to_le_bytes(),
            &header.inuse.to_le_bytes(),
        ];
        let mut bytes = [0; Self::SIZE];
        for (byte, field) in bytes.iter_mut().zip(fields.into_iter().flatten()) {
            *byte = *field;
        }
        bytes
    }
}
