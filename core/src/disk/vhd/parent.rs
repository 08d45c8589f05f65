//! The parent of a differencing VHD, which is a VHD as well.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zerocopy::big_endian::{U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::{open as open_vhd, read_footer};
use crate::disk::header::{NO_PARENT, Place, not_read};
use crate::disk::identifier::uuid;
use crate::disk::neighbours::Chain;
use crate::disk::utf16;
use crate::error::{Error, Result};
use crate::io::Source;
use crate::units::len_usize;

/// Paths of Windows in UTF-16, little-endian: relative, and absolute. The best one comes first.
const PATHS: [&[u8; 4]; 2] = [b"W2ru", b"W2ku"];
/// Ours: paths of Windows have up to 32767 units of UTF-16.
const MAX_PATH: u64 = 64 << 10;

/// What the header of a dynamic VHD has of the parent, from byte 40 on.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Parent {
    /// That of its footer
    id: Uuid,
    /// When it was changed last
    time: U32,
    reserved: U32,
    /// Its name in UTF-16, big-endian
    name: [u8; 512],
    locators: [Locator; 8],
}

/// In the order of its digits.
type Uuid = [u8; 16];

/// A path of the parent.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct Locator {
    /// Zeros in an entry that is not used.
    platform: [u8; 4],
    /// Space for the path: bytes, or sectors.
    space: U32,
    /// Bytes of the path.
    len: U32,
    reserved: U32,
    /// Of the path in the file.
    offset: U64,
}

/// Opens the parent of the VHD in `source`, which has a disk of `size` bytes, by bytes of its
/// header.
pub(super) fn open(
    source: &Source,
    in_header: &[u8],
    size: u64,
    chain: &mut Chain<'_>,
) -> Result<Source> {
    const ID_OFFSET: u64 = 68;
    let Ok((named, _)) = Parent::ref_from_prefix(in_header) else {
        return Err(not_read(NO_PARENT));
    };
    let parent = chain.open_any(&paths(source, named)?)?;
    let disk = chain.enter(&parent, open_vhd)?;
    let (place, _) = read_footer(&parent.source)?;
    let id_place = Place::header(place.offset.saturating_add(ID_OFFSET));
    let id: Uuid = id_place.read(&parent.source)?;
    if id != named.id {
        return Err(Error::OtherParent {
            name: parent.name,
            found: uuid(id),
            expected: uuid(named.id),
        });
    }
    if disk.size() != size {
        let error = place.corrupt("its disk size", disk.size(), "that of the difference to it");
        return Err(parent.explain(error));
    }
    Ok(disk)
}

fn paths(source: &Source, parent: &Parent) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for platform in PATHS {
        for locator in &parent.locators {
            let len = locator.len.get().into();
            if locator.platform == *platform && len <= MAX_PATH {
                let mut bytes: Vec<u8> = vec![0; len_usize(len)];
                Place::header(locator.offset.get()).read_into(source, &mut bytes)?;
                paths.push(utf16::from_le(&bytes));
            }
        }
    }
    // A name without a path, or with one.
    paths.push(utf16::from_be(&parent.name));
    paths.retain(|path| !path.is_empty());
    Ok(paths)
}
