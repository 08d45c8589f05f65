//! An image or volume that was opened.

use ntfsclone_core::tasks::{Failure, Opened, Refusal, Target};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::error;
use crate::task::{Task, Work};

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
    pub fn extents(&self) -> Task {
        Task::new(Work::Extents(self.0.extents()))
    }

    /// Finds what `ntfsclone verify --json` tells.
    pub fn validate(&self) -> Task {
        Task::new(Work::Validate(Box::new(self.0.validate())))
    }

    /// Makes something else of it: `"raw"`.
    pub fn convert(&self, target: &str) -> Result<Task, JsValue> {
        let target = match target {
            "raw" => Target::Raw,
            _ => {
                let failure = Failure::Refused {
                    kind: Refusal::Target,
                    found: format!("cannot be made into {target:?}"),
                    remedy: "ask for \"raw\"".to_owned(),
                };
                return Err(error::object(&failure));
            }
        };
        Ok(Task::new(Work::Convert(self.0.convert(target))))
    }
}
