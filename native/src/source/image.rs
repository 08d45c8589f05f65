//! An image as a stream, from a file or a pipe.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};
use ntfsclone_core::ntfs::BootSector;

use super::past_cache::PastCache;
use crate::aligned_buffer::AlignedBuffer;
use crate::device;
use crate::direct::{PROBES, is_mostly_cached};
use crate::error::{Error, Result};
use crate::options::{Direct, Input, Rescue};
use crate::pipeline::{Filled, Filler};
use crate::progress::Progress;
use crate::rescue::{DamagedSource, Medium};

/// Bytes read at once.
const CHUNK_BYTES: usize = 4 << 20;

/// An image whose header has been read.
pub struct ImageStream {
    reader: Box<dyn Read + Send>,
    name: PathBuf,
    decoder: Decoder,
    header: Header,
    /// What was read, and which part of it was not decoded yet.
    chunk: AlignedBuffer,
    rest: Range<usize>,
    /// Another handle of a file or block device, which can be read again.
    file: Option<File>,
    is_on_device: bool,
    /// It is read past the kernel's cache.
    is_direct: bool,
    /// Where the image begins in the file.
    start: u64,
    /// In a rescue: what of the file could not be read.
    damaged: Option<Arc<DamagedSource>>,
}

impl ImageStream {
    /// Opens an image and reads its header.
    pub fn open(input: &Input, rescue: Option<&Rescue>) -> Result<Self> {
        Self::open_knowing(input, rescue, None)
    }

    /// As [`ImageStream::open`]; sectors that are known to be bad are not asked
    /// for again.
    fn open_knowing(
        input: &Input,
        rescue: Option<&Rescue>,
        known: Option<Arc<DamagedSource>>,
    ) -> Result<Self> {
        let name = input.name();
        let failed = |error| Error::io("open", &name, error);
        let mut damaged = None;
        let (reader, file): (Box<dyn Read + Send>, _) = match input {
            Input::Stdin => match stdin_file().map_err(failed)? {
                Some(file) => (Box::new(file.try_clone().map_err(failed)?), Some(file)),
                None => (Box::new(io::stdin()), None),
            },
            Input::File(path) => {
                let file = File::open(path).map_err(failed)?;
                let kind = file.metadata().map_err(failed)?.file_type();
                if kind.is_dir() {
                    return Err(Error::refused(
                        path,
                        "is a directory",
                        "name an image file, or - for standard input",
                    ));
                }
                let again = match kind.is_file() || kind.is_block_device() {
                    true => Some(file.try_clone().map_err(failed)?),
                    false => None,
                };
                match (rescue, &again) {
                    (Some(rescue), Some(_)) => {
                        let mut file = file;
                        let size = file.seek(SeekFrom::End(0)).map_err(failed)?;
                        let source = match known {
                            Some(known) => known,
                            None => {
                                let medium = Medium::open(path, size).map_err(failed)?;
                                Arc::new(DamagedSource::new(medium, rescue.retries, None))
                            }
                        };
                        damaged = Some(Arc::clone(&source));
                        let reader = RescueReader {
                            source,
                            position: 0,
                        };
                        (Box::new(reader), again)
                    }
                    _ => (Box::new(file), again),
                }
            }
        };

        let metadata = file.as_ref().and_then(|file| file.metadata().ok());
        let is_on_device = metadata.is_some_and(|data| data.file_type().is_block_device());

        let start = match file.as_ref() {
            Some(mut file) => file.stream_position().map_err(failed)?,
            None => 0,
        };
        let mut decoder = Decoder::new();
        let mut chunk = AlignedBuffer::new(CHUNK_BYTES);
        let mut reader = reader;
        let len = read_up_to(&mut reader, &mut chunk, &name)?;
        let mut input = &chunk[..len];
        let header = match decoder.next(&mut input) {
            Ok(Event::Header(header)) => header,
            Ok(_) => {
                let error = decoder.end_of_input().err();
                return Err(not_an_image(&name, &chunk[..len], error));
            }
            Err(error) => return Err(not_an_image(&name, &chunk[..len], Some(error))),
        };
        let rest = len - input.len()..len;
        Ok(Self {
            reader,
            name,
            decoder,
            header,
            chunk,
            rest,
            file,
            is_on_device,
            is_direct: false,
            start,
            damaged,
        })
    }

    pub fn name(&self) -> &Path {
        &self.name
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What tells the image file from others; none for a pipe.
    pub fn metadata(&self) -> Option<Metadata> {
        match &self.file {
            Some(file) => file.metadata().ok(),
            // A shell may have made of it any file or device.
            None => device::metadata_of(io::stdin()).ok(),
        }
    }

    /// The boot sector of the volume, if the image begins with it, as all do
    /// but those of metadata.
    pub fn boot_sector(&self) -> Option<BootSector> {
        let mut input = &self.chunk[self.rest.clone()];
        match self.decoder.clone().next(&mut input) {
            Ok(Event::Data { offset: 0, bytes }) => BootSector::parse(bytes.first_chunk()?, 0).ok(),
            _ => None,
        }
    }

    /// Reads the rest past the kernel's cache, if that is wanted and can be
    /// done: to be called before anything is decoded.
    pub fn bypass_cache(&mut self, when: Direct) {
        let Some(file) = self.file.as_ref().filter(|_| self.damaged.is_none()) else {
            return;
        };
        let size = self.expected_bytes();
        let places = (0..PROBES).map(|probe| self.start + size / PROBES * probe);
        let wanted = match when {
            Direct::Always => true,
            Direct::Never => false,
            Direct::Auto => !is_mostly_cached(file, places),
        };
        let position = self.start + self.rest.end as u64;
        if wanted && let Some(reader) = PastCache::new(file, position) {
            self.reader = Box::new(reader);
            self.is_direct = true;
        }
    }

    /// Whether the kernel's cache is passed by.
    pub fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// Whether what is read once is still in memory when it is read again.
    pub fn fits_in_cache(&self) -> bool {
        self.expected_bytes() < device::available_memory() / 2
    }

    /// Keeps account of what could not be read so far.
    pub fn damaged(&self) -> Option<Arc<DamagedSource>> {
        self.damaged.clone()
    }

    /// Bytes of the volume that are in the image, as its header says.
    pub fn expected_bytes(&self) -> u64 {
        let clusters = self.header.inuse.min(self.header.nr_clusters);
        clusters * u64::from(self.header.cluster_size) + self.header.tail_size()
    }

    /// Decodes all of the image; calls `take` with each piece of the volume
    /// and where it belongs.
    fn decode<E>(
        &mut self,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<Result<()>, E> {
        loop {
            let mut input = &self.chunk[self.rest.clone()];
            loop {
                match self.decoder.next(&mut input) {
                    Ok(Event::Data { offset, bytes }) => take(offset, bytes)?,
                    Ok(Event::Header(_)) => {}
                    Ok(Event::NeedInput) => break,
                    // An image on a device does not reach to its end.
                    Ok(Event::End) if self.is_on_device => return Ok(Ok(())),
                    Ok(Event::End) if input.is_empty() => break,
                    Ok(Event::End) => {}
                    Err(error) => return Ok(Err(Error::read(&self.name, error))),
                }
            }
            // After the end as well: what follows it is an error.
            match read_up_to(&mut self.reader, &mut self.chunk, &self.name) {
                Ok(0) => {
                    let ended = self.decoder.end_of_input();
                    return Ok(ended.map_err(|error| Error::read(&self.name, error)));
                }
                Ok(len) => self.rest = 0..len,
                Err(error) => return Ok(Err(error)),
            }
        }
    }

    /// Reads all of the image and checks its structure.
    pub fn check(mut self, mut progress: Progress) -> Result<u64> {
        let mut clusters_bytes = 0;
        let checked = self.decode(|_, bytes| -> Result<()> {
            clusters_bytes += bytes.len() as u64;
            progress.advance_to(clusters_bytes);
            Ok(())
        })?;
        checked?;
        progress.finish();
        Ok(clusters_bytes)
    }

    /// Fills batches with the bytes of the volume, no cluster cut in two.
    pub fn fill(mut self) -> impl FnOnce(&mut Filler) -> Filled {
        move |filler| {
            let header = self.header;
            let cluster_size = u64::from(header.cluster_size);
            self.decode(|offset, bytes| {
                let needed = match offset % cluster_size {
                    // The rest of the cluster has room: it was asked for then.
                    1.. => bytes.len(),
                    0 => header.cluster_size as usize,
                };
                let batch = filler.batch_with_room(needed)?;
                batch.push(offset, bytes.len()).copy_from_slice(bytes);
                batch.count(bytes.len() as u64);
                Ok(())
            })
        }
    }
}

/// Checks all of an image that is a file, and goes back to its start; does
/// nothing with one that comes from a pipe.
pub fn check_ahead(
    image: ImageStream,
    input: &Input,
    rescue: Option<&Rescue>,
    progress: Progress,
) -> Result<ImageStream> {
    let Some(mut file) = image.file.as_ref().and_then(|file| file.try_clone().ok()) else {
        return Ok(image);
    };
    let (known, start) = (image.damaged(), image.start);
    image.check(progress)?;
    // Standard input is not opened again: it is where the check left it.
    file.seek(SeekFrom::Start(start))
        .map_err(|error| Error::io("go back in", &input.name(), error))?;
    ImageStream::open_knowing(input, rescue, known)
}

/// Standard input, if a shell made a file or device of it, which can be read
/// more than once.
fn stdin_file() -> io::Result<Option<File>> {
    let file = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let kind = file.metadata()?.file_type();
    Ok((kind.is_file() || kind.is_block_device()).then_some(file))
}

/// Reads a file from its start, in spite of bad sectors.
struct RescueReader {
    source: Arc<DamagedSource>,
    position: u64,
}

impl Read for RescueReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.source.size().saturating_sub(self.position);
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        self.source.read(self.position, &mut buf[..len])?;
        self.position += len as u64;
        Ok(len)
    }
}

/// Fills `buf` as far as the input goes.
fn read_up_to(reader: &mut dyn Read, buf: &mut [u8], name: &Path) -> Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match reader.read(&mut buf[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::io("read", name, error)),
        }
    }
    Ok(len)
}

/// The error for input that does not begin like an image: says what it is, if
/// that can be told.
fn not_an_image(name: &Path, start: &[u8], error: Option<ntfsclone_core::Error>) -> Error {
    let known: [(&[u8], &str, &str); 8] = [
        (b"\x1F\x8B", "gzip", "gunzip -c"),
        (b"\x28\xB5\x2F\xFD", "zstd", "zstd -dc"),
        (b"\xFD7zXZ\0", "xz", "xz -dc"),
        (b"BZh", "bzip2", "bzip2 -dc"),
        (b"\x04\x22\x4D\x18", "lz4", "lz4 -dc"),
        (b"partclone-image", "partclone", ""),
        (b"\xEB\x52\x90NTFS    ", "volume", ""),
        (b"", "", ""),
    ];
    let found = known.iter().find(|(magic, ..)| start.starts_with(magic));
    match found {
        Some((_, "partclone", _)) => Error::refused(
            name,
            "is an image of partclone, not of ntfsclone",
            "restore it with partclone.ntfs",
        ),
        Some((_, "volume", _)) => Error::refused(
            name,
            "is an NTFS volume, not an image",
            "leave out --restore-image to copy it",
        ),
        Some((_, format, command)) if !format.is_empty() => Error::refused(
            name,
            format!("is compressed with {format}"),
            format!("{command} IMAGE | ntfsclone --restore-image ... -"),
        ),
        _ if start.is_empty() => Error::refused(name, "is empty", "was it written completely?"),
        _ => match error {
            Some(error) => Error::read(name, error),
            None => Error::refused(name, "is not an image", "name an image of ntfsclone"),
        },
    }
}
