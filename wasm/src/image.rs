//! An image or volume that was opened.

use core::ops::Range;

use ntfsclone_core::jobs::{self, FileId, NewSize, Opened};
use ntfsclone_core::units::RecordNumber;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::conversion::{Compressed, conversion};
use crate::task::{Task, Work};
use crate::{documents, error};

/// What is listed of a path.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The file or directory itself.
    File,
    /// The entries of the directory.
    Directory,
    /// All that is below the directory.
    Tree,
}

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
    /// that name, if that is not empty: the bytes from `start` on, before `end`. `efs_raw`: of an encrypted file, as
    /// Windows backs it up.
    pub fn content(
        &self,
        record: u64,
        stream: &str,
        start: u64,
        end: u64,
        efs_raw: bool,
        damaged: bool,
    ) -> Task {
        let file = FileId::Record(RecordNumber(record));
        let stream = (!efs_raw).then_some(stream);
        self.content_of(file, stream, start..end, damaged)
    }

    /// The same of the file with that path.
    pub fn content_at(
        &self,
        path: String,
        stream: &str,
        start: u64,
        end: u64,
        efs_raw: bool,
        damaged: bool,
    ) -> Task {
        let stream = (!efs_raw).then_some(stream);
        self.content_of(FileId::Path(path), stream, start..end, damaged)
    }

    /// Lists a path, with or without files of the file system. What it makes are bytes
    /// of JSON.
    pub fn list(&self, path: &str, listing: Listing, system: bool, damaged: bool) -> Task {
        let listing = match listing {
            Listing::File => jobs::Listing::File,
            Listing::Directory => jobs::Listing::Directory,
            Listing::Tree => jobs::Listing::Tree,
        };
        Task::deferred(Work::Output(
            self.opened(damaged).list(path, listing, system),
        ))
    }

    /// Lists all files, and whose the clusters are.
    pub fn survey(&self, damaged: bool) -> Task {
        Task::new(Work::Output(self.opened(damaged).survey()))
    }

    /// Finds what `ntfsclone verify --json` tells.
    pub fn validate(&self) -> Task {
        let name = self.0.name().to_owned();
        Task::deferred(Work::Validate(
            self.0.validate(),
            documents::of_report(name),
        ))
    }

    /// Finds what an image of metadata, made now, would hold that tells of people.
    pub fn remains(&self) -> Task {
        Task::deferred(Work::Remains(self.0.remains(), documents::of_remains()))
    }

    /// Finds what another size of the volume needs, and loses.
    pub fn resize_limits(&self) -> Task {
        Task::deferred(Work::ResizeLimits(
            self.0.resize_limits(),
            documents::of_resize_limits(),
        ))
    }

    /// Makes something else of it: `target` is the name of a writer, `disk` a
    /// partition table, `"gpt"`, `"mbr"` or `"none"`; in a size of so many bytes, 0
    /// for the least, or as it is; `compressed` or not. If so, the other module must be loaded before that takes its
    /// first step.
    pub fn convert(
        &self,
        target: &str,
        disk: Option<String>,
        size: Option<u64>,
        compressed: Option<Compressed>,
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
        let convert = opened.convert(conversion, compressed.map(Into::into));
        let convert = convert.map_err(|failure| error::object(&failure))?;
        Ok(Task::deferred(Work::Output(convert)))
    }
}

impl Image {
    /// Without a stream, as an encrypted file.
    fn content_of(
        &self,
        file: FileId,
        stream: Option<&str>,
        range: Range<u64>,
        damaged: bool,
    ) -> Task {
        let opened = self.opened(damaged);
        let content = match stream {
            Some(stream) => opened.content(file, stream, range),
            None => opened.efs_raw(file, range),
        };
        Task::deferred(Work::Output(content))
    }

    fn opened(&self, damaged: bool) -> Opened {
        match damaged {
            true => self.0.before_damage(),
            false => self.0.clone(),
        }
    }
}
