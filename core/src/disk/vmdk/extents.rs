//! Extents in files of their own.

use super::descriptor::{Descriptor, Extent};
use super::{Grains, SECTOR, cowd};
use crate::disk::header::{Place, not_read};
use crate::disk::joined::Joined;
use crate::disk::neighbours::Chain;
use crate::disk::virtual_disk::{Layout, Parent, Run, Stored, VirtualDisk};
use crate::error::{Result, Structure};
use crate::io::Source;

/// Opens the extents of a descriptor, which are the parts of a disk.
pub(super) fn open(
    descriptor: &Descriptor,
    parent: Option<Source>,
    chain: &mut Chain<'_>,
) -> Result<Source> {
    let place = Place {
        structure: Structure::DiskDescriptor,
        offset: 0,
    };
    let mut disk = Joined::default();
    for extent in &descriptor.extents {
        let too_large = || place.corrupt("the size of an extent", extent.sectors, "less");
        let size = extent.sectors.checked_mul(SECTOR).ok_or_else(too_large)?;
        let parent = parent.as_ref().map(|source| Parent {
            source: source.clone(),
            start: disk.size(),
        });
        let part = open_extent(extent, size, parent, chain)?;
        disk.push(part).ok_or_else(too_large)?;
    }
    if disk.size() == 0 {
        return Err(place.corrupt("its number of extents", 0, "at least 1"));
    }
    Ok(disk.into_source())
}

/// Opens the part of a disk, of `size` bytes.
fn open_extent(
    extent: &Extent,
    size: u64,
    parent: Option<Parent>,
    chain: &mut Chain<'_>,
) -> Result<Source> {
    match extent.kind.as_str() {
        "ZERO" => Ok(VirtualDisk::open(&no_file(), size, Flat(Stored::Zeros))),
        "FLAT" | "VMFS" => {
            let file = chain.open(&extent.file)?;
            let start = extent.start.saturating_mul(SECTOR);
            let layout = Flat(Stored::At(start));
            Ok(VirtualDisk::open(&file.source, size, layout))
        }
        kind @ ("SPARSE" | "VMFSSPARSE") => {
            let file = chain.open(&extent.file)?;
            let read = match kind {
                "SPARSE" => Grains::read(&file.source),
                _ => cowd::read(&file.source),
            };
            let grains = read.and_then(|grains| grains.of_size(size));
            let grains = grains.map_err(|error| file.explain(error))?;
            Ok(VirtualDisk::over(parent, &file.source, size, grains))
        }
        _ => Err(not_read("has an extent of a kind that is not read")),
    }
}

/// An extent that is stored in one piece, or not at all.
struct Flat(Stored);

impl Layout for Flat {
    fn find(&self, offset: u64) -> Result<Run> {
        Ok(Run {
            len: u64::MAX,
            stored: match self.0 {
                Stored::At(start) => Stored::At(start.saturating_add(offset)),
                stored => stored,
            },
        })
    }
}

/// The file of an extent of zeros: an empty one.
fn no_file() -> Source {
    Joined::default().into_source()
}
