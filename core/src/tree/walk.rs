//! A walk over a directory and all that is below it.

use alloc::string::String;
use alloc::vec;
use alloc::vec::{IntoIter, Vec};

use super::{Entry, Located, Tree, join};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::RecordNumber;

/// Ours: Windows paths have at most 32767 characters, so fewer levels.
const MAX_DEPTH: usize = 1024;

/// What a walk comes to.
#[derive(Debug)]
pub enum Found {
    /// A name. If it is a directory, its entries come next.
    Entry {
        /// Its path, with `/` before each name.
        path: String,
        /// The entry.
        entry: Entry,
    },
    /// The index of a directory is damaged: its entries, which come next, are those of the MFT.
    IndexDamaged {
        /// The directory.
        path: String,
        /// What is damaged.
        damage: Error,
    },
    /// A directory that cannot be listed, or is also elsewhere in the tree.
    Failed {
        /// The directory.
        path: String,
        /// Why.
        error: Error,
    },
}

/// A walk, depth first, in the order of Windows. Each hard link is an entry. A directory is entered once:
/// a circle, which only a damaged volume has, ends there. Memory is that of the directories on the path, and a
/// bit for each record.
#[derive(Debug)]
pub struct Walk {
    levels: Vec<Level>,
    /// The directory that is to be entered.
    next: Option<(String, Entry)>,
    /// A bit for each record: whether it is a directory that was entered.
    entered: Vec<u8>,
}

#[derive(Debug)]
struct Level {
    path: String,
    entries: IntoIter<Entry>,
}

impl Walk {
    /// A walk over what is below a directory.
    pub fn new(directory: Located) -> Self {
        Self {
            levels: Vec::new(),
            next: Some((directory.path, directory.entry)),
            entered: Vec::new(),
        }
    }

    /// Leaves out what is in the directory that [`Walk::next`] returned last.
    pub fn skip_directory(&mut self) {
        self.next = None;
    }

    /// The next name, or what is damaged; `None` at the end. If bytes of the source are
    /// [not there yet](Error::is_missing), the call can be repeated.
    pub fn next<R: ReadAt>(&mut self, tree: &mut Tree<R>) -> Option<Found> {
        if let Some((path, entry)) = self.next.take() {
            match self.enter(tree, &path, &entry) {
                Ok(None) => {}
                Ok(Some(damage)) => return Some(Found::IndexDamaged { path, damage }),
                Err(error) => {
                    if error.is_missing() {
                        self.next = Some((path.clone(), entry));
                    }
                    return Some(Found::Failed { path, error });
                }
            }
        }
        loop {
            let level = self.levels.last_mut()?;
            if let Some(entry) = level.entries.next() {
                let path = join(&level.path, &alloc::format!("{}", entry.name));
                if entry.kind.is_directory() {
                    self.next = Some((path.clone(), entry.clone()));
                }
                return Some(Found::Entry { path, entry });
            }
            self.levels.pop();
        }
    }

    fn enter<R: ReadAt>(
        &mut self,
        tree: &mut Tree<R>,
        path: &str,
        entry: &Entry,
    ) -> Result<Option<Error>> {
        let record = entry.reference.record;
        let records = tree.volume().mft().record_count();
        let refuse = |field, expected| Error::Corrupt {
            structure: Structure::Index,
            offset: tree.volume().mft().record_offset(record).unwrap_or(0),
            field,
            found: record.0,
            expected,
        };
        if record.0 >= records {
            return Err(refuse("a directory of record", "a record of the volume"));
        }
        if self.levels.len() >= MAX_DEPTH {
            return Err(refuse(
                "a directory below 1024 others, of record",
                "fewer levels",
            ));
        }
        if self.has_entered(record) {
            return Err(refuse(
                "a directory in two places, of record",
                "one place in the tree",
            ));
        }
        let directory = tree.directory(entry.reference)?;
        self.mark(record, records);
        self.levels.push(Level {
            path: String::from(path),
            entries: directory.entries.into_iter(),
        });
        Ok(directory.damage)
    }

    fn has_entered(&self, record: RecordNumber) -> bool {
        let (byte, bit) = place_of(record);
        self.entered.get(byte).is_some_and(|byte| byte & bit != 0)
    }

    /// Marks a directory as entered.
    fn mark(&mut self, record: RecordNumber, records: u64) {
        if self.entered.is_empty() {
            self.entered = vec![0; crate::units::len_usize(records.div_ceil(8))];
        }
        let (byte, bit) = place_of(record);
        if let Some(byte) = self.entered.get_mut(byte) {
            *byte |= bit;
        }
    }
}

/// The byte of [`Walk::entered`] that has the bit of a record, and the bit.
fn place_of(record: RecordNumber) -> (usize, u8) {
    let bit = u32::try_from(record.0 % 8).ok();
    let bit = bit.and_then(|bit| 1_u8.checked_shl(bit)).unwrap_or(0);
    (crate::units::len_usize(record.0 / 8), bit)
}
