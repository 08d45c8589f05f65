//! The content of a stream whose index is being made: its checksums are computed on another thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use ntfsclone_core::stream::seek::SeekIndexBuilder;

use crate::host::threads::{self, Ending};

/// Bytes that go to the other thread together: they are still in the processor's cache when it reads them.
const PIECE_BYTES: usize = 256 << 10;

/// Pieces that wait for it.
const WAITING: usize = 8;

/// The content so far.
pub(super) struct Content {
    piece: Vec<u8>,
    filled: usize,
    size: u64,
    /// The last pieces, of which there is a window.
    recent: VecDeque<Arc<Vec<u8>>>,
    /// Bytes of content that a window may have.
    window_size: usize,
    sums: Sums,
}

enum Sums {
    Thread(SyncSender<Arc<Vec<u8>>>, Ending<SeekIndexBuilder>),
    /// There can be no thread.
    Here(Box<SeekIndexBuilder>),
}

impl Content {
    pub(super) fn new() -> Self {
        let (sender, receiver) = sync_channel(WAITING);
        let sums = match threads::start("sums", receiver, sum_all) {
            Ok(ending) => Sums::Thread(sender, ending),
            Err(_) => Sums::Here(Box::default()),
        };
        Self {
            piece: vec![0; PIECE_BYTES],
            filled: 0,
            size: 0,
            recent: VecDeque::new(),
            window_size: 0,
            sums,
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Keeps so many bytes from here on.
    pub(super) fn keep(&mut self, window_size: u64) {
        self.window_size = usize::try_from(window_size).unwrap_or(usize::MAX);
    }

    /// The last bytes, as many as are kept.
    pub(super) fn window(&self) -> Vec<u8> {
        let mut pieces: Vec<&[u8]> = vec![&self.piece[..self.filled]];
        pieces.extend(self.recent.iter().rev().map(|piece| piece.as_slice()));
        let mut left = self.window_size;
        let mut parts = Vec::new();
        for piece in pieces {
            let len = piece.len().min(left);
            parts.push(&piece[piece.len() - len..]);
            left -= len;
        }
        parts.reverse();
        parts.concat()
    }

    /// Where the next bytes go; never empty.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.piece[self.filled..]
    }

    /// Takes `len` bytes that were written to the space.
    pub(super) fn take(&mut self, len: usize) -> Option<()> {
        self.filled += len;
        self.size += len as u64;
        if self.filled < self.piece.len() {
            return Some(());
        }
        // The other thread is done with those before it, and no window has a part of them.
        let most = self.window_size.div_ceil(PIECE_BYTES) + WAITING + 2;
        let mut old = None;
        while self.recent.len() > most {
            old = self.recent.pop_front();
        }
        let empty = old.and_then(Arc::into_inner);
        let empty = empty.unwrap_or_else(|| vec![0; PIECE_BYTES]);
        let full = std::mem::replace(&mut self.piece, empty);
        self.filled = 0;
        self.pass(full)
    }

    /// Takes bytes from elsewhere.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let space = self.space();
            let (now, later) = bytes.split_at(bytes.len().min(space.len()));
            space[..now.len()].copy_from_slice(now);
            self.take(now.len())?;
            bytes = later;
        }
        Some(())
    }

    fn pass(&mut self, piece: Vec<u8>) -> Option<()> {
        let piece = Arc::new(piece);
        self.recent.push_back(Arc::clone(&piece));
        match &mut self.sums {
            Sums::Thread(sender, _) => sender.send(piece).ok(),
            Sums::Here(builder) => {
                builder.update(&piece);
                Some(())
            }
        }
    }

    /// The checksums of all of it.
    pub(super) fn finish(mut self) -> Option<SeekIndexBuilder> {
        let mut last = std::mem::take(&mut self.piece);
        last.truncate(self.filled);
        self.pass(last)?;
        match self.sums {
            Sums::Here(builder) => Some(*builder),
            Sums::Thread(sender, ending) => {
                drop(sender);
                ending.join().ok().flatten()
            }
        }
    }
}

fn sum_all(pieces: Receiver<Arc<Vec<u8>>>) -> SeekIndexBuilder {
    let mut builder = SeekIndexBuilder::new();
    for piece in pieces {
        builder.update(&piece);
    }
    builder
}
