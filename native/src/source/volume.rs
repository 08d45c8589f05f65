//! A device or file that holds a volume.

use std::fs::{File, Metadata};
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use ntfsclone_core::error::{Error as CoreError, Structure};
use ntfsclone_core::image::Index;
use ntfsclone_core::image::ntfsclone::{Event, Header};
use ntfsclone_core::image::partclone;
use ntfsclone_core::io::{ByteExtent, IoError, ReadAt, Source, absent_in};
use ntfsclone_core::ntfs::boot_sector::BOOT_SECTOR_BYTES;
use ntfsclone_core::open::{self, Inside, Layer, Probe};
use ntfsclone_core::relocate::Relocated;
use ntfsclone_core::units::{Extent, Geometry};

use super::inside;
use super::salvaged::SalvagedVolume;
use super::spool::spool;
use crate::error::{Error, Result};
use crate::host::progress::{Phase, Progress};
use crate::input::{self, Bytes, Files, Format, OpenInput, Recognised};
use crate::options::{self, Rescue};
use crate::report::{self, Reports};
use crate::rescue::{DamagedSource, Kept};

/// Bytes of an image that are read in one call to compare its checksums.
const CHECKED_AT_ONCE: usize = 1 << 20;

/// What a volume is read from: a device or file, its pieces, a partition in it;
/// or an image of it, or a stream that it was compressed to.
pub struct Device {
    input: Recognised,
    /// What is named.
    files: Arc<Files>,
    /// The bytes of the volume.
    source: Source,
    /// The files in which these are as they are.
    raw: Option<Arc<Files>>,
    /// The image that they are in.
    image: Option<Image>,
    /// The image of partclone that the volume is in, decompressed: its checksums can only be
    /// compared in order.
    partclone: Option<Source>,
    /// What of a damaged image may be damaged: in bytes, in order.
    doubtful: Vec<Range<u64>>,
    /// In a rescue, what answers in its place: read errors do not stop it.
    damaged: Option<Arc<DamagedSource>>,
    /// What `source` is, if the volume gets another size.
    relocated: Option<Arc<Relocated<Arc<Device>>>>,
}

/// What is known of an image that holds a volume.
struct Image {
    header: Header,
    is_metadata: bool,
    /// `None` of a damaged one.
    index: Option<Arc<Index>>,
}

impl Device {
    /// Opens what holds a volume in any way. What must be decompressed is read by an index, or kept in
    /// a temporary file meanwhile.
    pub fn open(
        path: &Path,
        partition: Option<u32>,
        progress: options::Progress,
        reports: Reports,
    ) -> Result<Self> {
        Self::of(
            input::open_volume(path, partition, None)?,
            progress,
            reports,
        )
    }

    /// What is open already.
    pub fn of(opened: OpenInput, progress: options::Progress, reports: Reports) -> Result<Self> {
        let indexed = match &opened.bytes {
            Bytes::Stream(_) => input::open_indexed(&opened.input, reports)?,
            _ => None,
        };
        let OpenInput { mut input, bytes } = indexed.unwrap_or(opened);
        let name = input.name.clone();
        let bytes = match bytes {
            Bytes::Stream(mut reader) => {
                let copying = match input.is_compressed() {
                    true => "Decompressing",
                    false => "Copying",
                };
                reports.line(format_args!(
                    "{copying} {} to a temporary file, in which a volume can be read here and \
                     there",
                    name.display()
                ));
                let (files, damage) = spool(&name, &mut reader)?;
                match damage {
                    Some(error) => return Err(error),
                    None => {
                        let files = Arc::new(files);
                        // What comes through a pipe has none.
                        input.files.get_or_insert_with(|| Arc::clone(&files));
                        Bytes::Random(files)
                    }
                }
            }
            bytes => bytes,
        };
        let inside = inside::open(&input, &bytes, progress)?.ok_or_else(|| not_seekable(&name))?;
        let partclone = bytes.source().filter(|_| input.format == Format::Partclone);
        let raw = match bytes {
            Bytes::Random(files) if input.format == Format::Volume => Some(files),
            _ => None,
        };
        let device = Self::in_image(input, inside.source.clone(), image_of(&inside))?;
        Ok(Self {
            raw,
            partclone,
            ..device
        })
    }

    /// What is left of an image or stream that may be damaged; what is missing is
    /// unreadable.
    pub fn salvage(
        opened: OpenInput,
        threads: Option<NonZeroUsize>,
        rescue: &Rescue,
        kept: Option<Kept>,
        progress: options::Progress,
    ) -> Result<Self> {
        let input = opened.input.clone();
        let salvaged = SalvagedVolume::find(opened, threads, progress)?;
        let image = Image {
            header: salvaged.header,
            is_metadata: !salvaged.is_ordinary,
            index: None,
        };
        let damaged = DamagedSource::new(salvaged.medium(), rescue.retries, kept);
        let doubtful = salvaged.doubtful_bytes();
        let device = Self {
            doubtful,
            ..Self::in_image(input, Arc::new(salvaged), Some(image))?
        };
        Ok(device.rescued_by(Arc::new(damaged)))
    }

    fn in_image(input: Recognised, source: Source, image: Option<Image>) -> Result<Self> {
        let files = input
            .files
            .clone()
            .ok_or_else(|| not_seekable(&input.name))?;
        Ok(Self {
            input,
            files,
            source,
            raw: None,
            image,
            partclone: None,
            doubtful: Vec::new(),
            damaged: None,
            relocated: None,
        })
    }

    /// Compares all of it with the checksums beside it, if that was asked for
    /// and is not done yet.
    pub fn compare_sums(&self) -> Result<()> {
        match &self.input.sums {
            Some(sums) => sums.finish(&self.input.name),
            None => Ok(()),
        }
    }

    /// Compares all checksums of an image of partclone; does nothing with anything else.
    ///
    /// # Errors
    ///
    /// One does not match; the image is damaged otherwise, or cannot be read.
    pub fn compare_block_checksums(&self, progress: options::Progress) -> Result<()> {
        let Some(image) = &self.partclone else {
            return Ok(());
        };
        let mut progress = Progress::start(progress, Phase::Check, image.size());
        let mut decoder = partclone::Decoder::new();
        let mut chunk = vec![0; CHECKED_AT_ONCE];
        while decoder.taken() < image.size() {
            let offset = decoder.taken();
            let left = usize::try_from(image.size() - offset).unwrap_or(usize::MAX);
            let chunk = &mut chunk[..left.min(CHECKED_AT_ONCE)];
            image
                .read_exact_at(offset, chunk)
                .map_err(|error| self.read_error(offset, chunk.len(), error))?;
            let mut input = &*chunk;
            loop {
                let event = decoder.next(&mut input);
                match event.map_err(|error| Error::read(&self.input.name, error))? {
                    Event::NeedInput => break,
                    Event::End if self.input.ends_anywhere() => return Ok(()),
                    Event::End if input.is_empty() => break,
                    _ => {}
                }
            }
            progress.advance_to(decoder.taken());
        }
        let ended = decoder.end_of_input();
        ended
            .map_err(|error| Error::read(&self.input.name, error))
            .map_err(|error| self.input.explain(error))?;
        progress.finish();
        Ok(())
    }

    /// The same, to be read through `damaged`.
    pub fn rescued_by(mut self, damaged: Arc<DamagedSource>) -> Self {
        self.damaged = Some(damaged);
        self
    }

    /// The volume in another size: this device is what `relocated` reads.
    pub fn resized(&self, relocated: Relocated<Arc<Self>>) -> Self {
        let relocated = Arc::new(relocated);
        Self {
            input: self.input.clone(),
            files: Arc::clone(&self.files),
            source: Arc::clone(&relocated) as Source,
            raw: None,
            image: None,
            partclone: self.partclone.clone(),
            doubtful: Vec::new(),
            damaged: None,
            relocated: Some(relocated),
        }
    }

    /// How the volume is made of one in another size, if it is.
    pub fn relocated(&self) -> Option<&Relocated<Arc<Self>>> {
        self.relocated.as_deref()
    }

    /// Whether the volume is in an image whose clusters are read faster from its start to its end
    /// than here and there. What was decompressed to a temporary file is not decompressed again.
    pub fn is_streamed_image(&self) -> bool {
        let is_image = matches!(self.input.format, Format::Image | Format::Partclone);
        let is_seekable = self.input.layers.contains(&Layer::Seekable);
        is_image && (is_seekable || !self.input.is_compressed())
    }

    /// What it is, by its start as it is read for a copy: what cannot be read is
    /// marked in a rescue.
    pub fn content(&self) -> Result<open::Content> {
        let mut start = [0; BOOT_SECTOR_BYTES];
        let len = BOOT_SECTOR_BYTES.min(usize::try_from(self.size()).unwrap_or(usize::MAX));
        self.read_at(0, &mut start[..len])?;
        Ok(Probe::with_start(self, &start[..len]).content())
    }

    /// What knows of read errors, in a rescue.
    pub fn damaged(&self) -> Option<&Arc<DamagedSource>> {
        self.damaged.as_ref()
    }

    pub fn path(&self) -> &Path {
        &self.input.name
    }

    /// The file that the volume lies in as it is, and which bytes of that; `None`
    /// if it is in pieces, in an image, or compressed.
    pub fn file(&self) -> Option<(&File, Range<u64>)> {
        self.raw.as_ref()?.as_file()
    }

    /// True for a volume that is in files as it is: each of its bytes has one position
    /// there.
    pub fn is_in_file(&self) -> bool {
        self.raw.is_some() && !self.input.is_compressed()
    }

    /// What it was recognised as.
    pub fn input(&self) -> &Recognised {
        &self.input
    }

    /// The files that are named, whatever the volume in them is within.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// The header of the image, if it is one.
    pub fn header(&self) -> Option<&Header> {
        self.image.as_ref().map(|image| &image.header)
    }

    /// Where the clusters are in the image, if it is one that is not damaged.
    pub fn index(&self) -> Option<&Index> {
        self.image.as_ref()?.index.as_deref()
    }

    /// The bytes of the volume, with what is known of where they are stored.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Bytes of the device that the volume is on, or was.
    pub fn device_size(&self) -> u64 {
        match self.header() {
            Some(header) if header.has_tail() => header.device_size,
            _ => self.size(),
        }
    }

    /// Bytes of the volume that are there.
    pub fn size_there(&self) -> u64 {
        self.source.size()
    }

    /// # Errors
    ///
    /// The volume is in an image that lacks some of these clusters: a copy would
    /// have zeros in their place.
    pub fn check_stored(
        &self,
        geometry: &Geometry,
        extents: impl Iterator<Item = Extent>,
    ) -> Result<()> {
        let mut lacks = 0;
        for extent in extents {
            let bytes = geometry.offset(extent.start)..geometry.offset(extent.end());
            for absent in absent_in(&self.source, bytes.clone()) {
                let len = (bytes.end - bytes.start) as usize;
                let absent = absent.map_err(|error| self.read_error(bytes.start, len, error))?;
                lacks += (absent.end - absent.start) / u64::from(geometry.cluster_size);
            }
        }
        if lacks == 0 {
            return Ok(());
        }
        let is_metadata = self.image.as_ref().is_some_and(|image| image.is_metadata);
        let found = match is_metadata {
            true => "is an image of metadata: it lacks",
            false => "lacks",
        };
        Err(Error::refused(
            &self.input.name,
            format!(
                "{found} {} of the volume",
                report::count(lacks, "cluster in use", "clusters in use")
            ),
            "a copy would have zeros in their place; write what is there with --restore-image, or \
             copy metadata with --metadata",
        ))
    }

    /// What of a damaged image is copied as it is, and may be damaged: in bytes, in order.
    pub fn doubtful_bytes(&self) -> &[Range<u64>] {
        &self.doubtful
    }

    /// Fills `buf` with the content of the volume from `offset` on, to be
    /// copied: what cannot be read is marked in a rescue.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<()> {
        let read = match &self.damaged {
            None => self.read_exact_at(offset, buf),
            Some(damaged) => damaged.read(offset, buf).map_err(IoError::new),
        };
        read.map_err(|error| self.read_error(offset, buf.len(), error))
    }

    /// In a rescue, checks that what could not be read up to now was bad, and
    /// the device is not gone. To be called when all was read.
    pub fn confirm_failures(&self) -> Result<()> {
        let confirmed = self
            .damaged
            .as_ref()
            .map(|damaged| damaged.confirm_failures());
        confirmed
            .unwrap_or(Ok(()))
            .map_err(|error| Error::io("rescue", &self.input.name, error))
    }

    /// What a read of the volume's content failed with.
    pub fn read_error(&self, offset: u64, len: usize, source: IoError) -> Error {
        let error = CoreError::Io {
            structure: Structure::Volume,
            offset,
            len: len as u64,
            source,
        };
        Error::read(&self.input.name, error)
    }

    /// See [`Recognised::check_unchanged`].
    pub fn check_unchanged(&self) -> Result<()> {
        self.files.check_unchanged()?;
        self.input.check_unchanged()
    }

    /// What tells the files that are read from others.
    pub fn metadata(&self) -> &[Metadata] {
        &self.input.metadata
    }
}

/// For the structures of the volume: in a rescue, bits that cannot be read are
/// set, as [`Volume::salvage`](ntfsclone_core::ntfs::Volume::salvage) asks for.
impl ReadAt for Device {
    fn size(&self) -> u64 {
        match &self.damaged {
            None => self.size_there(),
            Some(damaged) => damaged.size(),
        }
    }

    fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), IoError> {
        match &self.damaged {
            None => self.source.read_exact_at(offset, buf),
            Some(damaged) => damaged.read_with_ones(offset, buf).map_err(IoError::new),
        }
    }

    fn extent_at(&self, offset: u64) -> Result<ByteExtent, IoError> {
        match &self.damaged {
            None => self.source.extent_at(offset),
            // It answers every read.
            Some(damaged) => Ok(ByteExtent::Data {
                len: damaged.size().saturating_sub(offset),
            }),
        }
    }
}

fn image_of(inside: &Inside) -> Option<Image> {
    inside.shared_index().map(|index| Image {
        header: *index.header(),
        is_metadata: !index.is_ordinary(),
        index: Some(index),
    })
}

fn not_seekable(name: &Path) -> Error {
    Error::io(
        "read here and there",
        name,
        io::ErrorKind::NotSeekable.into(),
    )
}
