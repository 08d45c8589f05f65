//! The extensions of the header, and the other files that the header names.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use zerocopy::big_endian::U32;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::disk::DiskFormat;
use crate::disk::header::{Place, not_read};
use crate::disk::neighbours::{Chain, Neighbour};
use crate::error::{Error, Result, Structure};
use crate::io::Source;
use crate::open::{Container, Content, Probe};
use crate::units::{len_u64, len_usize};

const END: u32 = 0;
const BACKING_FORMAT: u32 = 0xE279_2ACA;
const DATA_FILE: u32 = 0x4441_5441;
/// Ours: QEMU writes up to 6.
const MAX_EXTENSIONS: u32 = 64;
/// Bytes of a name, by the specification.
const MAX_NAME: u64 = 1023;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct RawExtension {
    kind: U32,
    /// Bytes of what follows, without the padding to a multiple of 8.
    len: U32,
}

/// Where a text is in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// 0 if there is none.
    pub(super) offset: u64,
    /// Bytes.
    pub(super) len: u64,
}

/// The extensions that matter to a reader.
#[derive(Default)]
pub(super) struct Extensions {
    backing_format: Option<Name>,
    data_file: Option<Name>,
}

impl Extensions {
    /// Reads the extensions, which follow the header up to the `end` at most.
    pub(super) fn read(source: &Source, header_length: u64, end: u64) -> Result<Self> {
        let mut extensions = Self::default();
        let raw_len = len_u64(size_of::<RawExtension>());
        let mut offset = header_length;
        for _ in 0..MAX_EXTENSIONS {
            let start = offset.saturating_add(raw_len);
            // Files made by other programs may end after the header.
            if start > end.min(source.size()) {
                break;
            }
            let extension: RawExtension = Place::header(offset).read(source)?;
            let len = extension.len.get().into();
            let name = Name { offset: start, len };
            match extension.kind.get() {
                END => break,
                BACKING_FORMAT => extensions.backing_format = Some(name),
                DATA_FILE => extensions.data_file = Some(name),
                _ => {}
            }
            offset = start.saturating_add(len.next_multiple_of(8));
        }
        Ok(extensions)
    }

    /// Opens the file in which the clusters are.
    pub(super) fn open_data(&self, source: &Source, chain: &mut Chain<'_>) -> Result<Source> {
        let Some(name) = self.data_file else {
            return Err(not_read(
                "has its data in another file, and does not name it",
            ));
        };
        let path = name.read(source)?;
        Ok(chain.open(&path)?.source)
    }

    /// Opens the disk that this one is a difference to, if there is one.
    pub(super) fn open_backing(
        &self,
        source: &Source,
        name: Name,
        chain: &mut Chain<'_>,
    ) -> Result<Option<Source>> {
        if name.offset == 0 || name.len == 0 {
            return Ok(None);
        }
        let path = name.read(source)?;
        let format = self.backing_format.map(|name| name.read(source));
        let backing = chain.open(path.strip_prefix("file:").unwrap_or(&path))?;
        let format = match format.transpose()?.as_deref() {
            None | Some("") => detect(&backing)?,
            Some("raw" | "file") => None,
            Some("qcow2") => Some(DiskFormat::Qcow2),
            Some("vdi") => Some(DiskFormat::Vdi),
            Some("vhdx") => Some(DiskFormat::Vhdx),
            Some("vmdk") => Some(DiskFormat::Vmdk),
            Some("vpc") => Some(DiskFormat::Vhd),
            Some(_) => {
                return Err(not_read("has a backing file of a format that is not read"));
            }
        };
        let disk = chain.enter(&backing, |source, chain| match format {
            Some(format) => format.open(source, chain),
            None => Ok(source.clone()),
        })?;
        Ok(Some(disk))
    }
}

impl Name {
    fn read(self, source: &Source) -> Result<String> {
        let place = Place::header(self.offset);
        if self.len > MAX_NAME {
            return Err(place.corrupt("the length of a name", self.len, "at most 1023"));
        }
        let mut bytes: Vec<u8> = vec![0; len_usize(self.len)];
        place.read_into(source, &mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The format of a backing file, as QEMU finds it where none is recorded; `None` if it is raw.
fn detect(backing: &Neighbour) -> Result<Option<DiskFormat>> {
    let probe = Probe::new(&*backing.source).map_err(|source| Error::Io {
        structure: Structure::Source,
        offset: 0,
        len: 0,
        source,
    })?;
    Ok(match probe.content() {
        Content::Container(Container::Disk(format)) => Some(format),
        _ => None,
    })
}
