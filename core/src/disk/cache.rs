//! A cache of byte blocks by their keys.

use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Mutex;

/// The blocks that were used last, up to a number of bytes; at least one.
pub(super) struct Cache<K> {
    capacity: usize,
    /// The last one was used last.
    entries: Mutex<Vec<(K, Arc<Vec<u8>>)>>,
}

impl<K: Copy + PartialEq> Cache<K> {
    /// An empty cache of `capacity` bytes.
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: Mutex::new(Vec::new()),
        }
    }

    /// The block of `key`, if it is cached.
    pub(super) fn get(&self, key: K) -> Option<Arc<Vec<u8>>> {
        let mut entries = self.entries.lock();
        let index = entries.iter().rposition(|(cached, _)| *cached == key)?;
        let entry = entries.remove(index);
        let bytes = Arc::clone(&entry.1);
        entries.push(entry);
        Some(bytes)
    }

    /// Adds a block; those that were not used for longest are evicted.
    pub(super) fn insert(&self, key: K, bytes: Arc<Vec<u8>>) {
        let mut entries = self.entries.lock();
        // Another thread may have read the same block.
        entries.retain(|(cached, _)| *cached != key);
        entries.push((key, bytes));
        let mut size = 0_usize;
        let fits = |entry: &&(K, Arc<Vec<u8>>)| {
            size = size.saturating_add(entry.1.len());
            size <= self.capacity
        };
        let kept = entries.iter().rev().take_while(fits).count().max(1);
        let evicted = entries.len().saturating_sub(kept);
        entries.drain(..evicted);
    }
}
