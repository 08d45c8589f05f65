//! Making something else of an image or volume.

mod compressed;
mod image;
mod metadata;
mod pass;
mod raw;
mod remains;
mod unpack;

use alloc::boxed::Box;
use core::mem;

pub use self::compressed::Compression;
use self::compressed::{Compressor, Content};
use self::image::ImageCopy;
use self::metadata::{Collecting, MetadataCopy};
use self::pass::ImagePass;
use self::raw::RawCopy;
pub use self::remains::Remains;
use self::unpack::Unpack;
use super::opened::{Inside, Opened};
use super::scan::Scan;
use super::used::{Counted, Used};
use super::{Failure, Halt, Refusal, Step, Task};
use crate::error::Result;
use crate::image::ntfsclone::{HEADER_SIZE, Header};
use crate::image::seekable::MapBuilder;
use crate::pages::Pages;
use crate::plan::Plan;
use crate::units::{Lcn, len_usize};

/// What can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The volume as it is, with zeros where clusters are not in use.
    Raw,
    /// An ntfsclone image. Of an image, it is the image itself.
    Image,
    /// An ntfsclone image of the metadata, without the content of files, times
    /// and what was deleted.
    Metadata,
}

/// Makes something else of an image or volume: [`Step::Bytes`] and
/// [`Step::Hole`], one after the other.
#[derive(Debug)]
pub struct Convert {
    opened: Opened,
    target: Target,
    compressor: Option<Box<Compressor>>,
    state: State,
}

#[derive(Debug)]
enum State {
    Start,
    /// Of an image, where its clusters are was not known.
    Scan(Box<Scan>),
    Used(Box<Used>),
    Collect(Box<Collecting>),
    Copy(Box<Copy>),
    /// What was compressed last is yet to be given out.
    End,
    Done,
}

/// What makes the output.
#[derive(Debug)]
enum Copy {
    Raw(RawCopy),
    Unpack(Unpack),
    Image(ImageCopy),
    Pass(ImagePass),
    Metadata(MetadataCopy),
}

impl Opened {
    /// Makes something else of it, and compresses that if asked for.
    ///
    /// # Errors
    ///
    /// [`Refusal::Target`]: there is no such level, or an image of an old
    /// version would be compressed as it is.
    pub fn convert(
        &self,
        target: Target,
        compression: Option<Compression>,
    ) -> Result<Convert, Failure> {
        let is_new = |header: &Header| len_usize(header.data_offset.into()) == HEADER_SIZE;
        if compression.is_some()
            && target == Target::Image
            && !self.header.as_ref().is_none_or(is_new)
        {
            return Err(Failure::refused(
                Refusal::Target,
                "is an image of an old version, which is not compressed as it is",
                "make a raw volume of it",
            ));
        }
        let compressor = match compression {
            Some(compression) => Some(Box::new(Compressor::new(compression)?)),
            None => None,
        };
        Ok(Convert {
            opened: self.clone(),
            target,
            compressor,
            state: State::Start,
        })
    }
}

impl Convert {
    /// How much is done, and how much there is: bytes of the volume or image, 0
    /// where that is not known yet.
    pub fn progress(&self) -> (u64, u64) {
        match &self.state {
            State::Copy(copy) => match &**copy {
                Copy::Raw(copy) => copy.progress(),
                Copy::Unpack(unpack) => unpack.progress(),
                Copy::Image(copy) => copy.progress(),
                Copy::Pass(pass) => pass.progress(),
                Copy::Metadata(copy) => copy.progress(),
            },
            _ => (0, 0),
        }
    }

    fn start(&mut self) -> State {
        match (self.opened.inside.clone(), self.target) {
            (Some(Inside::Image(_)) | None, Target::Image) => {
                let pass = ImagePass::new(self.opened.bytes.clone());
                // Nothing is known without a header.
                let header = self.opened.header;
                self.tell_content(header, &Content::default());
                State::Copy(Box::new(Copy::Pass(pass)))
            }
            (None, _) => State::Scan(Box::default()),
            (Some(inside), _) => self.start_inside(inside),
        }
    }

    fn start_inside(&mut self, inside: Inside) -> State {
        match (inside, self.target) {
            (Inside::Image(reader), Target::Raw) => {
                let header = *reader.index().header();
                self.tell_content(Some(header), &Content::default());
                let is_ordinary = reader.index().is_ordinary();
                State::Copy(Box::new(match is_ordinary {
                    true => Copy::Unpack(Unpack::new(reader.source().clone(), header)),
                    false => Copy::Raw(RawCopy::of_image(reader)),
                }))
            }
            (inside, _) => State::Used(Box::new(Used::new(inside, false))),
        }
    }

    fn start_copy(&mut self, counted: Counted) -> State {
        if self.target == Target::Metadata {
            return State::Collect(Box::new(Collecting::new(counted)));
        }
        let content = Content::of_volume(&counted, false);
        let Counted { volume, map, .. } = counted;
        let geometry = *volume.geometry();
        let inside = volume.into_source();
        let plan = Plan::new(geometry, inside.device_size(), map);
        self.tell_content(Some(plan.header()), &content);
        State::Copy(Box::new(match self.target {
            Target::Raw => Copy::Raw(RawCopy::of_volume(inside, plan)),
            _ => Copy::Image(ImageCopy::new(inside, plan)),
        }))
    }

    /// Tells what will be compressed.
    fn tell_content(&mut self, header: Option<Header>, content: &Content) {
        if let (Some(compressor), Some(header)) = (&mut self.compressor, header) {
            compressor.begin(&self.opened.name, self.target, header, content);
        }
    }

    /// What is next in the output, before it is compressed.
    fn make(&mut self) -> Result<Step, Halt> {
        let pages: &Pages = &self.opened.pages;
        let bytes = &self.opened.bytes;
        match &mut self.state {
            State::Start => self.state = self.start(),
            State::Scan(scan) => {
                if !scan.step(pages, bytes)? {
                    return Ok(scan.progress(bytes));
                }
                let index = mem::take(&mut **scan).finish()?;
                let inside = Inside::of_image(bytes.clone(), index);
                self.state = self.start_inside(inside);
            }
            State::Used(used) => match used.step(pages)? {
                None => return Ok(used.progress()),
                Some(counted) => self.state = self.start_copy(counted),
            },
            State::Collect(collecting) => {
                if collecting.step(pages)? {
                    return Ok(collecting.progress());
                }
                if let State::Collect(collecting) = mem::replace(&mut self.state, State::Done) {
                    let (copy, content, _) = collecting.finish();
                    self.tell_content(Some(copy.header()), &content);
                    self.state = State::Copy(Box::new(Copy::Metadata(copy)));
                }
            }
            State::Copy(copy) => {
                let compressor = self.compressor.as_mut();
                let map = &mut compressor.map(|compressor| compressor.map_mut());
                let step = match &mut **copy {
                    Copy::Raw(copy) => copy.step(pages, map),
                    Copy::Unpack(unpack) => unpack.step(pages, map),
                    Copy::Image(copy) => copy.step(pages, map),
                    Copy::Pass(pass) => pass.step(pages, map),
                    Copy::Metadata(copy) => copy.step(pages, map),
                }?;
                if step == Step::Done {
                    self.state = State::End;
                }
                return Ok(step);
            }
            State::End | State::Done => return Ok(Step::Done),
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}

impl Task for Convert {
    fn advance(&mut self) -> Result<Step, Halt> {
        if let Some(compressor) = &mut self.compressor
            && let Some(bytes) = compressor.next_of_hole()?
        {
            return Ok(Step::Bytes(bytes.into()));
        }
        let step = match self.state {
            State::Done => return Ok(Step::Done),
            State::End => Step::Done,
            _ => self.make()?,
        };
        let (done, total) = self.progress();
        let Some(compressor) = &mut self.compressor else {
            return Ok(step);
        };
        let compressed = match step {
            Step::Bytes(bytes) => compressor.put(&bytes)?,
            Step::Hole(len) => {
                compressor.put_hole(len);
                return Ok(Step::Progress { done, total });
            }
            Step::Done => {
                self.state = State::Done;
                compressor.finish()?
            }
            step => return Ok(step),
        };
        match compressed.is_empty() {
            true => Ok(Step::Progress { done, total }),
            false => Ok(Step::Bytes(compressed.into())),
        }
    }
}

/// Notes clusters that are next in the output, for who wants to know.
fn note(map: &mut Option<&mut MapBuilder>, start: Lcn, count: u64) {
    if let Some(map) = map {
        map.add(start, count);
    }
}
