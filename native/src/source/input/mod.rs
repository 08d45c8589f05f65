//! What an image or volume comes in: a file or device, standard input, a file
//! in pieces, a folder of Clonezilla, a partition of a disk; compressed or not.
//! All of it is told by what is there, never by a name.

mod clonezilla;
mod compression;
mod damaged;
mod file_sums;
mod files;
mod frames;
mod not_opened;
mod partition;
mod piece_names;
mod read_ahead;
mod stream;

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::image::seekable::Kind;
use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{Container, Content, Layer, Nesting, Probe, Step};

pub use damaged::path_to_rescue;
pub use file_sums::FileSums;
pub use files::{Files, FilesReader};
pub use frames::{FramesReader, Seekable, SharedLostFrames};
pub use not_opened::refuse;
use ntfsclone_core::stream::Compression;
pub use stream::{read_before_error, read_error, read_up_to};

use self::damaged::rescue_files;
use self::file_sums::SummedReader;
use self::not_opened::judge_unknown;
use self::stream::{open_pipe, open_stream};
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
    /// The innermost layer, where it is one of these.
    pub container: Option<Container>,
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

/// Bytes that are enough to tell.
const START_BYTES: usize = 512;

/// How an input is opened.
#[derive(Debug, Clone, Copy)]
struct Opening<'a> {
    wanted: Wanted,
    /// What is there will do, in spite of what cannot be read.
    rescue: Option<&'a Rescue>,
    sums: Sums,
}

/// What something unknown is taken for, which has to say what is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Image,
    Volume,
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
    /// An image of partclone.
    Partclone,
    /// The bytes of an NTFS volume.
    Volume,
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

impl Opened {
    /// True for a volume that any part can be read of, as it is.
    pub fn is_plain_volume(&self) -> bool {
        self.input.format == Format::Volume && matches!(self.bytes, Bytes::Random(_))
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
        let outer = |layer: &&Layer| !layer.is_container();
        match self.layers.iter().rfind(outer) {
            Some(Layer::Compressed(_) | Layer::Seekable) => false,
            Some(layer) if layer.may_end_early() => true,
            _ => {
                let files = self.files.as_ref();
                files.is_some_and(|files| files.is_block_device())
            }
        }
    }

    /// Records that the source is a container, whose content is read through it.
    fn enter(&mut self, container: Container) {
        self.layers.push(container.layer);
        self.container = Some(container);
    }

    /// Records what is in the frames of a zstd file.
    fn arrive(&mut self, content: Content) {
        self.format = match content {
            Content::Container(container) => {
                self.enter(container);
                Format::Partclone
            }
            Content::Volume => Format::Volume,
            _ => Format::Image,
        };
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
    let opening = Opening {
        wanted: Wanted::Image,
        rescue,
        sums: Sums::Ignore,
    };
    open_with(input, opening)
}

/// Like [`open`]; compares the file with the checksums beside it while it is
/// read, which [`FileSums::finish`] is to be asked for.
///
/// # Errors
///
/// As [`open`]; a sidecar cannot be read, or is of another file.
pub fn open_compared(input: &Input, rescue: Option<&Rescue>) -> Result<Opened> {
    let opening = Opening {
        wanted: Wanted::Image,
        rescue,
        sums: Sums::Compare,
    };
    open_with(input, opening)
}

/// Like [`open`], to copy a volume or what of it an image holds. In a rescue, a
/// volume that is a file or device itself is opened as it is.
///
/// # Errors
///
/// As [`open`]; it is a pipe, which can be read only once.
pub fn open_volume(path: &Path, partition: Option<u32>, rescue: Option<&Rescue>) -> Result<Opened> {
    let input = Input {
        origin: Origin::File(path.to_owned()),
        partition,
    };
    let opening = Opening {
        wanted: Wanted::Volume,
        rescue,
        sums: Sums::Ignore,
    };
    open_with(&input, opening)
}

/// Opens all of one file or device as a volume, without a look at what it is: on a
/// dying disk each read may be the last. `None` if it is anything else.
pub fn open_unread(path: &Path, partition: Option<u32>) -> Result<Option<Opened>> {
    let failed = |error| Error::io("open", path, error);
    let paths = piece_names::of(path)?;
    let kind = device::file_kind(&fs::metadata(&paths[0]).map_err(failed)?);
    if partition.is_some() || paths.len() > 1 || !kind.is_file_or_disk() {
        return Ok(None);
    }
    let files = Arc::new(Files::open(&paths)?);
    let input = Recognised {
        name: path.to_owned(),
        format: Format::Volume,
        layers: Vec::new(),
        container: None,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        damaged: None,
        sums: None,
    };
    let bytes = Bytes::Random(files);
    Ok(Some(Opened { input, bytes }))
}

fn open_with(input: &Input, opening: Opening<'_>) -> Result<Opened> {
    let name = input.name();
    let failed = |error| Error::io("open", &name, error);
    let path = match &input.origin {
        Origin::Stdin => {
            if let Some(file) = stdin_file().map_err(failed)? {
                let files = Files::from_here(file).map_err(failed)?;
                return open_files(name, files, input.partition, opening);
            }
            // A shell may have made of it any file or device.
            let metadata = device::stdin().and_then(|stdin| stdin.metadata());
            let metadata = metadata.into_iter().collect();
            return open_pipe(
                name,
                Box::new(io::stdin()),
                metadata,
                input.partition,
                opening,
            );
        }
        Origin::File(path) => path,
    };
    let paths = files_of(path, opening.wanted)?;
    // Not of the open file: to open a pipe waits for its other end.
    let kind = device::file_kind(&fs::metadata(&paths[0]).map_err(failed)?);
    if kind.is_file_or_disk() {
        let name = match path.is_dir() {
            true => paths[0].clone(),
            false => name,
        };
        return open_files(name, Files::open(&paths)?, input.partition, opening);
    }
    if opening.wanted == Wanted::Volume && kind == device::FileKind::Pipe {
        return Err(Error::refused(
            path,
            "is a pipe",
            "a volume is read here and there; only images can come from a pipe",
        ));
    }
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    open_pipe(
        name,
        Box::new(file),
        vec![metadata],
        input.partition,
        opening,
    )
}

/// The pieces of the file that `path` is the first piece of; else itself.
pub fn pieces_of(path: &Path) -> Result<Vec<PathBuf>> {
    piece_names::of(path)
}

/// The files that are read where `path` is named.
fn files_of(path: &Path, wanted: Wanted) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return piece_names::of(path);
    }
    let remedy = match wanted {
        Wanted::Image => "name an image file, or - for standard input",
        Wanted::Volume => "name the device that is mounted there, or a file that holds a volume",
    };
    match clonezilla::image_in(path)? {
        Some(image) => piece_names::of(&image),
        None => Err(Error::refused(path, "is a directory", remedy)),
    }
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
    partition: Option<u32>,
    opening: Opening<'_>,
) -> Result<Opened> {
    let layers = match files.count() {
        1 => Vec::new(),
        count => vec![Layer::Pieces(count)],
    };
    let mut nesting = Nesting::new(layers, partition);
    let mut start = opening.start_of(&name, &files)?;
    if Compression::of(&start).is_none()
        && let Some(number) = nesting.partition()
    {
        files = enter_partition(&name, files, &nesting)?;
        nesting.pass(Layer::Partition(number));
        start = opening.start_of(&name, &files)?;
    }
    let files = Arc::new(files);
    let damaged = match opening.rescue {
        // Of a volume itself, a map may know already what is bad.
        Some(rescue) if opening.wanted == Wanted::Image && Compression::of(&start).is_none() => {
            let source = rescue_files(&name, &files, rescue)?;
            let len = START_BYTES.min(usize::try_from(source.size()).unwrap_or(START_BYTES));
            start.resize(len, 0);
            let read = source.read(0, &mut start);
            read.map_err(|error| Error::io("read", &name, error))?;
            Some(source)
        }
        _ => None,
    };
    // In a rescue, all that is there is wanted, whether it is right or not.
    let sums = match (opening.sums, opening.rescue) {
        (Sums::Compare, None) => FileSums::beside(&files)?,
        _ => None,
    };
    let mut input = Recognised {
        name,
        format: Format::Image,
        layers: nesting.layers().to_vec(),
        container: None,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        damaged,
        sums,
    };
    let content = Probe::with_start(&files, &start).content();
    // The first frame may be what is damaged.
    if content.may_be_in_frames()
        && nesting.partition().is_none()
        && let Some((content, seekable)) = open_seekable(&input.name, &files)
    {
        input.layers.push(Layer::Seekable);
        input.arrive(content);
        // Its frames are read, not its sectors.
        input.damaged = None;
        if let Some(sums) = &input.sums {
            sums.read_meanwhile()?;
        }
        let bytes = Bytes::Seekable(seekable);
        return Ok(Opened { input, bytes });
    }
    let step = nesting.step(&files, content);
    input.format = match step.map_err(|found| refuse(&input.name, &found))? {
        Step::Decompress(_) => {
            let reader = tapped(&input, Box::new(FilesReader::new(files)));
            return open_stream(input, reader, nesting, opening);
        }
        Step::Open(container) => {
            input.enter(container);
            Format::Partclone
        }
        Step::Arrived(Content::Image) => Format::Image,
        Step::Arrived(Content::Volume) => Format::Volume,
        // In a rescue, a volume may be known by what is not read yet.
        _ if opening.wanted == Wanted::Volume && opening.rescue.is_some() => Format::Volume,
        _ => judge_unknown(&input.name, &start, opening.wanted)?,
    };
    if let (Format::Image | Format::Partclone, None, Some(rescue)) =
        (input.format, &input.damaged, opening.rescue)
    {
        input.damaged = Some(rescue_files(&input.name, &files, rescue)?);
    }
    if let (Format::Volume, Some(sums)) = (input.format, &input.sums) {
        // Not all of it is read for a copy.
        sums.read_meanwhile()?;
    }
    let bytes = Bytes::Random(files);
    Ok(Opened { input, bytes })
}

/// The partition of a disk that is named.
fn enter_partition(name: &Path, disk: Files, nesting: &Nesting) -> Result<Files> {
    if let Some(number) = nesting.partition()
        && let Some(files) = partition::device_of(&disk, number)?
    {
        return Ok(files);
    }
    let step = nesting.step(&disk, Content::Unknown);
    match step.map_err(|found| refuse(name, &found))? {
        Step::Enter(partition, damage) => {
            partition::warn_of(name, damage);
            Ok(disk.part(partition.offset, partition.size))
        }
        Step::Decompress(_) | Step::Open(_) | Step::Arrived(_) => Ok(disk),
    }
}

impl Opening<'_> {
    /// The first bytes. In a rescue, they may be unreadable.
    fn start_of(self, name: &Path, files: &Files) -> Result<Vec<u8>> {
        match start_of(files) {
            Err(_) if self.rescue.is_some() => Ok(Vec::new()),
            start => start.map_err(|error| Error::io("read", name, error)),
        }
    }
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
fn open_seekable(name: &Path, files: &Arc<Files>) -> Option<(Content, Arc<Seekable>)> {
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
    // What is wrong with the first frame is told when all are read.
    let content = Probe::new(&seekable).map_or(Content::Unknown, |probe| probe.content());
    let content = match (content, seekable.summary()) {
        (content @ (Content::Image | Content::Volume | Content::Container(_)), _) => content,
        (content, Ok(Some(summary))) if content.may_be_in_frames() => match summary.head().kind {
            Kind::NtfscloneImage => Content::Image,
            Kind::RawVolume => Content::Volume,
        },
        _ => return None,
    };
    Some((content, Arc::new(seekable)))
}

/// Opens what was opened before, from its start. Checksums are compared once.
pub fn open_again(mut input: Recognised, partition: Option<u32>) -> Result<Opened> {
    input.sums = None;
    match input.files.clone() {
        Some(files) if input.layers.contains(&Layer::Seekable) => {
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
            let layers = input.layers.iter().copied();
            let outer: Vec<Layer> = layers
                .take_while(|layer| !matches!(layer, Layer::Compressed(_)))
                .collect();
            let is_partition = |layer: &Layer| matches!(layer, Layer::Partition(_));
            let partition = partition.filter(|_| !outer.iter().any(is_partition));
            let nesting = Nesting::new(outer, partition);
            let opening = Opening {
                wanted: Wanted::Image,
                rescue: None,
                sums: Sums::Ignore,
            };
            open_stream(input, Box::new(FilesReader::new(files)), nesting, opening)
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

fn start_of(files: &Files) -> io::Result<Vec<u8>> {
    let mut start = vec![0; START_BYTES.min(usize::try_from(files.size()).unwrap_or(START_BYTES))];
    files
        .read_exact_at(0, &mut start)
        .map_err(io::Error::other)?;
    Ok(start)
}
