//! Indexes: the B-tree of a directory and the small trees of `$Secure` and `$Quota`.

use crate::fixup::{array_count, redo_fixup};
use crate::geometry::Geometry;

pub(crate) const COLLATION_FILE_NAME: u32 = 0x01;
pub(crate) const COLLATION_ULONG: u32 = 0x10;
pub(crate) const COLLATION_SID: u32 = 0x11;
pub(crate) const COLLATION_SECURITY_HASH: u32 = 0x12;

const ENTRY_HEADER: usize = 16;
const ENTRY_HAS_CHILD: u16 = 1;
const ENTRY_LAST: u16 = 2;
const ROOT_HEADER: usize = 32;
const BLOCK_ARRAY_OFFSET: usize = 0x28;
const NODE_HEADER_OFFSET: usize = 0x18;

/// One entry; entries are given in the order of their keys.
#[derive(Clone, Debug)]
pub(crate) struct IndexEntry {
    head: [u8; 8],
    key_len: usize,
    payload: Vec<u8>,
}

/// What is indexed and in which order.
pub(crate) struct IndexKind {
    /// 0x30 for directories, 0 for views.
    pub(crate) attribute_type: u32,
    pub(crate) collation: u32,
}

/// A finished index: the value of `INDEX_ROOT` and the records of `INDEX_ALLOCATION`.
pub(crate) struct Index {
    pub(crate) root: Vec<u8>,
    pub(crate) blocks: Vec<Vec<u8>>,
}

struct Item {
    entry: IndexEntry,
    child: Option<u64>,
}

struct Node {
    items: Vec<Item>,
    last_child: Option<u64>,
}

impl IndexEntry {
    /// An entry of a directory.
    pub(crate) fn of_file(reference: u64, file_name: Vec<u8>) -> Self {
        Self {
            head: reference.to_le_bytes(),
            key_len: file_name.len(),
            payload: file_name,
        }
    }

    /// An entry of a view: a key and its data.
    pub(crate) fn of_view(key: &[u8], data: &[u8]) -> Self {
        let mut head = [0; 8];
        head[..2].copy_from_slice(&((ENTRY_HEADER + key.len()) as u16).to_le_bytes());
        head[2..4].copy_from_slice(&(data.len() as u16).to_le_bytes());
        Self {
            head,
            key_len: key.len(),
            payload: [key, data].concat(),
        }
    }
}

impl Index {
    /// Builds the tree. Up to `small_room` bytes the entries stand in `INDEX_ROOT` alone; otherwise they go to blocks
    /// and up to `large_room` bytes of separators remain in `INDEX_ROOT`.
    pub(crate) fn build(
        entries: Vec<IndexEntry>,
        kind: &IndexKind,
        geometry: &Geometry,
        small_room: usize,
        large_room: usize,
    ) -> Self {
        let items = entries
            .into_iter()
            .map(|entry| Item { entry, child: None })
            .collect();
        let mut node = Node {
            items,
            last_child: None,
        };
        let mut blocks = Vec::new();
        if ROOT_HEADER + node.len() > small_room {
            loop {
                node = node.push_down(&mut blocks, geometry);
                if ROOT_HEADER + node.len() <= large_room {
                    break;
                }
            }
        }
        Self {
            root: encode_root(&node, kind, geometry),
            blocks,
        }
    }
}

impl Item {
    fn len(&self) -> usize {
        (ENTRY_HEADER + self.entry.payload.len()).next_multiple_of(8)
            + if self.child.is_some() { 8 } else { 0 }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        encode_entry(out, &self.entry, self.len(), 0, self.child);
    }
}

impl Node {
    fn len(&self) -> usize {
        self.items.iter().map(Item::len).sum::<usize>() + last_entry_len(self.last_child)
    }

    /// Moves the items to blocks; what comes back holds only the separators between these.
    fn push_down(self, blocks: &mut Vec<Vec<u8>>, geometry: &Geometry) -> Self {
        let room = geometry.index_record_size as usize
            - block_header_len(geometry)
            - last_entry_len(Some(0));
        let mut rest = self.items;
        let mut separators = Vec::new();
        loop {
            let mut used = 0;
            let fitting = rest
                .iter()
                .take_while(|item| (used += item.len(), used <= room).1)
                .count();
            if fitting == rest.len() {
                let last = Node {
                    items: rest,
                    last_child: self.last_child,
                };
                return Node {
                    items: separators,
                    last_child: Some(add_block(blocks, last, geometry)),
                };
            }
            // Behind a separator there must be another item, for no block may be empty.
            let at = if fitting + 1 == rest.len() {
                fitting.saturating_sub(1)
            } else {
                fitting
            };
            assert!(
                at > 0,
                "an index record of {} bytes is too small for these names",
                geometry.index_record_size
            );
            let behind = rest.split_off(at + 1);
            let separator = rest.pop().expect("at + 1 items");
            let block = Node {
                items: rest,
                last_child: separator.child,
            };
            let child = Some(add_block(blocks, block, geometry));
            separators.push(Item {
                entry: separator.entry,
                child,
            });
            rest = behind;
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for item in &self.items {
            item.encode(out);
        }
        let end = IndexEntry {
            head: [0; 8],
            key_len: 0,
            payload: Vec::new(),
        };
        encode_entry(
            out,
            &end,
            last_entry_len(self.last_child),
            ENTRY_LAST,
            self.last_child,
        );
    }

    /// The index header of the node and its entries, which begin `entries_offset` after the header's start.
    fn encode_with_header(&self, entries_offset: usize, allocated: usize) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend((entries_offset as u32).to_le_bytes());
        out.extend(((entries_offset + self.len()) as u32).to_le_bytes());
        out.extend((allocated as u32).to_le_bytes());
        out.extend([u8::from(self.last_child.is_some()), 0, 0, 0]);
        out.resize(entries_offset, 0);
        self.encode(&mut out);
        out
    }
}

fn last_entry_len(child: Option<u64>) -> usize {
    ENTRY_HEADER + if child.is_some() { 8 } else { 0 }
}

fn encode_entry(out: &mut Vec<u8>, entry: &IndexEntry, len: usize, flags: u16, child: Option<u64>) {
    let end = out.len() + len;
    out.extend(entry.head);
    out.extend((len as u16).to_le_bytes());
    out.extend((entry.key_len as u16).to_le_bytes());
    out.extend((flags | if child.is_some() { ENTRY_HAS_CHILD } else { 0 }).to_le_bytes());
    out.extend([0; 2]);
    out.extend(&entry.payload);
    out.resize(end, 0);
    if let Some(vcn) = child {
        out[end - 8..].copy_from_slice(&vcn.to_le_bytes());
    }
}

fn encode_root(node: &Node, kind: &IndexKind, geometry: &Geometry) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(kind.attribute_type.to_le_bytes());
    out.extend(kind.collation.to_le_bytes());
    out.extend(geometry.index_record_size.to_le_bytes());
    out.extend([
        (geometry.index_record_size / geometry.index_vcn_size()) as u8,
        0,
        0,
        0,
    ]);
    out.extend(node.encode_with_header(16, 16 + node.len()));
    out
}

fn block_header_len(geometry: &Geometry) -> usize {
    (BLOCK_ARRAY_OFFSET + 2 * array_count(geometry.index_record_size as usize)).next_multiple_of(8)
}

fn add_block(blocks: &mut Vec<Vec<u8>>, node: Node, geometry: &Geometry) -> u64 {
    let size = geometry.index_record_size as usize;
    let vcn =
        blocks.len() as u64 * u64::from(geometry.index_record_size / geometry.index_vcn_size());
    let mut block = Vec::with_capacity(size);
    block.extend(b"INDX");
    block.extend((BLOCK_ARRAY_OFFSET as u16).to_le_bytes());
    block.extend((array_count(size) as u16).to_le_bytes());
    block.extend([0; 8]);
    block.extend(vcn.to_le_bytes());
    block.extend(node.encode_with_header(
        block_header_len(geometry) - NODE_HEADER_OFFSET,
        size - NODE_HEADER_OFFSET,
    ));
    assert!(
        block.len() <= size,
        "an index record of {size} bytes is too small for the names of the directory"
    );
    block.resize(size, 0);
    let number = (blocks.len() % 0xfff0 + 2) as u16;
    block[BLOCK_ARRAY_OFFSET..BLOCK_ARRAY_OFFSET + 2].copy_from_slice(&number.to_le_bytes());
    redo_fixup(&mut block);
    blocks.push(block);
    vcn
}
