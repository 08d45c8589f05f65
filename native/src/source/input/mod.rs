//! What an image or volume comes in: a file or device, standard input, a file
//! in pieces, a folder of Clonezilla, a partition of a disk; compressed or not.
//! All of it is told by what is there, never by a name.

mod clonezilla;
mod compression;
mod counted;
mod files;
mod format;
mod frames;
mod partition;
mod piece_names;
mod read_ahead;

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Cursor, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::ntfs::{Foreign, foreign};

pub use compression::StreamError;
pub use files::{Files, FilesReader};
pub use format::{Compression, Content, START_BYTES};
pub use frames::{FramesReader, Seekable};
pub use partition::{refuse_disk, select as select_partition};

use self::compression::Decompressor;
use self::partition::Start;
use self::read_ahead::ReadAhead;
use super::foreign::refuse_foreign;
use crate::device;
use crate::error::{Error, Result};
use crate::options::{Input, Origin, Rescue};
use crate::report;
use crate::rescue::{DamagedSource, Medium};

/// How often something may be compressed again.
const MOST_COMPRESSIONS: usize = 2;

/// What is read of a stream to tell what it is: the partition table of a disk
/// is in it, by either size of sectors.
const STREAM_START_BYTES: usize = 64 << 10;

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
    let name = input.name();
    let failed = |error| Error::io("open", &name, error);
    let files = match &input.origin {
        Origin::Stdin => match stdin_file().map_err(failed)? {
            Some(file) => Files::from_here(file, &name).map_err(failed)?,
            None => {
                // A shell may have made of it any file or device.
                let metadata = device::metadata_of(io::stdin());
                let metadata = metadata.into_iter().collect();
                return open_pipe(name, Box::new(io::stdin()), metadata, input.partition);
            }
        },
        Origin::File(path) => {
            let paths = files_of(path)?;
            let kind = fs::metadata(&paths[0]).map_err(failed)?.file_type();
            if !kind.is_file() && !kind.is_block_device() {
                let file = File::open(path).map_err(failed)?;
                let metadata = file.metadata().map_err(failed)?;
                return open_pipe(name, Box::new(file), vec![metadata], input.partition);
            }
            Files::open(&paths)?
        }
    };
    // A shell may have opened standard input anywhere, and for anything.
    let rescue = rescue.filter(|_| input.origin != Origin::Stdin);
    open_files(name, files, input.partition, rescue)
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
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let kind = file.metadata()?.file_type();
    Ok((kind.is_file() || kind.is_block_device()).then_some(file))
}

fn open_files(
    name: PathBuf,
    mut files: Files,
    mut partition: Option<u32>,
    rescue: Option<&Rescue>,
) -> Result<Opened> {
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
    if let Some(compression) = Compression::of(&start)
        && rescue.is_some()
    {
        return Err(Error::refused(
            &name,
            format!("is compressed with {compression}, which --rescue does not go with"),
            "a bad sector loses all that follows it; copy the file with ddrescue first",
        ));
    }
    let damaged = match rescue {
        None => None,
        Some(rescue) => {
            let source = rescue_file(&name, &files, rescue)?;
            let len = START_BYTES.min(usize::try_from(source.size()).unwrap_or(START_BYTES));
            start.resize(len, 0);
            let read = source.read(0, &mut start);
            read.map_err(|error| Error::io("read", &name, error))?;
            Some(source)
        }
    };
    let files = Arc::new(files);
    let mut input = Recognised {
        name,
        format: Format::Image,
        layers,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        damaged,
    };
    if Compression::of(&start) == Some(Compression::Zstd)
        && partition.is_none()
        && let Some((format, seekable)) = open_seekable(&input.name, &files)
    {
        input.layers.push(Layer::Seekable);
        input.format = format;
        let bytes = Bytes::Seekable(seekable);
        return Ok(Opened { input, bytes });
    }
    if Compression::of(&start).is_some() {
        return open_stream(input, Box::new(FilesReader::new(files)), partition);
    }
    let foreign = || match foreign::identify(&*files) {
        Foreign::Disk(partitions) => Some(partition::refuse_disk(&input.name, &partitions)),
        found => refuse_foreign(&input.name, &found),
    };
    input.format = format_of(&input.name, &start, foreign)?;
    let bytes = Bytes::Random(files);
    Ok(Opened { input, bytes })
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
    seekable.read_exact_at(0, &mut start).ok()?;
    let format = match Content::of(&start) {
        Content::Image => Format::Image,
        Content::Volume => Format::Volume,
        Content::Compressed(_) | Content::Other(_) | Content::Unknown => return None,
    };
    Some((format, Arc::new(seekable)))
}

fn open_pipe(
    name: PathBuf,
    reader: Box<dyn Read + Send>,
    metadata: Vec<Metadata>,
    partition: Option<u32>,
) -> Result<Opened> {
    let input = Recognised {
        name,
        format: Format::Image,
        layers: Vec::new(),
        files: None,
        metadata,
        damaged: None,
    };
    open_stream(input, reader, partition)
}

fn open_stream(
    mut input: Recognised,
    mut reader: Box<dyn Read + Send>,
    partition: Option<u32>,
) -> Result<Opened> {
    // What is written to a device does not reach to its end.
    let mut ends_anywhere = input
        .files
        .as_ref()
        .is_some_and(|files| files.is_block_device());
    let mut start = peek(&mut reader, &input.name)?;
    let mut compressions = 0;
    while let Some(compression) = Compression::of(&start) {
        compressions += 1;
        if compressions > MOST_COMPRESSIONS {
            return Err(Error::refused(
                &input.name,
                format!("is compressed more than {MOST_COMPRESSIONS} times"),
                format!(
                    "{} IMAGE | ntfsclone --restore-image ... -",
                    compression.command()
                ),
            ));
        }
        input.layers.push(Layer::Compressed(compression));
        let failed = |error| Error::io("decompress", &input.name, error);
        let stream = Decompressor::new(compression, reader, ends_anywhere).map_err(failed)?;
        reader = Box::new(ReadAhead::start("decompresses", stream).map_err(failed)?);
        ends_anywhere = false;
        start = peek(&mut reader, &input.name)?;
    }
    if let Some(number) = partition {
        let partition = partition::find_in_stream(&input.name, &start, number)?;
        input.layers.push(Layer::Partition(number));
        let part = StreamPart::new(reader, partition.offset, partition.size);
        reader = Box::new(part.map_err(|error| read_error(&input.name, error))?);
        start = peek(&mut reader, &input.name)?;
    }
    let foreign = || match foreign::identify(&Start(&start)) {
        Foreign::Disk(partitions) => Some(partition::refuse_disk_stream(&input.name, &partitions)),
        found => refuse_foreign(&input.name, &found),
    };
    input.format = format_of(&input.name, &start, foreign)?;
    let bytes = Bytes::Stream(reader);
    Ok(Opened { input, bytes })
}

/// Opens what was opened before, from its start.
pub fn open_again(input: Recognised, partition: Option<u32>) -> Result<Opened> {
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
            open_stream(input, Box::new(FilesReader::new(files)), partition)
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
        // The decoder says best what is wrong with a damaged image.
        Content::Compressed(_) | Content::Unknown => foreign().map_or(Ok(Format::Image), Err),
    }
}

fn rescue_file(name: &Path, files: &Files, rescue: &Rescue) -> Result<Arc<DamagedSource>> {
    let path = path_to_rescue(name, files)?;
    let medium = Medium::open(path, files.size());
    let medium = medium.map_err(|error| Error::io("open", name, error))?;
    Ok(Arc::new(DamagedSource::new(medium, rescue.retries, None)))
}

/// The path of what can be read in spite of bad sectors: a whole file or
/// device.
pub fn path_to_rescue<'a>(name: &Path, files: &'a Files) -> Result<&'a Path> {
    let refused = |found, remedy: String| Err(Error::refused(name, found, remedy));
    match files.whole_path() {
        Some(path) => Ok(path),
        None if files.count() > 1 => refused(
            "is in pieces, which --rescue does not go with",
            "copy them to one file with ddrescue first".to_owned(),
        ),
        None => refused(
            "has no device for its partition, which --rescue needs",
            format!(
                "make one: losetup --find --show --partscan {}",
                name.display()
            ),
        ),
    }
}

fn start_of(files: &Files) -> io::Result<Vec<u8>> {
    let mut start = vec![0; START_BYTES.min(usize::try_from(files.size()).unwrap_or(START_BYTES))];
    files
        .read_exact_at(0, &mut start)
        .map_err(io::Error::other)?;
    Ok(start)
}

/// The first bytes of a stream, which stay in it.
fn peek(reader: &mut Box<dyn Read + Send>, name: &Path) -> Result<Vec<u8>> {
    let mut start = vec![0; STREAM_START_BYTES];
    let len = read_up_to(reader, &mut start).map_err(|error| read_error(name, error))?;
    start.truncate(len);
    let rest = std::mem::replace(reader, Box::new(io::empty()));
    *reader = Box::new(Cursor::new(start.clone()).chain(rest));
    Ok(start)
}

/// What a read of an input failed with.
pub fn read_error(name: &Path, error: io::Error) -> Error {
    match error.downcast::<StreamError>() {
        Ok(source) => Error::Compressed {
            path: name.to_owned(),
            source,
        },
        Err(error) => match error.downcast() {
            Ok(source) => Error::read(name, source),
            Err(error) => Error::io("read", name, error),
        },
    }
}

/// Fills `buf` as far as the input goes.
pub fn read_up_to(reader: &mut (impl Read + ?Sized), buf: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match reader.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// A part of a stream; what follows it is read at the end, since only there it
/// is told whether all was sound.
struct StreamPart {
    reader: Box<dyn Read + Send>,
    left: u64,
}

impl StreamPart {
    fn new(mut reader: Box<dyn Read + Send>, start: u64, size: u64) -> io::Result<Self> {
        io::copy(&mut (&mut reader).take(start), &mut io::sink())?;
        Ok(Self { reader, left: size })
    }
}

impl Read for StreamPart {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            io::copy(&mut self.reader, &mut io::sink())?;
            return Ok(0);
        }
        let len = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buf.len());
        let len = self.reader.read(&mut buf[..len])?;
        self.left -= len as u64;
        Ok(len)
    }
}
