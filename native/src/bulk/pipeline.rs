//! The pipeline: one thread fills batches, another writes them.
//!
//! A fixed number of batches circulates between the two, so that memory does not
//! depend on the size of the volume. Where no thread can be started, the two take
//! turns.

use std::io;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use ntfsclone_core::write::{Out, Stopped};

use super::aligned_buffer::AlignedBuffer;
use super::direct::PAGE;
use super::encoding::Encoding;
use crate::error::{Error, Result};
use crate::host::memory::Buffers;
use crate::host::threads::{self, Ending};

/// Bytes of a batch that goes through the kernel's cache: large enough that a
/// system call costs nothing beside the bytes it moves, small enough to be in the
/// processor's cache from the one side to the other.
const CACHED_BATCH_BYTES: usize = 1 << 20;

/// Bytes of a batch that goes past the cache: a disk is idle between two.
const DIRECT_BATCH_BYTES: usize = 4 << 20;

/// Batches that go round: one being filled, one being taken, and the rest
/// between for when one side is slower for a while.
const BATCHES: usize = 6;

/// Blocks for each thread that works on some: they take different times.
const BLOCKS_OF_A_THREAD: usize = 16;

/// The least bytes of a batch: fewer would not be worth a command to a disk.
const LEAST_BATCH_BYTES: usize = 64 << 10;

/// Of the memory that may be used, batches take one part in so many.
const SHARE: u64 = 4;

/// Bytes of a volume or image on their way, in pieces that lie apart on it.
#[derive(Debug)]
pub struct Batch {
    /// For reads and writes past the kernel's cache.
    data: AlignedBuffer,
    /// Where each begins in `data`, in order.
    pieces: Vec<(usize, Piece)>,
    /// The end of the last piece in `data`.
    len: usize,
    /// How many bytes of the volume are in it: less than bytes, if it holds an
    /// image.
    volume_bytes: u64,
}

/// Consecutive bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where they belong, in bytes from the start of the volume or image.
    pub offset: u64,
    pub len: usize,
}

impl Piece {
    fn end(self) -> u64 {
        self.offset + self.len as u64
    }
}

impl Batch {
    /// Room for `size` bytes.
    pub fn new(size: usize) -> Result<Self> {
        Ok(Self {
            data: AlignedBuffer::try_new(size)?,
            pieces: Vec::new(),
            len: 0,
            volume_bytes: 0,
        })
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    /// Counts bytes of the volume that are in it.
    pub fn count(&mut self, volume_bytes: u64) {
        self.volume_bytes += volume_bytes;
    }

    /// How many more bytes there is room for.
    pub fn room(&self) -> usize {
        self.data.len() - self.len
    }

    /// Room for `len` more bytes, to be filled, which belong at `offset`.
    pub fn push(&mut self, offset: u64, len: usize) -> &mut [u8] {
        let start = self.len;
        match self.pieces.last_mut() {
            Some((_, last)) if last.end() == offset => last.len += len,
            _ => self.pieces.push((start, Piece { offset, len })),
        }
        self.len += len;
        &mut self.data[start..self.len]
    }

    /// Lets `read` put bytes into all the room there is, which belong at
    /// `offset`, and returns how many it put there.
    pub fn push_read(
        &mut self,
        offset: u64,
        read: impl FnOnce(&mut [u8]) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let len = read(&mut self.data[self.len..])?;
        if len > 0 {
            self.push(offset, len);
            self.count(len as u64);
        }
        Ok(len)
    }

    /// Leaves bytes out, so that what belongs at `offset` begins where it does in its
    /// page: only then can it be written past the cache.
    fn align_to(&mut self, offset: u64) {
        if self
            .pieces
            .last()
            .is_some_and(|(_, last)| last.end() == offset)
        {
            return;
        }
        let in_page = (offset % PAGE) as usize;
        let page = PAGE as usize;
        let skipped = (in_page + page - self.len % page) % page;
        self.len = self.data.len().min(self.len + skipped);
    }

    pub fn pieces(&self) -> impl Iterator<Item = (Piece, &[u8])> {
        let pieces = self.pieces.iter();
        pieces.map(|&(start, piece)| (piece, &self.data[start..start + piece.len]))
    }

    pub fn pieces_mut(&mut self) -> impl Iterator<Item = (Piece, &mut [u8])> {
        let (mut rest, mut end) = (&mut self.data[..], 0);
        self.pieces.iter().map(move |&(start, piece)| {
            let (_, from_start) = std::mem::take(&mut rest).split_at_mut(start - end);
            let (bytes, after) = from_start.split_at_mut(piece.len);
            (rest, end) = (after, start + piece.len);
            (piece, bytes)
        })
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.len = 0;
        self.volume_bytes = 0;
    }
}

/// What fills batches, and leaves full ones.
pub struct Filler<'a> {
    exchange: Exchange<'a>,
    current: Batch,
    /// `None` if the output is the volume itself.
    encoding: Option<Encoding>,
    /// Threads that work on blocks.
    threads: NonZeroUsize,
    /// Bytes of the output of `encoding`.
    encoded: u64,
    /// The last of these are zeros, which are in no batch.
    ends_in_zeros: bool,
}

/// Where full batches go, and empty ones come from.
enum Exchange<'a> {
    /// To and from the side that takes them, on another thread.
    Thread {
        empty: Receiver<Batch>,
        full: SyncSender<Batch>,
    },
    /// There is no other thread: a batch is taken before the next is filled.
    Here(&'a mut dyn FnMut(&mut Batch) -> Result<(), Stopped>),
}

impl Filler<'_> {
    /// A batch with room for at least `len` bytes; what has less is sent off.
    pub fn batch_with_room(&mut self, len: usize) -> Result<&mut Batch, Stopped> {
        if self.current.room() < len {
            self.send()?;
        }
        Ok(&mut self.current)
    }

    /// Fills batches with `len` bytes of the volume from `offset` on, which
    /// `read` provides, encoded for the output. No read ends within a cluster.
    pub fn fill(
        &mut self,
        offset: u64,
        len: u64,
        cluster_size: u32,
        read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let Some(mut encoding) = self.encoding.take() else {
            return self.fill_raw(offset, len, cluster_size, read);
        };
        let filled = encoding.fill(self, offset, len, read);
        self.encoding = Some(encoding);
        filled
    }

    fn fill_raw(
        &mut self,
        offset: u64,
        len: u64,
        cluster_size: u32,
        mut read: impl FnMut(u64, &mut [u8]) -> Result<()>,
    ) -> Filled {
        let cluster_size = cluster_size as usize;
        let (mut offset, mut left) = (offset, len);
        while left > 0 {
            let batch = self.batch_with_room(cluster_size)?;
            let room = batch.room() / cluster_size * cluster_size;
            let len = usize::try_from(left).unwrap_or(usize::MAX).min(room);
            if let Err(error) = read(offset, batch.push(offset, len)) {
                return Ok(Err(error));
            }
            batch.count(len as u64);
            offset += len as u64;
            left -= len as u64;
        }
        Ok(Ok(()))
    }

    /// Counts bytes of the volume that are encoded next.
    pub(super) fn count(&mut self, volume_bytes: u64) {
        self.current.count(volume_bytes);
    }

    fn end(mut self) -> Result<(), Stopped> {
        if let Some(encoding) = self.encoding.take() {
            encoding.finish(&mut self)?;
        }
        if self.ends_in_zeros {
            let end = self.encoded;
            self.current.push(end, 0);
        }
        if self.current.is_empty() {
            return Ok(());
        }
        match self.exchange {
            Exchange::Thread { full, .. } => full.send(self.current).map_err(|_| Stopped),
            Exchange::Here(take) => take(&mut self.current),
        }
    }

    fn send(&mut self) -> Result<(), Stopped> {
        match &mut self.exchange {
            Exchange::Thread { empty, full } => {
                let mut next = empty.recv().map_err(|_| Stopped)?;
                next.clear();
                let filled = std::mem::replace(&mut self.current, next);
                full.send(filled).map_err(|_| Stopped)
            }
            Exchange::Here(take) => {
                take(&mut self.current)?;
                self.current.clear();
                Ok(())
            }
        }
    }
}

/// Batches are filled to the last byte with what is encoded.
impl Out for Filler<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), Stopped> {
        let mut left = bytes;
        while !left.is_empty() {
            let offset = self.encoded;
            let batch = self.batch_with_room(1)?;
            batch.align_to(offset);
            if batch.room() == 0 {
                continue;
            }
            let (now, later) = left.split_at(left.len().min(batch.room()));
            batch.push(offset, now.len()).copy_from_slice(now);
            self.encoded += now.len() as u64;
            self.ends_in_zeros = false;
            left = later;
        }
        Ok(())
    }

    /// What lies between two pieces is zeros: at least a page, or it would be no hole.
    fn zeros(&mut self, len: u64) -> Result<(), Stopped> {
        const ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];
        if len < PAGE {
            return self.put(&ZEROS[..len as usize]);
        }
        self.encoded += len;
        self.ends_in_zeros = true;
        Ok(())
    }

    fn blocks_at_once(&self) -> usize {
        match self.threads.get() {
            1 => 1,
            threads => threads * BLOCKS_OF_A_THREAD,
        }
    }

    fn for_each_block(&mut self, blocks: &mut [Vec<u8>], work: fn(&mut Vec<u8>)) {
        threads::for_each(self.threads, blocks, work);
    }
}

/// What fills batches, seen from the side that takes them.
pub enum Batches {
    Thread {
        empty: Sender<Batch>,
        full: Receiver<Batch>,
        thread: Ending<Result<()>>,
        what: &'static str,
    },
    /// There can be no thread.
    Here(Box<Task>),
}

/// How batches are filled.
pub struct Task {
    fill: Box<dyn FnOnce(&mut Filler<'_>) -> Filled + Send>,
    encoding: Option<Encoding>,
    /// The first batch.
    first: Batch,
}

impl Task {
    fn run(self, exchange: Exchange<'_>) -> Result<()> {
        let mut filler = Filler {
            exchange,
            current: self.first,
            threads: self
                .encoding
                .as_ref()
                .map_or(NonZeroUsize::MIN, Encoding::threads),
            encoding: self.encoding,
            encoded: 0,
            ends_in_zeros: false,
        };
        match (self.fill)(&mut filler) {
            Ok(Ok(())) => {
                // If it cannot be taken, who takes says why.
                let _ = filler.end();
                Ok(())
            }
            Ok(Err(error)) => Err(error),
            Err(Stopped) => Ok(()),
        }
    }
}

/// What a thread that fills batches ends with, before it is all sent.
pub type Filled = Result<Result<(), Error>, Stopped>;

/// What goes through a pipeline.
pub struct Flow {
    /// Bytes of a cluster, of which a batch has room for one at least.
    pub cluster_size: u32,
    /// One side goes past the kernel's cache.
    pub is_direct: bool,
    /// `None` if the output is the volume itself.
    pub encoding: Option<Encoding>,
}

impl Flow {
    fn batches(&self) -> Buffers {
        let cluster_size = self.cluster_size as usize;
        let bytes = if self.is_direct {
            DIRECT_BATCH_BYTES
        } else {
            CACHED_BATCH_BYTES
        };
        let wanted = Buffers {
            count: BATCHES,
            bytes: bytes.max(cluster_size),
        };
        wanted.within(LEAST_BATCH_BYTES.max(cluster_size), SHARE)
    }
}

/// Starts a thread that fills batches until `fill` returns. It is not waited
/// for when the side that takes fails: it may be waiting for input that does
/// not come.
pub fn start(
    what: &'static str,
    flow: Flow,
    fill: impl FnOnce(&mut Filler<'_>) -> Filled + Send + 'static,
) -> Result<Batches> {
    let (empty, empty_receiver) = channel();
    let batches = flow.batches();
    let (full_sender, full) = sync_channel(batches.count);
    let task = Task {
        fill: Box::new(fill),
        encoding: flow.encoding,
        first: Batch::new(batches.bytes)?,
    };
    for _ in 1..batches.count {
        // Cannot fail: the receiver is here.
        let _ = empty.send(Batch::new(batches.bytes)?);
    }
    let started = threads::start(what, task, move |task| {
        task.run(Exchange::Thread {
            empty: empty_receiver,
            full: full_sender,
        })
    });
    Ok(match started {
        Ok(thread) => Batches::Thread {
            empty,
            full,
            thread,
            what,
        },
        Err(task) => Batches::Here(Box::new(task)),
    })
}

impl Batches {
    /// Calls `take` with every batch, in order.
    ///
    /// # Errors
    ///
    /// What `take` or the filling thread failed with.
    pub fn for_each(self, mut take: impl FnMut(&mut Batch) -> Result<()>) -> Result<()> {
        let (empty, full, thread, what) = match self {
            Self::Thread {
                empty,
                full,
                thread,
                what,
            } => (empty, full, thread, what),
            Self::Here(task) => return take_here(*task, take),
        };
        while let Ok(mut batch) = full.recv() {
            take(&mut batch)?;
            // The filling thread may have ended already.
            let _ = empty.send(batch);
        }
        match thread.join() {
            Ok(Some(result)) => result,
            _ => Err(Error::Thread(what)),
        }
    }
}

/// Fills and takes by turns.
fn take_here(task: Task, mut take: impl FnMut(&mut Batch) -> Result<()>) -> Result<()> {
    let mut taken = Ok(());
    let mut take = |batch: &mut Batch| {
        taken = take(batch);
        taken.as_ref().map(|_| ()).map_err(|_| Stopped)
    };
    let filled = task.run(Exchange::Here(&mut take));
    taken.and(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_begin_where_they_do_in_their_pages() {
        let mut batch = Batch::new(64 << 10).unwrap();
        let pieces = [(100, 50), (150, 10), (8192, 5000), (70_000, 1), (70_001, 9)];
        for (offset, len) in pieces {
            batch.align_to(offset);
            batch.push(offset, len).fill(len as u8);
        }
        let expected = [(100, 60), (8192, 5000), (70_000, 10)];
        let found: Vec<_> = batch.pieces().collect();
        assert_eq!(found.len(), expected.len());
        for ((piece, bytes), (offset, len)) in found.into_iter().zip(expected) {
            assert_eq!((piece.offset, piece.len, bytes.len()), (offset, len, len));
            let address = bytes.as_ptr().addr() as u64;
            assert_eq!(address % PAGE, offset % PAGE, "{offset}");
        }
        let contents: Vec<Vec<u8>> = batch.pieces().map(|(_, bytes)| bytes.to_vec()).collect();
        let mutable: Vec<Vec<u8>> = batch
            .pieces_mut()
            .map(|(_, bytes)| bytes.to_vec())
            .collect();
        assert_eq!(mutable, contents);
    }

    #[test]
    fn a_full_batch_has_no_space_to_align_in() {
        let mut batch = Batch::new(4096).unwrap();
        batch.push(0, 4000);
        batch.align_to(8192 + 3000);
        assert_eq!(batch.room(), 0);
        assert_eq!(batch.pieces().count(), 1);
    }
}
