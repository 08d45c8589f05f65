//! What is open, by the number that the kernel names it with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fuser::FileHandle;

/// Open files or directories.
pub(super) struct Handles<T>(Mutex<Table<T>>);

struct Table<T> {
    open: HashMap<u64, Arc<T>>,
    next: u64,
}

impl<T> Handles<T> {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Table {
            open: HashMap::new(),
            next: 1,
        }))
    }

    pub(super) fn insert(&self, value: Arc<T>) -> FileHandle {
        let mut table = self.lock();
        let handle = table.next;
        table.next += 1;
        table.open.insert(handle, value);
        FileHandle(handle)
    }

    pub(super) fn get(&self, handle: FileHandle) -> Option<Arc<T>> {
        self.lock().open.get(&handle.0).cloned()
    }

    pub(super) fn remove(&self, handle: FileHandle) {
        self.lock().open.remove(&handle.0);
    }

    fn lock(&self) -> MutexGuard<'_, Table<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
