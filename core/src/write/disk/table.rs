//! A table that is written entry by entry: it is never in memory as a whole.

use alloc::vec::Vec;

use crate::units::{len_u64, len_usize};
use crate::write::{Out, Stopped};

/// Bytes that are put into the output in one call.
const BATCH: usize = 16 << 10;

/// The bytes of a table, on their way to the output.
pub(crate) struct Table<'a> {
    out: &'a mut dyn Out,
    batch: Vec<u8>,
    /// Bytes so far.
    len: u64,
}

impl<'a> Table<'a> {
    /// An empty table.
    pub(crate) fn new(out: &'a mut dyn Out) -> Self {
        Self {
            out,
            batch: Vec::with_capacity(BATCH),
            len: 0,
        }
    }

    /// Appends an entry.
    pub(crate) fn put(&mut self, entry: &[u8]) -> Result<(), Stopped> {
        self.batch.extend_from_slice(entry);
        self.len = self.len.saturating_add(len_u64(entry.len()));
        self.flush_if_full()
    }

    /// Appends `filler` until the table has `end` bytes; does nothing if it has as many.
    pub(crate) fn fill_to(&mut self, end: u64, filler: u8) -> Result<(), Stopped> {
        let left = end.saturating_sub(self.len);
        if filler == 0 && left > len_u64(BATCH) {
            self.flush()?;
            self.len = end;
            return self.out.zeros(left);
        }
        while self.len < end {
            let space = BATCH.saturating_sub(self.batch.len()).max(1);
            let len = len_u64(space).min(end.saturating_sub(self.len));
            let filled = self.batch.len().saturating_add(len_usize(len));
            self.batch.resize(filled, filler);
            self.len = self.len.saturating_add(len);
            self.flush_if_full()?;
        }
        Ok(())
    }

    /// Ends the table, with `filler` up to `end` bytes.
    pub(crate) fn finish(mut self, end: u64, filler: u8) -> Result<(), Stopped> {
        self.fill_to(end, filler)?;
        self.out.put(&self.batch)
    }

    fn flush_if_full(&mut self) -> Result<(), Stopped> {
        if self.batch.len() < BATCH {
            return Ok(());
        }
        self.flush()
    }

    fn flush(&mut self) -> Result<(), Stopped> {
        self.out.put(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}
