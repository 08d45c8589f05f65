//! The tree of an index, of a directory or another: each node is checked, and
//! its entries are visited in their order.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::mem;

use super::code::Code;
use super::collation::{Collation, is_kind_right};
use super::finding::Findings;
use super::index_block::{check_block, check_slot};
use crate::error::{Result, with_causes};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::index::{Entry, Node, RECORD_NODE_OFFSET, ROOT_NODE_OFFSET};
use crate::ntfs::record::u32_at;
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};
use crate::units::{RecordNumber, len_u64, len_usize};

/// Ours: a tree of 4 KiB blocks with as many levels has more names than there
/// are records.
const MAX_DEPTH: usize = 32;

/// Ours: the bitmap of an index of 256 GiB.
const MAX_BITMAP: u64 = 8 << 20;

/// Ours: a smaller index is read in one call, not block by block.
const SMALL_INDEX: u64 = 256 << 10;

/// Blocks that one step reads.
const BLOCKS_A_STEP: usize = 64;

/// In the header of a node: that it has children.
const NODE_FLAGS_OFFSET: usize = 0x0C;
const KNOWN_NODE_FLAGS: u32 = 1;

/// Where the root of an index has how many VCNs a block has.
const ROOT_VCNS_OFFSET: usize = 0x0C;

/// The least unit of VCNs in an index, where clusters are larger than blocks.
const LEAST_VCN_BYTES: u64 = 512;

/// An index that is being walked over.
#[derive(Debug)]
pub(super) struct Tree {
    record: RecordNumber,
    /// Of the record, in bytes.
    offset: u64,
    collation: Collation,
    blocks: Option<Value>,
    /// All blocks of a small index, once the first one was needed.
    content: Vec<u8>,
    is_content_read: bool,
    block_size: u64,
    /// What a VCN counts, in bytes.
    vcn_size: u64,
    /// A bit a block: as the index has it, and those that were reached.
    bitmap: Vec<u8>,
    reached: Vec<u8>,
    /// From the root to the current node.
    levels: Vec<Level>,
    /// The buffer of a block that is done.
    spare: Vec<u8>,
    /// The key before the current one.
    last_key: Vec<u8>,
    is_in_order: bool,
    /// No node was damaged or lost so far.
    pub(super) is_whole: bool,
    /// Some of it is in a damaged part of the image.
    pub(super) is_lost: bool,
}

/// A node on the way to the current one.
#[derive(Debug)]
struct Level {
    bytes: Vec<u8>,
    /// Where the node is, in bytes into `bytes`.
    start: usize,
    /// Where the current entry is, in bytes into the node.
    position: usize,
    /// The child before that entry was visited.
    is_child_done: bool,
    /// Of `bytes` on the volume.
    offset: Option<u64>,
}

/// Why a walk over the entries of a node stops.
enum Stop {
    /// The block before the current entry is next.
    Child(u64),
    End,
    Damaged(Damage),
}

/// The keys of an index, which must ascend.
struct Keys<'a> {
    collation: Collation,
    upcase: &'a UpCase,
    /// The last one of the node before.
    last: &'a mut Vec<u8>,
    /// Where the first entry is that is out of order.
    misplaced: Option<u64>,
}

type Visit<'a> = dyn FnMut(&Entry<'_>, u64, &mut Findings) -> Result<()> + 'a;

impl Level {
    /// Visits the next entries, up to a child or the end. `place` is where
    /// what is in `bytes` is, or the record of it.
    fn visit(
        &mut self,
        place: u64,
        keys: &mut Keys<'_>,
        findings: &mut Findings,
        visit: &mut Visit<'_>,
    ) -> Result<Stop> {
        let Some(node) = self.bytes.get(self.start..).and_then(Node::parse) else {
            return Ok(Stop::Damaged("the header of a node is cut short"));
        };
        let mut before: Option<&[u8]> = None;
        let stop = loop {
            let Some(slot) = node.slot(self.position) else {
                break Ok(Stop::Damaged("an entry is cut short"));
            };
            if let Some(damage) = check_slot(&node, &slot) {
                break Ok(Stop::Damaged(damage));
            }
            if let (Some(vcn), false) = (slot.child, self.is_child_done) {
                break Ok(Stop::Child(vcn));
            }
            if slot.is_last {
                let end = self.position.saturating_add(slot.entry.bytes.len());
                break Ok(match end == node.end() {
                    true => Stop::End,
                    false => Stop::Damaged("a node does not end with its last entry"),
                });
            }
            let offset = match self.offset {
                Some(_) => {
                    let position = self.start.saturating_add(self.position);
                    place.saturating_add(len_u64(position))
                }
                None => place,
            };
            if let Err(error) = visit(&slot.entry, offset, findings) {
                break Err(error);
            }
            let last = before.unwrap_or(keys.last);
            let key = slot.entry.key;
            if !last.is_empty() && !keys.collation.allows(keys.upcase, last, key) {
                keys.misplaced.get_or_insert(offset);
            }
            before = Some(key);
            // Advances: an entry is as long as its header, at least.
            self.position = self.position.saturating_add(slot.entry.bytes.len());
            self.is_child_done = false;
        };
        if let Some(key) = before {
            keys.last.clear();
            keys.last.extend_from_slice(key);
        }
        stop
    }
}

/// What was wrong with a block.
pub(super) type Damage = &'static str;

impl Tree {
    /// The index `name` of a file. Damage of its root is a finding; without entries
    /// if it cannot be walked over.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Io`].
    pub(super) fn open<R: ReadAt>(
        volume: &Volume<R>,
        file: &FileRecord,
        record: RecordNumber,
        name: &[u8],
        findings: &mut Findings,
    ) -> Result<Self> {
        let offset = file.base()?.offset();
        let mut tree = Self {
            record,
            offset,
            collation: Collation(0),
            blocks: None,
            content: Vec::new(),
            is_content_read: false,
            block_size: u64::from(volume.geometry().index_record_size),
            vcn_size: 0,
            bitmap: Vec::new(),
            reached: Vec::new(),
            levels: Vec::new(),
            spare: Vec::new(),
            last_key: Vec::new(),
            is_in_order: true,
            is_whole: true,
            is_lost: false,
        };
        let loaded = tree.load(volume, file, name);
        if let Some(root) = tree.levels.first() {
            tree.check_flags(&root.bytes, ROOT_NODE_OFFSET, offset, findings);
        }
        let damage = match loaded {
            Ok(None) => return Ok(tree),
            Ok(Some(damage)) => damage.to_string(),
            Err(error) if error.is_loss() => {
                tree.is_lost = true;
                return Ok(tree);
            }
            Err(error) if error.is_damage() => with_causes(&error),
            Err(error) => return Err(error),
        };
        tree.is_whole = false;
        findings.report(Code::IndexDamaged, record, Some(offset), &damage);
        Ok(tree)
    }

    /// The same, with the buffers of an index that is done.
    pub(super) fn with_buffers_of(self, done: Option<Self>) -> Self {
        match done {
            // What is in them is overwritten.
            Some(Self { content, spare, .. }) => Self {
                content,
                spare,
                ..self
            },
            None => self,
        }
    }

    /// Whether its keys are numbers of 32 bits each.
    pub(super) fn has_numbers(&self) -> bool {
        self.collation == Collation::NUMBERS
    }

    fn load<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        file: &FileRecord,
        name: &[u8],
    ) -> Result<Option<Damage>> {
        let Some(Value::Resident(root)) = file.value(AttributeType::INDEX_ROOT, name)? else {
            return Ok(Some("the index has no root"));
        };
        let number = |offset| u32_at(&root, offset).unwrap_or(0);
        self.collation = Collation(number(4));
        let Some(node) = root.get(ROOT_NODE_OFFSET..).and_then(Node::parse) else {
            return Ok(Some("the root of the index is cut short"));
        };
        if u64::from(number(8)) != self.block_size {
            return Ok(Some("the index has blocks of another size than the volume"));
        }
        if !is_kind_right(name, number(0), self.collation) {
            return Ok(Some("the index is not one over what its name says"));
        }
        let len = root.len().saturating_sub(ROOT_NODE_OFFSET);
        if usize::try_from(node.allocated).ok() != Some(len) {
            return Ok(Some(
                "the sizes in the root of the index contradict each other",
            ));
        }
        let cluster_size = u64::from(volume.geometry().cluster_size);
        self.vcn_size = match self.block_size < cluster_size {
            true => LEAST_VCN_BYTES,
            false => cluster_size,
        };
        let position = node.first;
        self.blocks = file.value(AttributeType::INDEX_ALLOCATION, name)?;
        if let Some(bitmap) = file.value(AttributeType::BITMAP, name)? {
            self.bitmap = bitmap.read_all(volume.source(), volume.geometry(), MAX_BITMAP)?;
        }
        // A block that the bitmap does not have is in no sound index.
        self.reached = vec![0; self.bitmap.len()];
        // A byte, and three that are reserved. Linux has another unit where sectors
        // are larger.
        let units = [self.vcn_size, volume.geometry().sector_size.into()];
        let vcns = u64::from(number(ROOT_VCNS_OFFSET) & 0xFF);
        let is_counted = |unit: &u64| self.block_size.checked_div(*unit) == Some(vcns);
        let is_right = units.iter().any(is_counted);
        self.levels.push(Level {
            bytes: root,
            start: ROOT_NODE_OFFSET,
            position,
            is_child_done: false,
            offset: None,
        });
        let what = "the index counts other VCNs for a block than a block has";
        Ok((!is_right).then_some(what))
    }

    /// Reports flags of the node `start` bytes into `bytes` that are not known, and
    /// that no driver looks at. `place` is where it is, or the record of it.
    fn check_flags(&self, bytes: &[u8], start: usize, place: u64, findings: &mut Findings) {
        let flags = u32_at(bytes, start.saturating_add(NODE_FLAGS_OFFSET));
        if flags.is_some_and(|flags| flags > KNOWN_NODE_FLAGS) {
            let what = "a node of the index has flags that are not known";
            findings.report(Code::AttributeFlags, self.record, Some(place), what);
        }
    }

    /// Visits the entries of the next nodes; false at the end. `visit` gets each
    /// entry, and where it is on the volume. After an error, it can be tried
    /// again.
    pub(super) fn step<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        upcase: &UpCase,
        findings: &mut Findings,
        visit: &mut Visit<'_>,
    ) -> Result<bool> {
        let mut blocks = 0;
        while blocks < BLOCKS_A_STEP {
            let depth = self.levels.len();
            let Some(level) = self.levels.last_mut() else {
                self.check_bitmap(findings);
                return Ok(false);
            };
            let node_offset = level.offset.unwrap_or(self.offset);
            let mut keys = Keys {
                collation: self.collation,
                upcase,
                last: &mut self.last_key,
                misplaced: None,
            };
            let stop = level.visit(node_offset, &mut keys, findings, visit);
            if let (Some(offset), true) = (keys.misplaced, self.is_in_order) {
                self.is_in_order = false;
                let what = "an entry is not where its order puts it, or is there twice";
                findings.report(Code::IndexOrder, self.record, Some(offset), what);
            }
            match stop? {
                Stop::Child(vcn) => {
                    let read = self.read_child(volume, vcn, depth, findings)?;
                    if let Some(level) = self.levels.last_mut() {
                        level.is_child_done = true;
                    }
                    self.levels.extend(read);
                    blocks = blocks.saturating_add(1);
                }
                Stop::End => self.pop_level(),
                Stop::Damaged(damage) => {
                    self.pop_level();
                    self.report(Code::IndexDamaged, node_offset, damage, findings);
                }
            }
        }
        Ok(true)
    }

    /// Leaves the current node. The next block that is read gets its buffer.
    fn pop_level(&mut self) {
        if let Some(level) = self.levels.pop()
            && level.start == RECORD_NODE_OFFSET
        {
            self.spare = level.bytes;
        }
    }

    /// Reads the block at a VCN; `None` if it is damaged, which is a finding.
    fn read_child<R: ReadAt>(
        &mut self,
        volume: &Volume<R>,
        vcn: u64,
        depth: usize,
        findings: &mut Findings,
    ) -> Result<Option<Level>> {
        let position = vcn.saturating_mul(self.vcn_size);
        let number = position.checked_div(self.block_size).unwrap_or(0);
        let end = position.saturating_add(self.block_size);
        let blocks = self.blocks.as_ref().filter(|blocks| end <= blocks.size());
        let is_place = position.is_multiple_of(self.block_size) && depth < MAX_DEPTH;
        let Some(blocks) = blocks.filter(|_| is_place) else {
            let what = "an entry leads to a block that the index does not have";
            self.report(Code::IndexDamaged, self.offset, what, findings);
            return Ok(None);
        };
        let offset = match blocks {
            Value::NonResident(stream) => stream.position_on_volume(volume.geometry(), position),
            Value::Resident(_) => None,
        };
        let place = offset.unwrap_or(self.offset);
        let (source, geometry) = (volume.source(), volume.geometry());
        if !self.is_content_read && blocks.size() <= SMALL_INDEX {
            self.content.resize(len_usize(blocks.size()), 0);
            match blocks.read_exact_at(source, geometry, 0, &mut self.content) {
                // Some blocks may still be there.
                Err(error) if error.is_loss() || error.is_damage() => self.content.clear(),
                read => read?,
            }
            self.is_content_read = true;
        }
        let mut bytes = mem::take(&mut self.spare);
        let start = len_usize(position);
        let content = Some(&self.content).filter(|_| self.is_content_read);
        let read = match content.and_then(|content| content.get(start..len_usize(end))) {
            Some(content) => {
                bytes.clear();
                bytes.extend_from_slice(content);
                Ok(())
            }
            None => {
                bytes.resize(len_usize(self.block_size), 0);
                blocks.read_exact_at(source, geometry, position, &mut bytes)
            }
        };
        match read {
            Err(error) if error.is_loss() => {
                self.is_whole = false;
                self.is_lost = true;
                return Ok(None);
            }
            Err(error) if error.is_damage() => {
                let what = "the runs of the index end before one of its blocks";
                self.report(Code::IndexDamaged, place, what, findings);
                return Ok(None);
            }
            read => read?,
        }
        match self.set_reached(number) {
            Some(false) => {}
            Some(true) => {
                let what = "two entries lead to the same block";
                self.report(Code::IndexDamaged, place, what, findings);
                return Ok(None);
            }
            None => {
                let what = "a block is marked as free in the bitmap of the index";
                findings.report(Code::IndexBlockFree, self.record, Some(place), what);
            }
        }
        match check_block(&mut bytes, vcn) {
            Err(damage) => {
                self.report(Code::IndexDamaged, place, damage, findings);
                Ok(None)
            }
            Ok(position) => {
                self.check_flags(&bytes, RECORD_NODE_OFFSET, place, findings);
                Ok(Some(Level {
                    bytes,
                    start: RECORD_NODE_OFFSET,
                    position,
                    is_child_done: false,
                    offset,
                }))
            }
        }
    }

    /// Whether a block was reached before; `None` if its bit is not set in the
    /// bitmap.
    fn set_reached(&mut self, number: u64) -> Option<bool> {
        let index = len_usize(number / 8);
        let mask = 1_u8.checked_shl(u32::try_from(number % 8).ok()?)?;
        self.bitmap.get(index).filter(|byte| *byte & mask != 0)?;
        let byte = self.reached.get_mut(index)?;
        let was_reached = *byte & mask != 0;
        *byte |= mask;
        Some(was_reached)
    }

    /// Reports blocks that no entry leads to. Not in a damaged tree, in which
    /// the entry may be in the damaged part.
    fn check_bitmap(&mut self, findings: &mut Findings) {
        let unused = |(used, reached): (&u8, &u8)| (used & !reached).count_ones();
        let unused: u32 = self.bitmap.iter().zip(&self.reached).map(unused).sum();
        if unused > 0 && self.is_whole {
            let what = alloc::format!("{unused} blocks of the index are marked, and not in it");
            let offset = Some(self.offset);
            findings.report(Code::IndexBlockUnused, self.record, offset, &what);
        }
        self.bitmap.clear();
    }

    fn report(&mut self, code: Code, offset: u64, damage: Damage, findings: &mut Findings) {
        self.is_whole = false;
        findings.report(code, self.record, Some(offset), damage);
    }
}
