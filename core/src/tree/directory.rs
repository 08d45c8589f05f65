//! The entries of a directory by its index.

use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;

use super::entry::Entry;
use super::name::Name;
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::file_name::{FileName, Namespace};
use crate::ntfs::index::{self, DIRECTORY_INDEX, Node, RECORD_NODE_OFFSET, ROOT_NODE_OFFSET};
use crate::ntfs::mft_record::FileReference;
use crate::ntfs::record::undo_fixup;
use crate::ntfs::upcase::UpCase;
use crate::ntfs::value::Value;
use crate::ntfs::{FileRecord, Volume};
use crate::units::len_usize;

/// Where a block has its own VCN.
const BLOCK_VCN: usize = 0x10;

/// Bytes that a VCN of a child counts, where blocks are smaller than clusters.
const LEAST_VCN_BYTES: u64 = 512;

/// Bytes of blocks that are read in one call, if the index has no more.
const MAX_READ_WHOLE: u64 = 256 << 10;

/// Ours: a sound tree of all files that a volume can have is less deep.
const MAX_DEPTH: usize = 32;

/// A name in a directory, before short names are joined with long ones.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) entry: Entry,
    pub(super) namespace: Namespace,
}

impl Named {
    /// From the key of an entry of an index; `None` if it is damaged.
    pub(super) fn of_key(key: &[u8], reference: FileReference) -> Option<Self> {
        Some(Self {
            entry: Entry::of_key(key, reference)?,
            namespace: FileName::parse(key)?.namespace,
        })
    }
}

/// A node that is being visited.
struct Level {
    /// The node, from its header on.
    bytes: Vec<u8>,
    /// Where the next entry begins.
    position: usize,
    /// Whether the child of that entry was visited.
    is_child_done: bool,
}

/// All blocks of an index; `None` if some of them cannot be read, and others may.
fn read_whole<R: ReadAt>(volume: &Volume<R>, blocks: &Value) -> Result<Option<Vec<u8>>> {
    match blocks.read_all(volume.source(), volume.geometry(), MAX_READ_WHOLE) {
        Err(error) if error.is_damage() => Ok(None),
        read => read.map(Some),
    }
}

/// The names in a directory, by its index, in the order in which they are found.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::Corrupt`]: the index is damaged, or its names are not in order.
pub(super) fn by_index<R: ReadAt>(
    volume: &Volume<R>,
    directory: FileReference,
    upcase: &UpCase,
) -> Result<Vec<Named>> {
    let file = FileRecord::salvage(volume, directory.record)?;
    let base = file.base()?;
    let corrupt = |field, found, expected| Error::Corrupt {
        structure: Structure::Index,
        offset: base.offset(),
        field,
        found,
        expected,
    };
    let is_same =
        matches!(directory.sequence_number, 0) || directory.sequence_number == base.sequence_number;
    if !base.in_use || !is_same {
        let found = base.sequence_number.into();
        let expected = "the one of the entry, in use";
        return Err(corrupt(
            "the sequence number of the directory",
            found,
            expected,
        ));
    }
    let Some(Value::Resident(root)) = file.value(AttributeType::INDEX_ROOT, DIRECTORY_INDEX)?
    else {
        return Err(corrupt("the number of index roots", 0, "1"));
    };
    let blocks = file.value(AttributeType::INDEX_ALLOCATION, DIRECTORY_INDEX)?;
    let geometry = volume.geometry();
    let block_size = u64::from(geometry.index_record_size);
    let cluster_size = u64::from(geometry.cluster_size);
    let vcn_size = match block_size < cluster_size {
        true => LEAST_VCN_BYTES,
        false => cluster_size,
    };
    let damaged = |vcn| corrupt("the damaged block at VCN", vcn, "a block of the index");
    let whole = match &blocks {
        Some(blocks) if blocks.size() <= MAX_READ_WHOLE => read_whole(volume, blocks)?,
        _ => None,
    };
    let read_block = |vcn: u64| -> Result<Vec<u8>> {
        let blocks = blocks.as_ref().ok_or_else(|| damaged(vcn))?;
        let position = vcn.saturating_mul(vcn_size);
        if position.saturating_add(block_size) > blocks.size() {
            return Err(damaged(vcn));
        }
        let mut block = vec![0; len_usize(block_size)];
        let known = whole
            .as_ref()
            .and_then(|whole| whole.get(len_usize(position)..));
        match known.and_then(|known| known.get(..block.len())) {
            Some(known) => block.copy_from_slice(known),
            None => blocks.read_exact_at(volume.source(), geometry, position, &mut block)?,
        }
        let own = block.get(BLOCK_VCN..).and_then(|rest| rest.first_chunk());
        let is_own = own.is_some_and(|own| u64::from_le_bytes(*own) == vcn);
        if undo_fixup(&mut block, index::MAGIC).is_err() || !is_own {
            return Err(damaged(vcn));
        }
        block.drain(..RECORD_NODE_OFFSET.min(block.len()));
        Ok(block)
    };
    let level = |bytes: Vec<u8>| {
        let position = Node::parse(&bytes).map_or(usize::MAX, |node| node.first);
        Level {
            bytes,
            position,
            is_child_done: false,
        }
    };

    let mut names: Vec<Named> = Vec::new();
    // A block that is visited twice, in a circle or not, has names that are out of order; only one without
    // names is not noticed by them.
    let mut blocks_left = match &blocks {
        Some(blocks) => blocks.size().checked_div(block_size).unwrap_or(0),
        None => 0,
    };
    let root = root.get(ROOT_NODE_OFFSET..).unwrap_or_default().to_vec();
    let mut levels = vec![level(root)];
    while let Some(current) = levels.last_mut() {
        let slot = Node::parse(&current.bytes).and_then(|node| node.slot(current.position));
        let Some(slot) = slot else {
            let field = "the position of a damaged entry";
            let found = crate::units::len_u64(current.position);
            return Err(corrupt(field, found, "an entry within its node"));
        };
        if let Some(vcn) = slot.child
            && !current.is_child_done
        {
            current.is_child_done = true;
            blocks_left = blocks_left.checked_sub(1).ok_or_else(|| damaged(vcn))?;
            if levels.len() >= MAX_DEPTH {
                return Err(damaged(vcn));
            }
            levels.push(level(read_block(vcn)?));
            continue;
        }
        if slot.is_last {
            levels.pop();
            continue;
        }
        let Some(named) = Named::of_key(slot.entry.key, slot.entry.reference) else {
            let found = slot.entry.reference.record.0;
            return Err(corrupt("a damaged name, of record", found, "a file name"));
        };
        current.position = current.position.saturating_add(slot.entry.bytes.len());
        current.is_child_done = false;
        if let Some(last) = names.last()
            && is_after(&last.entry.name, &named.entry.name, upcase)
        {
            let found = named.entry.reference.record.0;
            let expected = "names in the order of $UpCase";
            return Err(corrupt("a name out of order, of record", found, expected));
        }
        names.push(named);
    }
    // The root directory has an entry of its own, ".".
    names.retain(|named| named.entry.reference.record != directory.record);
    Ok(names)
}

/// Whether `next` may not follow `name`. Names that differ in case only stand in any order.
fn is_after(name: &Name, next: &Name, upcase: &UpCase) -> bool {
    match upcase.compare(name.utf16(), next.utf16()) {
        Ordering::Less => false,
        Ordering::Equal => name == next,
        Ordering::Greater => true,
    }
}

/// The entries of names: each short name joined with the long one, in the order of Windows.
pub(super) fn in_order(names: Vec<Named>, upcase: &UpCase) -> Vec<Entry> {
    let (short, mut long): (Vec<Named>, Vec<Named>) = names
        .into_iter()
        .partition(|named| named.namespace == Namespace::Dos);
    let mut alone = Vec::new();
    if !short.is_empty() {
        long.sort_unstable_by_key(|named| {
            (named.entry.reference, named.namespace != Namespace::Win32)
        });
    }
    for named in short {
        let reference = named.entry.reference;
        let at = long.partition_point(|long| long.entry.reference < reference);
        match long.get_mut(at) {
            Some(long)
                if long.entry.reference == reference
                    && long.namespace == Namespace::Win32
                    && long.entry.short_name.is_none() =>
            {
                long.entry.short_name = Some(named.entry.name);
            }
            _ => alone.push(named.entry),
        }
    }
    let mut entries: Vec<Entry> = long.into_iter().map(|named| named.entry).collect();
    entries.extend(alone);
    entries.sort_by(|one, other| {
        let order = upcase.compare(one.name.utf16(), other.name.utf16());
        order.then_with(|| one.name.cmp(&other.name))
    });
    entries
}

/// The entry of that name: exactly, in any case, or by its short name, in this order.
pub(super) fn find(entries: Vec<Entry>, name: &str, upcase: &UpCase) -> Option<Entry> {
    let wanted = Name::from_text(name);
    let is_alike = |name: &Name| upcase.compare(name.utf16(), wanted.utf16()) == Ordering::Equal;
    let at = entries.iter().position(|entry| entry.name == wanted);
    let at = at.or_else(|| entries.iter().position(|entry| is_alike(&entry.name)));
    let at = at.or_else(|| {
        entries
            .iter()
            .position(|entry| entry.short_name.as_ref().is_some_and(is_alike))
    });
    entries.into_iter().nth(at?)
}
