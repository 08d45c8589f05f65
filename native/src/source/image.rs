//! An image, or the bytes of a volume, as a stream.

use std::fs::Metadata;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ntfsclone_core::backup_boot_sector::DecoderWithBackup;
use ntfsclone_core::check::{Findings, check_frames};
use ntfsclone_core::image::ntfsclone::{Decoder, Event, Header};
use ntfsclone_core::ntfs::BootSector;
use ntfsclone_core::ntfs::boot_sector::BOOT_SECTOR_BYTES;

use super::past_cache::PastCache;
use super::volume_decoder::VolumeDecoder;
use crate::bulk::aligned_buffer::AlignedBuffer;
use crate::bulk::direct::{PROBES, is_mostly_cached};
use crate::bulk::pipeline::{Filled, Filler};
use crate::device;
use crate::error::{Error, Result};
use crate::host::memory::Buffers;
use crate::host::progress::Progress;
use crate::input::{
    self, Bytes, FilesReader, Format, FramesReader, OpenInput, Recognised, Seekable, read_error,
    read_up_to,
};
use crate::options::Direct;
use crate::report;

/// Bytes read at once.
const CHUNK_BYTES: usize = 4 << 20;

/// The least bytes read at once, and of the memory that may be used, at most one
/// part in so many.
const LEAST_CHUNK_BYTES: usize = 256 << 10;
const SHARE: u64 = 24;

/// An image whose header has been read, or a volume whose boot sector has.
pub struct ImageStream {
    reader: Box<dyn Read + Send>,
    input: Recognised,
    /// What to call the decompressed bytes in messages.
    name: PathBuf,
    decoder: VolumeDecoder,
    /// Of a volume, what its image would have; the tail is not known yet.
    header: Header,
    /// What was read, and which part of it was not decoded yet.
    chunk: AlignedBuffer,
    rest: Range<usize>,
    /// Bytes of the input that were read.
    position: u64,
    /// The first pieces of the volume in an image of partclone, which were decoded to get at its
    /// boot sector: a bitmap of any size comes before.
    first: Vec<(u64, Vec<u8>)>,
    /// It is read past the kernel's cache.
    is_direct: bool,
}

impl ImageStream {
    /// Reads the header of an image, or the boot sector of a volume.
    pub fn new(opened: OpenInput) -> Result<Self> {
        let OpenInput { input, bytes } = opened;
        let seekable = match &bytes {
            Bytes::Seekable(seekable) => Some(Arc::clone(seekable)),
            Bytes::Random(_) | Bytes::Disk(_) | Bytes::Stream(_) => None,
        };
        let mut reader: Box<dyn Read + Send> = match bytes {
            Bytes::Random(files) => input::tapped(&input, Box::new(FilesReader::new(files))),
            Bytes::Seekable(seekable) => {
                warn_of_end(&seekable, &input.name);
                Box::new(FramesReader::start(&seekable))
            }
            Bytes::Disk(disk) => Box::new(disk.reader()),
            Bytes::Stream(reader) => reader,
        };
        let name = match input.is_compressed() {
            true => PathBuf::from(format!("{}, decompressed", input.name.display())),
            false => input.name.clone(),
        };
        let wanted = Buffers {
            count: 1,
            bytes: CHUNK_BYTES,
        };
        let mut chunk = AlignedBuffer::try_new(wanted.within(LEAST_CHUNK_BYTES, SHARE).bytes)?;
        let read = read_up_to(&mut reader, &mut chunk);
        let len = read.map_err(|error| read_error(&input.name, error))?;
        let mut bytes = &chunk[..len];
        let failed = |error| Error::read(&name, error);
        let (decoder, header) = match input.format {
            Format::Image => {
                let decoder = VolumeDecoder::Image(Decoder::new());
                begin(decoder, &mut bytes, &name).map_err(|error| input.explain(error))?
            }
            Format::Partclone => {
                let decoder = VolumeDecoder::Partclone(Box::new(DecoderWithBackup::new()));
                begin(decoder, &mut bytes, &name).map_err(|error| input.explain(error))?
            }
            Format::Volume => {
                let mut sector = [0; 512];
                let there = bytes.len().min(sector.len());
                sector[..there].copy_from_slice(&bytes[..there]);
                let boot = BootSector::parse(&sector, 0).or_else(|error| {
                    // What was recognised by its backup boot sector.
                    let backup = seekable.as_deref().and_then(BootSector::read_backup);
                    backup.map(|(boot, _)| boot).ok_or(error)
                });
                let geometry = boot.map_err(failed)?.geometry;
                let clusters = geometry.nr_clusters();
                let header = Header::new(
                    geometry.cluster_size,
                    geometry.backup_boot_sector() + u64::from(geometry.sector_size),
                    clusters,
                    clusters,
                );
                (VolumeDecoder::raw(header), header)
            }
        };
        let rest = len - bytes.len()..len;
        let mut image = Self {
            reader,
            input,
            name,
            decoder,
            header,
            chunk,
            rest,
            position: len as u64,
            first: Vec::new(),
            is_direct: false,
        };
        if image.input.format == Format::Partclone {
            image.decode_first()?;
        }
        Ok(image)
    }

    /// Decodes the bitmap of an image of partclone, and the boot sector after it.
    fn decode_first(&mut self) -> Result<()> {
        let mut end = 0;
        while end < BOOT_SECTOR_BYTES as u64 {
            let mut input = &self.chunk[self.rest.clone()];
            let event = self.decoder.next(&mut input);
            let (mut has_ended, mut is_used_up) = (false, false);
            match event.map_err(|error| Error::read(&self.name, error))? {
                Event::Data { offset, bytes } => {
                    has_ended = offset != end;
                    end = offset + bytes.len() as u64;
                    self.first.push((offset, bytes.to_vec()));
                }
                Event::Header(_) => {}
                Event::NeedInput => is_used_up = true,
                Event::End => has_ended = true,
            }
            self.rest.start = self.rest.end - input.len();
            if has_ended || (is_used_up && self.read_chunk()? == 0) {
                break;
            }
        }
        Ok(())
    }

    /// Reads the next part of the input; returns how many bytes that is, 0 at the end.
    fn read_chunk(&mut self) -> Result<usize> {
        let read = read_up_to(&mut self.reader, &mut self.chunk);
        let len = read
            .map_err(|error| read_error(&self.input.name, error))
            .map_err(|error| self.input.explain(error))?;
        self.rest = 0..len;
        self.position += len as u64;
        Ok(len)
    }

    pub fn name(&self) -> &Path {
        &self.input.name
    }

    /// What it was recognised as.
    pub fn input(&self) -> &Recognised {
        &self.input
    }

    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What tells the files that are read from others.
    pub fn metadata(&self) -> &[Metadata] {
        &self.input.metadata
    }

    /// The boot sector of the volume, if the image begins with it, as all do
    /// but those of metadata.
    pub fn boot_sector(&self) -> Option<BootSector> {
        let mut input = &self.chunk[self.rest.clone()];
        let bytes = match &self.decoder {
            VolumeDecoder::Volume(_) => input,
            VolumeDecoder::Partclone(decoder) => decoder.start(),
            VolumeDecoder::Image(decoder) => match decoder.clone().next(&mut input) {
                Ok(Event::Data { offset: 0, bytes }) => bytes,
                _ => return None,
            },
        };
        BootSector::parse(bytes.first_chunk()?, 0).ok()
    }

    /// True if the first cluster of the volume is left out, as by images of metadata:
    /// all others have the boot sector there.
    pub fn is_metadata(&self) -> bool {
        let mut input = &self.chunk[self.rest.clone()];
        match &self.decoder {
            VolumeDecoder::Volume(_) | VolumeDecoder::Partclone(_) => false,
            VolumeDecoder::Image(decoder) => {
                let first = decoder.clone().next(&mut input);
                matches!(first, Ok(Event::Data { offset: 1.., .. }))
            }
        }
    }

    /// Reads the rest past the kernel's cache, if that is wanted and can be
    /// done: to be called before anything is decoded.
    pub fn bypass_cache(&mut self, when: Direct) {
        let files = self.input.files.as_ref();
        let is_plain = !self.input.is_compressed();
        let Some((file, part)) = files.filter(|_| is_plain).and_then(|files| files.as_file())
        else {
            return;
        };
        let size = self.expected_bytes();
        let places = (0..PROBES).map(|probe| part.start + size / PROBES * probe);
        let wanted = match when {
            Direct::Always => true,
            Direct::Never => false,
            Direct::Auto => !is_mostly_cached(file, places),
        };
        let rest = part.start + self.position..part.end;
        if wanted && let Some(reader) = PastCache::new(file, rest) {
            self.reader = input::tapped(&self.input, Box::new(reader));
            self.is_direct = true;
        }
    }

    /// Whether the kernel's cache is passed by.
    pub fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// Whether what is read once is still in memory when it is read again.
    pub fn fits_in_cache(&self) -> bool {
        self.expected_bytes() < device::usable_memory() / 2
    }

    /// Bytes of the volume that are in the image, as its header says.
    pub fn expected_bytes(&self) -> u64 {
        expected_bytes(&self.header)
    }

    /// Decodes all of it; calls `take` with each piece of the volume, no longer
    /// than a cluster, and where it belongs.
    pub(super) fn decode<E>(
        &mut self,
        take: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<Result<()>, E> {
        let decoded = self.decode_all(take)?;
        // A change explains an error, too; and so does a device that went away.
        let decoded = self.check_unchanged().and(decoded);
        Ok(self.confirm_failures().and(decoded))
    }

    /// In a rescue, checks that what could not be read was bad.
    fn confirm_failures(&self) -> Result<()> {
        match &self.input.damaged {
            None => Ok(()),
            Some(damaged) => damaged
                .confirm_failures()
                .map_err(|error| read_error(&self.input.name, error)),
        }
    }

    fn check_unchanged(&self) -> Result<()> {
        self.input.check_unchanged()
    }

    fn decode_all<E>(
        &mut self,
        mut take: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<Result<()>, E> {
        for (offset, bytes) in std::mem::take(&mut self.first) {
            take(offset, &bytes)?;
        }
        let ends_anywhere = self.input.ends_anywhere();
        loop {
            let mut input = &self.chunk[self.rest.clone()];
            loop {
                match self.decoder.next(&mut input) {
                    Ok(Event::Data { offset, bytes }) => take(offset, bytes)?,
                    Ok(Event::Header(_)) => {}
                    Ok(Event::NeedInput) => break,
                    Ok(Event::End) if ends_anywhere => return Ok(Ok(())),
                    Ok(Event::End) if input.is_empty() => break,
                    Ok(Event::End) => {}
                    Err(error) => return Ok(Err(Error::read(&self.name, error))),
                }
            }
            // After the end as well: what follows it is an error.
            match self.read_chunk() {
                Ok(0) => {
                    let ended = self.decoder.end_of_input(&self.name);
                    return Ok(ended.map_err(|error| self.input.explain(error)));
                }
                Ok(_) => {}
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
        self.compare_sums()?;
        progress.finish();
        Ok(clusters_bytes)
    }

    /// Fills batches with the bytes of the volume, no cluster cut in two.
    pub fn fill(mut self) -> impl FnOnce(&mut Filler<'_>) -> Filled {
        move |filler| {
            let header = self.header;
            let cluster_size = u64::from(header.cluster_size);
            let decoded = self.decode(|offset, bytes| {
                let needed = match offset % cluster_size {
                    // The rest of the cluster has room: it was asked for then.
                    1.. => bytes.len(),
                    0 => header.cluster_size as usize,
                };
                let batch = filler.batch_with_room(needed)?;
                batch.push(offset, bytes.len()).copy_from_slice(bytes);
                batch.count(bytes.len() as u64);
                Ok(())
            })?;
            // An error here comes before a file gets its name.
            Ok(decoded.and_then(|()| self.compare_sums()))
        }
    }

    /// Compares the file, all of it decoded, with the checksums beside it.
    fn compare_sums(&self) -> Result<()> {
        match &self.input.sums {
            Some(sums) => sums.finish(&self.input.name),
            None => Ok(()),
        }
    }
}

/// Decodes the header of an image.
fn begin(
    mut decoder: VolumeDecoder,
    bytes: &mut &[u8],
    name: &Path,
) -> Result<(VolumeDecoder, Header)> {
    let event = decoder.next(bytes);
    if let Event::Header(header) = event.map_err(|error| Error::read(name, error))? {
        return Ok((decoder, header));
    }
    decoder.end_of_input(name)?;
    let remedy = "name an image of ntfsclone or partclone";
    Err(Error::refused(name, "is not an image", remedy))
}

/// Warns of what is wrong behind the frames, which are all that is needed.
fn warn_of_end(seekable: &Seekable, name: &Path) {
    let mut findings = Findings::default();
    let header = seekable.header_damage();
    check_frames(header.as_ref(), seekable.end_damage(), &mut findings);
    for finding in findings.listed() {
        let name = name.display();
        report::warning(format_args!("{name}: {}", finding.message));
    }
}

/// Checks all of an image that is a file, and goes back to its start; does
/// nothing with one that comes from a pipe.
pub fn check_ahead(
    image: ImageStream,
    partition: Option<u32>,
    progress: Progress,
) -> Result<ImageStream> {
    if image.input.files.is_none() {
        return Ok(image);
    }
    let input = image.input.clone();
    image.check(progress)?;
    ImageStream::new(input::open_again(input, partition)?)
}

/// Bytes of the volume that are in an image, as its header says.
pub fn expected_bytes(header: &Header) -> u64 {
    let clusters = header.inuse.min(header.nr_clusters);
    clusters * u64::from(header.cluster_size) + header.tail_size()
}
