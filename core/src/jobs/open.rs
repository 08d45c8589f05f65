//! Opening: detecting the format of a source, and locating its clusters.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::job::{Co, Job};
use super::opened::{Inside, Opened};
use super::scan::scan;
use super::{Failure, read_error};
use crate::discovery::{Discoverer, Discovery};
use crate::error::Result;
use crate::image::Indexer;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{FrameFinder, Kind, SeekableReader};
use crate::info::{Format, READ_AT_ONCE};
use crate::io::{ReadAt, Source};
use crate::open::{Container, Content, Layer, Nesting, Probe, Step};
use crate::pages::Pages;

/// Bytes of decompressed content that are cached.
const CACHE_SIZE: u64 = 12 << 20;

/// What a source holds.
enum Found {
    Seekable(Box<Seekable>, Content),
    /// By its start and end alone.
    Content(Content),
}

type Seekable = SeekableReader<Source>;

/// Opens the image or volume that is read through `pages`; messages call it
/// `name`.
pub fn open(name: &str, pages: Arc<Pages>) -> Job<Opened> {
    let opened = Opened {
        name: name.into(),
        pages: Arc::clone(&pages),
        layers: Vec::new(),
        format: Format::Image,
        bytes: Arc::<Pages>::clone(&pages),
        seekable: None,
        header: None,
        inside: None,
        scanned: Rc::default(),
        container: None,
        before_damage: false,
        accepts_dirty: false,
    };
    Job::new(pages, |co| identify(co, opened))
}

async fn identify(co: Co, mut opened: Opened) -> Result<Opened, Failure> {
    let content = co.read(|| content_of(&opened.bytes)).await?;
    let content = match in_frames(&co, &opened.bytes, content).await? {
        Found::Seekable(seekable, content) => {
            opened.layers.push(Layer::Seekable.to_string());
            let seekable = Arc::<Seekable>::from(seekable);
            opened.bytes = Arc::<Seekable>::clone(&seekable);
            opened.seekable = Some(seekable);
            content
        }
        Found::Content(content) => content,
    };
    match Nesting::default().step(&opened.bytes, content)? {
        Step::Decompress(compression) => return Err(Failure::Stream(compression)),
        Step::Open(container) => {
            let volume = open_container(&co, &opened.bytes, container).await?;
            opened.layers.push(container.layer.to_string());
            opened.format = Format::Volume;
            opened.container = Some(container.layer);
            opened.inside = Some(Inside::of_volume(volume));
            return Ok(opened);
        }
        Step::Arrived(Content::Image) => {}
        Step::Arrived(Content::Volume) => opened.format = Format::Volume,
        Step::Enter(..) | Step::Arrived(_) => return Err(Failure::unknown()),
    }
    if let Some(inside) = opened.index_by_summary() {
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

/// Opens a container; returns the volume in it.
async fn open_container(co: &Co, source: &Source, container: Container) -> Result<Source, Failure> {
    let mut opener = container.opener();
    let inner = loop {
        match co.read(|| opener.step(source)).await? {
            None => co.progress(0, 0),
            Some(inner) => break inner,
        }
    };
    match co.read(|| content_of(&inner)).await? {
        Content::Volume => Ok(inner),
        _ => Err(Failure::unknown()),
    }
}

/// Detects the format from content, never from the name.
fn content_of(source: &impl ReadAt) -> Result<Content> {
    let probe = Probe::new(source).map_err(|error| read_error(0, 0, error))?;
    Ok(probe.content())
}

/// The same, or the image or volume in the frames of a zstd file, the first of
/// them sound or not. Without frames it is decompressed from its start.
async fn in_frames(co: &Co, source: &Source, content: Content) -> Result<Found, Failure> {
    if !content.may_be_in_frames() {
        return Ok(Found::Content(content));
    }
    let mut finder = FrameFinder::new();
    while co.read(|| finder.step(source)).await? {
        co.progress(finder.position(), source.size());
    }
    let Ok(Some(seekable)) = finder.finish(Arc::clone(source)) else {
        return Ok(Found::Content(content));
    };
    let seekable = seekable.with_cache(CACHE_SIZE);
    Ok(match co.read(|| content_in(&seekable)).await? {
        Some(content) => Found::Seekable(Box::new(seekable), content),
        None => Found::Content(content),
    })
}

/// What is in a zstd file; `None` if it is neither an image nor a volume.
fn content_in(seekable: &Seekable) -> Result<Option<Content>> {
    let content = match content_of(seekable) {
        Ok(content) => content,
        Err(error) if error.is_damage() => Content::Unknown,
        Err(error) => return Err(error),
    };
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
