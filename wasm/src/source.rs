//! What JavaScript reads.

use std::rc::Rc;

use js_sys::{Function, Uint8Array};
use ntfsclone_core::error::{Error, Structure};
use ntfsclone_core::image::Compression;
use ntfsclone_core::jobs::{self, Failure, Refusal};
use ntfsclone_core::pages::Pages;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::task::{Task, Work};

/// Pages of something that JavaScript reads.
#[wasm_bindgen]
pub struct Source {
    name: String,
    pages: Rc<Pages>,
}

#[wasm_bindgen]
impl Source {
    /// Nothing yet of a source of `size` bytes; `name` is what to call it.
    #[wasm_bindgen(constructor)]
    pub fn new(name: String, size: u64) -> Self {
        let pages = Rc::new(Pages::new(size));
        Self { name, pages }
    }

    /// Takes what a step of kind `Read` asked for: the bytes from `offset` on.
    pub fn supply(&self, offset: u64, bytes: Vec<u8>) -> Result<(), JsValue> {
        let supplied = self.pages.supply(offset, bytes);
        supplied.map_err(|error| error::object(&error.into()))
    }

    /// The same without a copy: `read` is called once, at once, with the memory
    /// to put the `length` bytes from `offset` on, and returns how many it put
    /// there. If these are fewer, nothing is taken.
    pub fn fill(&self, offset: u64, length: usize, read: &Function) -> Result<(), JsValue> {
        let mut bytes: Vec<u8> = Vec::new();
        if bytes.try_reserve_exact(length).is_err() {
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
        if filled.as_f64() == Some(length as f64) {
            // SAFETY: so many bytes were put there; all memory of a module is
            // initialised as it is.
            unsafe { bytes.set_len(length) };
            return self.supply(offset, bytes);
        }
        Ok(())
    }

    /// Opens the image or volume that it is.
    pub fn open(&self) -> Task {
        let job = jobs::open(&self.name, Rc::clone(&self.pages));
        Task::new(Work::Open(Some(job)))
    }

    /// Decompresses it: `compression` is what the error of
    /// [`open`](Source::open) told. What follows the stream is an error, unless
    /// it `ends_anywhere`.
    pub fn decompress(&self, compression: &str, ends_anywhere: bool) -> Result<Task, JsValue> {
        let Some(compression) = Compression::named(compression) else {
            let found = format!("is not known to be compressed with {compression:?}");
            return Err(error::object(&Failure::Refused {
                kind: Refusal::Target,
                found,
                remedy: "open it as it is".to_owned(),
            }));
        };
        let pages = Rc::clone(&self.pages);
        let job = jobs::decompress(pages, compression, ends_anywhere);
        let job = job.map_err(|failure| error::object(&failure))?;
        Ok(Task::new(Work::Output(job)))
    }
}
