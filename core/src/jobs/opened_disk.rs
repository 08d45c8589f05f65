//! A disk that was opened as a whole, to be converted.

use alloc::rc::Rc;
use alloc::sync::Arc;
use core::fmt;

use crate::io::{ReadAt, Source};
use crate::open::PartitionTable;
use crate::pages::Pages;

/// A disk with a partition table.
#[derive(Clone)]
pub struct OpenedDisk {
    pub(super) name: Rc<str>,
    pub(super) pages: Arc<Pages>,
    pub(super) table: PartitionTable,
    /// The bytes of the disk.
    pub(super) source: Source,
    /// Whether dirty volumes are converted as they are.
    pub(super) accepts_dirty: bool,
}

impl OpenedDisk {
    /// Its partitions.
    pub fn table(&self) -> &PartitionTable {
        &self.table
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The same, but volumes that are marked dirty are converted as they are.
    pub fn accepting_dirty(&self) -> Self {
        Self {
            accepts_dirty: true,
            ..self.clone()
        }
    }
}

impl fmt::Debug for OpenedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedDisk").finish_non_exhaustive()
    }
}
