//! The content of a volume that is not moved but made anew, and where it is on the new volume.

use alloc::vec;
use alloc::vec::Vec;

use super::error::RelocateError;
use super::record::{Sizes, bitmap_names};
use super::relocation::{Relocation, least_size};
use crate::error::{Error, Result, Structure};
use crate::io::ReadAt;
use crate::ntfs::attribute::AttributeType;
use crate::ntfs::boot_sector::relocate_boot_sector;
use crate::ntfs::hibernation::HIBERNATED;
use crate::ntfs::index::{self, Entries};
use crate::ntfs::mft::{
    RECORD_BITMAP, RECORD_LOG_FILE, RECORD_MFT, RECORD_MFT_MIRROR, RECORD_ROOT,
};
use crate::ntfs::record::{redo_fixup, undo_fixup};
use crate::ntfs::shadow_copies::{CATALOGUE_OFFSET, HEADER_MAGIC, HEADER_OFFSET};
use crate::ntfs::value::{Stream, Value};
use crate::ntfs::{FileRecord, OpenedFrom, Run, Volume};
use crate::units::{Extent, Geometry, RecordNumber, len_u64, len_usize};

/// Clusters of the new volume whose content is made anew.
#[derive(Debug, Clone, Copy)]
pub(super) struct Made {
    pub(super) extent: Extent,
    pub(super) content: Content,
    /// Where the content of the first of the clusters begins, in bytes.
    pub(super) position: u64,
}

/// What is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Records of `$MFT`, from its start.
    Records,
    /// The bits of `$Bitmap`.
    Bitmap,
    /// An empty journal.
    Journal,
}

/// Bytes of the new volume that replace others.
#[derive(Debug)]
pub(super) struct Patch {
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
}

/// What is read of a volume to make it in another size, beside its records.
pub(crate) struct SystemData {
    /// In order.
    pub(super) made: Vec<Made>,
    pub(super) patches: Vec<Patch>,
}

impl SystemData {
    /// # Errors
    ///
    /// A file of the file system cannot be read, or names clusters that count as free.
    pub(crate) fn read<R: ReadAt>(
        volume: &Volume<R>,
        relocation: &Relocation,
    ) -> Result<Self, RelocateError> {
        Ok(Self {
            made: made_clusters(volume, relocation)?,
            patches: patches(volume, relocation)?,
        })
    }
}

/// The runs of `$Bitmap`.
///
/// # Errors
///
/// It cannot be read.
pub(crate) fn bitmap_runs<R: ReadAt>(volume: &Volume<R>) -> Result<Vec<Run>, RelocateError> {
    Ok(stream(volume, RECORD_BITMAP, Structure::Bitmap)?
        .runs()
        .to_vec())
}

/// The least bytes of a volume with `used` clusters in use: see [`least_size`].
///
/// # Errors
///
/// `$Bitmap` cannot be read.
pub fn least_size_of<R: ReadAt>(volume: &Volume<R>, used: u64) -> Result<u64, RelocateError> {
    let runs = bitmap_runs(volume)?;
    let bitmap = runs.last().map_or(0, |run| run.end().0);
    Ok(least_size(volume.geometry(), used, bitmap))
}

/// All clusters whose content is made anew, in their order on the new volume.
fn made_clusters<R: ReadAt>(
    volume: &Volume<R>,
    relocation: &Relocation,
) -> Result<Vec<Made>, RelocateError> {
    let geometry = volume.geometry();
    let mut made = Vec::new();
    let streams = [
        (Content::Records, RECORD_MFT, volume.mft().data().clone()),
        (
            Content::Records,
            RECORD_MFT_MIRROR,
            stream(volume, RECORD_MFT_MIRROR, Structure::MftMirror)?,
        ),
        (
            Content::Journal,
            RECORD_LOG_FILE,
            stream(volume, RECORD_LOG_FILE, Structure::LogFile)?,
        ),
    ];
    for (content, record, stream) in streams {
        for run in stream.runs() {
            let Some(extent) = run.extent() else {
                continue;
            };
            let place = relocation.place(extent);
            made.push(Made {
                extent: place.ok_or(RelocateError::FreeClusters { record, extent })?,
                content,
                position: geometry.bytes(run.vcn.0),
            });
        }
    }
    for run in relocation.bitmap_runs() {
        made.extend(run.extent().map(|extent| Made {
            extent,
            content: Content::Bitmap,
            position: geometry.bytes(run.vcn.0),
        }));
    }
    made.sort_unstable_by_key(|made| made.extent.start);
    Ok(made)
}

/// Both boot sectors, the entry of `$Bitmap` in the root directory, and what keeps Windows from
/// using what would lead it to the old places: memory of a hibernated Windows, and shadow copies.
fn patches<R: ReadAt>(
    volume: &Volume<R>,
    relocation: &Relocation,
) -> Result<Vec<Patch>, RelocateError> {
    let sector = boot_sector(volume, relocation)?;
    let mut patches = vec![
        Patch {
            offset: 0,
            bytes: sector.clone(),
        },
        Patch {
            offset: relocation.to().backup_boot_sector(),
            bytes: sector,
        },
    ];
    patches.extend(root_entry(volume, relocation)?);
    if let Some(Value::NonResident(memory)) = volume.hibernated_memory()? {
        let sizes = (volume.geometry(), relocation);
        patch_stream(&memory, sizes, 0, &[0; HIBERNATED.len()], &mut patches)?;
    }
    patches.extend(shadow_copies_header(volume, relocation)?);
    Ok(patches)
}

/// Leads from the header of shadow copies to no catalogue.
fn shadow_copies_header<R: ReadAt>(
    volume: &Volume<R>,
    relocation: &Relocation,
) -> Result<Option<Patch>> {
    let mut magic = [0; HEADER_MAGIC.len()];
    let end = HEADER_OFFSET.saturating_add(len_u64(magic.len()));
    if volume.source().size() < end {
        return Ok(None);
    }
    let read = volume.source().read_exact_at(HEADER_OFFSET, &mut magic);
    read.map_err(|source| Error::Io {
        structure: Structure::Volume,
        offset: HEADER_OFFSET,
        len: len_u64(magic.len()),
        source,
    })?;
    let field = HEADER_OFFSET.saturating_add(CATALOGUE_OFFSET);
    let place = relocation.place_byte(field);
    Ok(place
        .filter(|_| &magic == HEADER_MAGIC)
        .map(|offset| Patch {
            offset,
            bytes: vec![0; 8],
        }))
}

/// The boot sector of the new volume.
fn boot_sector<R: ReadAt>(
    volume: &Volume<R>,
    relocation: &Relocation,
) -> Result<Vec<u8>, RelocateError> {
    let boot = volume.boot();
    let offset = match volume.opened_from() {
        OpenedFrom::First => 0,
        OpenedFrom::Backup { offset } => offset,
    };
    let read = |offset, bytes: &mut [u8]| {
        let read = volume.source().read_exact_at(offset, bytes);
        read.map_err(|source| Error::Io {
            structure: Structure::BootSector,
            offset,
            len: len_u64(bytes.len()),
            source,
        })
    };
    // A larger sector has more of the boot code, which is in the first clusters.
    let new_len = len_usize(relocation.to().sector_size.into());
    let mut sector = vec![0; new_len];
    read(0, &mut sector)?;
    let old_len = len_usize(boot.geometry.sector_size.into());
    let (same, _) = sector.split_at_mut(old_len.min(new_len));
    read(offset, same)?;
    let place = |record, lcn| {
        let extent = Extent::new(lcn, 1);
        let place = relocation.place(extent).map(|place| place.start);
        place.ok_or(RelocateError::FreeClusters { record, extent })
    };
    let mft = place(RECORD_MFT, boot.mft)?;
    let mirror = place(RECORD_MFT_MIRROR, boot.mft_mirror)?;
    relocate_boot_sector(
        &mut sector,
        relocation.from(),
        relocation.to(),
        [mft, mirror],
    );
    Ok(sector)
}

/// The blocks of the root directory in which `$Bitmap` has its entry, which has its sizes. The
/// other part of the directory, in its record, changes with that.
fn root_entry<R: ReadAt>(
    volume: &Volume<R>,
    relocation: &Relocation,
) -> Result<Vec<Patch>, RelocateError> {
    let file = FileRecord::read(volume, RECORD_ROOT)?;
    let nodes = file.value(AttributeType::INDEX_ALLOCATION, index::DIRECTORY_INDEX)?;
    let Some(Value::NonResident(nodes)) = nodes else {
        return Ok(Vec::new());
    };
    let geometry = volume.geometry();
    let sizes = Sizes::of_bitmap(relocation);
    let block_size = u64::from(geometry.index_record_size);
    let mut patches = Vec::new();
    let mut block = vec![0; len_usize(block_size)];
    let mut position = 0_u64;
    let end = nodes
        .data_size()
        .min(volume.source().size())
        .min(index::MAX_SEARCHED);
    while position.saturating_add(block_size) <= end {
        nodes.read_exact_at(volume.source(), geometry, position, &mut block)?;
        // The checker reports blocks that are damaged; here, they are copied as they are.
        if undo_fixup(&mut block, index::MAGIC).is_ok() {
            let names: Vec<usize> = bitmap_names(Entries::in_record(&block)).collect();
            for name in &names {
                let offset = name.saturating_add(index::RECORD_NODE_OFFSET);
                sizes.put_in_name(&mut block, offset);
            }
            if !names.is_empty() {
                redo_fixup(&mut block);
                patch_stream(
                    &nodes,
                    (geometry, relocation),
                    position,
                    &block,
                    &mut patches,
                )?;
            }
        }
        position = position.saturating_add(block_size);
    }
    Ok(patches)
}

/// Replaces bytes of a value from `position` on.
fn patch_stream(
    stream: &Stream,
    (geometry, relocation): (&Geometry, &Relocation),
    position: u64,
    bytes: &[u8],
    patches: &mut Vec<Patch>,
) -> Result<(), RelocateError> {
    let mut position = position;
    let mut left = bytes;
    while !left.is_empty() {
        let place = stream.place_at(geometry, position)?;
        let (now, later) = left.split_at(left.len().min(len_usize(place.len)));
        let offset = place
            .offset
            .and_then(|offset| relocation.place_byte(offset));
        patches.extend(offset.map(|offset| Patch {
            offset,
            bytes: now.to_vec(),
        }));
        position = position.saturating_add(len_u64(now.len()));
        left = later;
    }
    Ok(())
}

/// The clusters of a file of the file system.
fn stream<R: ReadAt>(
    volume: &Volume<R>,
    record: RecordNumber,
    structure: Structure,
) -> Result<Stream> {
    let file = FileRecord::read(volume, record)?;
    let offset = file.base()?.offset();
    match file.value(AttributeType::DATA, &[])? {
        Some(Value::NonResident(stream)) => Ok(stream),
        _ => Err(Error::Corrupt {
            structure,
            offset,
            field: "the number of its non-resident data attributes",
            found: 0,
            expected: "1",
        }),
    }
}
