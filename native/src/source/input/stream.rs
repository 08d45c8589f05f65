//! What comes once, from its start to its end.

use std::fs::Metadata;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};

use ntfsclone_core::ntfs::{Foreign, foreign};

use super::compression::{Decompressor, StreamError};
use super::partition::{self, Start};
use super::read_ahead::ReadAhead;
use super::{Bytes, Compression, Format, Layer, Opened, Recognised, format_of};
use crate::error::{Error, Result};
use crate::source::foreign::refuse_foreign;

/// How often something may be compressed again.
const MOST_COMPRESSIONS: usize = 2;

/// What is read of a stream to tell what it is: the partition table of a disk
/// is in it, by either size of sectors.
const STREAM_START_BYTES: usize = 64 << 10;

/// Opens what comes through a pipe.
pub(super) fn open_pipe(
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
        sums: None,
    };
    open_stream(input, reader, partition)
}

/// Opens what can only be read once; decompresses it, if it has to be.
pub(super) fn open_stream(
    mut input: Recognised,
    mut reader: Box<dyn Read + Send>,
    partition: Option<u32>,
) -> Result<Opened> {
    let mut start = peek(&mut reader, &input.name)?;
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
