//! A compressed stream on the way to an image or volume.

use ntfsclone_core::jobs::{CompressedStream, DECODER_LIMITS, Opening};
use ntfsclone_core::stream::Decoder;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codecs::LoadedDecoder;
use crate::error;
use crate::task::{Task, Work};

/// A compressed stream on the way to an image or volume.
#[wasm_bindgen]
pub struct Stream(pub(crate) CompressedStream);

#[wasm_bindgen]
impl Stream {
    /// True if its decoder is in the other module.
    pub fn needs_codecs(&self) -> bool {
        !self.0.compression().has_decoder()
    }

    /// Decompresses it. The other module is loaded if it
    /// [`needs_codecs`](Stream::needs_codecs).
    pub fn decompress(&self) -> Result<Task, JsValue> {
        let decoder = self.needs_codecs().then(|| {
            LoadedDecoder::new(self.0.compression().name(), DECODER_LIMITS)
                .map(|decoder| Box::new(decoder) as Box<dyn Decoder>)
        });
        let job = self.0.decompress(decoder);
        job.map(|job| Task::new(Work::Output(job)))
            .map_err(|failure| error::object(&failure))
    }
}

impl Stream {
    pub(crate) fn opening(&self) -> Opening {
        self.0.opening()
    }
}
