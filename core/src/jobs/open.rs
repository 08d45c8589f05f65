//! Opening: detecting the format of a source, and locating its clusters.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::job::{Co, Job};
use super::opened::Opened;
use super::scan::scan;
use super::{Failure, read_error};
use crate::discovery::{Discoverer, Discovery};
use crate::error::Result;
use crate::image::Indexer;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{FrameFinder, Kind, SeekableReader};
use crate::info::{Format, READ_AT_ONCE};
use crate::io::{ReadAt, Source};
use crate::open::{Content, Inside, Layer, Nesting, Probe, Step};
use crate::pages::Pages;

/// Bytes of decompressed content that are cached.
const CACHE_SIZE: u64 = 12 << 20;

/// What a source holds.
enum Found {
    Seekable(Box<Seekable>, Format),
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
        before_damage: false,
        accepts_dirty: false,
    };
    Job::new(pages, |co| identify(co, opened))
}

async fn identify(co: Co, mut opened: Opened) -> Result<Opened, Failure> {
    let content = co.read(|| content_of(&opened.bytes)).await?;
    match in_frames(&co, &opened.bytes, content).await? {
        Found::Seekable(seekable, format) => {
            opened.layers.push(Layer::Seekable.to_string());
            opened.format = format;
            let seekable = Arc::<Seekable>::from(seekable);
            opened.bytes = Arc::<Seekable>::clone(&seekable);
            opened.seekable = Some(seekable);
        }
        Found::Content(content) => match Nesting::default().step(&opened.bytes, content)? {
            Step::Decompress(compression) => return Err(Failure::Stream(compression)),
            Step::Arrived(Content::Image) => {}
            Step::Arrived(Content::Volume) => opened.format = Format::Volume,
            Step::Enter(..) | Step::Arrived(_) => return Err(Failure::unknown()),
        },
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
    let format = co.read(|| format_in(&seekable)).await?;
    Ok(match format {
        Some(format) => Found::Seekable(Box::new(seekable), format),
        None => Found::Content(content),
    })
}

/// What is in a zstd file; `None` if it is neither an image nor a volume.
fn format_in(seekable: &Seekable) -> Result<Option<Format>> {
    let content = match content_of(seekable) {
        Ok(content) => content,
        Err(error) if error.is_damage() => Content::Unknown,
        Err(error) => return Err(error),
    };
    Ok(match (content, seekable.summary()) {
        (Content::Image, _) => Some(Format::Image),
        (Content::Volume, _) => Some(Format::Volume),
        // Its first frame is damaged.
        (content, Ok(Some(summary))) if content.may_be_in_frames() => match summary.head().kind {
            Kind::NtfscloneImage => Some(Format::Image),
            Kind::RawVolume => Some(Format::Volume),
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
