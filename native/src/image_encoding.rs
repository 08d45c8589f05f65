//! Making an image of what is read of a volume: on the side that reads, since
//! the side that writes has the more to do.

use std::sync::mpsc::Sender;

use ntfsclone_core::image::ntfsclone::{Encoder, Header, NEXT_COMMAND};
use ntfsclone_core::image::seekable::MapBuilder;
use ntfsclone_core::units::Lcn;

use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::bulk::pipeline::{Filled, Filler, TakerGone};
use crate::error::Result;
use crate::host::memory::Buffers;

/// Bytes read at once through the kernel's cache: few enough to be still in that
/// of the processor when commands are put between them.
const CACHED_READ_BYTES: usize = 256 << 10;

/// Bytes read at once past the cache.
const DIRECT_READ_BYTES: usize = 4 << 20;

/// The least bytes read at once, and of the memory that may be used, at most one
/// part in so many.
const LEAST_READ_BYTES: usize = 64 << 10;
const SHARE: u64 = 24;

/// Reads, and makes an image of it.
pub struct ImageEncoding {
    /// What was read last.
    read: AlignedBuffer,
    image: Image,
}

/// An image, as far as it is made.
struct Image {
    encoder: Encoder,
    cluster_size: usize,
    volume_size: u64,
    /// Where it goes on, in bytes.
    position: u64,
    /// The header, until it is put.
    start: Vec<u8>,
    /// What follows the last cluster of the volume.
    tail: Vec<u8>,
    /// Which clusters are in it, and who wants to know that in the end.
    map: Option<(MapBuilder, Sender<MapBuilder>)>,
}

impl ImageEncoding {
    /// `is_direct` tells that clusters are read past the kernel's cache.
    pub fn new(header: &Header, is_direct: bool) -> Self {
        let cluster_size = header.cluster_size as usize;
        let wanted = Buffers {
            count: 1,
            bytes: match is_direct {
                true => DIRECT_READ_BYTES,
                false => CACHED_READ_BYTES.max(cluster_size),
            },
        };
        let read_bytes = wanted
            .within(LEAST_READ_BYTES.max(cluster_size), SHARE)
            .bytes;
        let mut start = Vec::new();
        let encoder = Encoder::new(header, &mut start);
        Self {
            read: AlignedBuffer::new(read_bytes),
            image: Image {
                encoder,
                cluster_size,
                volume_size: header.nr_clusters * u64::from(header.cluster_size),
                position: 0,
                start,
                tail: Vec::new(),
                map: None,
            },
        }
    }

    /// Tells `receiver` in the end, in `map`, which clusters are in the image.
    pub fn with_map(mut self, map: MapBuilder, receiver: Sender<MapBuilder>) -> Self {
        self.image.map = Some((map, receiver));
        self
    }

    /// As [`Filler::fill`].
    pub fn fill(
        &mut self,
        filler: &mut Filler<'_>,
        offset: u64,
        len: u64,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let (mut offset, mut left) = (offset, len);
        while left > 0 {
            let len = usize::try_from(left).unwrap_or(usize::MAX);
            let len = len.min(self.read.len());
            let bytes = &mut self.read[..len];
            if let Err(error) = read(offset, bytes) {
                return Ok(Err(error));
            }
            self.image.add(filler, offset, bytes)?;
            offset += len as u64;
            left -= len as u64;
        }
        Ok(Ok(()))
    }

    /// As [`Filler::seek`].
    pub fn seek(&mut self, filler: &mut Filler<'_>, offset: u64) -> Result<(), TakerGone> {
        self.image.seek(filler, offset).map(|_| ())
    }

    /// The tail.
    pub fn end(mut self, filler: &mut Filler<'_>) -> Result<(), TakerGone> {
        let mut end = std::mem::take(&mut self.image.start);
        self.image.encoder.tail(&self.image.tail, &mut end);
        if let Some((mut map, receiver)) = self.image.map.take() {
            let tail = self.image.volume_size / self.image.cluster_size as u64;
            map.add(Lcn(tail), 1);
            // Who is gone failed, and says why itself.
            let _ = receiver.send(map);
        }
        self.image.put(filler, &end)
    }
}

impl Image {
    fn add(&mut self, filler: &mut Filler<'_>, offset: u64, bytes: &[u8]) -> Result<(), TakerGone> {
        filler.count(bytes.len() as u64);
        if offset >= self.volume_size {
            self.tail.extend_from_slice(bytes);
            return Ok(());
        }
        let lcn = self.seek(filler, offset)?;
        let clusters = bytes.chunks(self.cluster_size);
        self.encoder.pass(clusters.len() as u64);
        if let Some((map, _)) = &mut self.map {
            map.add(lcn, clusters.len() as u64);
        }
        for cluster in clusters {
            self.put(filler, &NEXT_COMMAND)?;
            self.put(filler, cluster)?;
        }
        Ok(())
    }

    /// Puts the header, if it is not there yet, and the gap to the cluster at
    /// `offset`.
    fn seek(&mut self, filler: &mut Filler<'_>, offset: u64) -> Result<Lcn, TakerGone> {
        let start = std::mem::take(&mut self.start);
        self.put(filler, &start)?;
        let lcn = Lcn(offset / self.cluster_size as u64);
        if let Some(gap) = self.encoder.seek(lcn) {
            self.put(filler, &gap)?;
        }
        Ok(lcn)
    }

    fn put(&mut self, filler: &mut Filler<'_>, bytes: &[u8]) -> Result<(), TakerGone> {
        filler.put(self.position, bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }
}
