//! The parent of a differencing VHDX, which is a VHDX as well ([MS-VHDX] 2.6.2.6).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zerocopy::little_endian::{U16, U32};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::guid::{Guid, guid};
use super::header::Header;
use super::open as open_vhdx;
use crate::disk::header::{NO_PARENT, Place, not_read};
use crate::disk::neighbours::Chain;
use crate::disk::{identifier, utf16};
use crate::error::{Error, Result};
use crate::io::Source;
use crate::units::{len_u64, len_usize};

/// The only type there is: the parent is a VHDX.
const VHDX_PARENT: Guid = guid(0xB04A_EFB7, 0xD19E, 0x4A81, 0xB789_25B8_E944_5913);
/// Identifiers that the parent may have.
const LINKAGES: [&str; 2] = ["parent_linkage", "parent_linkage2"];
/// The best one comes first. A path of a volume is by its GUID, and of the system that made it.
const PATHS: [&str; 3] = ["relative_path", "absolute_win32_path", "volume_path"];
/// Ours: there are 5 keys.
const MAX_ENTRIES: u64 = 64;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct LocatorHeader {
    kind: Guid,
    reserved: U16,
    entries: U16,
}

/// A key and its value, both in UTF-16. Offsets are from the start of the locator.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct LocatorEntry {
    key_offset: U32,
    value_offset: U32,
    key_len: U16,
    value_len: U16,
}

/// Opens the parent that the locator names.
pub(super) fn open(
    source: &Source,
    locator: Option<Place>,
    chain: &mut Chain<'_>,
) -> Result<Source> {
    let Some(locator) = locator else {
        return Err(not_read(NO_PARENT));
    };
    let locator = Locator::read(source, locator)?;
    let parent = chain.open_any(&locator.paths())?;
    let disk = chain.enter(&parent, open_vhdx)?;
    let found = identifier::guid(Header::read(&parent.source)?.data_write_guid);
    let mut linkages = LINKAGES.iter().filter_map(|key| locator.value(key));
    if !linkages.clone().any(|id| is_guid(id, &found)) {
        return Err(Error::OtherParent {
            name: parent.name,
            found,
            expected: linkages.next().unwrap_or("none").into(),
        });
    }
    Ok(disk)
}

/// Compares a text with an identifier; the text may be in braces and capitals.
fn is_guid(text: &str, id: &str) -> bool {
    text.trim_matches(['{', '}']).eq_ignore_ascii_case(id)
}

/// Keys and their values.
struct Locator(Vec<(String, String)>);

impl Locator {
    fn read(source: &Source, place: Place) -> Result<Self> {
        let header: LocatorHeader = place.read(source)?;
        if header.kind != VHDX_PARENT {
            return Err(not_read("has a parent of another kind than VHDX"));
        }
        let entries = header.entries.get().into();
        if entries > MAX_ENTRIES {
            return Err(place.corrupt("its number of entries", entries, "at most 64"));
        }
        let text = |offset: U32, len: U16| {
            let mut bytes: Vec<u8> = vec![0; len_usize(u64::from(len.get()))];
            let start = place.offset.saturating_add(offset.get().into());
            Place::header(start).read_into(source, &mut bytes)?;
            Ok(utf16::from_le(&bytes))
        };
        let mut offset = place.offset;
        let mut step = len_u64(size_of::<LocatorHeader>());
        let mut pairs = Vec::new();
        for _ in 0..entries {
            offset = offset.saturating_add(step);
            step = len_u64(size_of::<LocatorEntry>());
            let entry: LocatorEntry = Place::header(offset).read(source)?;
            let key = text(entry.key_offset, entry.key_len)?;
            pairs.push((key, text(entry.value_offset, entry.value_len)?));
        }
        Ok(Self(pairs))
    }

    fn value(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(found, _)| found == key);
        found.map(|(_, value)| value.as_str())
    }

    fn paths(&self) -> Vec<String> {
        let values = PATHS.iter().filter_map(|key| self.value(key));
        values.map(String::from).collect()
    }
}
