//! What JavaScript reads.

use std::sync::Arc;

use js_sys::{Function, Uint8Array};
use ntfsclone_core::error::{Error, Structure};
use ntfsclone_core::io::IoError;
use ntfsclone_core::jobs::{self, DECODER_LIMITS, Failure, Refusal};
use ntfsclone_core::pages::{MAX_REQUEST, Pages};
use ntfsclone_core::stream::{Compression, Decoder, Stream};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codecs::LoadedDecoder;
use crate::error;
use crate::task::{Task, Work};

/// The largest size that a number of JavaScript counts exactly.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// Pages of something that JavaScript reads.
#[wasm_bindgen]
pub struct Source {
    name: String,
    pages: Arc<Pages>,
}

#[wasm_bindgen]
impl Source {
    /// Nothing yet of a source of `size` bytes; `name` is what to call it.
    #[wasm_bindgen(constructor)]
    pub fn new(name: String, size: u64) -> Result<Self, JsValue> {
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
        let pages = Arc::new(Pages::new(size));
        Ok(Self { name, pages })
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

    /// Opens the image or volume that it is.
    pub fn open(&self) -> Task {
        let job = jobs::open(&self.name, Arc::clone(&self.pages));
        Task::new(Work::Open(Some(job)))
    }

    /// True if the decoder of that format is in the other module.
    pub fn needs_codecs(compression: &str) -> bool {
        Compression::named(compression).is_some_and(|format| !format.has_decoder())
    }

    /// Decompresses it: `compression` is what the error of
    /// [`open`](Source::open) told. What follows the stream is an error, unless
    /// it `ends_anywhere`. The other module is loaded if it
    /// [`needs_codecs`](Source::needs_codecs).
    pub fn decompress(&self, compression: &str, ends_anywhere: bool) -> Result<Task, JsValue> {
        let Some(compression) = Compression::named(compression) else {
            let found = format!("is not known to be compressed with {compression:?}");
            return Err(error::object(&Failure::Refused {
                kind: Refusal::Target,
                found,
                remedy: "open it as it is".to_owned(),
            }));
        };
        let pages = Arc::clone(&self.pages);
        let stream = if compression.has_decoder() {
            Stream::new(compression, DECODER_LIMITS, ends_anywhere)
        } else {
            let decoder = LoadedDecoder::new(compression.name(), DECODER_LIMITS)
                .map(|decoder| Box::new(decoder) as Box<dyn Decoder>);
            Stream::with(compression, decoder, ends_anywhere)
        }
        .map_err(|stream| error::object(&Failure::Decompress(stream)))?;
        let job = jobs::decompress(pages, stream);
        Ok(Task::new(Work::Output(job)))
    }
}
