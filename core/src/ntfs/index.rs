//! Directory indexes: the entries of a node.

use alloc::vec;
use core::mem::size_of;

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::attribute::AttributeType;
use super::file_name::FileName;
use super::file_record::FileRecord;
use super::mft_record::FileReference;
use super::record::undo_fixup;
use super::value::Value;
use super::volume::Volume;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::units::{RecordNumber, len_usize};

/// The magic of an index record.
pub const MAGIC: &[u8; 4] = b"INDX";

/// The name of the directory index, `$I30` in UTF-16.
pub const DIRECTORY_INDEX: &[u8] = b"$\0I\x003\x000\0";

/// Bytes of an index root before its node header.
const ROOT_NODE_OFFSET: usize = 0x10;
/// Bytes of an index record before its node header.
const RECORD_NODE_OFFSET: usize = 0x18;

const ENTRY_LAST: u16 = 2;

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

/// Iterates over the names in one node of a directory index. Ends at the last
/// entry, or at the first that is damaged.
#[derive(Debug, Clone)]
pub struct Names<'a> {
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// `node` begins with the header of the node.
    fn in_node(node: &'a [u8]) -> Self {
        let entries = RawNodeHeader::ref_from_prefix(node)
            .ok()
            .and_then(|(header, _)| {
                let start = usize::try_from(header.entries_offset.get()).ok()?;
                let end = usize::try_from(header.index_length.get()).ok()?;
                node.get(start..end)
            });
        Self {
            rest: entries.unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Names<'a> {
    type Item = (FileReference, FileName<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (entry, key) = RawEntry::ref_from_prefix(self.rest).ok()?;
        let after = self.rest.get(usize::from(entry.length.get())..)?;
        let is_last = entry.flags.get() & ENTRY_LAST != 0;
        if is_last || usize::from(entry.length.get()) < size_of::<RawEntry>() {
            return None;
        }
        self.rest = after;
        let name = FileName::parse(key.get(..usize::from(entry.key_length.get()))?)?;
        Some((FileReference::from_bits(entry.reference.get()), name))
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
    let file = FileRecord::read(volume, directory)?;
    let found = |mut names: Names<'_>| {
        let entry = names.find(|(_, found)| found.to_text().eq_ignore_ascii_case(name));
        entry.map(|(reference, _)| reference)
    };

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
    let node = root.get(ROOT_NODE_OFFSET..).unwrap_or_default();
    if let Some(reference) = found(Names::in_node(node)) {
        return Ok(Some(reference));
    }

    let Some(nodes) = file.value(AttributeType::INDEX_ALLOCATION, DIRECTORY_INDEX)? else {
        return Ok(None);
    };
    let record_size = u64::from(volume.geometry().index_record_size);
    let mut record = vec![0; len_usize(record_size)];
    let mut position = 0_u64;
    // Holes make no entries: what is looked at is bounded by the device.
    let end = nodes.size().min(volume.source().size());
    while position.saturating_add(record_size) <= end {
        nodes.read_exact_at(volume.source(), volume.geometry(), position, &mut record)?;
        if undo_fixup(&mut record, MAGIC).is_ok() {
            let node = record.get(RECORD_NODE_OFFSET..).unwrap_or_default();
            if let Some(reference) = found(Names::in_node(node)) {
                return Ok(Some(reference));
            }
        }
        position = position.saturating_add(record_size);
    }
    Ok(None)
}
