//! What an image or volume comes in: a file or device, standard input, a file
//! in pieces, a folder of Clonezilla, a partition of a disk; compressed or not.
//! All of it is told by what is there, never by a name.

pub mod clonezilla;
mod compression;
mod damaged;
mod file_sums;
mod files;
mod folder;
mod frames;
mod index_store;
mod neighbours;
mod not_opened;
mod opened;
mod partition;
mod passing;
mod piece_names;
mod read_ahead;
mod reopen;
mod seek_points;
mod seekable;
mod shared_decoder;
mod side_index;
mod stream;
mod virtual_disk;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::io::ReadAt;
use ntfsclone_core::open::{
    Container, Content, Damage, Inward, Layer, Nesting, PartitionTable, Probe,
};
use ntfsclone_core::stream::Compression;

pub use damaged::path_to_rescue;
pub use file_sums::{FileSums, tapped};
pub use files::{Files, FilesReader};
pub use frames::{FramesReader, SharedLostFrames};
pub use index_store::begins_as_index;
pub use not_opened::refuse;
pub use opened::{Bytes, Format, OpenInput, Recognised};
pub use partition::warn_of as warn_of_table;
pub use passing::Passing;
pub use reopen::open_again;
pub use seekable::Seekable;
pub use side_index::{indexed, open_indexed};
pub use stream::{decompressed, peek_content, read_before_error, read_error, read_up_to};
pub use virtual_disk::{VirtualDisk, open_with_neighbours};

use self::damaged::rescue_files;
use self::not_opened::judge_unknown;
use self::seekable::open_seekable;
use self::stream::{open_pipe, open_stream};
use self::virtual_disk::open_disk;
use crate::device;
use crate::error::{Error, Result};
use crate::options::{Indexing, Input, Origin, Rescue};

/// Bytes that are enough to tell.
const START_BYTES: usize = 512;

/// How an input is opened.
#[derive(Debug, Clone, Copy)]
struct OpenOptions<'a> {
    wanted: Wanted,
    /// What is there will do, in spite of what cannot be read.
    rescue: Option<&'a Rescue>,
    sums: Sums,
    unnamed: Unnamed,
}

/// What is done with a disk of which no partition is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unnamed {
    Refuse,
    /// Enter the only partition with NTFS.
    EnterOnlyNtfs,
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

/// Opens an image or volume, and tells what it is. In a rescue, a file or
/// device is read in spite of bad sectors.
///
/// # Errors
///
/// [`Error::Refused`], if it is known and cannot be restored.
pub fn open(input: &Input, rescue: Option<&Rescue>) -> Result<OpenInput> {
    let opening = OpenOptions {
        wanted: Wanted::Image,
        rescue,
        sums: Sums::Ignore,
        unnamed: Unnamed::Refuse,
    };
    open_with(input, opening)
}

/// Like [`open`], to look at what is there: of a disk with one NTFS partition that is entered, which is
/// printed.
///
/// # Errors
///
/// As [`open`].
pub fn open_to_look(input: &Input) -> Result<OpenInput> {
    let opening = OpenOptions {
        wanted: Wanted::Image,
        rescue: None,
        sums: Sums::Ignore,
        unnamed: Unnamed::EnterOnlyNtfs,
    };
    open_with(input, opening)
}

/// Like [`open`]; compares the file with the checksums beside it while it is
/// read, which [`FileSums::finish`] is to be asked for.
///
/// # Errors
///
/// As [`open`]; a sidecar cannot be read, or is of another file.
pub fn open_compared(input: &Input, rescue: Option<&Rescue>) -> Result<OpenInput> {
    let opening = OpenOptions {
        wanted: Wanted::Image,
        rescue,
        sums: Sums::Compare,
        unnamed: Unnamed::Refuse,
    };
    open_with(input, opening)
}

/// Like [`open`], to copy a volume or what of it an image holds. In a rescue, a
/// volume that is a file or device itself is opened as it is.
///
/// # Errors
///
/// As [`open`]; it is a pipe, which can be read only once.
pub fn open_volume(
    path: &Path,
    partition: Option<u32>,
    rescue: Option<&Rescue>,
) -> Result<OpenInput> {
    let input = Input {
        partition,
        ..Input::file(path.to_owned())
    };
    let opening = OpenOptions {
        wanted: Wanted::Volume,
        rescue,
        sums: Sums::Ignore,
        unnamed: Unnamed::Refuse,
    };
    open_with(&input, opening)
}

/// Opens all of one file or device as a volume, without a look at what it is: on a
/// dying disk each read may be the last. `None` if it is anything else.
pub fn open_unread(path: &Path, partition: Option<u32>) -> Result<Option<OpenInput>> {
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
        disk: None,
        table_damage: None,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        beside: Vec::new(),
        damaged: None,
        sums: None,
        passing: None,
        indexing: Indexing::default(),
    };
    let bytes = Bytes::Random(files);
    Ok(Some(OpenInput { input, bytes }))
}

fn open_with(input: &Input, opening: OpenOptions<'_>) -> Result<OpenInput> {
    let mut opened = open_origin(input, opening)?;
    opened.input.indexing = input.indexing.clone();
    Ok(opened)
}

fn open_origin(input: &Input, opening: OpenOptions<'_>) -> Result<OpenInput> {
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

/// The bytes of what is named, whatever they are: a file, its pieces, or a device. `None` for a
/// folder or a pipe.
pub fn files_named(input: &Input) -> Result<Option<Files>> {
    let name = input.name();
    let failed = |error| Error::io("open", &name, error);
    let path = match &input.origin {
        Origin::Stdin => {
            let file = stdin_file().map_err(failed)?;
            return file.map(Files::from_here).transpose().map_err(failed);
        }
        Origin::File(path) if path.is_dir() => return Ok(None),
        Origin::File(path) => path,
    };
    let paths = piece_names::of(path)?;
    let kind = device::file_kind(&fs::metadata(&paths[0]).map_err(failed)?);
    if !kind.is_file_or_disk() {
        return Ok(None);
    }
    Files::open(&paths).map(Some)
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
    let image = match clonezilla::image_in(path)? {
        None => folder::image_in(path)?,
        image => image,
    };
    match image {
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
    opening: OpenOptions<'_>,
) -> Result<OpenInput> {
    let layers = match files.count() {
        1 => Vec::new(),
        count => vec![Layer::Pieces(count)],
    };
    let mut nesting = Nesting::new(layers, partition);
    let mut table_damage = None;
    let mut start = opening.start_of(&name, &files)?;
    if opening.unnamed == Unnamed::EnterOnlyNtfs {
        let content = Probe::with_start(&files, &start).content();
        partition::choose(&name, &mut nesting, &content, PartitionTable::only_ntfs);
    }
    if Compression::of(&start).is_none()
        && !is_virtual_disk(&files, &start)
        && let Some(number) = nesting.partition()
    {
        (files, table_damage) = enter_partition(&name, files, &nesting)?;
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
        disk: None,
        table_damage,
        metadata: files.metadata(),
        files: Some(Arc::clone(&files)),
        beside: Vec::new(),
        damaged,
        sums,
        passing: None,
        indexing: Indexing::default(),
    };
    let content = Probe::with_start(&files, &start).content();
    // The first frame may be what is damaged.
    if content.may_be_in_frames()
        && let Some((content, seekable)) = open_seekable(&input.name, &files)
        && (nesting.partition().is_none() || is_disk(&content))
    {
        if is_disk(&content) {
            nesting.pass(Layer::Seekable);
            return open_disk(input, seekable, nesting, opening);
        }
        input.layers.push(Layer::Seekable);
        input.arrive(content);
        // Its frames are read, not its sectors.
        input.damaged = None;
        if let Some(sums) = &input.sums {
            sums.read_meanwhile()?;
        }
        let bytes = Bytes::Seekable(seekable);
        return Ok(OpenInput { input, bytes });
    }
    let step = nesting.step(&files, content);
    input.format = match step.map_err(|found| refuse(&input.name, &found))? {
        Inward::Decompress(_) => {
            let reader = tapped(&input, Box::new(FilesReader::new(files)));
            return open_stream(input, reader, nesting, opening);
        }
        Inward::Open(Container::Disk(_)) => {
            // Not all of it is read for a copy.
            if let Some(sums) = &input.sums {
                sums.read_meanwhile()?;
            }
            return open_disk(input, files, nesting, opening);
        }
        Inward::Open(container) => {
            input.enter(container);
            Format::Partclone
        }
        Inward::Arrived(Content::Image) => Format::Image,
        Inward::Arrived(Content::Volume) => Format::Volume,
        // In a rescue, a volume may be known by what is not read yet.
        _ if opening.wanted == Wanted::Volume && opening.rescue.is_some() => Format::Volume,
        _ => judge_unknown(&input, &start, opening)?,
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
    Ok(OpenInput { input, bytes })
}

fn is_virtual_disk(files: &Files, start: &[u8]) -> bool {
    is_disk(&Probe::with_start(files, start).content())
}

fn is_disk(content: &Content) -> bool {
    matches!(content, Content::Container(Container::Disk(_)))
}

/// The partition of a disk that is named.
fn enter_partition(name: &Path, disk: Files, nesting: &Nesting) -> Result<(Files, Option<Damage>)> {
    if let Some(number) = nesting.partition()
        && let Some(files) = partition::device_of(&disk, number)?
    {
        return Ok((files, None));
    }
    let step = nesting.step(&disk, Content::Unknown);
    match step.map_err(|found| refuse(name, &found))? {
        Inward::Enter(partition, damage) => {
            partition::warn_of(name, damage);
            Ok((disk.part(partition.offset, partition.size), damage))
        }
        Inward::Decompress(_) | Inward::Open(_) | Inward::Arrived(_) => Ok((disk, None)),
    }
}

impl OpenOptions<'_> {
    /// The first bytes. In a rescue, they may be unreadable.
    fn start_of(self, name: &Path, files: &Files) -> Result<Vec<u8>> {
        match start_of(files) {
            Err(_) if self.rescue.is_some() => Ok(Vec::new()),
            start => start.map_err(|error| Error::io("read", name, error)),
        }
    }
}

fn start_of(files: &Files) -> io::Result<Vec<u8>> {
    let mut start = vec![0; START_BYTES.min(usize::try_from(files.size()).unwrap_or(START_BYTES))];
    files
        .read_exact_at(0, &mut start)
        .map_err(io::Error::other)?;
    Ok(start)
}
