//! What comes once, from its start to its end.

use std::fs::Metadata;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::open::{Container, Content, Inward, Layer, Nesting, NotOpened, Probe};
use ntfsclone_core::stream::{Compression, StreamError};

use super::compression::Decompressor;
use super::not_opened::{Seen, judge_unknown, refuse_seen};
use super::partition::{self, Start};
use super::passing::Passing;
use super::read_ahead::ReadAhead;
use super::{
    Bytes, Files, FilesReader, Format, OpenInput, OpenOptions, Recognised, Sums, Unnamed, Wanted,
};
use crate::error::{Error, Result, TAKE_ANOTHER};
use crate::options::Indexing;

/// What is read of a stream to identify it: the partition table of a disk is in
/// it, by either size of sectors, and the signatures of all file systems.
const STREAM_START_BYTES: usize = 68 << 10;

/// Opens what comes through a pipe.
pub(super) fn open_pipe(
    name: PathBuf,
    reader: Box<dyn Read + Send>,
    metadata: Vec<Metadata>,
    partition: Option<u32>,
    opening: OpenOptions<'_>,
) -> Result<OpenInput> {
    let input = Recognised {
        name,
        format: Format::Image,
        layers: Vec::new(),
        container: None,
        disk: None,
        table_damage: None,
        files: None,
        beside: Vec::new(),
        metadata,
        damaged: None,
        sums: None,
        passing: None,
        indexing: Indexing::default(),
    };
    open_stream(input, reader, Nesting::new(Vec::new(), partition), opening)
}

/// Opens what can only be read once; decompresses it, if it has to be.
pub(super) fn open_stream(
    mut input: Recognised,
    mut reader: Box<dyn Read + Send>,
    mut nesting: Nesting,
    opening: OpenOptions<'_>,
) -> Result<OpenInput> {
    loop {
        let start = peek(&mut reader, &input.name, opening)?;
        let source = Start(&start);
        let content = Probe::with_start(&source, &start).content();
        if opening.unnamed == Unnamed::EnterOnlyNtfs {
            partition::choose(&input.name, &mut nesting, &content, partition::only_one);
        }
        let step = nesting.step(&source, content);
        let refused = |found: NotOpened| refuse_seen(&input.name, &found, Seen::Start);
        input.format = match step.map_err(refused)? {
            Inward::Decompress(compression) => {
                let ends_anywhere = input.ends_anywhere();
                if compression == Compression::Zstd && !input.is_compressed() {
                    let passing = Passing::new();
                    reader = passing.follow(reader);
                    input.passing = Some(passing);
                }
                let failed = |error| Error::io("decompress", &input.name, error);
                let stream = Decompressor::new(compression, reader, ends_anywhere);
                let stream = ReadAhead::start("decompresses", stream.map_err(failed)?);
                reader = Box::new(stream.map_err(failed)?);
                nesting.pass(Layer::Compressed(compression));
                input.layers = nesting.layers().to_vec();
                continue;
            }
            Inward::Enter(partition, damage) => {
                partition::warn_of(&input.name, damage);
                input.table_damage = damage;
                let part = StreamPart::new(reader, partition.offset, partition.size);
                reader = Box::new(part.map_err(|error| read_error(&input.name, error))?);
                nesting.pass(Layer::Partition(partition.number));
                input.layers = nesting.layers().to_vec();
                continue;
            }
            Inward::Open(Container::Disk(format)) => {
                return Err(refused(NotOpened::DiskInStream(format)));
            }
            Inward::Open(_) if nesting.partition().is_some() => {
                return Err(refused(NotOpened::NoTable));
            }
            Inward::Open(container) => {
                nesting.pass(container.layer(&[]));
                input.layers = nesting.layers().to_vec();
                input.container = Some(container);
                Format::Partclone
            }
            Inward::Arrived(Content::Image) => Format::Image,
            Inward::Arrived(Content::Volume) => Format::Volume,
            Inward::Arrived(_) => judge_unknown(&input, &start, opening)?,
        };
        let bytes = Bytes::Stream(reader);
        return Ok(OpenInput { input, bytes });
    }
}

/// The files as a stream that is decompressed; bytes after it are an error.
pub fn decompressed(
    name: &Path,
    files: &Arc<Files>,
    compression: Compression,
) -> Result<Box<dyn Read + Send>> {
    let failed = |error| Error::io("decompress", name, error);
    let reader = Box::new(FilesReader::new(Arc::clone(files)));
    let stream = Decompressor::new(compression, reader, files.is_block_device());
    let stream = ReadAhead::start("decompresses", stream.map_err(failed)?);
    Ok(Box::new(stream.map_err(failed)?))
}

/// What a stream begins with. Its bytes stay in it.
pub fn peek_content(name: &Path, reader: &mut Box<dyn Read + Send>) -> Result<Content> {
    let opening = OpenOptions {
        wanted: Wanted::Volume,
        rescue: None,
        sums: Sums::Ignore,
        unnamed: Unnamed::Refuse,
    };
    let start = peek(reader, name, opening)?;
    Ok(Probe::with_start(&Start(&start), &start).content())
}

/// The first bytes of a stream, which stay in it.
fn peek(
    reader: &mut Box<dyn Read + Send>,
    name: &Path,
    opening: OpenOptions<'_>,
) -> Result<Vec<u8>> {
    let mut start = vec![0; STREAM_START_BYTES];
    let (len, error) = read_before_error(reader, &mut start);
    start.truncate(len);
    let rest: Box<dyn Read + Send> = match error {
        None => std::mem::replace(reader, Box::new(io::empty())),
        Some(error) if opening.rescue.is_some() && len > 0 => Box::new(Failed(Some(error))),
        Some(error) => return Err(read_error(name, error)),
    };
    *reader = Box::new(Cursor::new(start.clone()).chain(rest));
    Ok(start)
}

/// What a read of an input failed with.
pub fn read_error(name: &Path, error: io::Error) -> Error {
    match error.downcast::<StreamError>() {
        Ok(source) => Error::Compressed {
            path: name.to_owned(),
            remedy: remedy_for_stream(&source),
            source: Box::new(source),
        },
        Err(error) => match error.downcast() {
            Ok(source) => Error::read(name, source),
            Err(error) => Error::io("read", name, error),
        },
    }
}

fn remedy_for_stream(error: &StreamError) -> String {
    match error {
        StreamError::Limit { compression, .. } => format!(
            "make memory free; or decompress it elsewhere first: {}",
            compression.command()
        ),
        StreamError::TrailingBytes { .. } => {
            "was something appended to it? Cut it there, if what follows is not needed".to_owned()
        }
        _ => TAKE_ANOTHER.to_owned(),
    }
}

/// Fills `buf` as far as the input goes.
pub fn read_up_to(reader: &mut (impl Read + ?Sized), buf: &mut [u8]) -> io::Result<usize> {
    match read_before_error(reader, buf) {
        (len, None) => Ok(len),
        (_, Some(error)) => Err(error),
    }
}

/// Fills `buf` as far as the input goes, or up to an error. Returns how many
/// bytes that are, and the error.
pub fn read_before_error(
    reader: &mut (impl Read + ?Sized),
    buf: &mut [u8],
) -> (usize, Option<io::Error>) {
    let mut len = 0;
    while len < buf.len() {
        match reader.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (len, Some(error)),
        }
    }
    (len, None)
}

/// What a reader ends with that failed while its start was looked at.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match self.0.take() {
            Some(error) => Err(error),
            None => Ok(0),
        }
    }
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
