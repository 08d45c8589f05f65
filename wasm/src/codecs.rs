//! Decoders and compressors of the other module, which JavaScript has loaded
//! (`js/codecs.ts`).

use ntfsclone_core::jobs::NewDecoder;
use ntfsclone_core::stream::resume::{self, Start};
use ntfsclone_core::stream::{BlockStart, Decoded, Decoder, Limits, Problem, Then};
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

    /// Where a block begins.
    type Block;

    #[wasm_bindgen(method, getter)]
    fn offset(this: &Block) -> f64;

    #[wasm_bindgen(method, getter)]
    fn bit(this: &Block) -> f64;

    #[wasm_bindgen(method, getter)]
    fn window(this: &Block) -> Vec<u8>;

    #[wasm_bindgen(js_name = newDecoder)]
    fn new_decoder(
        compression: &str,
        memory: f64,
        resume: u32,
        skipped_bits: u8,
        known: &[u8],
    ) -> u32;

    #[wasm_bindgen(js_name = restart)]
    fn restart_decoder(decoder: u32) -> Option<String>;

    fn decode(decoder: u32, input: &[u8], output: &mut [u8]) -> Outcome;

    #[wasm_bindgen(js_name = findBlock)]
    fn find_block(decoder: u32);

    #[wasm_bindgen(js_name = takeBlock)]
    fn take_block(decoder: u32) -> Option<Block>;

    #[wasm_bindgen(js_name = newCompressor)]
    fn new_compressor(level: i32) -> u32;

    fn compress(compressor: u32, content: &[u8]) -> Option<Vec<u8>>;

    fn free(codec: u32);
}

/// A decoder of the other module, by its number.
pub(crate) struct LoadedDecoder {
    decoder: u32,
    limits: Limits,
    finds_block: bool,
}

/// A decoder of either module.
pub(crate) fn new_decoder_at(start: Start<'_>, limits: Limits) -> Option<NewDecoder> {
    if start.compression.has_decoder() {
        return resume::new_decoder_at(start, limits);
    }
    let decoder = LoadedDecoder::new(start, limits);
    Some(decoder.map(|decoder| Box::new(decoder) as Box<dyn Decoder>))
}

impl LoadedDecoder {
    /// A decoder that begins there.
    pub(crate) fn new(start: Start<'_>, limits: Limits) -> Result<Self, Problem> {
        let decoder = new_decoder(
            start.compression.name(),
            limits.memory as f64,
            start.resume.number(),
            start.skipped_bits,
            start.known,
        );
        let mut this = Self {
            decoder,
            limits,
            finds_block: false,
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
        self.finds_block = false;
        match restart_decoder(self.decoder) {
            Some(problem) => Err(self.problem(problem)),
            None => Ok(()),
        }
    }

    fn find_block(&mut self) {
        self.finds_block = true;
        find_block(self.decoder);
    }

    fn take_block(&mut self) -> Option<BlockStart> {
        if !self.finds_block {
            return None;
        }
        let block = take_block(self.decoder)?;
        self.finds_block = false;
        Some(BlockStart {
            offset: block.offset() as u64,
            bit: block.bit() as u64,
            window: block.window(),
        })
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
