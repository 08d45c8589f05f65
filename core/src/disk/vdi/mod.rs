//! VDI, of VirtualBox: a header, a table of blocks, and the blocks of mostly 1 MiB. Numbers are
//! little-endian. A differencing disk names its parent by its UUID only.

pub(crate) mod writer;

use alloc::format;
use core::num::NonZeroU64;

use zerocopy::little_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::header::Place;
use super::identifier;
use super::neighbours::{Absence, Chain, Neighbour};
use super::table_reader::TableReader;
use super::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::units::len_u64;

/// The signature at [`SIGNATURE_OFFSET`].
pub(crate) const SIGNATURE: [u8; 4] = 0xBEDA_107F_u32.to_le_bytes();
/// A text precedes the signature.
pub(crate) const SIGNATURE_OFFSET: usize = 64;

const MAJOR_VERSION: u32 = 1;
const DYNAMIC: u32 = 1;
const FIXED: u32 = 2;
const UNDO: u32 = 3;
const DIFFERENCING: u32 = 4;
/// The entry of a block of zeros: it was discarded.
const DISCARDED: u32 = 0xFFFF_FFFE;
/// The entry of a block that is not stored.
const UNALLOCATED: u32 = 0xFFFF_FFFF;
/// Ours: files in which a parent is looked for.
const MAX_FILES: usize = 1024;
/// Ours: VirtualBox creates blocks of 1 MiB.
const MAX_BLOCK: u64 = 256 << 20;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Header {
    /// 0
    text: [u8; 64],
    /// 64: [`SIGNATURE`]
    signature: [u8; 4],
    /// 68: the major version in the upper half
    version: U32,
    /// 72
    header_size: U32,
    /// 76
    image_type: U32,
    /// 80
    flags: U32,
    /// 84
    comment: [u8; 256],
    /// 340: of the table
    table_offset: U32,
    /// 344: of the first block
    data_offset: U32,
    /// 348: cylinders, heads, sectors, bytes of a sector, unused
    geometry: [u8; 20],
    /// 368: bytes of the disk
    disk_size: U64,
    /// 376: bytes of a block
    block_size: U32,
    /// 380: bytes before each block that are not of the disk
    block_extra: U32,
    /// 384: entries of the table
    nr_blocks: U32,
    /// 388
    nr_allocated: U32,
}

/// What follows the [`Header`].
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Identifiers {
    /// 392: of this disk
    id: Uuid,
    /// 408: changes with the content
    modification_id: Uuid,
    /// 424: `id` of the parent
    parent_id: Uuid,
    /// 440: `modification_id` of the parent
    parent_modification_id: Uuid,
}

/// The first three groups are little-endian.
type Uuid = [u8; 16];

/// Opens the disk in a VDI.
pub(super) fn open(source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
    let (place, header) = read_header(source)?;
    let version = header.version.get();
    if version >> 16 != MAJOR_VERSION {
        return Err(place.unsupported("version", version.into(), "1.1"));
    }
    let is_difference = match header.image_type.get() {
        DYNAMIC | FIXED => false,
        UNDO | DIFFERENCING => true,
        other => {
            let expected = "dynamic, fixed or differencing";
            return Err(place.unsupported("type", other.into(), expected));
        }
    };
    let block_size = place.block_size(header.block_size.get().into(), 512..=MAX_BLOCK)?;
    let size = header.disk_size.get();
    let nr_blocks = header.nr_blocks.get().into();
    if nr_blocks < size.div_ceil(block_size.get()) {
        let expected = "enough for the whole disk";
        return Err(place.corrupt("its number of blocks", nr_blocks, expected));
    }
    let blocks = Blocks {
        table: TableReader::new(source.clone()),
        table_offset: header.table_offset.get().into(),
        data_offset: header.data_offset.get().into(),
        block_size,
        extra: header.block_extra.get().into(),
    };
    let parent = match is_difference {
        true => Some(open_parent(source, size, chain)?),
        false => None,
    };
    Ok(VirtualDisk::over(
        parent.map(Parent::from),
        source,
        size,
        blocks,
    ))
}

fn read_header(source: &Source) -> Result<(Place, Header)> {
    let place = Place::header(0);
    let header: Header = place.read(source)?;
    if header.signature != SIGNATURE {
        let found = u32::from_le_bytes(header.signature).into();
        return Err(place.corrupt("its signature", found, "that of VDI"));
    }
    Ok((place, header))
}

impl Identifiers {
    fn read(source: &Source) -> Result<Self> {
        Place::header(len_u64(size_of::<Header>())).read(source)
    }
}

/// Opens the parent of a disk of `size` bytes, which is one of the files beside it.
fn open_parent(source: &Source, size: u64, chain: &mut Chain<'_>) -> Result<Source> {
    let ids = Identifiers::read(source)?;
    let (parent, of_parent) = find_parent(ids.parent_id, chain)?;
    let disk = chain.enter(&parent, open)?;
    if disk.size() > size {
        let expected = "at most that of the difference to it";
        let error = Place::header(0).corrupt("its disk size", disk.size(), expected);
        return Err(parent.explain(error));
    }
    let expected = ids.parent_modification_id;
    if expected != [0; 16] && of_parent.modification_id != expected {
        return Err(Error::OtherParent {
            name: parent.name,
            found: identifier::guid(of_parent.modification_id),
            expected: identifier::guid(expected),
        });
    }
    Ok(disk)
}

/// The file with that identifier, and all that it has.
fn find_parent(id: Uuid, chain: &mut Chain<'_>) -> Result<(Neighbour, Identifiers)> {
    for name in chain.list("vdi")?.into_iter().take(MAX_FILES) {
        let Ok(file) = chain.look_at(&name) else {
            continue;
        };
        let read = read_header(&file.source).and_then(|_| Identifiers::read(&file.source));
        match read {
            Ok(found) if found.id == id => return Ok((chain.open(&name)?, found)),
            Err(error) if error.is_missing() => return Err(error),
            _ => {}
        }
    }
    Err(Error::FileNeeded {
        path: format!("with the UUID {}", identifier::guid(id)),
        absence: Absence::Missing,
    })
}

struct Blocks {
    table: TableReader,
    table_offset: u64,
    data_offset: u64,
    block_size: NonZeroU64,
    extra: u64,
}

impl Layout for Blocks {
    fn find(&self, offset: u64) -> Result<Run> {
        let (block, within) = (offset / self.block_size, offset % self.block_size);
        let entry_bytes = block.saturating_mul(len_u64(size_of::<u32>()));
        let entry = self
            .table
            .entry(self.table_offset.saturating_add(entry_bytes));
        let number = u32::from_le_bytes(entry?);
        let stride = self.block_size.get().saturating_add(self.extra);
        let start = u64::from(number)
            .saturating_mul(stride)
            .saturating_add(self.data_offset)
            .saturating_add(self.extra);
        Ok(Run {
            len: self.block_size.get().saturating_sub(within),
            stored: match number {
                DISCARDED => Stored::Zeros,
                UNALLOCATED => Stored::Parent,
                _ => Stored::At(start.saturating_add(within)),
            },
        })
    }
}
