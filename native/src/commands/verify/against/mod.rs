//! Comparing what is in use of a volume with another.

mod anywhere;
mod different;
mod identity;
mod passing;

use std::path::Path;

use ntfsclone_core::check::Findings;
use ntfsclone_core::clusters::{ClusterMap, audit};
use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::Index;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::open::Inside;
use ntfsclone_core::units::{Extent, Geometry, Lcn};

use self::different::Different;
pub(super) use self::identity::{Identities, OwnFields, identify};
use super::Checked;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::host::scan;
use crate::input::{self, Bytes, OpenInput};
use crate::options::{self, VerifyTask};
use crate::source::{ImageStream, inside};

/// What a volume is compared with.
pub(super) struct Other {
    pub(super) opened: OpenInput,
    pub(super) own: OwnFields,
}

/// What is compared of our volume: its clusters in use, and its tail.
struct Wanted {
    used: ClusterMap,
    geometry: Geometry,
    /// Bytes after the last cluster.
    tail: u64,
}

impl Wanted {
    fn bytes(&self) -> u64 {
        self.geometry.bytes(self.used.len()) + self.tail
    }

    /// Where the tail begins.
    fn tail_offset(&self) -> u64 {
        self.geometry.bytes(self.geometry.nr_clusters())
    }
}

/// # Errors
///
/// [`Error::Refused`], if ours and the other can only be read once, at the same time.
pub(super) fn check_possible(ours: &OpenInput, other: &OpenInput) -> Result<()> {
    let Bytes::Stream(_) = ours.bytes else {
        return Ok(());
    };
    let (found, remedy) = match (&ours.input.files, &other.bytes) {
        (None, _) => (
            "comes through a pipe, and cannot be read again to compare it",
            "name a file, or exchange the two: --against - reads a pipe",
        ),
        (Some(_), Bytes::Stream(_)) => (
            "can only be read from start to end, and what it is compared with, too",
            "decompress one of them to a file first; what --compress makes can be read as it is",
        ),
        _ => return Ok(()),
    };
    Err(Error::refused(&ours.input.name, found, remedy))
}

/// Compares all clusters in use of what was checked, and its tail, with those of
/// `other`. Returns how many bytes that were; what differs is a finding.
pub(super) fn compare(
    checked: &Checked,
    ours: &Inside,
    other: Other,
    task: &VerifyTask,
    how: options::Progress,
    findings: &mut Findings,
) -> Result<u64> {
    let Other { opened: other, own } = other;
    let name = &checked.input.name;
    let other_name = other.input.name.clone();
    let volume = ours
        .open_volume()
        .map_err(|error| Error::read(name, error))?;
    let used = match ours.index() {
        Some(index) => stored(index, name)?,
        None => used(&volume, name, task)?,
    };
    let geometry = *volume.geometry();
    // What follows the backup boot sector is no part of the volume.
    let size = geometry.backup_boot_sector() + u64::from(geometry.sector_size);
    let clusters_end = geometry.bytes(geometry.nr_clusters());
    let tail = ours.source.size().min(size).saturating_sub(clusters_end);
    let wanted = Wanted {
        used,
        geometry,
        tail,
    };
    let bytes = wanted.bytes();
    let different = Different::new(&geometry, own);
    let is_passing = |bytes: &Bytes| matches!(bytes, Bytes::Stream(_));
    let different = match (&checked.kept, is_passing(&other.bytes)) {
        (Some(_), _) => {
            let theirs = open_anywhere(&other, how)?;
            let again = input::open_again(checked.input.clone(), task.image.partition)?;
            let progress = Progress::start(how, Phase::Compare, bytes);
            passing::compare(
                ImageStream::new(again)?,
                &theirs,
                &other_name,
                wanted,
                different,
                progress,
            )?
        }
        (None, true) => {
            let stream = ImageStream::new(other)?;
            let progress = Progress::start(how, Phase::Compare, bytes);
            passing::compare(stream, &ours.source, name, wanted, different, progress)?
        }
        (None, false) => {
            let theirs = open_anywhere(&other, how)?;
            let progress = Progress::start(how, Phase::Compare, bytes);
            let sides = ((&ours.source, &**name), (&theirs, &*other_name));
            anywhere::compare(sides, &wanted, different, progress)?
        }
    };
    different.tell(&volume, &other_name, findings)?;
    own.tell(&other_name, findings);
    let missed = checked.kept.as_ref().map(|kept| kept.missed_bytes());
    if let Some(missed @ 1..) = missed {
        return Err(Error::refused(
            name,
            format!("{missed} bytes of its metadata were passed by"),
            "decompress it to a file first",
        ));
    }
    Ok(bytes)
}

/// What `check_possible` let pass.
fn open_anywhere(opened: &OpenInput, how: options::Progress) -> Result<Source> {
    let inside = inside::open(&opened.input, &opened.bytes, how)?;
    inside.map(|inside| inside.source).ok_or_else(|| {
        let name = &opened.input.name;
        let remedy = "decompress it to a file first";
        Error::refused(name, "can only be read from start to end", remedy)
    })
}

/// The clusters in an image.
fn stored(index: &Index, name: &Path) -> Result<ClusterMap> {
    let clusters = index.header().nr_clusters;
    let mut map = ClusterMap::new(clusters).map_err(|_| {
        let error = CoreError::Memory {
            structure: Structure::Volume,
            len: ClusterMap::least_memory(clusters),
        };
        Error::read(name, error)
    })?;
    for extent in index.extents() {
        map.insert(extent);
    }
    Ok(map)
}

/// The clusters in use of a volume.
fn used(volume: &Volume<Source>, name: &Path, task: &VerifyTask) -> Result<ClusterMap> {
    let threads = scan::threads_of_sound(volume, task.threads);
    let mut selection = scan::select_used_on(volume, name, threads, |_| {})?;
    audit(volume, &mut selection).map_err(|error| Error::read(name, error))?;
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    Ok(selection.map)
}

/// Reads as much of `len` bytes as there is. Returns how many these are.
fn read_there(source: &Source, name: &Path, offset: u64, buffer: &mut [u8]) -> Result<usize> {
    let there = source.size().saturating_sub(offset);
    let there = usize::try_from(there)
        .unwrap_or(usize::MAX)
        .min(buffer.len());
    let read = source.read_exact_at(offset, &mut buffer[..there]);
    read.map_err(|error| read_error(name, offset, there, error))?;
    Ok(there)
}

fn read_error(name: &Path, offset: u64, len: usize, source: IoError) -> Error {
    let error = CoreError::Io {
        structure: Structure::Volume,
        offset,
        len: len as u64,
        source,
    };
    Error::read(name, error)
}

/// Whether an image holds the cluster at `offset`, or the tail; volumes hold all.
fn is_held(source: &Source, offset: u64) -> bool {
    !matches!(source.extent_at(offset), Ok(ByteExtent::Absent { .. }))
}
