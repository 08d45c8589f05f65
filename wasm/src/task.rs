//! Work that goes on step by step.

use js_sys::Uint8Array;
use ntfsclone_core::clusters::Surveyed;
use ntfsclone_core::pages::Piece;
use ntfsclone_core::tasks::{
    self, Content, Convert, Decompress, Extents, Failure, Info, Open, Read, Refusal, Remains,
    Survey, Task as _, Validate,
};
use ntfsclone_core::units::Extent;
use ntfsclone_core::validate::Document;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::image::Image;

/// Work that goes on step by step.
#[wasm_bindgen]
pub struct Task(Work);

pub(crate) enum Work {
    /// None when the image was taken.
    Open(Option<Open>),
    Decompress(Decompress),
    Info(Box<Info>),
    Extents(Extents),
    Survey(Box<Survey>),
    Read(Box<Read>),
    Content(Box<Content>),
    Validate(Box<Validate>),
    Remains(Box<Remains>),
    Convert(Box<Convert>),
}

/// What came of a step.
#[wasm_bindgen]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepKind {
    /// The bytes from `offset` on, `length` of them, have to be supplied.
    Read,
    /// `done` of `total` is done; `total` is 0 where that is not known.
    Progress,
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
        Self(work)
    }
}

#[wasm_bindgen]
impl Task {
    /// Goes on, by some MiB at the most.
    pub fn step(&mut self) -> Result<Step, JsValue> {
        let step = match &mut self.0 {
            Work::Open(Some(open)) => open.step(),
            Work::Open(None) => Ok(tasks::Step::Done),
            Work::Decompress(decompress) => decompress.step(),
            Work::Info(info) => info.step(),
            Work::Extents(extents) => extents.step(),
            Work::Survey(survey) => survey.step(),
            Work::Read(read) => read.step(),
            Work::Content(content) => content.step(),
            Work::Validate(validate) => validate.step(),
            Work::Remains(remains) => remains.step(),
            Work::Convert(convert) => convert.step(),
        };
        let step = step.and_then(Step::try_from);
        let mut step = step.map_err(|failure| error::object(&failure))?;
        match (&self.0, step.kind) {
            (Work::Convert(convert), StepKind::Bytes | StepKind::Hole) => {
                step.progress = convert.progress();
            }
            (Work::Decompress(decompress), StepKind::Bytes | StepKind::Hole) => {
                step.progress = decompress.progress();
            }
            (Work::Content(content), StepKind::Bytes | StepKind::Hole) => {
                step.progress = content.progress();
            }
            (Work::Survey(survey), StepKind::Files | StepKind::Held) => {
                step.progress = survey.progress();
            }
            _ => {}
        }
        Ok(step)
    }

    /// The image that was opened, after the last step, once.
    pub fn image(&mut self) -> Result<Image, JsValue> {
        let opened = match &mut self.0 {
            Work::Open(open) => open.take().map(Open::into_opened),
            _ => None,
        };
        let opened = opened.unwrap_or_else(|| Err(no_result()));
        opened.map(Image).map_err(|failure| error::object(&failure))
    }

    /// What was found, as JSON, after the last step.
    pub fn result(&self) -> Result<String, JsValue> {
        let found = match &self.0 {
            Work::Info(info) => info.document().to_json().map_err(Failure::from),
            Work::Validate(validate) => match validate.report() {
                Some(report) => Document {
                    source: validate.name().to_owned(),
                    against: None,
                    compared: None,
                    report,
                }
                .to_json()
                .map_err(Failure::from),
                None => Err(no_result()),
            },
            Work::Remains(remains) => match remains.document() {
                Some(document) => document.to_json().map_err(Failure::from),
                None => Err(no_result()),
            },
            _ => Err(no_result()),
        };
        found.map_err(|failure| error::object(&failure))
    }
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

    /// How many bytes to read, or were made, or zeros to write.
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

impl TryFrom<tasks::Step> for Step {
    type Error = Failure;

    fn try_from(step: tasks::Step) -> Result<Self, Failure> {
        let mut this = Self {
            kind: StepKind::Done,
            range: (0, 0),
            progress: (0, 0),
            bytes: None,
        };
        match step {
            tasks::Step::Read(range) => {
                this.kind = StepKind::Read;
                this.range = (range.start, range.end - range.start);
            }
            tasks::Step::Progress { done, total } => {
                this.kind = StepKind::Progress;
                this.progress = (done, total);
            }
            tasks::Step::Bytes(bytes) => {
                this.kind = StepKind::Bytes;
                this.range.1 = bytes.len() as u64;
                this.bytes = Some(bytes);
            }
            tasks::Step::Hole(length) => {
                this.kind = StepKind::Hole;
                this.range.1 = length;
            }
            tasks::Step::Extents(list) => {
                this.kind = StepKind::Extents;
                this.bytes = Some(numbers(list.iter().flat_map(|found| {
                    let Extent { start, len } = found.extent;
                    [start.0, len, found.offset]
                })));
            }
            tasks::Step::Files(files) => {
                this.kind = StepKind::Files;
                this.bytes = Some(Surveyed::list_to_json(&files)?.into_bytes().into());
            }
            tasks::Step::Held(list) => {
                this.kind = StepKind::Held;
                this.bytes = Some(numbers(list.iter().flat_map(|held| {
                    let Extent { start, len } = held.extent;
                    [start.0, len, held.record.0, held.holder as u64]
                })));
            }
            tasks::Step::Done => {}
        }
        Ok(this)
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
