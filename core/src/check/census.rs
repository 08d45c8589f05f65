//! What records and directories say of each other: each name in a record must
//! stand in one directory, each entry of a directory must name such a record,
//! and each extension record must be named by its base record.
//!
//! Records are read first, then all directories. Of each record 8 bytes are
//! kept, and of each directory 16 more: instead of the names, the sum of their
//! hashes. An entry takes its own off again, so that 0 is left where both agree.

use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::entries::{FileIndex, FileIndexSum, View, visit_entry, visit_file_entry};
use super::finding::Findings;
use super::index::Tree;
use super::records::marks;
use super::slot::{HAS_ENTRY, Slot, State};
use crate::clusters::Part;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::index::{DIRECTORY_INDEX, Entry};
use crate::ntfs::mft::RECORD_ROOT;
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_usize};

/// Directories that one step looks into.
const DIRECTORIES_A_STEP: usize = 256;

/// The records and directories of a volume.
#[derive(Debug, Default)]
pub(super) struct Census {
    pub(super) slots: Vec<Slot>,
    /// In the order of their records, with the directory that each is in.
    pub(super) directories: Vec<(RecordNumber, RecordNumber)>,
    /// Indexes over other things than names.
    pub(super) views: Vec<(RecordNumber, Vec<u8>)>,
    pub(super) sums: Sums,
    pub(super) rest: Part,
    pub(super) buffer: Vec<u8>,
    /// `$MFT:$BITMAP`, if it can be read.
    pub(super) marks: Option<Value>,
    /// How many directories, then how many other indexes, were looked into.
    visited: usize,
    tree: Option<Tree>,
    /// The one before, for its buffers.
    done: Option<Tree>,
    /// Some records or entries are in a damaged part of the image.
    pub(super) is_partial: bool,
}

/// What is known of the indexes of `$Extend` over files.
#[derive(Debug, Default)]
pub(super) struct Sums {
    object_ids: FileIndexSum,
    reparse_points: FileIndexSum,
}

impl Sums {
    pub(super) fn of(&mut self, index: FileIndex) -> &mut FileIndexSum {
        match index {
            FileIndex::ObjectIds => &mut self.object_ids,
            FileIndex::ReparsePoints => &mut self.reparse_points,
        }
    }
}

impl Census {
    pub(super) fn new<R: ReadAt>(volume: &Volume<R>, findings: &mut Findings) -> Result<Self> {
        let rest = Part::all(volume);
        let count = len_usize(rest.end().0);
        let mut slots: Vec<Slot> = Vec::new();
        slots.try_reserve_exact(count).map_err(|_| Error::Memory {
            structure: Structure::Mft,
            len: rest.end().0.saturating_mul(8),
        })?;
        let marks = marks(volume, findings)?;
        slots.resize(count, Slot::default());
        Ok(Self {
            slots,
            directories: Vec::new(),
            views: Vec::new(),
            sums: Sums::default(),
            rest,
            buffer: Vec::new(),
            marks,
            visited: 0,
            tree: None,
            done: None,
            is_partial: false,
        })
    }

    /// Looks into the next directories; false if there are none. After an error,
    /// it can be tried again.
    pub(super) fn visit_directories<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        for _ in 0..DIRECTORIES_A_STEP {
            let Some(&(directory, _)) = self.directories.get(self.visited) else {
                return Ok(false);
            };
            if !self.visit(volume, directory, DIRECTORY_INDEX, upcase, findings)? {
                self.visited = self.visited.saturating_add(1);
            }
        }
        Ok(true)
    }

    /// Looks into the next blocks of an index; false at its end.
    fn visit<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        record: RecordNumber,
        name: &[u8],
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        let tree = match &mut self.tree {
            Some(tree) => tree,
            None => {
                let file = match FileRecord::salvage(volume, record) {
                    // The scan found it.
                    Err(error) if error.is_damage() => return Ok(false),
                    file => file?,
                };
                let tree = Tree::open(volume, &file, record, name, findings)?;
                self.tree.insert(tree.with_buffers_of(self.done.take()))
            }
        };
        let (slots, sums) = (&mut self.slots, &mut self.sums);
        let view = View::of(name, tree.has_numbers());
        let mut visit = |entry: &Entry<'_>, offset, findings: &mut Findings| {
            match view {
                View::Names => visit_entry(slots, record, entry, offset, findings),
                View::Other => {}
                View::Files(index) => {
                    let sum = sums.of(index);
                    let place = (entry, offset);
                    visit_file_entry(slots, index, sum, record, place, findings);
                }
            }
            Ok(())
        };
        if tree.step(volume, upcase, findings, &mut visit)? {
            return Ok(true);
        }
        self.is_partial |= tree.is_lost;
        if let (View::Files(index), true) = (view, tree.is_whole) {
            self.sums.of(index).record = Some(record);
        }
        self.done = self.tree.take();
        Ok(false)
    }

    /// Looks into the next other index; false if there are none. After an error,
    /// it can be tried again.
    pub(super) fn visit_view<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
    ) -> Result<bool> {
        let Some((record, name)) = self.views.last().cloned() else {
            return Ok(false);
        };
        if !self.visit(volume, record, &name, upcase, findings)? {
            self.views.pop();
        }
        Ok(true)
    }

    /// Reports records and directories that disagree, all of which were read.
    pub(super) fn conclude<R: ReadAt>(mut self, volume: &Volume<R>, findings: &mut Findings) {
        // What is missing may be in the damaged part.
        if self.is_partial {
            return;
        }
        for (number, slot) in (0..).map(RecordNumber).zip(&self.slots) {
            if slot.names == 0 {
                continue;
            }
            let (code, what) = match (slot.state, slot.marks & HAS_ENTRY) {
                (State::Extension, _) => (
                    Code::RecordOrphaned,
                    "its base record does not name it as a part of its file",
                ),
                (State::File | State::Directory, 0) => {
                    (Code::NotInDirectory, "no directory has an entry for it")
                }
                (State::File | State::Directory, _) => (
                    Code::NameMismatch,
                    "its names are not those that directories have for it",
                ),
                _ => continue,
            };
            let offset = volume.mft().record_offset(number);
            findings.report(code, number, offset, what);
        }
        for index in FileIndex::ALL {
            self.compare_files(volume, index, findings);
        }
        self.find_cycles(volume, findings);
    }

    /// Reports files that have an attribute, and are not in the index over it.
    fn compare_files<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        index: FileIndex,
        findings: &mut Findings,
    ) {
        let sum = *self.sums.of(index);
        // Volumes that Linux made have no such indexes.
        let Some(record) = sum.record else { return };
        let (has_attribute, is_in_index) = index.marks();
        let mut is_missing = false;
        for (number, slot) in (0..).map(RecordNumber).zip(&self.slots) {
            if slot.marks & (has_attribute | is_in_index) != has_attribute {
                continue;
            }
            is_missing = true;
            let what = match index {
                FileIndex::ObjectIds => "its object identifier is not in the index of $Extend",
                FileIndex::ReparsePoints => "its reparse point is not in the index of $Extend",
            };
            let offset = volume.mft().record_offset(number);
            findings.report(Code::ExtendIndex, number, offset, what);
        }
        if sum.keys != 0 && !is_missing && !sum.is_unknown {
            let what = "an entry has another key than its file";
            let offset = volume.mft().record_offset(record);
            findings.report(Code::ExtendIndex, record, offset, what);
        }
    }

    /// Follows each directory up to the root, or to one that was followed.
    fn find_cycles<R: ReadAt>(&mut self, volume: &Volume<R>, findings: &mut Findings) {
        // From here on: 0, or the walk that came by.
        for slot in &mut self.slots {
            slot.names = 0;
        }
        let directories = mem::take(&mut self.directories);
        for (walk, &(start, _)) in (1..).zip(&directories) {
            let mut current = start;
            loop {
                let place = directories.binary_search_by_key(&current, |(number, _)| *number);
                let Some(&(_, parent)) = place.ok().and_then(|place| directories.get(place)) else {
                    break;
                };
                let Some(slot) = self.slot_mut(current) else {
                    break;
                };
                if slot.names == walk && current != RECORD_ROOT {
                    let offset = volume.mft().record_offset(current);
                    let what = "it is in a directory that is in itself";
                    findings.report(Code::DirectoryCycle, current, offset, what);
                }
                if slot.names != 0 || current == RECORD_ROOT {
                    break;
                }
                slot.names = walk;
                current = parent;
            }
        }
    }
}
