//! A cache of decompressed units, for reads here and there within them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use fuser::FileHandle;

/// Ours: bytes of all cached units. Units of NTFS are 64 KiB, chunks of WOF at most 32 KiB.
const MOST_BYTES: usize = 4 << 20;

/// The compression units that were used last, of all open files.
#[derive(Default)]
pub(super) struct Decompressed(Mutex<VecDeque<Unit>>);

struct Unit {
    file: FileHandle,
    /// Where it begins in the content.
    start: u64,
    bytes: Arc<Vec<u8>>,
}

impl Decompressed {
    pub(super) fn get(&self, file: FileHandle, start: u64) -> Option<Arc<Vec<u8>>> {
        let mut units = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_wanted = |unit: &Unit| unit.file == file && unit.start == start;
        let at = units.iter().position(is_wanted)?;
        let unit = units.remove(at)?;
        let bytes = Arc::clone(&unit.bytes);
        units.push_front(unit);
        Some(bytes)
    }

    pub(super) fn insert(&self, file: FileHandle, start: u64, bytes: Arc<Vec<u8>>) {
        let mut units = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        units.push_front(Unit { file, start, bytes });
        let mut total = 0;
        let fits = |unit: &Unit| {
            total += unit.bytes.len();
            total <= MOST_BYTES
        };
        let kept = units.iter().map(fits).take_while(|fits| *fits).count();
        units.truncate(kept.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_that_were_not_used_for_longest_go_first() {
        let cache = Decompressed::default();
        let unit = || Arc::new(vec![0; MOST_BYTES / 4]);
        let file = FileHandle(1);
        for start in 0..4 {
            cache.insert(file, start, unit());
        }
        assert!(cache.get(file, 0).is_some());
        cache.insert(file, 4, unit());
        assert!(cache.get(file, 1).is_none());
        assert!(cache.get(file, 0).is_some() && cache.get(file, 4).is_some());
        assert!(cache.get(FileHandle(2), 0).is_none());
    }
}
