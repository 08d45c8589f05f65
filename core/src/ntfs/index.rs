//! Directory indexes: the entries of a node.

use alloc::vec;
use alloc::vec::Vec;
use core::mem::size_of;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::attribute::AttributeType;
use super::file_name::FileName;
use super::file_record::FileRecord;
use super::mft_record::FileReference;
use super::record::{u16_at, undo_fixup};
use super::value::Value;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{RecordNumber, len_usize};

/// The magic of an index record.
pub const MAGIC: &[u8; 4] = b"INDX";

/// The name of the directory index, `$I30` in UTF-16.
pub const DIRECTORY_INDEX: &[u8] = b"$\0I\x003\x000\0";

/// Ours: names of a directory that are looked through, in bytes of their
/// blocks. Root directories have some hundreds.
pub(crate) const MAX_SEARCHED: u64 = 64 << 20;

/// Bytes of an index root before its node header.
pub const ROOT_NODE_OFFSET: usize = 0x10;
/// Bytes of an index record before its node header.
pub const RECORD_NODE_OFFSET: usize = 0x18;

const ENTRY_HAS_CHILD: u16 = 1;
const ENTRY_LAST: u16 = 2;
const NODE_HAS_CHILDREN: u32 = 1;

/// The header of a node, in an index root or an index record.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawNodeHeader {
    /// 0x00: where the first entry is, in bytes into this header.
    entries_offset: U32,
    /// 0x04: where the entries end, in bytes into this header.
    index_length: U32,
    allocated: U32,
    flags: U32,
}

/// The header of an entry.
#[derive(FromBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawEntry {
    /// 0x00: the file, in a directory.
    reference: U64,
    /// 0x08: bytes of the whole entry, a multiple of 8.
    length: U16,
    /// 0x0A: bytes of the key, which follows.
    key_length: U16,
    /// 0x0C: has a child node 1, last of the node 2.
    flags: U16,
    reserved: U16,
}

const _: () = assert!(size_of::<RawNodeHeader>() == 0x10);
const _: () = assert!(size_of::<RawEntry>() == 0x10);

/// An entry of a node, not the last one, which has no key.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Where the entry begins, in bytes into the node.
    pub position: usize,
    /// The whole entry.
    pub bytes: &'a [u8],
    /// The key: a file name, in a directory.
    pub key: &'a [u8],
    /// The file that the key names, in a directory.
    pub reference: FileReference,
}

impl Entry<'_> {
    /// Where the key begins, in bytes into the entry.
    pub const KEY_OFFSET: usize = size_of::<RawEntry>();

    /// The data of the key, in an index other than a directory: its offset and
    /// length stand where directories have the reference.
    pub(crate) fn data(&self) -> Option<&[u8]> {
        let offset = usize::from(u16_at(self.bytes, 0)?);
        let len = usize::from(u16_at(self.bytes, 2)?);
        self.bytes.get(offset..)?.get(..len)
    }
}

/// The place of an entry in its node.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot<'a> {
    /// Ends the node if it has no key.
    pub(crate) entry: Entry<'a>,
    /// Whether the node ends with it.
    pub(crate) is_last: bool,
    /// Virtual cluster number of the node before this entry; `None` in a leaf.
    pub(crate) child: Option<u64>,
}

/// A node of an index: its entries, as far as they are in use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Node<'a> {
    bytes: &'a [u8],
    /// Where its first entry begins, in bytes into the node.
    pub(crate) first: usize,
    /// Whether its header says that its entries have children.
    pub(crate) has_children: bool,
    /// Bytes of the node, free ones among them.
    pub(crate) allocated: u32,
}

impl<'a> Node<'a> {
    /// From bytes that begin with the header of a node; `None` if its entries
    /// are not in them.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, _) = RawNodeHeader::ref_from_prefix(bytes).ok()?;
        let end = usize::try_from(header.index_length.get()).ok()?;
        Some(Self {
            bytes: bytes.get(..end)?,
            first: usize::try_from(header.entries_offset.get()).ok()?,
            has_children: header.flags.get() & NODE_HAS_CHILDREN != 0,
            allocated: header.allocated.get(),
        })
    }

    /// Bytes of it that are in use.
    pub(crate) fn end(&self) -> usize {
        self.bytes.len()
    }

    /// The entry at `position`, in bytes into the node; `None` if there is no
    /// whole entry.
    pub(crate) fn slot(&self, position: usize) -> Option<Slot<'a>> {
        let rest = self.bytes.get(position..)?;
        let (raw, _) = RawEntry::ref_from_prefix(rest).ok()?;
        let bytes = rest.get(..usize::from(raw.length.get()))?;
        let key = bytes
            .get(size_of::<RawEntry>()..)?
            .get(..usize::from(raw.key_length.get()))?;
        let flags = raw.flags.get();
        let child = match flags & ENTRY_HAS_CHILD {
            0 => None,
            _ => Some(u64::from_le_bytes(*bytes.last_chunk()?)),
        };
        Some(Slot {
            entry: Entry {
                position,
                bytes,
                key,
                reference: FileReference::from_bits(raw.reference.get()),
            },
            is_last: flags & ENTRY_LAST != 0,
            child,
        })
    }
}

/// Iterates over the entries of a node. Ends at the last one, or at the first
/// that is damaged.
#[derive(Debug, Clone, Default)]
pub struct Entries<'a> {
    node: Node<'a>,
    position: usize,
}

impl<'a> Entries<'a> {
    /// The entries of an index root, given its value.
    pub fn in_root(value: &'a [u8]) -> Self {
        Self::in_node(value.get(ROOT_NODE_OFFSET..).unwrap_or_default())
    }

    /// The entries of an index record, its fixup undone.
    pub fn in_record(record: &'a [u8]) -> Self {
        Self::in_node(record.get(RECORD_NODE_OFFSET..).unwrap_or_default())
    }

    /// `node` begins with the header of the node.
    fn in_node(node: &'a [u8]) -> Self {
        let node = Node::parse(node).unwrap_or_default();
        Self {
            node,
            position: node.first,
        }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let slot = self.node.slot(self.position)?;
        if slot.is_last {
            return None;
        }
        // Advances by at least the header just read.
        self.position = self.position.saturating_add(slot.entry.bytes.len());
        Some(slot.entry)
    }
}

/// Finds a name in a directory, ASCII letters in either case. All nodes are
/// looked at in the order in which they are stored, so that a damaged tree
/// neither loops nor hides names in its sound nodes.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: the directory itself is damaged.
pub fn find_in_directory<R: ReadAt>(
    volume: &Volume<R>,
    directory: RecordNumber,
    name: &str,
) -> Result<Option<FileReference>> {
    let mut found = None;
    visit_nodes(volume, directory, &mut |node| {
        let entry = node.ok().and_then(|mut entries| {
            entries.find(|entry| {
                FileName::parse(entry.key)
                    .is_some_and(|found| found.to_text().eq_ignore_ascii_case(name))
            })
        });
        found = entry.map(|entry| entry.reference);
        found.is_none()
    })?;
    Ok(found)
}

/// The files in a directory, once for each of their names.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: the directory, or one of its blocks, is
/// damaged.
pub fn files_in_directory<R: ReadAt>(
    volume: &Volume<R>,
    directory: RecordNumber,
) -> Result<Vec<FileReference>> {
    named_files_in_directory(volume, directory, &|_| true)
}

/// Like [`files_in_directory`], of the files whose name `is_wanted`.
///
/// # Errors
///
/// Those of [`files_in_directory`].
pub(crate) fn named_files_in_directory<R: ReadAt>(
    volume: &Volume<R>,
    directory: RecordNumber,
    is_wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<FileReference>> {
    let mut files = Vec::new();
    let mut damage = Ok(());
    visit_nodes(volume, directory, &mut |node| {
        match node {
            Ok(entries) => {
                let named = entries.filter(|entry| {
                    FileName::parse(entry.key).is_none_or(|name| is_wanted(&name.to_text()))
                });
                files.extend(named.map(|entry| entry.reference));
            }
            Err(error) => damage = Err(error),
        }
        damage.is_ok()
    })?;
    damage.map(|()| files)
}

/// Calls `visit` with the entries of each node of a directory, in the order in
/// which they are stored, while it returns true.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: the directory itself is damaged.
fn visit_nodes<R: ReadAt>(
    volume: &Volume<R>,
    directory: RecordNumber,
    visit: &mut dyn FnMut(Result<Entries<'_>>) -> bool,
) -> Result<()> {
    let file = FileRecord::salvage(volume, directory)?;
    let root = file.value(AttributeType::INDEX_ROOT, DIRECTORY_INDEX)?;
    let Some(Value::Resident(root)) = root else {
        return Err(Error::Corrupt {
            structure: Structure::Index,
            offset: file.base()?.offset(),
            field: "the number of index roots",
            found: 0,
            expected: "1",
        });
    };
    if !visit(Ok(Entries::in_root(&root))) {
        return Ok(());
    }

    let Some(nodes) = file.value(AttributeType::INDEX_ALLOCATION, DIRECTORY_INDEX)? else {
        return Ok(());
    };
    let record_size = u64::from(volume.geometry().index_record_size);
    let mut record = vec![0; len_usize(record_size)];
    let mut position = 0_u64;
    let end = nodes.size().min(volume.source().size()).min(MAX_SEARCHED);
    while position.saturating_add(record_size) <= end {
        nodes.read_exact_at(volume.source(), volume.geometry(), position, &mut record)?;
        let node = match undo_fixup(&mut record, MAGIC) {
            Ok(()) => Ok(Entries::in_record(&record)),
            // Never used.
            Err(_) if record.iter().all(|&byte| byte == 0) => Ok(Entries::default()),
            Err(_) => Err(Error::Corrupt {
                structure: Structure::Index,
                offset: file.base()?.offset(),
                field: "the damaged block of the directory at byte",
                found: position,
                expected: "none",
            }),
        };
        if !visit(node) {
            return Ok(());
        }
        position = position.saturating_add(record_size);
    }
    Ok(())
}
