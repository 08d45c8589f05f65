//! What JavaScript reads.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use js_sys::{Function, Uint8Array};
use ntfsclone_core::error::{Error, Structure};
use ntfsclone_core::io::IoError;
use ntfsclone_core::jobs::{self, Opening};
use ntfsclone_core::pages::{MAX_REQUEST, Pages};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Blob;

use crate::blob_reader::BlobReader;
use crate::error;
use crate::stream::Stream;
use crate::task::{Task, Work};

/// The largest size that a number of JavaScript counts exactly.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// Pages of something that JavaScript reads.
#[wasm_bindgen]
pub struct Source {
    pages: Arc<Pages>,
    /// Names and sizes of the files that follow each other in it.
    files: Vec<(String, u64)>,
    finds_first: bool,
    /// Reads it without JavaScript.
    blobs: Option<RefCell<BlobReader>>,
}

#[wasm_bindgen]
impl Source {
    /// Nothing yet of a source of `size` bytes.
    #[wasm_bindgen(constructor)]
    pub fn new(size: u64) -> Result<Self, JsValue> {
        // A negative number arrives as a huge one.
        if size > MAX_SIZE {
            let error = Error::Limit {
                structure: Structure::Source,
                offset: 0,
                found: size,
                limit: MAX_SIZE,
            };
            return Err(error::object(&error.into()));
        }
        Ok(Self {
            pages: Arc::new(Pages::new(size)),
            files: Vec::new(),
            finds_first: false,
            blobs: None,
        })
    }

    /// Adds a Blob, which has the next bytes of the source. In a worker, no step is of kind `Read` then, unless it cannot be
    /// read.
    pub fn add_blob(&mut self, blob: Blob) {
        if self.blobs.is_none() {
            self.blobs = BlobReader::new().map(RefCell::new);
        }
        if let Some(reader) = &mut self.blobs {
            reader.get_mut().add(blob);
        }
    }

    /// Takes what a step of kind `Read` asked for: the bytes from `offset` on.
    pub fn supply(&self, offset: u64, bytes: Vec<u8>) -> Result<(), JsValue> {
        let supplied = self.pages.supply(offset, bytes);
        supplied.map_err(|error| error::object(&error.into()))
    }

    /// The same without a copy: `read` is called once, at once, with the memory
    /// to put the `length` bytes from `offset` on, and returns how many it put
    /// there. Any other count is an error, and nothing is taken.
    pub fn fill(&self, offset: u64, length: usize, read: &Function) -> Result<(), JsValue> {
        let mut bytes: Vec<u8> = Vec::new();
        if length as u64 > MAX_REQUEST || bytes.try_reserve_exact(length).is_err() {
            let error = Error::Memory {
                structure: Structure::Source,
                len: length as u64,
            };
            return Err(error::object(&error.into()));
        }
        // SAFETY: the memory is that of `bytes`, and has so many bytes. It stays
        // where it is as long as `read` knows of it: nothing of the module is
        // called meanwhile, so the memory does not grow.
        let memory = unsafe { Uint8Array::view_mut_raw(bytes.as_mut_ptr(), length) };
        let filled = read.call1(&JsValue::NULL, &memory)?;
        // Not trusted: what JavaScript returns may be any number, or none.
        if filled.as_f64() != Some(length as f64) {
            let error = Error::Io {
                structure: Structure::Source,
                offset,
                len: length as u64,
                source: IoError::end_of_input(),
            };
            return Err(error::object(&error.into()));
        }
        // SAFETY: `bytes` has the capacity; all memory of a module is initialised,
        // whatever was put there.
        unsafe { bytes.set_len(length) };
        self.supply(offset, bytes)
    }

    /// Adds a file, of which the source has the next `size` bytes: see [`Opening::in_files`].
    pub fn add_file(&mut self, name: String, size: u64) {
        self.files.push((name, size));
    }

    /// Opens the file that refers to the others instead of the first one.
    pub fn find_first(&mut self) {
        self.finds_first = true;
    }

    /// Goes inwards to the image or volume in it, through the partition with that
    /// number; `name` is what to call it. `enters_only_ntfs`: without a number, the only partition
    /// with NTFS is entered.
    pub fn open(&self, name: &str, partition: Option<u32>, enters_only_ntfs: bool) -> Task {
        let opening = match enters_only_ntfs {
            true => Opening::new(name, partition),
            false => Opening::new(name, partition).listing_partitions(),
        };
        self.go_inwards(self.in_files(opening))
    }

    /// Goes inwards to the disk in it, to be converted as a whole.
    pub fn open_disk(&self, name: &str) -> Task {
        self.go_inwards(self.in_files(Opening::of_disk(name)))
    }

    /// The same for what a stream was decompressed to.
    pub fn open_within(&self, stream: &Stream) -> Task {
        self.go_inwards(stream.opening())
    }
}

impl Source {
    /// Reads what a task is without. False if JavaScript has to: it reports why something cannot be read.
    pub(crate) fn fetch(&self, range: &Range<u64>) -> bool {
        let Some(blobs) = &self.blobs else {
            return false;
        };
        let Ok(len) = usize::try_from(range.end.saturating_sub(range.start)) else {
            return false;
        };
        let Ok(bytes) = blobs.borrow_mut().read(range.start, len) else {
            return false;
        };
        self.pages.supply(range.start, bytes).is_ok()
    }

    fn in_files(&self, opening: Opening) -> Opening {
        let opening = opening.in_files(self.files.clone());
        match self.finds_first {
            true => opening.finding_first(),
            false => opening,
        }
    }

    fn go_inwards(&self, opening: Opening) -> Task {
        Task::new(Work::Open(Some(jobs::open(
            opening,
            Arc::clone(&self.pages),
        ))))
    }
}
