//! What JavaScript reads.

use std::rc::Rc;

use ntfsclone_core::decompress::Compression;
use ntfsclone_core::pages::Pages;
use ntfsclone_core::tasks::{Decompress, Failure, Open, Refusal};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::task::{self, Task};

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

    /// Opens the image or volume that it is.
    pub fn open(&self) -> Task {
        let open = Open::new(&self.name, Rc::clone(&self.pages));
        Task::new(task::Work::Open(Some(open)))
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
        let decompress = Decompress::new(pages, compression, ends_anywhere);
        let decompress = decompress.map_err(|failure| error::object(&failure))?;
        Ok(Task::new(task::Work::Decompress(decompress)))
    }
}
