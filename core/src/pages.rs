//! A cache in front of a source that only the host can read, and that cannot be
//! waited for: a file in a browser, or a server.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;
use core::ops::Range;

use spin::{Mutex, MutexGuard};

use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::piece::Piece;
use crate::sorted::sorted;
use crate::units::{len_u64, len_usize};

/// What is asked for begins and ends at a multiple of this, or at the end of
/// the source: to fetch less takes as long.
const ALIGNMENT: u64 = 64 << 10;

/// The most that is asked for at once.
pub const MAX_REQUEST: u64 = 4 << 20;

/// Bytes that are kept, but for what one [attempt](Pages::attempt) needs.
const CAPACITY: u64 = 16 << 20;

/// Ours: an attempt that needs more than that is refused. On a sound volume, the
/// most is the records of one file, far apart.
const LIMIT: u64 = 96 << 20;

/// The pages of a source that are in memory.
///
/// Work that reads runs inside [`Pages::attempt`]. A read of a page that is not in
/// memory fails with [`IoError::is_missing`], and `attempt` returns the range that
/// the host has to [supply](Pages::supply) before the work is tried again. The
/// pages that an attempt has read stay until the next attempt succeeds, so that
/// any work is completed in the end. Beyond those, the most recently used pages
/// are kept.
#[derive(Debug)]
pub struct Pages {
    size: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// By where they begin. None reaches into another.
    pages: BTreeMap<u64, Page>,
    /// Bytes in them.
    len: u64,
    /// Counts reads.
    now: u64,
    /// Pages that were used since then are needed.
    attempt: u64,
    /// What the first failed read of this attempt wants.
    wanted: Option<Range<u64>>,
    /// The last request, and how long the next one is if it goes on there.
    asked: Range<u64>,
    ahead: u64,
}

#[derive(Debug)]
struct Page {
    bytes: Arc<Vec<u8>>,
    /// When it was used last.
    used: u64,
}

impl Pages {
    /// Nothing yet of a source of so many bytes.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            state: Mutex::new(State {
                pages: BTreeMap::new(),
                len: 0,
                now: 0,
                attempt: 0,
                wanted: None,
                asked: 0..0,
                ahead: 0,
            }),
        }
    }

    /// Does some work that reads.
    ///
    /// # Errors
    ///
    /// What has to be supplied before the work can be tried again: at most
    /// [`MAX_REQUEST`] bytes, which may not be all that it needs. Whatever it
    /// came to is void then.
    pub fn attempt<T>(&self, work: impl FnOnce() -> T) -> Result<T, Range<u64>> {
        self.begin_attempt();
        let found = work();
        match self.end_attempt() {
            Some(wanted) => Err(wanted),
            None => Ok(found),
        }
    }

    // Not inlined: `attempt` is compiled for each kind of work.
    #[inline(never)]
    fn begin_attempt(&self) {
        let mut state = self.state.lock();
        state.attempt = state.now;
        state.wanted = None;
    }

    #[inline(never)]
    fn end_attempt(&self) -> Option<Range<u64>> {
        self.state.lock().wanted.take()
    }

    /// Takes bytes of the source, from `offset` on: those that were asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: they are not what can be asked for; [`Error::Limit`]: what
    /// is being done needs too much at once.
    pub fn supply(&self, offset: u64, bytes: Vec<u8>) -> Result<()> {
        let len = len_u64(bytes.len());
        let end = offset.saturating_add(len);
        let is_whole = end == self.size || len.is_multiple_of(ALIGNMENT);
        if !offset.is_multiple_of(ALIGNMENT) || !is_whole || end > self.size || len == 0 {
            return Err(Error::Io {
                structure: Structure::Source,
                offset,
                len,
                source: IoError::end_of_input(),
            });
        }
        let state = &mut *self.state.lock();
        // What is dropped is asked for again.
        state.asked.start = state.asked.end;
        state.insert(offset, bytes);
        state.evict();
        match state.len > LIMIT {
            false => Ok(()),
            true => Err(Error::Limit {
                structure: Structure::Source,
                offset,
                found: state.len,
                limit: LIMIT,
            }),
        }
    }

    /// The state, if the bytes are there.
    fn ready(&self, offset: u64, len: usize) -> Result<MutexGuard<'_, State>, IoError> {
        let end = offset.checked_add(len_u64(len));
        let Some(end) = end.filter(|&end| end <= self.size) else {
            return Err(IoError::end_of_input());
        };
        let mut state = self.state.lock();
        if let Some(missing) = state.first_missing(offset, end) {
            // What is there is needed when the same is tried again.
            state.visit(offset, len, |_| {});
            if state.wanted.is_none() {
                let wanted = state.request(missing, end, self.size);
                state.wanted = Some(wanted);
            }
            return Err(IoError::missing());
        }
        Ok(state)
    }

    /// Bytes that are kept.
    pub fn kept(&self) -> u64 {
        self.state.lock().len
    }
}

impl ReadAt for Pages {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let mut state = self.ready(offset, buf.len())?;
        let len = buf.len();
        let mut left = buf;
        state.visit(offset, len, |piece| {
            let whole = mem::take(&mut left);
            if let Some((now, later)) = whole.split_at_mut_checked(piece.len()) {
                now.copy_from_slice(piece);
                left = later;
            }
        });
        Ok(())
    }

    /// Shares the bytes if they are in one page.
    fn piece_at(&self, offset: u64, len: usize) -> Result<Piece, IoError> {
        let mut state = self.ready(offset, len)?;
        state.now = state.now.saturating_add(1);
        let now = state.now;
        if let Some((&start, page)) = state.pages.range_mut(..=offset).next_back() {
            let first = len_usize(offset.saturating_sub(start));
            let range = first..first.saturating_add(len);
            if range.end <= page.bytes.len() {
                page.used = now;
                return Ok(Piece::new(Arc::clone(&page.bytes), range));
            }
        }
        let mut bytes = Vec::with_capacity(len);
        state.visit(offset, len, |piece| bytes.extend_from_slice(piece));
        Ok(bytes.into())
    }
}

impl State {
    /// The first byte of a range that is not there.
    fn first_missing(&self, offset: u64, end: u64) -> Option<u64> {
        let mut position = offset;
        while position < end {
            let (&start, page) = match self.pages.range(..=position).next_back() {
                Some(before) => before,
                None => return Some(position),
            };
            match start.saturating_add(len_u64(page.bytes.len())) {
                after if after > position => position = after,
                _ => return Some(position),
            }
        }
        None
    }

    /// Calls `take` with each piece of a range that is in memory.
    fn visit(&mut self, offset: u64, len: usize, mut take: impl FnMut(&[u8])) {
        self.now = self.now.saturating_add(1);
        let end = offset.saturating_add(len_u64(len));
        let first = self.pages.range(..=offset).next_back();
        let first = first.map_or(offset, |(&start, _)| start);
        for (&start, page) in self.pages.range_mut(first..end) {
            let from = len_usize(offset.saturating_sub(start)).min(page.bytes.len());
            let to = len_usize(end.saturating_sub(start)).min(page.bytes.len());
            if from < to {
                page.used = self.now;
                take(page.bytes.get(from..to).unwrap_or_default());
            }
        }
    }

    /// What to ask for, where `missing` is the first byte that is not there of a
    /// read up to `end`: more and more, where reads follow one another.
    fn request(&mut self, missing: u64, end: u64, size: u64) -> Range<u64> {
        let start = missing.saturating_sub(missing % ALIGNMENT);
        if start == self.asked.start && end <= self.asked.end {
            return self.asked.clone();
        }
        self.ahead = match start == self.asked.end {
            true => self.ahead.saturating_mul(2).max(ALIGNMENT),
            false => 0,
        };
        self.ahead = self.ahead.min(MAX_REQUEST);
        let end = end
            .max(start.saturating_add(self.ahead))
            .next_multiple_of(ALIGNMENT)
            .min(start.saturating_add(MAX_REQUEST))
            .min(size);
        // Not again what is there already.
        let there = self.pages.range(start..end).next();
        let end = there.map_or(end, |(&start, _)| start);
        self.asked = start..end;
        start..end
    }

    fn insert(&mut self, offset: u64, bytes: Vec<u8>) {
        let end = offset.saturating_add(len_u64(bytes.len()));
        // Only where more was supplied than was asked for.
        let before = self.pages.range(..offset).next_back();
        let before = before.filter(|(start, page)| {
            let len = len_u64(page.bytes.len());
            start.saturating_add(len) > offset
        });
        let before = before.map(|(&start, _)| start);
        let within = self.pages.range(offset..end).map(|(&start, _)| start);
        let old: Vec<u64> = before.into_iter().chain(within).collect();
        for start in old {
            self.remove(start);
        }
        self.len = self.len.saturating_add(len_u64(bytes.len()));
        let page = Page {
            bytes: Arc::new(bytes),
            used: self.now,
        };
        self.pages.insert(offset, page);
    }

    fn remove(&mut self, start: u64) {
        if let Some(page) = self.pages.remove(&start) {
            self.len = self.len.saturating_sub(len_u64(page.bytes.len()));
        }
    }

    /// Drops the least recently used pages that no attempt needs.
    fn evict(&mut self) {
        if self.len <= CAPACITY {
            return;
        }
        let oldest: Vec<(u64, u64)> = self
            .pages
            .iter()
            .filter(|(_, page)| page.used <= self.attempt && page.used < self.now)
            .map(|(&start, page)| (page.used, start))
            .collect();
        for (_, start) in sorted(oldest) {
            if self.len <= CAPACITY {
                break;
            }
            self.remove(start);
        }
    }
}
