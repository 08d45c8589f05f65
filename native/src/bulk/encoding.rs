//! Encodes on the reader thread, because the writer is the bottleneck; blocks that
//! are compressed one by one, on more threads.

use std::num::NonZeroUsize;
use std::thread;

use ntfsclone_core as core;
use ntfsclone_core::write::{Encode, Out, Shape, Stopped, Writer};

use super::aligned_buffer::AlignedBuffer;
use super::pipeline::{Filled, Filler};
use crate::device;
use crate::error::Result;
use crate::host::memory::Buffers;

/// Bytes read in one call through the kernel's cache: few enough to be still in
/// the processor's cache when they are encoded.
const CACHED_READ_BYTES: usize = 256 << 10;

/// Bytes read in one call past the kernel's cache.
const DIRECT_READ_BYTES: usize = 4 << 20;

/// The least bytes read in one call.
const LEAST_READ_BYTES: usize = 64 << 10;

/// The buffer takes at most one part in so many of the usable memory.
const SHARE: u64 = 24;

/// Bytes that a thread takes: 16 blocks of 64 KiB, before and after, and what
/// compresses them.
const BYTES_OF_A_THREAD: u64 = 3 << 20;

/// The reader feeds no more.
const MAX_THREADS: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// The threads take at most one part in so many of the usable memory.
const SHARE_OF_THREADS: u64 = 8;

/// Reads into a buffer of its own and encodes from there.
pub struct Encoding {
    buffer: AlignedBuffer,
    encoder: Box<dyn Encode + Send>,
    threads: NonZeroUsize,
}

impl Encoding {
    /// `None` if the output of `writer` is the volume itself: it is read to where
    /// it is written from. `is_direct`: it is read past the kernel's cache, of
    /// which no read ends within `cluster_size`.
    ///
    /// # Errors
    ///
    /// Those of [`Writer::encoder`].
    pub fn new(
        writer: &Writer,
        shape: &Shape<'_>,
        cluster_size: u32,
        is_direct: bool,
    ) -> core::Result<Option<Self>> {
        let Some(encoder) = writer.encoder(shape)? else {
            return Ok(None);
        };
        let cluster_size = cluster_size as usize;
        let bytes = if is_direct {
            DIRECT_READ_BYTES
        } else {
            CACHED_READ_BYTES.max(cluster_size)
        };
        let wanted = Buffers { count: 1, bytes };
        let least = LEAST_READ_BYTES.max(cluster_size);
        Ok(Some(Self {
            buffer: AlignedBuffer::new(wanted.within(least, SHARE).bytes),
            encoder,
            threads: NonZeroUsize::MIN,
        }))
    }

    /// Works on blocks on so many threads, by default one for each processor: fewer
    /// where there is no memory for them.
    pub fn on_threads(self, wanted: Option<NonZeroUsize>) -> Self {
        let available = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let of_memory = device::usable_memory() / SHARE_OF_THREADS / BYTES_OF_A_THREAD;
        let of_memory = usize::try_from(of_memory).ok().and_then(NonZeroUsize::new);
        let threads = wanted.unwrap_or_else(available).min(MAX_THREADS);
        Self {
            threads: threads.min(of_memory.unwrap_or(NonZeroUsize::MIN)),
            ..self
        }
    }

    pub(super) fn threads(&self) -> NonZeroUsize {
        self.threads
    }

    /// Like [`Filler::fill`]. No bytes are passed on, too: they may be a jump.
    pub(super) fn fill(
        &mut self,
        filler: &mut Filler<'_>,
        offset: u64,
        len: u64,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let (mut offset, mut left) = (offset, len);
        loop {
            let len = usize::try_from(left).unwrap_or(usize::MAX);
            let len = len.min(self.buffer.len());
            let bytes = &mut self.buffer[..len];
            if len > 0
                && let Err(error) = read(offset, bytes)
            {
                return Ok(Err(error));
            }
            filler.count(len as u64);
            self.encoder.data(offset, bytes, filler)?;
            offset += len as u64;
            left -= len as u64;
            if left == 0 {
                return Ok(Ok(()));
            }
        }
    }

    /// Ends the output.
    pub(super) fn finish(mut self, out: &mut dyn Out) -> Result<(), Stopped> {
        self.encoder.finish(out)
    }
}
