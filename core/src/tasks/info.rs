//! What is known of an image or volume, without reading much of it.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::rc::Rc;

use super::opened::{Inside, Opened};
use super::{Halt, Step, Task, attempt};
use crate::error::{Result, with_causes};
use crate::info::{Document, ImageSummary, MAP_PARTS, VolumeLook, why_nothing_is_told};
use crate::io::ReadAt;
use crate::ntfs::Volume;
use crate::pages::Pages;

/// Finds what is told of an image or volume at a glance.
#[derive(Debug)]
pub struct Info {
    pages: Rc<Pages>,
    document: Document,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The volume is to be opened.
    Start(Inside),
    Look(Box<Volume<Inside>>, Box<VolumeLook>),
    Done,
}

impl Opened {
    /// What can be told of it.
    pub fn info(&self) -> Info {
        let mut document = Document {
            source: (*self.name).to_owned(),
            size: Some(self.pages.size()),
            format: self.format,
            layers: self.layers.clone(),
            made: None,
            image: None,
            volume: None,
            warnings: alloc::vec::Vec::new(),
        };
        if let super::opened::Bytes::Seekable(seekable) = &self.bytes {
            document.tell_end_damage(seekable.end_damage());
            document.tell_made(seekable.summary());
        }
        let index = self.inside.as_ref().and_then(Inside::index);
        document.image = self
            .header
            .map(|header| ImageSummary::new(index.map_or(&header, |index| index.header()), index));
        let state = match &self.inside {
            Some(inside) => State::Start(inside.clone()),
            None => {
                let why = why_nothing_is_told(self.bytes.size());
                document.warnings.push(why.to_owned());
                State::Done
            }
        };
        Info {
            pages: Rc::clone(&self.pages),
            document,
            state,
        }
    }
}

impl Info {
    /// What is told, after the last step.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl Task for Info {
    fn advance(&mut self) -> Result<Step, Halt> {
        let pages = &self.pages;
        let found = match &mut self.state {
            State::Start(inside) => {
                let opened = attempt(pages, || Ok(inside.open_volume()))?;
                opened.map(|volume| {
                    let look = VolumeLook::new(MAP_PARTS);
                    self.state = State::Look(Box::new(volume), Box::new(look));
                    None
                })
            }
            State::Look(volume, look) => attempt(pages, || Ok(look.step(volume)))?,
            State::Done => return Ok(Step::Done),
        };
        match found {
            Ok(None) => {}
            Ok(summary) => {
                self.document.volume = summary;
                self.state = State::Done;
            }
            Err(error) => {
                self.document.warnings.push(with_causes(&error));
                self.state = State::Done;
            }
        }
        Ok(Step::Progress { done: 0, total: 0 })
    }
}
