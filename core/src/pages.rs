//! A cache of parts of something that is elsewhere, and is read by someone else.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::ops::Range;

use crate::error::{Error, Result, Structure};
use crate::io::{IoError, ReadAt};
use crate::units::{len_u64, len_usize};

/// Bytes of a page.
const PAGE_BYTES: u64 = 16 << 10;

/// What is asked for begins and ends at a multiple of this, or at the end of
/// the source: to fetch less takes as long.
const REQUEST_ALIGNMENT: u64 = 64 << 10;

/// The most that is asked for at once.
pub const MAX_REQUEST: u64 = 4 << 20;

/// Bytes that are kept, but for what one [attempt](Pages::attempt) needs.
const CAPACITY: u64 = 16 << 20;

/// Ours: an attempt that needs more than that is refused. On a sound volume, the
/// most is the records of one file, far apart.
const LIMIT: u64 = 96 << 20;

/// Pages of a source that someone else reads, who cannot be waited for.
///
/// A read of what is not there fails with an error that says so
/// ([`IoError::is_missing`]), and what it wanted is remembered: work that reads
/// runs within [`Pages::attempt`], which tells what to [supply](Pages::supply)
/// before it is tried again. What an attempt has read stays until the next one,
/// so that work of any kind comes to its end; else what was read last is kept.
#[derive(Debug)]
pub struct Pages {
    size: u64,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
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
    bytes: Box<[u8]>,
    /// When it was used last.
    used: u64,
}

impl Pages {
    /// Nothing yet of a source of so many bytes.
    pub fn new(size: u64) -> Self {
        Self {
            size,
            state: RefCell::new(State {
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
        {
            let mut state = self.state.borrow_mut();
            state.attempt = state.now;
            state.wanted = None;
        }
        let found = work();
        match self.state.borrow_mut().wanted.take() {
            Some(wanted) => Err(wanted),
            None => Ok(found),
        }
    }

    /// Takes bytes of the source, from `offset` on: those that were asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]: they are not whole pages, or past the end of the source;
    /// [`Error::Limit`]: what is being done needs too much at once;
    /// [`Error::Memory`].
    pub fn supply(&self, offset: u64, bytes: &[u8]) -> Result<()> {
        let len = len_u64(bytes.len());
        let end = offset.saturating_add(len);
        let is_whole = end == self.size || len.is_multiple_of(PAGE_BYTES);
        if !offset.is_multiple_of(PAGE_BYTES) || !is_whole || end > self.size || len == 0 {
            return Err(Error::Io {
                structure: Structure::Source,
                offset,
                len,
                source: IoError::end_of_input(),
            });
        }
        let state = &mut *self.state.borrow_mut();
        let first = offset.checked_div(PAGE_BYTES).unwrap_or(0);
        for (number, bytes) in (first..).zip(bytes.chunks(len_usize(PAGE_BYTES))) {
            state.insert(number, bytes)?;
        }
        // What is given up is asked for anew.
        state.asked.start = state.asked.end;
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

    /// Bytes that are kept.
    pub fn kept(&self) -> u64 {
        self.state.borrow().len
    }
}

impl ReadAt for Pages {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        let end = offset.checked_add(len_u64(buf.len()));
        let Some(end) = end.filter(|&end| end <= self.size) else {
            return Err(IoError::end_of_input());
        };
        let mut state = self.state.borrow_mut();
        if let Some(missing) = state.first_missing(offset, end) {
            state.touch(offset, end);
            if state.wanted.is_none() {
                let wanted = state.request(missing, end, self.size);
                state.wanted = Some(wanted);
            }
            return Err(IoError::missing());
        }
        state.copy(offset, buf);
        Ok(())
    }
}

impl State {
    /// The first byte of a range that is not there.
    fn first_missing(&self, offset: u64, end: u64) -> Option<u64> {
        let mut expected = page_of(offset);
        let mut there = self.pages.range(expected..end.div_ceil(PAGE_BYTES));
        while start_of(expected) < end {
            match there.next() {
                Some((&number, _)) if number == expected => {
                    expected = expected.saturating_add(1);
                }
                _ => return Some(offset.max(start_of(expected))),
            }
        }
        None
    }

    /// What is there of a range is needed when the same is tried again.
    fn touch(&mut self, offset: u64, end: u64) {
        self.now = self.now.saturating_add(1);
        let there = page_of(offset)..end.div_ceil(PAGE_BYTES);
        for (_, page) in self.pages.range_mut(there) {
            page.used = self.now;
        }
    }

    fn copy(&mut self, offset: u64, buf: &mut [u8]) {
        self.now = self.now.saturating_add(1);
        let end = offset.saturating_add(len_u64(buf.len()));
        let mut left = buf;
        let mut within = len_usize(offset % PAGE_BYTES);
        let there = page_of(offset)..end.div_ceil(PAGE_BYTES);
        for (_, page) in self.pages.range_mut(there) {
            page.used = self.now;
            let bytes = page.bytes.get(within..).unwrap_or_default();
            let len = bytes.len().min(left.len());
            let (piece, rest) = left.split_at_mut(len);
            piece.copy_from_slice(bytes.get(..len).unwrap_or_default());
            left = rest;
            within = 0;
        }
    }

    /// What to ask for, where `missing` is the first byte that is not there of a
    /// read up to `end`: more and more, where reads follow one another.
    fn request(&mut self, missing: u64, end: u64, size: u64) -> Range<u64> {
        let start = missing.saturating_sub(missing % REQUEST_ALIGNMENT);
        if start == self.asked.start && end <= self.asked.end {
            return self.asked.clone();
        }
        self.ahead = match start == self.asked.end {
            true => self.ahead.saturating_mul(2).max(REQUEST_ALIGNMENT),
            false => 0,
        };
        self.ahead = self.ahead.min(MAX_REQUEST);
        let end = end
            .max(start.saturating_add(self.ahead))
            .next_multiple_of(REQUEST_ALIGNMENT)
            .min(start.saturating_add(MAX_REQUEST))
            .min(size);
        // Not again what is there already.
        let after = page_of(missing).saturating_add(1)..end.div_ceil(PAGE_BYTES);
        let there = self.pages.range(after).next();
        let end = there.map_or(end, |(&number, _)| {
            start_of(number)
                .next_multiple_of(REQUEST_ALIGNMENT)
                .min(end)
        });
        self.asked = start..end;
        start..end
    }

    fn insert(&mut self, number: u64, bytes: &[u8]) -> Result<()> {
        let len = len_u64(bytes.len());
        let mut kept = Vec::new();
        kept.try_reserve_exact(bytes.len())
            .map_err(|_| Error::Memory {
                structure: Structure::Source,
                len,
            })?;
        kept.extend_from_slice(bytes);
        let page = Page {
            bytes: kept.into_boxed_slice(),
            used: self.now,
        };
        self.len = self.len.saturating_add(len);
        if let Some(old) = self.pages.insert(number, page) {
            self.len = self.len.saturating_sub(len_u64(old.bytes.len()));
        }
        Ok(())
    }

    /// Gives up what was used longest ago, as far as nothing needs it.
    fn evict(&mut self) {
        if self.len <= CAPACITY {
            return;
        }
        let mut oldest: Vec<(u64, u64)> = self
            .pages
            .iter()
            .filter(|(_, page)| page.used <= self.attempt && page.used < self.now)
            .map(|(&number, page)| (page.used, number))
            .collect();
        oldest.sort_unstable();
        for (_, number) in oldest {
            if self.len <= CAPACITY {
                break;
            }
            if let Some(page) = self.pages.remove(&number) {
                self.len = self.len.saturating_sub(len_u64(page.bytes.len()));
            }
        }
    }
}

fn page_of(offset: u64) -> u64 {
    offset.checked_div(PAGE_BYTES).unwrap_or(0)
}

fn start_of(page: u64) -> u64 {
    page.saturating_mul(PAGE_BYTES)
}
