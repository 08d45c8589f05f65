//! The descriptor: lines of text with the identifiers of the disk and its extents.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{DESCRIPTOR_MAGIC, Header, PART, SECTOR, read_header};
use crate::disk::header::{Place, not_read};
use crate::error::{Result, Structure};
use crate::io::Source;
use crate::units::len_usize;

/// Ours: a disk of 2 TiB in extents of 2 GiB has a descriptor of 64 KiB.
const MAX_DESCRIPTOR: u64 = 1 << 20;
/// The identifier of a parent that is none.
const NO_PARENT: u32 = u32::MAX;

/// What a descriptor describes.
#[derive(Default)]
pub(super) struct Descriptor {
    /// True if it is in the extent that it describes.
    pub(super) is_in_extent: bool,
    /// Changes with the content.
    pub(super) id: Option<u32>,
    /// [`Descriptor::id`] of the parent, if there is one.
    pub(super) parent_id: Option<u32>,
    /// Path of the parent.
    pub(super) parent: Option<String>,
    pub(super) extents: Vec<Extent>,
}

/// A part of the disk, which follows the one before.
pub(super) struct Extent {
    /// Sectors of the disk.
    pub(super) sectors: u64,
    /// How it is stored: `SPARSE`.
    pub(super) kind: String,
    /// Path of the file; empty of an extent of zeros.
    pub(super) file: String,
    /// Where it begins in the file, in sectors.
    pub(super) start: u64,
}

impl Descriptor {
    /// Reads the descriptor, which is the file or in it.
    pub(super) fn read(source: &Source) -> Result<Self> {
        let magic: [u8; 4] = Place::header(0).read(source)?;
        // What is neither is refused as an extent.
        let is_in_extent = !DESCRIPTOR_MAGIC.starts_with(&magic);
        let (start, size) = match is_in_extent {
            true => place_in_extent(&read_header(source, 0)?.1)?,
            false => (0, source.size()),
        };
        let place = Place {
            structure: Structure::DiskDescriptor,
            offset: start,
        };
        let mut text: Vec<u8> = vec![0; len_usize(size.min(MAX_DESCRIPTOR))];
        place.read_into(source, &mut text)?;
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        let mut descriptor = Self {
            is_in_extent,
            ..Self::default()
        };
        for line in text.split(|&byte| byte == b'\n') {
            descriptor.read_line(place, String::from_utf8_lossy(line).trim())?;
        }
        Ok(descriptor)
    }

    fn read_line(&mut self, place: Place, line: &str) -> Result<()> {
        if line.starts_with("encryption.") {
            return Err(not_read("is encrypted"));
        }
        if let Some(extent) = Extent::parse(line) {
            self.extents.push(extent);
            return Ok(());
        }
        let Some((key, value)) = line.split_once('=') else {
            return Ok(());
        };
        let value = value.trim().trim_matches('"');
        match key.trim_end() {
            "CID" => self.id = Some(content_id(place, value)?),
            "parentCID" => {
                let id = content_id(place, value)?;
                self.parent_id = (id != NO_PARENT).then_some(id);
            }
            "parentFileNameHint" => self.parent = Some(value.to_owned()),
            _ => {}
        }
        Ok(())
    }
}

impl Extent {
    /// Parses a line such as `RW 4192256 FLAT "disk-f001.vmdk" 0`. `None` for any other line.
    fn parse(line: &str) -> Option<Self> {
        let (head, rest) = match line.split_once('"') {
            Some((head, rest)) => (head, rest),
            None => (line, ""),
        };
        let mut words = head.split_ascii_whitespace();
        if !["RW", "RDONLY", "NOACCESS"].contains(&words.next()?) {
            return None;
        }
        let sectors = words.next()?.parse().ok()?;
        let kind = words.next()?.to_owned();
        let (file, after) = rest.rsplit_once('"').unwrap_or_default();
        let start = after.split_ascii_whitespace().next();
        Some(Self {
            sectors,
            kind,
            file: file.to_owned(),
            start: start.and_then(|word| word.parse().ok()).unwrap_or(0),
        })
    }
}

/// Offset and length of the descriptor in a sparse extent, in bytes.
fn place_in_extent(header: &Header) -> Result<(u64, u64)> {
    let (offset, size) = (header.descriptor_offset.get(), header.descriptor_size.get());
    if offset == 0 || size == 0 {
        return Err(not_read(PART));
    }
    Ok((offset.saturating_mul(SECTOR), size.saturating_mul(SECTOR)))
}

fn content_id(place: Place, digits: &str) -> Result<u32> {
    u32::from_str_radix(digits, 16).map_err(|_| {
        let expected = "eight hexadecimal digits";
        place.corrupt("a content identifier", 0, expected)
    })
}
