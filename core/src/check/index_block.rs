//! A block of an index, and an entry in it, each by itself.

use super::index::Damage;
use crate::ntfs::index::{MAGIC, Node, RECORD_NODE_OFFSET, Slot};
use crate::ntfs::record::{u16_at, undo_fixup};

/// Where a block has the VCN at which it stands.
const BLOCK_VCN_OFFSET: usize = 0x10;

/// In an entry: that it has a child, and that it is the last.
const ENTRY_FLAGS_OFFSET: usize = 0x0C;
const KNOWN_ENTRY_FLAGS: u16 = 3;

/// Undoes the fixup of the block at `vcn`, and checks its header. Returns where
/// its first entry is.
pub(super) fn check_block(bytes: &mut [u8], vcn: u64) -> Result<usize, Damage> {
    if undo_fixup(bytes, MAGIC).is_err() {
        return Err("a block is not one of an index, or was not wholly written");
    }
    let found = bytes.get(BLOCK_VCN_OFFSET..).and_then(<[u8]>::first_chunk);
    if found.map(|found| u64::from_le_bytes(*found)) != Some(vcn) {
        return Err("a block says that it belongs elsewhere");
    }
    let node = bytes.get(RECORD_NODE_OFFSET..);
    let len = node.map_or(0, <[u8]>::len);
    match node.and_then(Node::parse) {
        Some(node) if usize::try_from(node.allocated).ok() == Some(len) => Ok(node.first),
        _ => Err("the sizes in the header of a block contradict each other"),
    }
}

/// What is wrong with an entry as such, and its place in its node.
pub(super) fn check_slot(node: &Node<'_>, slot: &Slot<'_>) -> Option<Damage> {
    if !slot.entry.bytes.len().is_multiple_of(8) || slot.is_last && !slot.entry.key.is_empty() {
        return Some("the length of an entry is wrong");
    }
    if u16_at(slot.entry.bytes, ENTRY_FLAGS_OFFSET).is_none_or(|flags| flags > KNOWN_ENTRY_FLAGS) {
        return Some("an entry has flags that are not known");
    }
    if slot.child.is_some() != node.has_children {
        return Some("an entry has a child in a leaf, or none in another node");
    }
    None
}
