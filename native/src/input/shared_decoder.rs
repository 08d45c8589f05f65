//! A source that is decompressed in units, read by several threads: no two of them decompress the same unit.

use std::num::NonZeroUsize;
use std::ops::{Deref, Range};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::io::{Allocation, ByteExtent, IoError, ReadAt};
use ntfsclone_core::stream::seek::IndexedReader;

/// Ours: units that are decompressed at a time, if some of them are decompressed ahead.
const MOST_AHEAD: usize = 4;

/// Ours: bytes of a unit that is decompressed ahead. Several of them must fit into the cache of the reader, which is
/// 32 MiB.
const MAX_BYTES_AHEAD: u64 = 4 << 20;

/// A source whose bytes are decompressed together with those around them, and cached.
pub trait Units: ReadAt {
    /// Bytes that one thread decompresses and another one could not begin within, with the one at `offset`. Empty at
    /// the end.
    fn unit_at(&self, offset: u64) -> Range<u64>;

    /// Whether a read of the first byte of a unit decompresses and caches all of it.
    const IS_CACHED_WHOLE: bool;
}

impl<S: ReadAt> Units for SeekableReader<S> {
    const IS_CACHED_WHOLE: bool = true;

    fn unit_at(&self, offset: u64) -> Range<u64> {
        let table = self.table();
        let frame = table
            .frame_at(offset)
            .and_then(|number| table.frame(number));
        frame.map_or(offset..offset, |frame| {
            frame.offset..frame.offset.saturating_add(frame.size)
        })
    }
}

impl Units for IndexedReader {
    const IS_CACHED_WHOLE: bool = false;

    fn unit_at(&self, offset: u64) -> Range<u64> {
        self.span_at(offset)
    }
}

/// A reader, whose units are decompressed by one thread at a time. A thread that would wait for a unit decompresses the
/// next ones in the meantime: whoever reads in several requests at once mostly reads on.
pub struct SharedDecoder<R> {
    reader: R,
    /// Where the units begin that are being decompressed.
    busy: Mutex<Vec<u64>>,
    released: Condvar,
}

impl<R: Units> SharedDecoder<R> {
    pub fn new(reader: R) -> Self {
        Self {
            reader,
            busy: Mutex::default(),
            released: Condvar::new(),
        }
    }

    /// Waits until no other thread decompresses `unit`.
    fn turn(&self, unit: &Range<u64>) -> Turn<'_, R> {
        if let Some(turn) = self.try_turn(unit, usize::MAX) {
            return turn;
        }
        if R::IS_CACHED_WHOLE {
            let mut next = unit.end;
            for _ in 1..MOST_AHEAD {
                next = self.decompress_ahead(next);
                if let Some(turn) = self.try_turn(unit, usize::MAX) {
                    return turn;
                }
            }
        }
        let mut busy = self.lock();
        while busy.contains(&unit.start) {
            let waited = self.released.wait(busy);
            busy = waited.unwrap_or_else(PoisonError::into_inner);
        }
        busy.push(unit.start);
        Turn {
            shared: self,
            start: unit.start,
        }
    }

    /// `None` if another thread decompresses `unit`, or `limit` units are being decompressed.
    fn try_turn(&self, unit: &Range<u64>, limit: usize) -> Option<Turn<'_, R>> {
        let mut busy = self.lock();
        if busy.contains(&unit.start) || busy.len() >= limit {
            return None;
        }
        busy.push(unit.start);
        Some(Turn {
            shared: self,
            start: unit.start,
        })
    }

    /// Has the unit at `offset` cached, if there is a core for it. Returns the end of the unit.
    fn decompress_ahead(&self, offset: u64) -> u64 {
        let unit = self.reader.unit_at(offset);
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        if !unit.is_empty()
            && unit.end - unit.start <= MAX_BYTES_AHEAD
            && let Some(_turn) = self.try_turn(&unit, cores.min(MOST_AHEAD))
        {
            // Whoever reads it gets the error.
            let _ = self.reader.read_exact_at(unit.start, &mut [0]);
        }
        unit.end
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u64>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to decompress a unit.
struct Turn<'a, R: Units> {
    shared: &'a SharedDecoder<R>,
    start: u64,
}

impl<R: Units> Drop for Turn<'_, R> {
    fn drop(&mut self) {
        self.shared.lock().retain(|start| *start != self.start);
        self.shared.released.notify_all();
    }
}

impl<R> Deref for SharedDecoder<R> {
    type Target = R;

    fn deref(&self) -> &R {
        &self.reader
    }
}

impl<R: Units> ReadAt for SharedDecoder<R> {
    fn size(&self) -> u64 {
        self.reader.size()
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let (mut position, mut left) = (offset, buf);
        while !left.is_empty() {
            let unit = self.reader.unit_at(position);
            let there = unit.end.saturating_sub(position);
            if there == 0 {
                // It knows why there is nothing.
                return self.reader.read_exact_at(position, left);
            }
            let len = usize::try_from(there).unwrap_or(usize::MAX).min(left.len());
            let (piece, rest) = left.split_at_mut(len);
            let turn = self.turn(&unit);
            self.reader.read_exact_at(position, piece)?;
            drop(turn);
            position += len as u64;
            left = rest;
        }
        Ok(())
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        self.reader.extent_at(offset)
    }

    fn allocation_at(&self, offset: u64) -> Result<Allocation, IoError> {
        self.reader.allocation_at(offset)
    }

    fn stored_at(&self, offset: u64) -> Option<u64> {
        self.reader.stored_at(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;
    use std::time::Duration;

    const UNIT: u64 = 100;
    const SIZE: u64 = 1000;

    /// Takes its time to decompress a unit, once.
    #[derive(Default)]
    struct Slow {
        state: Mutex<State>,
    }

    #[derive(Default)]
    struct State {
        cached: BTreeSet<u64>,
        busy: BTreeSet<u64>,
        most_busy: usize,
    }

    impl Units for Slow {
        const IS_CACHED_WHOLE: bool = true;

        fn unit_at(&self, offset: u64) -> Range<u64> {
            let start = offset / UNIT * UNIT;
            start..(start + UNIT).min(SIZE)
        }
    }

    impl ReadAt for Slow {
        fn size(&self) -> u64 {
            SIZE
        }

        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
            let unit = offset / UNIT;
            assert!(offset + buf.len() as u64 <= (unit + 1) * UNIT);
            {
                let mut state = self.state.lock().unwrap();
                if !state.cached.contains(&unit) {
                    assert!(state.busy.insert(unit), "unit {unit} twice");
                    state.most_busy = state.most_busy.max(state.busy.len());
                    drop(state);
                    thread::sleep(Duration::from_millis(20));
                    state = self.state.lock().unwrap();
                    state.busy.remove(&unit);
                    assert!(state.cached.insert(unit), "unit {unit} again");
                }
            }
            for (byte, position) in buf.iter_mut().zip(offset..) {
                *byte = position as u8;
            }
            Ok(())
        }
    }

    #[test]
    fn each_unit_is_decompressed_once_by_many_threads() {
        let shared = Arc::new(SharedDecoder::new(Slow::default()));
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    for start in (thread..SIZE - 30).step_by(30) {
                        let mut bytes = [0; 30];
                        shared.read_exact_at(start, &mut bytes).unwrap();
                        for (byte, position) in bytes.iter().zip(start..) {
                            assert_eq!(*byte, position as u8);
                        }
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }

    #[test]
    fn who_would_wait_decompresses_the_next_unit() {
        let shared = Arc::new(SharedDecoder::new(Slow::default()));
        let read = |shared: &SharedDecoder<Slow>| shared.read_exact_at(0, &mut [0; 10]).unwrap();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| read(&shared));
            }
        });
        let cores = thread::available_parallelism().unwrap().get();
        let state = shared.state.lock().unwrap();
        assert!(state.cached.contains(&0));
        assert_eq!(state.cached.contains(&1), cores > 1);
        assert!(state.most_busy <= cores.min(MOST_AHEAD));
    }
}
