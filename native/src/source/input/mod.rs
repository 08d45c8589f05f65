//! What an image or volume comes in: a file or device, standard input, a file
//! in pieces, a folder of Clonezilla, a partition of a disk; compressed or not.
//! All of it is told by what is there, never by a name.

mod clonezilla;
mod compression;
mod damaged;
mod file_sums;
mod files;
mod format;
mod frames;
mod partition;
mod piece_names;
mod read_ahead;
mod stream;

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::image::seekable::Kind;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::{BootSector, Foreign, foreign};

pub use damaged::path_to_rescue;
pub use file_sums::FileSums;
pub use files::{Files, FilesReader};
pub use format::{Content, START_BYTES};
pub use frames::{FramesReader, Seekable, SharedLostFrames};
use ntfsclone_core::stream::Compression;
pub use partition::{refuse_disk, select as select_partition};
pub use stream::{read_before_error, read_error, read_up_to};

use self::damaged::rescue_files;
use self::file_sums::SummedReader;
use self::stream::{Wanted, open_pipe, open_stream};
use super::foreign::refuse_foreign;
use crate::device;
use crate::error::{Error, Result};
use crate::options::{Input, Origin, Rescue};
use crate::report;
use crate::rescue::DamagedSource;

/// An image or volume that can be read.
pub struct Opened {
    pub input: Recognised,
    pub bytes: Bytes,
}

/// What an input turned out to be.
#[derive(Debug, Clone)]
pub struct Recognised {
    /// What to call it in messages.
    pub name: PathBuf,
    pub format: Format,
    /// What the image or volume is within, from the outside in.
    pub layers: Vec<Layer>,
    /// What is read, with all layers but pieces and partitions, and can be
    /// read again; none of a pipe.
    pub files: Option<Arc<Files>>,
    /// What tells the files that are read from others.
    pub metadata: Vec<Metadata>,
    /// In a rescue: what of the file could not be read.
    pub damaged: Option<Arc<DamagedSource>>,
    /// The checksums beside the file, if they are compared while it is read.
    pub sums: Option<Arc<FileSums>>,
}

/// What is done with the checksums beside a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sums {
    Ignore,
    Compare,
}

/// What can be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// An image of ntfsclone.
    Image,
    /// The bytes of an NTFS volume.
    Volume,
}

/// What an image or volume is within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// So many files are one.
    Pieces(usize),
    /// It is the partition with this number.
    Partition(u32),
    Compressed(Compression),
    /// Compressed with zstd, with a table of where everything is.
    Seekable,
}

/// The bytes of an image or volume.
pub enum Bytes {
    /// At any position, by [`ReadAt`].
    Random(Arc<Files>),
    /// At any position, decompressed.
    Seekable(Arc<Seekable>),
    /// Once, from the start to the end.
    Stream(Box<dyn Read + Send>),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pieces(count) => write!(f, "{count} pieces"),
            Self::Partition(number) => write!(f, "partition {number}"),
            Self::Compressed(compression) => compression.fmt(f),
            Self::Seekable => f.write_str("zstd, seekable"),
        }
    }
}

impl Recognised {
    /// The layers, in brackets, to follow what a report says; nothing if there
    /// are none.
    pub fn remark(&self) -> String {
        match self.layers.is_empty() {
            true => String::new(),
            false => {
                let layers: Vec<String> = self.layers.iter().map(Layer::to_string).collect();
                format!(" ({})", layers.join(", "))
            }
        }
    }

    /// True for an image on a device or in a partition, which does not reach to
    /// the end of that.
    pub fn ends_anywhere(&self) -> bool {
        match self.layers.last() {
            Some(Layer::Compressed(_) | Layer::Seekable) => false,
            Some(Layer::Partition(_)) => true,
            _ => {
                let files = self.files.as_ref();
                files.is_some_and(|files| files.is_block_device())
            }
        }
    }

    pub fn is_compressed(&self) -> bool {
        let is_compression =
            |layer: &Layer| matches!(layer, Layer::Compressed(_) | Layer::Seekable);
        self.layers.iter().any(is_compression)
    }
}

/// Opens an image or volume, and tells what it is. In a rescue, a file or
/// device is read in spite of bad sectors.
///
/// # Errors
///
/// [`Error::Refused`], if it is known and cannot be restored.
pub fn open(input: &Input, rescue: Option<&Rescue>) -> Result<Opened> {
    open_with(input, rescue, Sums::Ignore)
}

/// Like [`open`]; compares the file with the checksums beside it while it is
/// read, which [`FileSums::finish`] is to be asked for.
///
/// # Errors
///
/// As [`open`]; a sidecar cannot be read, or is of another file.
pub fn open_compared(input: &Input, rescue: Option<&Rescue>) -> Result<Opened> {
    open_with(input, rescue, Sums::Compare)
}

fn open_with(input: &Input, rescue: Option<&Rescue>, sums: Sums) -> Result<Opened> {
    let mut name = input.name();
    let failed = |error| Error::io("open", &input.name(), error);
    let wanted = match rescue {
        None => Wanted::All,
        Some(_) => Wanted::WhatIsThere,
    };
    let files = match &input.origin {
        Origin::Stdin => match stdin_file().map_err(failed)? {
            Some(file) => Files::from_here(file).map_err(failed)?,
            None => {
                // A shell may have made of it any file or device.
                let metadata = device::stdin().and_then(|stdin| stdin.metadata());
                let metadata = metadata.into_iter().collect();
                return open_pipe(
                    name,
                    Box::new(io::stdin()),
                    metadata,
                    input.partition,
                    wanted,
                );
            }
        },
        Origin::File(path) => {
            let paths = files_of(path)?;
            if path.is_dir() {
                name.clone_from(&paths[0]);
            }
            let metadata = fs::metadata(&paths[0]).map_err(failed)?;
            if !device::file_kind(&metadata).is_file_or_disk() {
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                return open_pipe(
                    name,
                    Box::new(file),
                    vec![metadata],
                    input.partition,
                    wanted,
                );
            }
            Files::open(&paths)?
        }
    };
    open_files(name, files, input.partition, rescue, sums)
}

/// The pieces of the file that `path` is the first piece of; else itself.
pub fn pieces_of(path: &Path) -> Result<Vec<PathBuf>> {
    piece_names::of(path)
}

/// The files that are read where `path` is named.
fn files_of(path: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = piece_names::of(path)?;
    if path.is_dir() {
        paths = match clonezilla::image_in(path)? {
            Some(image) => piece_names::of(&image)?,
            None => {
                let remedy = "name an image file, or - for standard input";
                return Err(Error::refused(path, "is a directory", remedy));
            }
        };
    }
    Ok(paths)
}

/// Standard input, if a shell made a file or device of it, which can be read
/// more than once.
fn stdin_file() -> io::Result<Option<File>> {
    let file = device::stdin()?;
    let kind = device::file_kind(&file.metadata()?);
    Ok(kind.is_file_or_disk().then_some(file))
}

fn open_files(
    name: PathBuf,
    mut files: Files,
    mut partition: Option<u32>,
    rescue: Option<&Rescue>,
    sums: Sums,
) -> Result<Opened> {
    let wanted = match rescue {
        None => Wanted::All,
        Some(_) => Wanted::WhatIsThere,
    };
    let mut layers = Vec::new();
    if files.count() > 1 {
        layers.push(Layer::Pieces(files.count()));
    }
    let mut start = match start_of(&files) {
        Err(_) if rescue.is_some() => Vec::new(),
        start => start.map_err(|error| Error::io("read", &name, error))?,
    };
    if Compression::of(&start).is_none()
        && let Some(number) = partition.take()
    {
        files = partition::select(&name, files, number)?;
        layers.push(Layer::Partition(number));
        start = start_of(&files).map_err(|error| Error::io("read", &name, error))?;
    }
    let files = Arc::new(files);
    let damaged = match rescue.filter(|_| Compression::of(&start).is_none()) {
        None => None,
        Some(rescue) => {
            let source = rescue_files(&name, &files, rescue)?;
            let len = START_BYTES.min(usize::try_from(source.size()).unwrap_or(START_BYTES));
            start.resize(len, 0);
            let read = source.read(0, &mut start);
            read.map_err(|error| Error::io("read", &name, error))?;
            Some(source)
        }
    };
    // In a rescue, all that is there is wanted, whether it is right or not.
    let sums = match (sums, rescue) {
        (Sums::Compare, None) => FileSums::beside(&files)?,
        _ => None,
    };
    let mut input = Recognised {
        name,
        format: Format::Image,
        layers,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        damaged,
        sums,
    };
    // The first frame may be what is damaged.
    let may_be_seekable = matches!(
        Content::of(&start),
        Content::Compressed(Compression::Zstd) | Content::Unknown
    );
    if may_be_seekable
        && partition.is_none()
        && let Some((format, seekable)) = open_seekable(&input.name, &files)
    {
        input.layers.push(Layer::Seekable);
        input.format = format;
        // Its frames are read, not its sectors.
        input.damaged = None;
        if let Some(sums) = &input.sums {
            sums.read_meanwhile()?;
        }
        let bytes = Bytes::Seekable(seekable);
        return Ok(Opened { input, bytes });
    }
    if Compression::of(&start).is_some() {
        let reader = tapped(&input, Box::new(FilesReader::new(files)));
        return open_stream(input, reader, partition, wanted);
    }
    let foreign = || match foreign::identify(&*files) {
        Foreign::Disk(partitions) => Some(partition::refuse_disk(&input.name, &partitions)),
        found => refuse_foreign(&input.name, &found),
    };
    input.format = match has_only_backup(&start, &*files) {
        true => Format::Volume,
        false => format_of(&input.name, &start, foreign)?,
    };
    if let (Format::Volume, Some(sums)) = (input.format, &input.sums) {
        // Not all of it is read for a copy.
        sums.read_meanwhile()?;
    }
    let bytes = Bytes::Random(files);
    Ok(Opened { input, bytes })
}

/// `reader`, which gives all bytes of the file in order; what it gives is
/// compared with the checksums beside the file.
pub fn tapped(input: &Recognised, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    match &input.sums {
        Some(sums) => Box::new(SummedReader::new(reader, Arc::clone(sums))),
        None => reader,
    }
}

/// A zstd file with a seek table, and what is in it; none if it must be read
/// from start to end.
fn open_seekable(name: &Path, files: &Arc<Files>) -> Option<(Format, Arc<Seekable>)> {
    let seekable = match Seekable::open(Arc::clone(files)) {
        Ok(seekable) => seekable?,
        Err(error) => {
            report::warning(format!(
                "{}: {}; it is read from start to end, without it",
                name.display(),
                report::with_causes(&error)
            ));
            return None;
        }
    };
    let len = usize::try_from(seekable.size()).map_or(START_BYTES, |size| size.min(START_BYTES));
    let mut start = vec![0; len];
    // What is wrong with the first frame is told when all are read.
    let content = match seekable.read_exact_at(0, &mut start) {
        Ok(()) => Content::of(&start),
        Err(_) => Content::Unknown,
    };
    let format = match (content, seekable.summary()) {
        (Content::Image, _) => Format::Image,
        (Content::Volume, _) => Format::Volume,
        (Content::Unknown | Content::Unreadable, Ok(Some(summary))) => match summary.head().kind {
            Kind::NtfscloneImage => Format::Image,
            Kind::RawVolume => Format::Volume,
        },
        _ if has_only_backup(&start, &seekable) => Format::Volume,
        _ => return None,
    };
    Some((format, Arc::new(seekable)))
}

/// True for a volume whose first boot sector is damaged, or could not be read,
/// and whose backup is sound.
fn has_only_backup(start: &[u8], source: &impl ReadAt) -> bool {
    matches!(Content::of(start), Content::Unknown | Content::Unreadable)
        && BootSector::read_backup(source).is_some()
}

/// Opens what was opened before, from its start. Checksums are compared once.
pub fn open_again(mut input: Recognised, partition: Option<u32>) -> Result<Opened> {
    input.sums = None;
    match input.files.clone() {
        Some(files) if input.layers.last() == Some(&Layer::Seekable) => {
            match open_seekable(&input.name, &files) {
                Some((_, seekable)) => Ok(Opened {
                    input,
                    bytes: Bytes::Seekable(seekable),
                }),
                None => Err(Error::io(
                    "go back in",
                    &input.name,
                    io::ErrorKind::InvalidData.into(),
                )),
            }
        }
        Some(files) if input.is_compressed() => {
            let layers = input.layers.into_iter();
            let outer = layers.take_while(|layer| !matches!(layer, Layer::Compressed(_)));
            let layers: Vec<Layer> = outer.collect();
            let is_outside = layers
                .iter()
                .any(|layer| matches!(layer, Layer::Partition(_)));
            let input = Recognised { layers, ..input };
            let partition = partition.filter(|_| !is_outside);
            open_stream(
                input,
                Box::new(FilesReader::new(files)),
                partition,
                Wanted::All,
            )
        }
        Some(files) => Ok(Opened {
            input,
            bytes: Bytes::Random(files),
        }),
        None => Err(Error::io(
            "go back in",
            &input.name,
            io::ErrorKind::NotSeekable.into(),
        )),
    }
}

/// The format of what begins with `start`; what is neither is asked for at
/// `foreign`.
fn format_of(name: &Path, start: &[u8], foreign: impl FnOnce() -> Option<Error>) -> Result<Format> {
    if start.is_empty() {
        return Err(Error::refused(
            name,
            "is empty",
            "was it written completely?",
        ));
    }
    match Content::of(start) {
        Content::Image => Ok(Format::Image),
        Content::Volume => Ok(Format::Volume),
        Content::Other(other) => Err(Error::refused(name, other.found, other.remedy)),
        Content::Unreadable => Err(refuse_unreadable(name)),
        // The decoder says best what is wrong with a damaged image.
        Content::Compressed(_) | Content::Unknown => foreign().map_or(Ok(Format::Image), Err),
    }
}

/// What the error is for [`Content::Unreadable`].
pub fn refuse_unreadable(name: &Path) -> Error {
    Error::refused(
        name,
        "begins with a sector that could not be read, marked by --rescue; what it holds is told \
         by that sector, or by a backup boot sector at the end of a volume, which is not there",
        "rescue the source again, with --retries; or let testdisk look for the boot sector",
    )
}

fn start_of(files: &Files) -> io::Result<Vec<u8>> {
    let mut start = vec![0; START_BYTES.min(usize::try_from(files.size()).unwrap_or(START_BYTES))];
    files
        .read_exact_at(0, &mut start)
        .map_err(io::Error::other)?;
    Ok(start)
}
