//! A compressed stream on the way to an image or volume.

use ntfsclone_core::jobs::{CompressedStream, DECODER_LIMITS, IndexCodecs, NewDecoder, Opening};
use ntfsclone_core::stream::Decoder;
use ntfsclone_core::stream::resume::{Resume, Start};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::codecs::{LoadedCompressor, LoadedDecoder, new_decoder_at};
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
        let job = self.0.decompress(self.first_decoder());
        job.map(|job| Task::new(Work::Output(job)))
            .map_err(|failure| error::object(&failure))
    }

    /// True if an index of it can be of use.
    pub fn can_have_index(&self) -> bool {
        self.0.can_have_index()
    }

    /// Makes its index, unless `given` is that. The other module is loaded.
    pub fn index(&self, given: Option<Vec<u8>>) -> Task {
        let codecs = IndexCodecs {
            first: self.first_decoder(),
            new_decoder_at,
            compressor: Box::new(LoadedCompressor::new(WINDOW_LEVEL)),
        };
        Task::deferred(Work::Index(self.0.index(given, codecs)))
    }
}

/// The level of zstd that windows are compressed with.
const WINDOW_LEVEL: i32 = 3;

impl Stream {
    /// That of the other module; `None` for one of this.
    fn first_decoder(&self) -> Option<NewDecoder> {
        self.needs_codecs().then(|| {
            let start = Start {
                compression: self.0.compression(),
                resume: Resume::Part,
                skipped_bits: 0,
                known: &[],
            };
            let decoder = LoadedDecoder::new(start, DECODER_LIMITS);
            decoder.map(|decoder| Box::new(decoder) as Box<dyn Decoder>)
        })
    }

    pub(crate) fn opening(&self) -> Opening {
        self.0.opening()
    }
}
