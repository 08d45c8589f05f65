//! What is in a virtual disk: all of it, or a partition.

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core as core;
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::{
    Container, Content, Contents, Inward, Layer, Nesting, PartitionReader, PartitionTable, Probe,
};

use super::neighbours::FilesBeside;
use super::not_opened::{judge_unknown, refuse};
use super::{
    Bytes, Files, Format, OpenInput, OpenOptions, Recognised, START_BYTES, Unnamed, partition,
    read_error,
};
use crate::error::{Error, Result};

/// A virtual disk, or the partition of it that is read.
#[derive(Clone)]
pub struct VirtualDisk(Source);

impl VirtualDisk {
    /// What `source` reads.
    pub fn new(source: Source) -> Self {
        Self(source)
    }

    /// Its bytes.
    pub fn source(&self) -> Source {
        Arc::clone(&self.0)
    }

    /// A reader from the start to the end.
    pub fn reader(&self) -> impl Read + Send + use<> {
        DiskReader {
            source: self.source(),
            position: 0,
        }
    }
}

impl fmt::Debug for VirtualDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualDisk").finish_non_exhaustive()
    }
}

struct DiskReader {
    source: Source,
    position: u64,
}

impl Read for DiskReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.size() - self.position;
        let len = buf.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.source.read_exact_at(self.position, &mut buf[..len]);
        read.map_err(io_error)?;
        self.position += len as u64;
        Ok(len)
    }
}

/// Opens what is in the virtual disk `source`, through as many layers as there are.
pub(super) fn open_disk(
    mut input: Recognised,
    mut source: Source,
    mut nesting: Nesting,
    opening: OpenOptions<'_>,
) -> Result<OpenInput> {
    let name = input.name.clone();
    loop {
        input.layers = nesting.layers().to_vec();
        let content = content_of(&name, &source)?;
        if opening.unnamed == Unnamed::EnterOnlyNtfs {
            partition::choose(&name, &mut nesting, &content, PartitionTable::only_ntfs);
        }
        let step = nesting.step(&source, content);
        input.format = match step.map_err(|found| refuse(&name, &found))? {
            Inward::Open(container @ Container::Disk(_)) => {
                let opened = open_with_neighbours(input.files.as_deref(), container, &source);
                let (opened, beside) = opened.map_err(|error| Error::read(&name, error))?;
                let metadata = beside.iter().flat_map(|files| files.metadata());
                input.metadata.extend(metadata);
                input.beside.extend(beside);
                nesting.pass(container.layer(&opened.files));
                source = opened.source;
                continue;
            }
            Inward::Enter(partition, damage) => {
                partition::warn_of(&name, damage);
                input.table_damage = damage;
                source = Arc::new(PartitionReader::new(source, &partition));
                nesting.pass(Layer::Partition(partition.number));
                continue;
            }
            Inward::Open(container) => {
                input.enter(container);
                Format::Partclone
            }
            Inward::Decompress(compression) => {
                return Err(Error::refused(
                    &name,
                    format!("holds a disk or partition that is compressed with {compression}"),
                    "take it out of the disk first",
                ));
            }
            Inward::Arrived(Content::Image) => Format::Image,
            Inward::Arrived(Content::Volume) => Format::Volume,
            Inward::Arrived(_) => judge_unknown(&input, &start_of(&name, &source)?, opening)?,
        };
        let disk = VirtualDisk(source);
        input.disk = Some(disk.clone());
        let bytes = Bytes::Disk(disk);
        return Ok(OpenInput { input, bytes });
    }
}

/// Opens a disk that begins in `files`, and the files beside them that it needs.
pub fn open_with_neighbours(
    files: Option<&Files>,
    container: Container,
    source: &Source,
) -> core::Result<(Contents, Vec<Arc<Files>>)> {
    let paths = files.and_then(Files::whole_paths);
    let first = paths.as_ref().and_then(|paths| paths.first());
    let beside = FilesBeside::of(first.map(|(path, _)| *path));
    let opened = container.open(source, &beside)?;
    let beside = beside.into_files(&opened.files);
    Ok((opened, beside))
}

fn content_of(name: &Path, source: &Source) -> Result<Content> {
    let start = start_of(name, source)?;
    Ok(Probe::with_start(source, &start).content())
}

/// The first bytes.
fn start_of(name: &Path, source: &Source) -> Result<Vec<u8>> {
    let len = usize::try_from(source.size()).unwrap_or(START_BYTES);
    let mut start = vec![0; START_BYTES.min(len)];
    let read = source.read_exact_at(0, &mut start);
    read.map_err(|error| read_error(name, io_error(error)))?;
    Ok(start)
}

/// The error as that of a reader.
fn io_error(error: IoError) -> io::Error {
    match error.downcast::<io::Error>() {
        Ok(error) => error,
        Err(error) => match error.downcast::<core::Error>() {
            Ok(error) => io::Error::other(error),
            Err(error) => io::Error::other(error),
        },
    }
}
