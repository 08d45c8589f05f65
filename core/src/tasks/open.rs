//! Telling what something is, and where the clusters in it are.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::mem;

use super::opened::{Bytes, Inside, Opened};
use super::scan::Scan;
use super::{Failure, Halt, Refusal, Step, Task, attempt, read_error};
use crate::discovery::{Discoverer, Discovery};
use crate::error::Result;
use crate::image::ntfsclone::Header;
use crate::image::seekable::{FrameFinder, Kind};
use crate::info::{Format, READ_AT_ONCE};
use crate::io::ReadAt;
use crate::open::{self, Content, Nesting, Probe};
use crate::pages::Pages;

/// Opens an image or volume.
#[derive(Debug)]
pub struct Open {
    opened: Opened,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// The frames of a zstd file are looked for; with what it is without them.
    Frames(Box<(FrameFinder, Found)>),
    /// What is in the frames is looked at.
    Content(Box<(Seekable, Found)>),
    /// The header of an image is read.
    Header,
    Discover(Box<Discoverer<Bytes>>),
    Scan(Box<Scan>),
    Done,
}

/// Bytes of decompressed content that are kept.
const CACHE_SIZE: u64 = 12 << 20;

/// What is read.
#[derive(Debug)]
enum Found {
    Seekable(Box<Seekable>, Format),
    /// By its start and end alone.
    Content(Content),
}

type Seekable = crate::image::seekable::SeekableReader<Rc<Pages>>;

impl Open {
    /// Opens what is read through `pages`; `name` is what to call it.
    pub fn new(name: &str, pages: Rc<Pages>) -> Self {
        let bytes = Bytes::Plain(Rc::clone(&pages));
        Self {
            opened: Opened {
                name: name.into(),
                pages,
                layers: Vec::new(),
                format: Format::Image,
                bytes,
                header: None,
                inside: None,
                scanned: Rc::default(),
                before_damage: false,
            },
            state: State::Start,
        }
    }

    /// What was opened, after the last step.
    ///
    /// # Errors
    ///
    /// It was not the last step.
    pub fn into_opened(self) -> Result<Opened, Failure> {
        match self.state {
            State::Done => Ok(self.opened),
            _ => Err(Failure::refused(
                Refusal::Target,
                "is not opened yet",
                "go on until it is",
            )),
        }
    }

    /// Takes what was told by the first bytes.
    fn found(&mut self, found: Found) -> Result<(), Failure> {
        let opened = &mut self.opened;
        match found {
            Found::Seekable(seekable, format) => {
                opened.layers.push("zstd, seekable".to_owned());
                opened.format = format;
                opened.bytes = Bytes::Seekable(Rc::new(*seekable));
            }
            Found::Content(content) => match Nesting::default().step(&*opened.pages, content)? {
                open::Step::Decompress(compression) => return Err(Failure::Stream(compression)),
                open::Step::Arrived(Content::Image) => {}
                open::Step::Arrived(Content::Volume) => opened.format = Format::Volume,
                _ => return Err(Failure::unknown()),
            },
        }
        self.state = match opened.index_by_summary() {
            Some(inside) => {
                opened.header = inside.index().map(|index| *index.header());
                opened.inside = Some(inside);
                State::Done
            }
            None if opened.format == Format::Volume => {
                opened.inside = Some(Inside::Volume(opened.bytes.clone()));
                State::Done
            }
            None => State::Header,
        };
        Ok(())
    }
}

impl Task for Open {
    fn advance(&mut self) -> Result<Step, Halt> {
        let opened = &mut self.opened;
        let (pages, bytes) = (&opened.pages, &opened.bytes);
        match &mut self.state {
            State::Start => {
                let found = Found::Content(attempt(pages, || content_of(pages))?);
                if found.may_be_seekable() {
                    self.state = State::Frames(Box::new((FrameFinder::new(), found)));
                } else {
                    self.found(found)?;
                }
            }
            State::Frames(finding) => {
                let finder = &mut finding.0;
                if attempt(pages, || finder.step(&**pages))? {
                    return Ok(Step::Progress {
                        done: finder.position(),
                        total: pages.size(),
                    });
                }
                let pages = Rc::clone(pages);
                if let State::Frames(finding) = mem::replace(&mut self.state, State::Start) {
                    let (finder, found) = *finding;
                    // It can still be read from its start.
                    match finder.finish(pages).ok().flatten() {
                        Some(seekable) => {
                            let seekable = seekable.with_cache(CACHE_SIZE);
                            self.state = State::Content(Box::new((seekable, found)));
                        }
                        None => self.found(found)?,
                    }
                }
            }
            State::Content(finding) => {
                let format = attempt(pages, || format_in(&finding.0))?;
                if let State::Content(finding) = mem::replace(&mut self.state, State::Start) {
                    let (seekable, found) = *finding;
                    match format {
                        Some(format) => self.found(Found::Seekable(Box::new(seekable), format))?,
                        None => self.found(found)?,
                    }
                }
            }
            State::Header => {
                let header = attempt(pages, || Header::read(bytes))?;
                opened.header = Some(header);
                let discoverer = Discoverer::new(bytes.clone(), header);
                self.state = State::Discover(Box::new(discoverer));
            }
            State::Discover(discoverer) => match attempt(pages, || discoverer.step())? {
                None => {}
                Some(Discovery::Found(index)) => {
                    opened.inside = Some(Inside::of_image(bytes.clone(), index));
                    self.state = State::Done;
                }
                Some(Discovery::Declined(_)) => {
                    self.state = match bytes.size() {
                        ..=READ_AT_ONCE => State::Scan(Box::default()),
                        _ => State::Done,
                    };
                }
            },
            State::Scan(scan) => match scan.step(pages, bytes) {
                Ok(false) => return Ok(scan.progress(bytes)),
                Ok(true) => {
                    let index = mem::take(&mut **scan).finish().ok();
                    opened.inside = index.map(|index| Inside::of_image(bytes.clone(), index));
                    self.state = State::Done;
                }
                Err(Halt::Failed(Failure::Error(error))) if error.is_damage() => {
                    self.state = State::Done;
                }
                Err(halt) => return Err(halt),
            },
            State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
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
        (_, Ok(Some(summary))) => match summary.head().kind {
            Kind::NtfscloneImage => Some(Format::Image),
            Kind::RawVolume => Some(Format::Volume),
        },
        _ => None,
    })
}

fn content_of(source: &impl ReadAt) -> Result<Content> {
    let probe = Probe::new(source).map_err(|error| read_error(0, 0, error))?;
    Ok(probe.content())
}

impl Found {
    /// Whether it may be a file in frames, the first of them sound or not.
    fn may_be_seekable(&self) -> bool {
        match self {
            Self::Seekable(..) => false,
            Self::Content(content) => content.may_be_in_frames(),
        }
    }
}

impl Opened {
    /// What a compressed image tells of itself.
    fn index_by_summary(&self) -> Option<Inside> {
        let Bytes::Seekable(seekable) = &self.bytes else {
            return None;
        };
        let index = seekable.summary().ok()??.index().ok()??;
        Some(Inside::of_image(self.bytes.clone(), index))
    }
}
