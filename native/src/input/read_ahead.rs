//! A reader that a thread of its own reads ahead of.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use crate::device;
use crate::host::memory::Buffers;
use crate::host::threads;

use super::stream::read_before_error;

/// Bytes of a piece, and how many go round.
const PIECES: Buffers = Buffers {
    count: 6,
    bytes: 1 << 20,
};

/// The least bytes of a piece, and of the memory that may be used, pieces take one
/// part in so many.
const LEAST_PIECE_BYTES: usize = 64 << 10;
const SHARE: u64 = 8;

/// A reader, and what a thread has read of it ahead.
pub enum ReadAhead {
    Thread(Pieces),
    /// There can be no thread.
    Here(Box<dyn Read + Send>),
}

/// What a thread has read ahead.
pub struct Pieces {
    /// No bytes tell the end.
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    piece: Vec<u8>,
    /// What of the piece was taken.
    taken: usize,
    has_ended: bool,
}

impl ReadAhead {
    /// Starts a thread that reads. It is not waited for: it may be waiting for
    /// input that does not come.
    pub fn start(name: &str, reader: impl Read + Send + 'static) -> io::Result<Self> {
        let pieces = PIECES.within(LEAST_PIECE_BYTES, SHARE);
        let (empty, empty_receiver) = channel();
        let (full_sender, full) = sync_channel(pieces.count);
        for _ in 0..pieces.count {
            let piece = device::try_zeros(pieces.bytes).ok_or(io::ErrorKind::OutOfMemory)?;
            // Cannot fail: the receiver is here.
            let _ = empty.send(piece);
        }
        let started = threads::start(name, reader, move |reader| {
            read_all(reader, pieces.bytes, &empty_receiver, &full_sender);
        });
        Ok(match started {
            Ok(_) => Self::Thread(Pieces {
                full,
                empty,
                piece: Vec::new(),
                taken: 0,
                has_ended: false,
            }),
            Err(reader) => Self::Here(Box::new(reader)),
        })
    }
}

impl Read for ReadAhead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Thread(pieces) => pieces.read(buf),
            Self::Here(reader) => reader.read(buf),
        }
    }
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.piece.len() && !self.has_ended {
            let next = match self.full.recv() {
                Ok(piece) => piece?,
                // Not an end of the input: the thread did not say so.
                Err(_) => return Err(io::Error::other("the thread that reads ended unexpectedly")),
            };
            self.has_ended = next.is_empty();
            let old = std::mem::replace(&mut self.piece, next);
            self.taken = 0;
            // The thread may have ended already.
            let _ = self.empty.send(old);
        }
        let len = (&self.piece[self.taken..]).read(buf)?;
        self.taken += len;
        Ok(len)
    }
}

/// Reads to the end, or until nobody takes what is read. What was read before an
/// error is passed on first.
fn read_all(
    mut reader: impl Read,
    piece_bytes: usize,
    empty: &Receiver<Vec<u8>>,
    full: &SyncSender<io::Result<Vec<u8>>>,
) {
    while let Ok(mut piece) = empty.recv() {
        piece.resize(piece_bytes, 0);
        let (len, error) = read_before_error(&mut reader, &mut piece);
        piece.truncate(len);
        let has_ended = len == 0;
        if (len > 0 || error.is_none()) && full.send(Ok(piece)).is_err() {
            return;
        }
        if let Some(error) = error {
            // Nobody may be there to take it.
            let _ = full.send(Err(error));
            return;
        }
        if has_ended {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives so many bytes, then fails or ends.
    struct Source {
        left: usize,
        fails: bool,
        panics: bool,
    }

    impl Read for Source {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            assert!(self.left > 0 || !self.panics);
            let len = buf.len().min(self.left).min(70_000);
            buf[..len].fill(7);
            self.left -= len;
            match len {
                0 if self.fails => Err(io::ErrorKind::TimedOut.into()),
                len => Ok(len),
            }
        }
    }

    fn read(source: Source) -> (usize, io::Result<usize>) {
        let mut ahead = ReadAhead::start("test", source).unwrap();
        let mut bytes = Vec::new();
        let read = ahead.read_to_end(&mut bytes);
        assert!(bytes.iter().all(|&byte| byte == 7));
        (bytes.len(), read)
    }

    #[test]
    fn all_is_read() {
        for left in [0, 1, PIECES.bytes, PIECES.bytes + 1, 20 * PIECES.bytes + 5] {
            let (len, read) = read(Source {
                left,
                fails: false,
                panics: false,
            });
            assert_eq!((len, read.unwrap()), (left, left));
        }
    }

    #[test]
    fn an_error_is_no_end() {
        for (fails, panics) in [(true, false), (false, true)] {
            let (_, read) = read(Source {
                left: 3 * PIECES.bytes,
                fails,
                panics,
            });
            assert!(read.is_err(), "{fails}, {panics}");
        }
    }
}
