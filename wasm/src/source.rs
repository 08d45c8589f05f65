//! What JavaScript reads.

use std::rc::Rc;

use ntfsclone_core::pages::Pages;
use ntfsclone_core::tasks::Open;
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

    /// Opens the image or volume that it is; `partition` is its number, if it is
    /// a partition of a disk.
    pub fn open(&self, partition: Option<u32>) -> Task {
        let open = Open::new(&self.name, Rc::clone(&self.pages));
        let open = match partition {
            Some(number) => open.of_partition(number),
            None => open,
        };
        Task::new(task::Work::Open(Some(open)))
    }
}
