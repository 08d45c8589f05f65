//! An image or volume that was opened.

use ntfsclone_core::jobs::{NewSize, Opened};
use ntfsclone_core::units::RecordNumber;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::conversion::{compression, conversion};
use crate::error;
use crate::task::{Task, Work};

/// An image or volume that was opened.
#[wasm_bindgen]
pub struct Image(pub(crate) Opened);

#[wasm_bindgen]
impl Image {
    /// Finds what `ntfsclone info --json` tells.
    pub fn info(&self) -> Task {
        Task::new(Work::Info(Box::new(self.0.info())))
    }

    /// Lists the clusters that a copy of the volume needs, or that the image has.
    /// What is `damaged` is told as far as it is sound; so below.
    pub fn extents(&self, damaged: bool) -> Task {
        Task::new(Work::Output(self.opened(damaged).extents()))
    }

    /// Reads `length` bytes of the volume, from `offset` on, as far as it goes.
    pub fn read(&self, offset: u64, length: u64, damaged: bool) -> Task {
        let range = offset..offset.saturating_add(length);
        Task::new(Work::Output(self.opened(damaged).read(range)))
    }

    /// Reads the content of the file with that base record, or its stream of
    /// that name, if that is not empty.
    pub fn content(&self, record: u64, stream: &str, damaged: bool) -> Task {
        let content = self.opened(damaged).content(RecordNumber(record), stream);
        Task::deferred(Work::Output(content))
    }

    /// Lists all files, and whose the clusters are.
    pub fn survey(&self, damaged: bool) -> Task {
        Task::new(Work::Output(self.opened(damaged).survey()))
    }

    /// Finds what `ntfsclone verify --json` tells.
    pub fn validate(&self) -> Task {
        let name = self.0.name().to_owned();
        Task::deferred(Work::Validate(name, self.0.validate()))
    }

    /// Finds what an image of metadata, made now, would hold that tells of people.
    pub fn remains(&self) -> Task {
        Task::deferred(Work::Remains(self.0.remains()))
    }

    /// Finds what another size of the volume needs, and loses.
    pub fn resize_limits(&self) -> Task {
        Task::deferred(Work::ResizeLimits(self.0.resize_limits()))
    }

    /// Makes something else of it: `target` is the name of a writer, `disk` a
    /// partition table, `"gpt"`, `"mbr"` or `"none"`; in a size of so many bytes, 0
    /// for the least, or as it is; compressed, if there is a level, from 1 to 22. The other module must be loaded before that takes its
    /// first step.
    pub fn convert(
        &self,
        target: &str,
        disk: Option<String>,
        size: Option<u64>,
        level: Option<i32>,
        force: bool,
    ) -> Result<Task, JsValue> {
        let conversion = conversion(target, disk.as_deref());
        let conversion = conversion.map_err(|failure| error::object(&failure))?;
        let opened = match force {
            true => self.0.forced(),
            false => self.0.clone(),
        };
        let opened = match size {
            Some(0) => opened.resized(NewSize::Least),
            Some(size) => opened.resized(NewSize::Bytes(size)),
            None => opened,
        };
        let convert = opened.convert(conversion, compression(level));
        let convert = convert.map_err(|failure| error::object(&failure))?;
        Ok(Task::deferred(Work::Output(convert)))
    }
}

impl Image {
    fn opened(&self, damaged: bool) -> Opened {
        match damaged {
            true => self.0.before_damage(),
            false => self.0.clone(),
        }
    }
}
