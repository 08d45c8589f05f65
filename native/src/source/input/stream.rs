//! What comes once, from its start to its end.

use std::fs::Metadata;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use ntfsclone_core::ntfs::{Foreign, foreign};
use ntfsclone_core::stream::{Compression, StreamError};

use super::compression::Decompressor;
use super::partition::{self, Start};
use super::read_ahead::ReadAhead;
use super::{Bytes, Format, Layer, Opened, Recognised, format_of};
use crate::error::{Error, Result, TAKE_ANOTHER};
use crate::source::foreign::refuse_foreign;

/// How often something may be compressed again.
const MOST_COMPRESSIONS: usize = 2;

/// What is read of a stream to tell what it is: the partition table of a disk
/// is in it, by either size of sectors.
const STREAM_START_BYTES: usize = 64 << 10;

/// What is wanted of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// For a rescue: what comes before damage.
    WhatIsThere,
}

/// Opens what comes through a pipe.
pub(super) fn open_pipe(
    name: PathBuf,
    reader: Box<dyn Read + Send>,
    metadata: Vec<Metadata>,
    partition: Option<u32>,
    wanted: Wanted,
) -> Result<Opened> {
    let input = Recognised {
        name,
        format: Format::Image,
        layers: Vec::new(),
        files: None,
        metadata,
        damaged: None,
        sums: None,
    };
    open_stream(input, reader, partition, wanted)
}

/// Opens what can only be read once; decompresses it, if it has to be.
pub(super) fn open_stream(
    mut input: Recognised,
    mut reader: Box<dyn Read + Send>,
    partition: Option<u32>,
    wanted: Wanted,
) -> Result<Opened> {
    let mut start = peek(&mut reader, &input.name, wanted)?;
    let mut compressions = 0;
    while let Some(compression) = Compression::of(&start) {
        compressions += 1;
        if compressions > MOST_COMPRESSIONS {
            return Err(Error::refused(
                &input.name,
                format!("is compressed more than {MOST_COMPRESSIONS} times"),
                format!(
                    "{} -c IMAGE | ntfsclone --restore-image ... -",
                    compression.command()
                ),
            ));
        }
        let ends_anywhere = input.ends_anywhere();
        input.layers.push(Layer::Compressed(compression));
        let failed = |error| Error::io("decompress", &input.name, error);
        let stream = Decompressor::new(compression, reader, ends_anywhere).map_err(failed)?;
        reader = Box::new(ReadAhead::start("decompresses", stream).map_err(failed)?);
        start = peek(&mut reader, &input.name, wanted)?;
    }
    if let Some(number) = partition {
        let partition = partition::find_in_stream(&input.name, &start, number)?;
        input.layers.push(Layer::Partition(number));
        let part = StreamPart::new(reader, partition.offset, partition.size);
        reader = Box::new(part.map_err(|error| read_error(&input.name, error))?);
        start = peek(&mut reader, &input.name, wanted)?;
    }
    let foreign = || match foreign::identify(&Start(&start)) {
        Foreign::Disk(partitions) => Some(partition::refuse_disk_stream(&input.name, &partitions)),
        found => refuse_foreign(&input.name, &found),
    };
    input.format = format_of(&input.name, &start, foreign)?;
    let bytes = Bytes::Stream(reader);
    Ok(Opened { input, bytes })
}

/// The first bytes of a stream, which stay in it.
fn peek(reader: &mut Box<dyn Read + Send>, name: &Path, wanted: Wanted) -> Result<Vec<u8>> {
    let mut start = vec![0; STREAM_START_BYTES];
    let (len, error) = read_before_error(reader, &mut start);
    start.truncate(len);
    let rest: Box<dyn Read + Send> = match error {
        None => std::mem::replace(reader, Box::new(io::empty())),
        Some(error) if wanted == Wanted::WhatIsThere && len > 0 => Box::new(Failed(Some(error))),
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
