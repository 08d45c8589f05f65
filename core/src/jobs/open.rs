//! Opening: from a source to the image or volume in it, and to its clusters.

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem;

use super::decompress::CompressedStream;
use super::first_file::find_first;
use super::job::{Co, Job};
use super::opened::Opened;
use super::opened_disk::OpenedDisk;
use super::scan::scan;
use super::{Failure, Refusal, Step, read_error};
use crate::discovery::{Discoverer, Discovery};
use crate::disk::{GivenFiles, Neighbours, NoNeighbours};
use crate::error::Result;
use crate::image::Indexer;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{FrameFinder, Kind, SeekableReader};
use crate::info::{Format, READ_AT_ONCE};
use crate::io::{ReadAt, Source};
use crate::open::{
    Container, Content, Contents, Inside, Inward, Layer, Nesting, Partition, PartitionReader, Probe,
};
use crate::pages::Pages;

/// Bytes of decompressed content that are cached.
const CACHE_SIZE: u64 = 12 << 20;

/// The way in so far, which goes through a source for each compressed stream.
#[derive(Debug, Clone)]
pub struct Opening {
    name: Rc<str>,
    nesting: Nesting,
    /// Bytes of the outermost source or its partition, once a stream in it was
    /// reached.
    size: Option<u64>,
    warnings: Vec<String>,
    /// Whether a disk is opened as a whole.
    is_of_disk: bool,
    /// Whether the only partition with NTFS is entered if none is named.
    enters_only_ntfs: bool,
    /// Names and sizes of the files that were given, if they have names.
    files: Vec<(String, u64)>,
    /// Whether the file that refers to the others is looked for; if not, the first one is opened.
    finds_first: bool,
}

/// What [`open`] arrives at.
#[derive(Debug)]
pub enum Arrival {
    /// The image or volume.
    Opened(Box<Opened>),
    /// The disk, as a whole.
    Disk(Box<OpenedDisk>),
    /// A compressed stream. What comes of it is to be
    /// [opened](CompressedStream::opening) in turn.
    Stream(CompressedStream),
}

type Seekable = SeekableReader<Source>;

impl Opening {
    /// The way into something that messages call `name`, through the partition
    /// with that number. If none is named, a disk is entered through its only partition with NTFS,
    /// with a warning.
    pub fn new(name: &str, partition: Option<u32>) -> Self {
        Self {
            name: name.into(),
            nesting: Nesting::new(Vec::new(), partition),
            size: None,
            warnings: Vec::new(),
            is_of_disk: false,
            enters_only_ntfs: true,
            files: Vec::new(),
            finds_first: false,
        }
    }

    /// The same way, from the first of several files with these names and sizes, which differ in
    /// their names and follow each other in the source.
    pub fn in_files(self, files: Vec<(String, u64)>) -> Self {
        Self { files, ..self }
    }

    /// The same way, but from the file that refers to the others, which messages call by its name.
    pub fn finding_first(self) -> Self {
        Self {
            finds_first: true,
            ..self
        }
    }

    /// The same way, but if no partition is named, a disk is not entered:
    /// [`NotOpened::Disk`](crate::open::NotOpened::Disk) lists its partitions.
    pub fn listing_partitions(self) -> Self {
        Self {
            enters_only_ntfs: false,
            ..self
        }
    }

    /// The way to a disk, which is opened as a whole.
    pub fn of_disk(name: &str) -> Self {
        Self {
            is_of_disk: true,
            ..Self::new(name, None)
        }
    }

    /// Enters the only partition with NTFS, if `content` is a disk and none is named or entered.
    fn enter_only_ntfs(&mut self, content: &Content) {
        if let Content::Disk(table) = content
            && self.enters_only_ntfs
            && !self.nesting.has_partition()
            && let Some(Partition { number, .. }) = table.only_ntfs()
        {
            self.warnings.push(format!(
                "partition {number} of the disk is opened, the only one with NTFS; \
                 name another partition, or open the disk as a whole"
            ));
            self.nesting.choose_partition(*number);
        }
    }
}

/// Goes on inwards through `pages`, as far as they can be read at any place.
pub fn open(opening: Opening, pages: Arc<Pages>) -> Job<Arrival> {
    Job::new(Arc::clone(&pages), |co| go_inwards(co, opening, pages))
}

async fn go_inwards(co: Co, mut opening: Opening, pages: Arc<Pages>) -> Result<Arrival, Failure> {
    let mut source: Source = Arc::<Pages>::clone(&pages);
    // What is decompressed of them is a source of its own.
    let mut files = GivenFiles::new(&source, &mem::take(&mut opening.files));
    if let Some(given) = &mut files {
        if opening.finds_first {
            co.emit(Step::OpensContainer);
            co.flushed().await;
            let first = find_first(co.clone(), given.clone()).await?;
            *given = given.beginning_with(first);
            opening.name = given.first().into();
        }
        source = given.first_source();
    }
    let mut seekable = None;
    let mut container = None;
    let format = loop {
        let mut content = co.read(|| content_of(&source)).await?;
        let is_entered = opening.nesting.partition().is_none();
        let is_outermost = seekable.is_none() && container.is_none();
        if is_entered
            && is_outermost
            && content.may_be_in_frames()
            && let Some((content_in_frames, frames)) =
                in_frames(&co, &source, opening.is_of_disk).await?
        {
            opening.size.get_or_insert(source.size());
            opening.nesting.pass(Layer::Seekable);
            source = Arc::<Seekable>::clone(&frames);
            seekable = Some(frames);
            content = content_in_frames;
        }
        if opening.is_of_disk
            && let Some(arrival) = arrive_at_disk(&opening, &pages, &source, &content)?
        {
            return Ok(arrival);
        }
        opening.enter_only_ntfs(&content);
        let step = co.attempt(|| opening.nesting.step(&source, content.clone()));
        match step.await? {
            Inward::Decompress(compression) => {
                opening.size.get_or_insert(source.size());
                let last = opening.nesting.layers().last();
                let ends_anywhere = last.is_some_and(Layer::may_end_early);
                opening.nesting.pass(Layer::Compressed(compression));
                return Ok(Arrival::Stream(CompressedStream {
                    compression,
                    ends_anywhere,
                    source,
                    pages,
                    opening,
                }));
            }
            Inward::Enter(partition, damage) => {
                let warning = damage.map(|damage| damage.to_string());
                opening.warnings.extend(warning);
                opening.nesting.pass(Layer::Partition(partition.number));
                source = Arc::new(PartitionReader::new(source, &partition));
            }
            Inward::Open(found) => {
                opening.size.get_or_insert(source.size());
                // Only the outermost disk is a file with others beside it.
                let files = files.take_if(|_| opening.nesting.layers().is_empty());
                let inner = match &files {
                    Some(files) => open_container(&co, &source, found, files).await?,
                    None => open_container(&co, &source, found, &NoNeighbours).await?,
                };
                opening.nesting.pass(found.layer(&inner.files));
                let outer = mem::replace(&mut source, inner.source);
                match found {
                    Container::Partclone => container = Some(outer),
                    // What its frames lack is not known by clusters.
                    Container::Disk(_) => seekable = None,
                }
            }
            Inward::Arrived(Content::Image) => break Format::Image,
            Inward::Arrived(Content::Volume) => break Format::Volume,
            Inward::Arrived(_) => return Err(Failure::unknown()),
        }
    };
    let size = opening.size.unwrap_or_else(|| source.size());
    let layers = opening.nesting.layers().iter();
    let opened = Opened {
        name: opening.name,
        size,
        pages,
        layers: layers.map(Layer::to_string).collect(),
        warnings: opening.warnings,
        format,
        bytes: source,
        seekable,
        container,
        header: None,
        inside: None,
        scanned: Rc::default(),
        before_damage: false,
        is_forced: false,
        new_size: None,
    };
    let opened = locate_clusters(co, opened).await?;
    Ok(Arrival::Opened(Box::new(opened)))
}

/// The disk that `source` is; `None` if it is within it.
///
/// # Errors
///
/// It is something that holds no disk.
fn arrive_at_disk(
    opening: &Opening,
    pages: &Arc<Pages>,
    source: &Source,
    content: &Content,
) -> Result<Option<Arrival>, Failure> {
    match content {
        Content::Disk(table) => Ok(Some(Arrival::Disk(Box::new(OpenedDisk {
            name: Rc::clone(&opening.name),
            pages: Arc::clone(pages),
            table: table.clone(),
            source: Arc::clone(source),
            accepts_dirty: false,
        })))),
        Content::Image | Content::Volume | Content::Unknown => Err(Failure::refused(
            Refusal::NotDisk,
            "is not a disk with a partition table",
            "open it as the volume or image that it is",
        )),
        Content::Compressed(_) | Content::Container(_) | Content::Refused(_) => Ok(None),
    }
}

/// Finds where the clusters of an image are, if that takes little reading.
async fn locate_clusters(co: Co, mut opened: Opened) -> Result<Opened, Failure> {
    if opened.container.is_none()
        && let Some(inside) = opened.index_by_summary()
    {
        opened.header = inside.index().map(|index| *index.header());
        opened.inside = Some(inside);
        return Ok(opened);
    }
    if opened.format == Format::Volume {
        opened.inside = Some(Inside::of_volume(opened.bytes.clone()));
        return Ok(opened);
    }
    let bytes = opened.bytes.clone();
    let header = co.read(|| Header::read(&bytes)).await?;
    opened.header = Some(header);
    let mut discoverer = Discoverer::new(bytes.clone(), header);
    let index = loop {
        match co.read(|| discoverer.step()).await? {
            None => co.progress(0, 0),
            Some(Discovery::Found(index)) => break Some(index),
            Some(Discovery::Declined(_)) if bytes.size() > READ_AT_ONCE => break None,
            Some(Discovery::Declined(_)) => {
                let mut indexer = Indexer::new();
                break match scan(&co, &bytes, &mut indexer).await {
                    Ok(()) => indexer.finish().ok(),
                    Err(Failure::Error(error)) if error.is_damage() => None,
                    Err(failure) => return Err(failure),
                };
            }
        }
    };
    opened.inside = index.map(|index| Inside::of_image(bytes, index));
    Ok(opened)
}

/// Opens a container; returns what is in it.
pub(super) async fn open_container(
    co: &Co,
    source: &Source,
    container: Container,
    neighbours: &dyn Neighbours,
) -> Result<Contents, Failure> {
    co.emit(Step::OpensContainer);
    co.flushed().await;
    let mut opener = container.opener();
    loop {
        match co.read(|| opener.step(source, neighbours)).await? {
            None => co.progress(0, 0),
            Some(inner) => return Ok(inner),
        }
    }
}

/// Detects the format from content, never from the name.
pub(super) fn content_of(source: &impl ReadAt) -> Result<Content> {
    let probe = Probe::new(source).map_err(|error| read_error(0, 0, error))?;
    Ok(probe.content())
}

/// What is in the frames of a zstd file, the first of them sound or not. `None`
/// without frames: it is decompressed from its start.
async fn in_frames(
    co: &Co,
    source: &Source,
    may_be_disk: bool,
) -> Result<Option<(Content, Arc<Seekable>)>, Failure> {
    let mut finder = FrameFinder::new();
    while co.read(|| finder.step(source)).await? {
        co.progress(finder.position(), source.size());
    }
    let Ok(Some(seekable)) = finder.finish(Arc::clone(source)) else {
        return Ok(None);
    };
    let seekable = Arc::new(seekable.with_cache(CACHE_SIZE));
    let content = co.read(|| content_in(&seekable, may_be_disk)).await?;
    Ok(content.map(|content| (content, seekable)))
}

/// What is in a zstd file; `None` if it is neither an image nor a volume, nor a disk where that
/// may be.
fn content_in(seekable: &Seekable, may_be_disk: bool) -> Result<Option<Content>> {
    let content = match content_of(seekable) {
        Ok(content) => content,
        Err(error) if error.is_damage() => Content::Unknown,
        Err(error) => return Err(error),
    };
    if may_be_disk && matches!(content, Content::Disk(_)) {
        return Ok(Some(content));
    }
    Ok(match (content, seekable.summary()) {
        (content @ (Content::Image | Content::Volume | Content::Container(_)), _) => Some(content),
        // Its first frame is damaged.
        (content, Ok(Some(summary))) if content.may_be_in_frames() => match summary.head().kind {
            Kind::NtfscloneImage => Some(Content::Image),
            Kind::RawVolume => Some(Content::Volume),
        },
        _ => None,
    })
}

impl Opened {
    /// What a compressed image tells of itself.
    fn index_by_summary(&self) -> Option<Inside> {
        let index = self.seekable.as_ref()?.summary().ok()??.index().ok()??;
        Some(Inside::of_image(self.bytes.clone(), index))
    }
}
