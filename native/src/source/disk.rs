//! A whole disk: a device or file with a partition table, perhaps compressed or a virtual disk.

use std::fs::{File, Metadata};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::seekable::SeekableReader;
use ntfsclone_core::io::{IoError, ReadAt, Source};
use ntfsclone_core::open::{
    Container, Content, Layer, Partition, PartitionReader, PartitionTable, Probe,
};
use ntfsclone_core::stream::Compression;
use ntfsclone_core::write::StoredSearch;

use super::spool::spool;
use super::volume::Device;
use crate::error::{Error, Result};
use crate::input::{
    self, Bytes, Files, Format, OpenInput, Recognised, Seekable, VirtualDisk, decompressed,
    peek_content,
};
use crate::options::{self, Indexing, Input};
use crate::report::Reports;

/// Ours: a disk in a compressed disk is all that is known of.
const MAX_LAYERS: usize = 4;

/// A disk with a partition table.
pub struct Disk {
    name: PathBuf,
    /// What the disk is within, from the outside in.
    layers: Vec<Layer>,
    table: PartitionTable,
    /// Its bytes.
    source: Source,
    /// What is named.
    files: Arc<Files>,
    /// The other files of a virtual disk.
    beside: Vec<Arc<Files>>,
}

impl Disk {
    /// Opens the disk that is named. What must be decompressed from start to end is kept in a
    /// temporary file meanwhile. `None` for anything else, and for what cannot be read: whoever
    /// opens it as a volume or image reports why.
    pub fn open(input: &Input, reports: Reports) -> Result<Option<Self>> {
        let name = input.name();
        let Some(files) = input::files_named(input)? else {
            return Ok(None);
        };
        let files = Arc::new(files);
        let mut layers = match files.count() {
            1 => Vec::new(),
            count => vec![Layer::Pieces(count)],
        };
        let mut beside = Vec::new();
        let mut source: Source = Arc::clone(&files) as Source;
        while layers.len() <= MAX_LAYERS {
            let content = Probe::new(&source).map(|probe| probe.content());
            let is_outermost = layers.iter().all(|layer| matches!(layer, Layer::Pieces(_)));
            let (inner, layer) = match content {
                Ok(Content::Disk(table)) => {
                    let disk = Self {
                        name,
                        layers,
                        table,
                        source,
                        files,
                        beside,
                    };
                    return Ok(Some(disk));
                }
                Ok(Content::Container(container @ Container::Disk(_))) => {
                    let opened = input::open_with_neighbours(Some(&files), container, &source);
                    let Ok((opened, files)) = opened else {
                        return Ok(None);
                    };
                    beside.extend(files);
                    (opened.source, container.layer(&opened.files))
                }
                Ok(Content::Compressed(compression)) if is_outermost => {
                    match decompress(input, &files, compression, reports)? {
                        Some(inner) => inner,
                        None => return Ok(None),
                    }
                }
                _ => return Ok(None),
            };
            source = inner;
            layers.push(layer);
        }
        Ok(None)
    }

    /// What to call it in messages.
    pub fn name(&self) -> &Path {
        &self.name
    }

    /// What the disk is within, from the outside in.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    pub fn table(&self) -> &PartitionTable {
        &self.table
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.source.size()
    }

    /// The files that are named.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What tells the files that are read from others.
    pub fn metadata(&self) -> Vec<Metadata> {
        let beside = self.beside.iter().flat_map(|files| files.metadata());
        self.files.metadata().into_iter().chain(beside).collect()
    }

    /// The file that the disk is, and which bytes of it; `None` if it is in pieces or encoded.
    pub fn as_file(&self) -> Option<(&File, Range<u64>)> {
        self.files.as_file().filter(|_| self.layers.is_empty())
    }

    /// What a partition holds; unknown if it cannot be read.
    pub fn content_of(&self, partition: &Partition) -> Content {
        let reader = PartitionReader::new(Arc::clone(&self.source), partition);
        let content = Probe::new(&reader).map(|probe| probe.content());
        content.unwrap_or(Content::Unknown)
    }

    /// The NTFS volume in a partition, to be checked and scanned. Who else uses it is to be
    /// looked up for the disk.
    pub fn volume_in(&self, partition: &Partition, progress: options::Progress) -> Result<Device> {
        let reader = PartitionReader::new(Arc::clone(&self.source), partition);
        let disk = VirtualDisk::new(Arc::new(reader));
        let mut layers = self.layers.clone();
        layers.push(Layer::Partition(partition.number));
        let input = Recognised {
            name: PathBuf::from(format!(
                "{}, partition {}",
                self.name.display(),
                partition.number
            )),
            format: Format::Volume,
            layers,
            container: None,
            disk: Some(disk.clone()),
            table_damage: None,
            files: Some(Arc::clone(&self.files)),
            beside: self.beside.clone(),
            metadata: Vec::new(),
            damaged: None,
            sums: None,
            passing: None,
            indexing: Indexing::default(),
        };
        let bytes = Bytes::Disk(disk);
        Device::of(OpenInput { input, bytes }, progress, Reports::NONE)
    }

    /// Fills `buf` with the bytes from `offset` on.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let read = self.source.read_exact_at(offset, buf);
        read.map_err(|error| self.read_error(offset, buf.len(), error))
    }

    /// What a read of the disk failed with.
    pub fn read_error(&self, offset: u64, len: usize, source: IoError) -> Error {
        let error = CoreError::Io {
            structure: Structure::Source,
            offset,
            len: len as u64,
            source,
        };
        Error::read(&self.name, error)
    }

    /// What is stored of `range`: all but its holes.
    pub fn stored_in(&self, range: Range<u64>) -> Result<Vec<Range<u64>>> {
        let mut search = StoredSearch::new(range);
        loop {
            match search.step(&self.source) {
                Ok(true) => {}
                Ok(false) => return Ok(search.into_ranges()),
                Err(error) => return Err(self.read_error(search.position(), 0, error)),
            }
        }
    }

    /// See [`Files::check_unchanged`].
    pub fn check_unchanged(&self) -> Result<()> {
        let mut files = [&self.files].into_iter().chain(&self.beside);
        files.try_for_each(|files| files.check_unchanged())
    }
}

/// What is compressed in the files, and how, if that is a disk: at any place by its frames or an index,
/// else all of it in a temporary file.
fn decompress(
    input: &Input,
    files: &Arc<Files>,
    compression: Compression,
    reports: Reports,
) -> Result<Option<(Source, Layer)>> {
    let name = &input.name();
    if compression == Compression::Zstd
        && let Ok(Some(seekable)) = SeekableReader::open(Arc::clone(files))
    {
        let seekable = Arc::new(Seekable::new(seekable));
        return Ok(Some((seekable, Layer::Seekable)));
    }
    let mut reader = decompressed(name, files, compression)?;
    // What is no disk is opened again, by whoever knows what it is.
    let is_disk = matches!(
        peek_content(name, &mut reader),
        Ok(Content::Disk(_) | Content::Container(Container::Disk(_)))
    );
    if !is_disk {
        return Ok(None);
    }
    if let Some(source) = input::indexed(name, files, compression, &input.indexing, reports)? {
        return Ok(Some((source, Layer::Compressed(compression))));
    }
    reports.line(format_args!(
        "Decompressing {} to a temporary file, in which a disk can be read here and there",
        name.display()
    ));
    match spool(name, &mut reader)? {
        (_, Some(damage)) => Err(damage),
        (files, None) => Ok(Some((Arc::new(files), Layer::Compressed(compression)))),
    }
}
