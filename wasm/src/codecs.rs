//! Decoders and compressors of the other module, which JavaScript has loaded
//! (`js/codecs.ts`).

use ntfsclone_core::stream::{Decoded, Decoder, Limits, Problem, Then};
use ntfsclone_core::write::FrameCompressor;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(raw_module = "./codecs.js")]
extern "C" {
    /// What one call did.
    #[wasm_bindgen(js_name = Decoded)]
    type Outcome;

    #[wasm_bindgen(method, getter)]
    fn taken(this: &Outcome) -> u32;

    #[wasm_bindgen(method, getter)]
    fn made(this: &Outcome) -> u32;

    #[wasm_bindgen(method, getter)]
    fn has_ended(this: &Outcome) -> bool;

    #[wasm_bindgen(method, getter)]
    fn problem(this: &Outcome) -> Option<String>;

    #[wasm_bindgen(js_name = newDecoder)]
    fn new_decoder(compression: &str, memory: f64) -> u32;

    #[wasm_bindgen(js_name = restart)]
    fn restart_decoder(decoder: u32) -> Option<String>;

    fn decode(decoder: u32, input: &[u8], output: &mut [u8]) -> Outcome;

    #[wasm_bindgen(js_name = newCompressor)]
    fn new_compressor(level: i32) -> u32;

    fn compress(compressor: u32, content: &[u8]) -> Option<Vec<u8>>;

    fn free(codec: u32);
}

/// A decoder of the other module, by its number.
pub(crate) struct LoadedDecoder {
    decoder: u32,
    limits: Limits,
}

impl LoadedDecoder {
    /// A decoder of that format.
    pub(crate) fn new(compression: &str, limits: Limits) -> Result<Self, Problem> {
        let mut this = Self {
            decoder: new_decoder(compression, limits.memory as f64),
            limits,
        };
        this.restart()?;
        Ok(this)
    }

    fn problem(&self, description: String) -> Problem {
        match description.as_str() {
            "limit" => Problem::Limit(self.limits.memory),
            "memory" => Problem::NoMemory,
            // Some ten bytes, once for each stream that is damaged.
            _ => Problem::Damaged(description.leak()),
        }
    }
}

impl Decoder for LoadedDecoder {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let outcome = decode(self.decoder, input, output);
        Decoded {
            taken: outcome.taken() as usize,
            made: outcome.made() as usize,
            then: match outcome.problem() {
                Some(problem) => Then::Failed(self.problem(problem)),
                None if outcome.has_ended() => Then::End,
                None => Then::More,
            },
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        match restart_decoder(self.decoder) {
            Some(problem) => Err(self.problem(problem)),
            None => Ok(()),
        }
    }
}

impl Drop for LoadedDecoder {
    fn drop(&mut self) {
        free(self.decoder);
    }
}

/// A compressor of the other module.
pub(crate) struct LoadedCompressor {
    level: i32,
    /// Its number, once there was something to compress: until then the other
    /// module need not be loaded.
    compressor: Option<u32>,
}

impl LoadedCompressor {
    /// A compressor at that level of zstd.
    pub(crate) fn new(level: i32) -> Self {
        Self {
            level,
            compressor: None,
        }
    }
}

impl FrameCompressor for LoadedCompressor {
    fn compress(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        let level = self.level;
        let compressor = self.compressor.get_or_insert_with(|| new_compressor(level));
        compress(*compressor, content)
    }
}

impl Drop for LoadedCompressor {
    fn drop(&mut self) {
        if let Some(compressor) = self.compressor {
            free(compressor);
        }
    }
}
