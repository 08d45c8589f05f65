//! Moving the bulk data: a thread that fills batches, another that takes them.
//!
//! Batches go round: a fixed number of them is all the memory that is used,
//! however large the volume.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;

use crate::aligned_buffer::AlignedBuffer;
use crate::error::{Error, Result};

/// Bytes of a batch: large enough that a system call costs nothing beside
/// the bytes it moves, small enough to stay in the processor's cache. At least
/// the largest cluster.
pub const BATCH_BYTES: usize = 4 << 20;

/// Batches that go round: one being filled, one being taken, and two between
/// for when one side is slower for a while.
const BATCHES: usize = 4;

/// Bytes of a volume on their way, in pieces that lie apart on it.
#[derive(Debug)]
pub struct Batch {
    /// For reads and writes past the kernel's cache.
    data: AlignedBuffer,
    pieces: Vec<Piece>,
    len: usize,
}

/// Consecutive bytes of a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Where they belong, in bytes from the start of the volume.
    pub offset: u64,
    pub len: usize,
}

impl Batch {
    pub fn new() -> Self {
        Self {
            data: AlignedBuffer::new(BATCH_BYTES),
            pieces: Vec::new(),
            len: 0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// How many more bytes there is room for.
    pub fn room(&self) -> usize {
        self.data.len() - self.len
    }

    /// Room for `len` more bytes, to be filled, which belong at `offset`.
    pub fn push(&mut self, offset: u64, len: usize) -> &mut [u8] {
        match self.pieces.last_mut() {
            Some(last) if last.offset + last.len as u64 == offset => last.len += len,
            _ => self.pieces.push(Piece { offset, len }),
        }
        let start = self.len;
        self.len += len;
        &mut self.data[start..self.len]
    }

    pub fn pieces(&self) -> impl Iterator<Item = (Piece, &[u8])> {
        let mut rest = &self.data[..self.len];
        self.pieces.iter().map(move |&piece| {
            let (bytes, after) = rest.split_at(piece.len);
            rest = after;
            (piece, bytes)
        })
    }

    pub fn pieces_mut(&mut self) -> impl Iterator<Item = (Piece, &mut [u8])> {
        let mut rest = &mut self.data[..self.len];
        self.pieces.iter().map(move |&piece| {
            let (bytes, after) = std::mem::take(&mut rest).split_at_mut(piece.len);
            rest = after;
            (piece, bytes)
        })
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.len = 0;
    }
}

/// Where a thread that fills batches gets empty ones and leaves full ones.
pub struct Filler {
    empty: Receiver<Batch>,
    full: SyncSender<Batch>,
    current: Batch,
}

/// The side that takes is gone: it failed, and says why itself.
pub struct TakerGone;

impl Filler {
    /// A batch with room for at least `len` bytes; what has less is sent off.
    pub fn batch_with_room(&mut self, len: usize) -> Result<&mut Batch, TakerGone> {
        if self.current.room() < len {
            self.send()?;
        }
        Ok(&mut self.current)
    }

    /// Fills batches with `len` bytes of the volume from `offset` on, which
    /// `read` provides. No cluster is cut in two.
    pub fn fill(
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
            offset += len as u64;
            left -= len as u64;
        }
        Ok(Ok(()))
    }

    fn send(&mut self) -> Result<(), TakerGone> {
        let mut next = self.empty.recv().map_err(|_| TakerGone)?;
        next.clear();
        let full = std::mem::replace(&mut self.current, next);
        self.full.send(full).map_err(|_| TakerGone)
    }
}

/// A thread that fills batches, seen from the side that takes them.
pub struct Batches {
    empty: Sender<Batch>,
    full: Receiver<Batch>,
    thread: Option<JoinHandle<Result<()>>>,
    what: &'static str,
}

/// What a thread that fills batches ends with, before it is all sent.
pub type Filled = Result<Result<(), Error>, TakerGone>;

/// Starts a thread that fills batches until `fill` returns. It is not waited
/// for when the side that takes fails: it may be waiting for input that does
/// not come.
pub fn start(
    what: &'static str,
    fill: impl FnOnce(&mut Filler) -> Filled + Send + 'static,
) -> Result<Batches> {
    let (empty, empty_receiver) = channel();
    let (full_sender, full) = sync_channel(BATCHES);
    for _ in 1..BATCHES {
        // Cannot fail: the receiver is here.
        let _ = empty.send(Batch::new());
    }
    let thread = std::thread::Builder::new()
        .name(what.to_owned())
        .spawn(move || {
            let mut filler = Filler {
                empty: empty_receiver,
                full: full_sender,
                current: Batch::new(),
            };
            match fill(&mut filler) {
                Ok(Ok(())) => {
                    let last = filler.current;
                    if !last.is_empty() {
                        let _ = filler.full.send(last);
                    }
                    Ok(())
                }
                Ok(Err(error)) => Err(error),
                Err(TakerGone) => Ok(()),
            }
        })
        .map_err(|error| Error::io("start", "a thread".as_ref(), error))?;
    Ok(Batches {
        empty,
        full,
        thread: Some(thread),
        what,
    })
}

impl Batches {
    /// Calls `take` with every batch, in order.
    ///
    /// # Errors
    ///
    /// What `take` or the filling thread failed with.
    pub fn for_each(mut self, mut take: impl FnMut(&mut Batch) -> Result<()>) -> Result<()> {
        while let Ok(mut batch) = self.full.recv() {
            take(&mut batch)?;
            // The filling thread may have ended already.
            let _ = self.empty.send(batch);
        }
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            _ => Err(Error::Thread(self.what)),
        }
    }
}
