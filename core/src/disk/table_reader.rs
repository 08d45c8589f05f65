//! Entries of block tables, read through a cache.

use alloc::sync::Arc;
use alloc::vec;

use super::cache::Cache;
use super::header::Place;
use crate::error::Result;
use crate::io::Source;
use crate::units::{len_u64, len_usize};

/// Bytes of a page, which begins at a multiple of that in the file.
const PAGE: u64 = 64 << 10;

/// Ours: 32 pages. A page of qcow2 is for 512 MiB of the disk, of the other formats for more.
const CAPACITY: usize = 2 << 20;

/// Reads table entries from the pages of a file that were used last.
pub(super) struct TableReader {
    source: Source,
    pages: Cache<u64>,
}

impl TableReader {
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            pages: Cache::new(CAPACITY),
        }
    }

    /// The file.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The entry at `offset` of the file.
    pub(super) fn entry<const N: usize>(&self, offset: u64) -> Result<[u8; N]> {
        let within = offset % PAGE;
        let start = offset.saturating_sub(within);
        let len = self.source.size().saturating_sub(start).min(PAGE);
        let mut entry = [0; N];
        if within.saturating_add(len_u64(N)) > len {
            // It continues in the next page, or the file ends before.
            Place::table(offset).read_into(&self.source, &mut entry)?;
            return Ok(entry);
        }
        let page = match self.pages.get(start) {
            Some(page) => page,
            None => {
                let mut page = vec![0; len_usize(len)];
                Place::table(start).read_into(&self.source, &mut page)?;
                let page = Arc::new(page);
                self.pages.insert(start, Arc::clone(&page));
                page
            }
        };
        let bytes = page.get(len_usize(within)..).and_then(<[u8]>::first_chunk);
        Ok(bytes.copied().unwrap_or(entry))
    }
}
