//! Decoders of the other module, which JavaScript has loaded (`js/codecs.ts`).

use ntfsclone_core::stream::{Decoded, Decoder, Limits, Problem, Then};
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

    #[wasm_bindgen(js_name = freeDecoder)]
    fn free_decoder(decoder: u32);
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
        free_decoder(self.decoder);
    }
}
