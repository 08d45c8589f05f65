//! Opening: detecting the format of a source, and locating its clusters.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use super::job::{Co, Job};
use super::opened::{Inside, Opened};
use super::scan::scan;
use super::{Failure, read_at};
use crate::discovery::{Discoverer, Discovery};
use crate::error::Result;
use crate::image::Indexer;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{FrameFinder, Kind, SeekableReader};
use crate::image::{self, PROBE_BYTES};
use crate::info::{Format, READ_AT_ONCE};
use crate::io::{ReadAt, Source};
use crate::ntfs::{BootSector, Foreign, foreign};
use crate::pages::Pages;
use crate::stream::Compression;
use crate::units::{len_u64, len_usize};

/// Bytes of decompressed content that are cached.
const CACHE_SIZE: u64 = 12 << 20;

/// What a source holds, by its first bytes.
enum Found {
    Image,
    Volume,
    Seekable(Box<Seekable>, Format),
    Stream(Compression),
    Foreign(Foreign),
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
    };
    Job::new(pages, |co| identify(co, opened))
}

async fn identify(co: Co, mut opened: Opened) -> Result<Opened, Failure> {
    let found = co.read(|| probe(&opened.bytes)).await?;
    match in_frames(&co, &opened.bytes, found).await? {
        Found::Image => {}
        Found::Volume => opened.format = Format::Volume,
        Found::Seekable(seekable, format) => {
            opened.layers.push("zstd, seekable".to_owned());
            opened.format = format;
            let seekable = Arc::<Seekable>::from(seekable);
            opened.bytes = Arc::<Seekable>::clone(&seekable);
            opened.seekable = Some(seekable);
        }
        Found::Stream(compression) => return Err(Failure::Stream(compression)),
        // An image with a damaged header: reading the header reports the damage.
        Found::Foreign(found) => {
            if let Some(failure) = Failure::foreign(found) {
                return Err(failure);
            }
        }
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
fn probe(source: &Source) -> Result<Found> {
    let start = start_of(source)?;
    if let Some(compression) = Compression::of(&start) {
        return Ok(Found::Stream(compression));
    }
    Ok(match image::probe(&start) {
        Some(image::Format::Ntfsclone) => Found::Image,
        Some(image::Format::NtfsVolume) => Found::Volume,
        Some(image::Format::Partclone) => Found::Foreign(Foreign::PartcloneImage),
        // Its first boot sector is damaged.
        _ if BootSector::read_backup(source).is_some() => Found::Volume,
        _ => Found::Foreign(foreign::identify(source)),
    })
}

fn start_of(source: &dyn ReadAt) -> Result<Vec<u8>> {
    let len = source.size().min(len_u64(PROBE_BYTES));
    let mut start = vec![0; len_usize(len)];
    read_at(source, 0, &mut start)?;
    Ok(start)
}

/// The same, or the image or volume in the frames of a zstd file, the first of
/// them sound or not. Without frames it is decompressed from its start.
async fn in_frames(co: &Co, source: &Source, found: Found) -> Result<Found, Failure> {
    let may_be_seekable = matches!(
        found,
        Found::Stream(Compression::Zstd) | Found::Foreign(Foreign::Unknown | Foreign::Zeros)
    );
    if !may_be_seekable {
        return Ok(found);
    }
    let mut finder = FrameFinder::new();
    while co.read(|| finder.step(source)).await? {
        co.progress(finder.position(), source.size());
    }
    let Ok(Some(seekable)) = finder.finish(Arc::clone(source)) else {
        return Ok(found);
    };
    let seekable = seekable.with_cache(CACHE_SIZE);
    let format = co.read(|| format_in(&seekable)).await?;
    Ok(match format {
        Some(format) => Found::Seekable(Box::new(seekable), format),
        None => found,
    })
}

/// What is in a zstd file; `None` if it is neither an image nor a volume.
fn format_in(seekable: &Seekable) -> Result<Option<Format>> {
    let probed = match start_of(seekable) {
        Ok(start) => image::probe(&start),
        Err(error) if error.is_damage() => None,
        Err(error) => return Err(error),
    };
    Ok(match probed {
        Some(image::Format::Ntfsclone) => Some(Format::Image),
        Some(image::Format::NtfsVolume) => Some(Format::Volume),
        _ => match seekable.summary() {
            // Its first frame is damaged.
            Ok(Some(summary)) => match summary.head().kind {
                Kind::NtfscloneImage => Some(Format::Image),
                Kind::RawVolume => Some(Format::Volume),
            },
            _ => BootSector::read_backup(seekable).map(|_| Format::Volume),
        },
    })
}

impl Opened {
    /// What a compressed image tells of itself.
    fn index_by_summary(&self) -> Option<Inside> {
        let index = self.seekable.as_ref()?.summary().ok()??.index().ok()??;
        Some(Inside::of_image(self.bytes.clone(), index))
    }
}
