//! Work that goes on step by step.

use std::mem;

use js_sys::Uint8Array;
use ntfsclone_core::check::Report;
use ntfsclone_core::clusters::Surveyed;
use ntfsclone_core::info;
use ntfsclone_core::jobs::{self, Arrival, Failure, Indexed, Job, Refusal};
use ntfsclone_core::piece::Piece;
use ntfsclone_core::relocate::ResizeLimits;
use ntfsclone_core::units::Extent;
use ntfsclone_core::wipe;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::disk::Disk;
use crate::documents::{self, ToJson};
use crate::error;
use crate::image::Image;
use crate::indexed::IndexedStream;
use crate::source::Source;
use crate::stream::Stream;

/// Work that goes on step by step.
#[wasm_bindgen]
pub struct Task {
    work: Work,
    /// True before the first step, if that needs the deferred part of this module.
    needs_deferred: bool,
}

pub(crate) enum Work {
    /// `None` once the image was taken.
    Open(Option<Job<Arrival>>),
    Index(Job<Option<Indexed>>),
    Info(Box<Job<info::Document>>),
    Validate(Job<Report>, ToJson<Report>),
    Remains(Job<wipe::Remains>, ToJson<wipe::Remains>),
    ResizeLimits(Job<ResizeLimits>, ToJson<ResizeLimits>),
    /// A job whose steps are all that it makes.
    Output(Job<()>),
}

/// What came of a step.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The bytes from `offset` on, `length` of them, have to be supplied.
    Read,
    /// The deferred part of this module has to be loaded.
    Load,
    /// `done` of `total` is done; `total` is 0 where that is not known.
    Progress,
    /// `bytes` are JSON: what was changed to give the volume another size.
    Resized,
    /// What is made has `length` bytes in all.
    Size,
    /// `bytes` are next in what is made, or read.
    Bytes,
    /// `length` zeros are next in what is made.
    Hole,
    /// `bytes` are numbers of 64 bits, little-endian, three for each extent: its
    /// first cluster, how many it has, and where it is, in bytes from the start
    /// of the volume or image.
    Extents,
    /// `bytes` are JSON: a list of files.
    Files,
    /// `bytes` are numbers of 64 bits, little-endian, four for each extent: its
    /// first cluster, how many it has, the record of the file whose they are,
    /// and what for, a
    /// [`Holder`](ntfsclone_core::clusters::Holder) as a number from 0 on.
    Held,
    /// The end.
    Done,
}

/// What came of a step.
#[wasm_bindgen]
pub struct Step {
    kind: StepKind,
    range: (u64, u64),
    progress: (u64, u64),
    bytes: Option<Piece>,
}

impl Task {
    pub(crate) fn new(work: Work) -> Self {
        Self {
            work,
            needs_deferred: false,
        }
    }

    /// Work whose functions are in the deferred part of this module: `xtask` has the
    /// list of them.
    pub(crate) fn deferred(work: Work) -> Self {
        Self {
            work,
            needs_deferred: true,
        }
    }
}

#[wasm_bindgen]
impl Task {
    /// Goes on, by some MiB at the most. `source` is what it reads.
    pub fn step(&mut self, source: &Source) -> Result<Step, JsValue> {
        if mem::take(&mut self.needs_deferred) {
            return Ok(Step::of_kind(StepKind::Load));
        }
        let (step, progress) = loop {
            let (step, progress) = self.work.step();
            match &step {
                Ok(jobs::Step::Read(range)) if source.fetch(range) => {}
                _ => break (step, progress),
            }
        };
        let made = step.and_then(|step| Step::new(step, progress));
        made.map_err(|failure| error::object(&failure))
    }

    /// The compressed stream that comes before anything can be opened, after the
    /// last step.
    pub fn stream(&self) -> Option<Stream> {
        let Work::Open(Some(job)) = &self.work else {
            return None;
        };
        match job.result()? {
            Arrival::Stream(stream) => Some(Stream(stream.clone())),
            Arrival::Opened(_) | Arrival::Disk(_) => None,
        }
    }

    /// The image that was opened, after the last step, once.
    pub fn image(&mut self) -> Result<Image, JsValue> {
        match self.take_arrival() {
            Some(Arrival::Opened(opened)) => Ok(Image(*opened)),
            Some(Arrival::Stream(_) | Arrival::Disk(_)) | None => Err(error::object(&no_result())),
        }
    }

    /// The disk that was opened as a whole, after the last step, once.
    pub fn disk(&mut self) -> Result<Disk, JsValue> {
        match self.take_arrival() {
            Some(Arrival::Disk(disk)) => Ok(Disk(*disk)),
            Some(Arrival::Stream(_) | Arrival::Opened(_)) | None => {
                Err(error::object(&no_result()))
            }
        }
    }

    /// The stream with its index, after the last step; nothing if that is of no use.
    pub fn indexed(&self) -> Option<IndexedStream> {
        match &self.work {
            Work::Index(job) => job.result()?.clone().map(IndexedStream),
            _ => None,
        }
    }

    /// What was found, as JSON, after the last step.
    pub fn result(&self) -> Result<String, JsValue> {
        let json = match &self.work {
            Work::Info(job) => job.result().map(|document| document.to_json()),
            Work::Validate(job, to_json) => job.result().map(to_json),
            Work::Remains(job, to_json) => job.result().map(to_json),
            Work::ResizeLimits(job, to_json) => job.result().map(to_json),
            Work::Open(_) | Work::Index(_) | Work::Output(_) => None,
        };
        let json = json.ok_or_else(no_result).and_then(|json| Ok(json?));
        json.map_err(|failure| error::object(&failure))
    }
}

impl Task {
    fn take_arrival(&mut self) -> Option<Arrival> {
        match &mut self.work {
            Work::Open(job) => job.take().and_then(Job::into_result),
            _ => None,
        }
    }
}

impl Work {
    fn step(&mut self) -> (Result<jobs::Step, Failure>, (u64, u64)) {
        match self {
            Work::Open(Some(job)) => step(job),
            Work::Open(None) => (Ok(jobs::Step::Done), (0, 0)),
            Work::Index(job) => step(job),
            Work::Info(job) => step(job),
            Work::Validate(job, _) => step(job),
            Work::Remains(job, _) => step(job),
            Work::ResizeLimits(job, _) => step(job),
            Work::Output(job) => step(job),
        }
    }
}

fn step<T>(job: &mut Job<T>) -> (Result<jobs::Step, Failure>, (u64, u64)) {
    let step = job.step();
    (step, job.progress())
}

#[wasm_bindgen]
impl Step {
    /// What came of it.
    #[wasm_bindgen(getter)]
    pub fn kind(&self) -> StepKind {
        self.kind
    }

    /// Where to read.
    #[wasm_bindgen(getter)]
    pub fn offset(&self) -> u64 {
        self.range.0
    }

    /// How many bytes to read, or were made, or will be, or zeros to write.
    #[wasm_bindgen(getter)]
    pub fn length(&self) -> u64 {
        self.range.1
    }

    /// How much is done, of all steps but `Read`, `Extents` and `Done`.
    #[wasm_bindgen(getter)]
    pub fn done(&self) -> u64 {
        self.progress.0
    }

    /// How much is to be done; 0 where that is not known.
    #[wasm_bindgen(getter)]
    pub fn total(&self) -> u64 {
        self.progress.1
    }

    /// Copies what was made into `target`, which has room for `length` bytes.
    pub fn copy_to(&self, target: &Uint8Array) {
        if let Some(bytes) = &self.bytes {
            target.subarray(0, bytes.len() as u32).copy_from(bytes);
        }
    }

    /// A copy of what was made.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> Option<Uint8Array> {
        self.bytes.as_deref().map(Uint8Array::from)
    }
}

impl Step {
    fn new(step: jobs::Step, progress: (u64, u64)) -> Result<Self, Failure> {
        let mut this = Self {
            progress,
            ..Self::of_kind(StepKind::Done)
        };
        match step {
            jobs::Step::Read(range) => {
                this.kind = StepKind::Read;
                this.range = (range.start, range.end - range.start);
            }
            jobs::Step::Progress { .. } => this.kind = StepKind::Progress,
            jobs::Step::Resized(resized) => {
                this.kind = StepKind::Resized;
                this.bytes = Some(documents::of_resized(&resized)?.into_bytes().into());
            }
            jobs::Step::Size(length) => {
                this.kind = StepKind::Size;
                this.range.1 = length;
            }
            jobs::Step::Bytes(bytes) => {
                this.kind = StepKind::Bytes;
                this.range.1 = bytes.len() as u64;
                this.bytes = Some(bytes);
            }
            jobs::Step::Hole(length) => {
                this.kind = StepKind::Hole;
                this.range.1 = length;
            }
            jobs::Step::Extents(list) => {
                this.kind = StepKind::Extents;
                this.bytes = Some(numbers(list.iter().flat_map(|found| {
                    let Extent { start, len } = found.extent;
                    [start.0, len, found.offset]
                })));
            }
            jobs::Step::Files(files) => {
                this.kind = StepKind::Files;
                this.bytes = Some(Surveyed::list_to_json(&files)?.into_bytes().into());
            }
            jobs::Step::Held(list) => {
                this.kind = StepKind::Held;
                this.bytes = Some(numbers(list.iter().flat_map(|held| {
                    let Extent { start, len } = held.extent;
                    [start.0, len, held.record.0, held.holder as u64]
                })));
            }
            jobs::Step::OpensContainer => this.kind = StepKind::Load,
            jobs::Step::Done => {}
        }
        Ok(this)
    }

    fn of_kind(kind: StepKind) -> Self {
        Self {
            kind,
            range: (0, 0),
            progress: (0, 0),
            bytes: None,
        }
    }
}

fn numbers(numbers: impl Iterator<Item = u64>) -> Piece {
    numbers
        .flat_map(u64::to_le_bytes)
        .collect::<Vec<u8>>()
        .into()
}

fn no_result() -> Failure {
    Failure::Refused {
        kind: Refusal::Target,
        found: "has no such result".to_owned(),
        remedy: "ask the task that has it, once, when it is done".to_owned(),
    }
}
