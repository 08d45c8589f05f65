//! A compressed stream that is read at any place.

use js_sys::Uint8Array;
use ntfsclone_core::jobs::Indexed;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::task::{Task, Work};

/// A compressed stream that is read at any place.
#[wasm_bindgen]
pub struct IndexedStream(pub(crate) Indexed);

#[wasm_bindgen]
impl IndexedStream {
    /// Bytes of the content.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// A copy of the index, if it was made now.
    pub fn new_index(&self) -> Option<Uint8Array> {
        self.0.is_new().then(|| Uint8Array::from(self.0.file()))
    }

    /// Reads `length` bytes of the content, from `offset` on, as far as it goes. The other module must be loaded.
    pub fn read(&self, offset: u64, length: u64) -> Task {
        let range = offset..offset.saturating_add(length);
        Task::deferred(Work::Output(self.0.read(range)))
    }
}
