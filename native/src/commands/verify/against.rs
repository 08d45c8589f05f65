//! Comparing what is in use of a volume with another.

use std::path::Path;
use std::thread;

use ntfsclone_core::clusters::{ClusterMap, audit};
use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::Index;
use ntfsclone_core::io::{IoError, ReadAt};
use ntfsclone_core::ntfs::Volume;
use ntfsclone_core::units::{Extent, Lcn};
use ntfsclone_core::validate::{Code, Finding, Findings, Place, Touched};

use crate::error::{Error, Result};
use crate::options::{self, Input, VerifyTask};
use crate::progress::{Phase, Progress};
use crate::scan;
use crate::source::Inside;
use crate::source::input::{self, Opened};

/// Bytes that are compared at once.
const CHUNK_BYTES: u64 = 4 << 20;

/// How many differences are told one by one.
const LISTED: usize = 1000;

/// How many files a finding names.
const FILES_A_FINDING: usize = 10;

/// Compares all clusters in use of `ours`, and its tail, with those of `other`.
/// Returns how many bytes that were; what differs is a finding.
pub(super) fn compare(
    ours: &Inside,
    other: &Input,
    task: &VerifyTask,
    how: options::Progress,
    findings: &mut Findings,
) -> Result<u64> {
    let name = task.image.name();
    let volume = Volume::open(ours.clone()).map_err(|error| Error::read(&name, error))?;
    let Opened { input, bytes } = input::open(other, None)?;
    let Some(theirs) = Inside::open(&input, &bytes, how)? else {
        return Err(Error::refused(
            &input.name,
            "can only be read from start to end",
            "decompress it to a file first; images made with --compress can be read as they are",
        ));
    };
    let used = match ours.index() {
        Some(index) => stored(index, &name)?,
        None => used(&volume, &name, task)?,
    };
    let geometry = *volume.geometry();
    let tail = ours.size() - geometry.bytes(geometry.nr_clusters()).min(ours.size());
    let total = geometry.bytes(used.len()) + tail;

    let mut comparison = Comparison {
        ours,
        ours_name: &name,
        theirs: &theirs,
        theirs_name: &other.name(),
        cluster_size: u64::from(geometry.cluster_size),
        buffers: [Vec::new(), Vec::new()],
        done: 0,
        progress: Progress::start(how, Phase::Compare, total),
        different: Different::default(),
    };
    for extent in used.extents() {
        comparison.compare(geometry.offset(extent.start), geometry.bytes(extent.len))?;
    }
    if tail > 0 {
        comparison.compare(geometry.bytes(geometry.nr_clusters()), tail)?;
    }
    let Comparison {
        done,
        progress,
        different,
        ..
    } = comparison;
    progress.finish();
    tell(different, &volume, &other.name(), findings)?;
    Ok(done)
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
fn used(volume: &Volume<Inside>, name: &Path, task: &VerifyTask) -> Result<ClusterMap> {
    let threads = scan::threads_of_sound(volume, task.threads);
    let mut selection = scan::select_used_on(volume, name, threads, |_| {})?;
    audit(volume, &mut selection).map_err(|error| Error::read(name, error))?;
    for &extent in &selection.bad {
        selection.map.remove(extent);
    }
    Ok(selection.map)
}

struct Comparison<'a> {
    ours: &'a Inside,
    ours_name: &'a Path,
    theirs: &'a Inside,
    theirs_name: &'a Path,
    cluster_size: u64,
    buffers: [Vec<u8>; 2],
    done: u64,
    progress: Progress,
    different: Different,
}

/// Clusters that differ.
#[derive(Default)]
struct Different {
    clusters: u64,
    /// The first ones, joined.
    extents: Vec<Extent>,
}

impl Comparison<'_> {
    fn compare(&mut self, offset: u64, len: u64) -> Result<()> {
        let end = offset + len;
        let mut position = offset;
        while position < end {
            let len = (end - position).min(CHUNK_BYTES);
            self.compare_chunk(position, len as usize)?;
            position += len;
            self.done += len;
            self.progress.advance_to(self.done);
        }
        Ok(())
    }

    /// Reads from both at once, and compares.
    fn compare_chunk(&mut self, offset: u64, len: usize) -> Result<()> {
        let [mine, other] = &mut self.buffers;
        mine.resize(len, 0);
        other.resize(len, 0);
        let there = self.theirs.size().saturating_sub(offset);
        let there = usize::try_from(there).unwrap_or(usize::MAX).min(len);
        let (ours, theirs) = (self.ours, self.theirs);
        let (read, read_other) = thread::scope(|scope| {
            let reads = scope.spawn(|| theirs.read_exact_at(offset, &mut other[..there]));
            let read = ours.read_exact_at(offset, mine);
            (read, reads.join())
        });
        read.map_err(|error| read_error(self.ours_name, offset, len, error))?;
        read_other
            .map_err(|_| Error::Thread("reads"))?
            .map_err(|error| read_error(self.theirs_name, offset, len, error))?;
        let is_held = |lcn| is_held(theirs, lcn);
        let first = offset / self.cluster_size;
        let clusters = (len as u64).div_ceil(self.cluster_size);
        let all_held = (first..first + clusters).map(Lcn).all(is_held);
        if all_held && there == len && mine == other {
            return Ok(());
        }
        let size = self.cluster_size as usize;
        let clusters = mine.chunks(size).zip(other.chunks(size)).enumerate();
        for (number, (mine, other)) in clusters {
            let at = number * size;
            let lcn = Lcn(first + number as u64);
            let is_there = at + mine.len() <= there && is_held(lcn);
            if !is_there || mine != other {
                self.different.add(lcn);
            }
        }
        Ok(())
    }
}

/// Whether an image holds a cluster, or the tail as one; volumes hold all.
fn is_held(inside: &Inside, lcn: Lcn) -> bool {
    match inside.index() {
        None => true,
        Some(index) if lcn.0 >= index.header().nr_clusters => index.tail().is_some(),
        Some(index) => index.locate(lcn).is_some(),
    }
}

impl Different {
    fn add(&mut self, lcn: Lcn) {
        self.clusters += 1;
        let is_full = self.extents.len() == LISTED;
        match self.extents.last_mut() {
            Some(last) if last.end() == lcn => last.len += 1,
            _ if is_full => {}
            _ => self.extents.push(Extent::new(lcn, 1)),
        }
    }
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

/// What differs, and the files that have it.
fn tell(
    different: Different,
    volume: &Volume<Inside>,
    other: &Path,
    findings: &mut Findings,
) -> Result<()> {
    if different.clusters == 0 {
        return Ok(());
    }
    let geometry = volume.geometry();
    let touched =
        Touched::find(volume, &different.extents, []).map_err(|error| Error::read(other, error))?;
    let listed: u64 = different.extents.iter().map(|extent| extent.len).sum();
    for &extent in &different.extents {
        let place = Place::Volume {
            offset: geometry.offset(extent.start),
            length: Some(geometry.bytes(extent.len)),
        };
        let message = format!("{extent}: not the same in {}", other.display());
        let mut finding = Finding::new(Code::ContentDiffers, Some(place), message);
        finding.files = touched.of_extent(extent, FILES_A_FINDING);
        findings.push(finding);
    }
    if let more @ 1.. = different.clusters - listed {
        let message = format!("{more} more clusters: not the same in {}", other.display());
        findings.push(Finding::new(Code::ContentDiffers, None, message));
    }
    Ok(())
}
