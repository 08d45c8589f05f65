//! A disk that was opened as a whole.

use js_sys::Array;
use ntfsclone_core::jobs::OpenedDisk;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::conversion::{Compressed, writer};
use crate::error;
use crate::task::{Task, Work};

/// A disk that was opened as a whole.
#[wasm_bindgen]
pub struct Disk(pub(crate) OpenedDisk);

#[wasm_bindgen]
impl Disk {
    /// Bytes of the disk.
    #[wasm_bindgen(getter)]
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// Its partitions, as errors list them.
    #[wasm_bindgen(getter)]
    pub fn partitions(&self) -> Array {
        error::partitions(self.0.table())
    }

    /// Converts the disk: `target` is the name of a writer; `compressed` or not. If so, the other module must
    /// be loaded before that takes its first step.
    pub fn convert(
        &self,
        target: &str,
        compressed: Option<Compressed>,
        force: bool,
    ) -> Result<Task, JsValue> {
        let disk = match force {
            true => self.0.accepting_dirty(),
            false => self.0.clone(),
        };
        let convert =
            writer(target).and_then(|writer| disk.convert(writer, compressed.map(Into::into)));
        let convert = convert.map_err(|failure| error::object(&failure))?;
        Ok(Task::deferred(Work::Output(convert)))
    }
}
