//! Decoders of all formats but zstd, and the compressor of zstd, for
//! JavaScript.
//!
//! They are a WebAssembly module apart from `ntfsclone-wasm`, loaded when such a
//! stream is met, or a result is to be compressed: that module is a quarter
//! smaller without them. It calls this one through `js/codecs.ts`.

use ntfsclone_core::stream::{self, Compression, Limits, Problem, Then};
use ntfsclone_core::write::{FrameCompressor, ZstdCompressor};
use wasm_bindgen::prelude::wasm_bindgen;

/// Decompresses the parts of a stream, one after the other.
#[wasm_bindgen]
pub struct Decoder {
    compression: Option<Compression>,
    limits: Limits,
    /// `None` before the first part.
    decoder: Option<Box<dyn stream::Decoder>>,
}

/// What one call of a decoder did.
#[wasm_bindgen]
pub struct Decoded {
    /// Bytes of the input that were consumed.
    pub taken: u32,
    /// Bytes of the output that were written.
    pub made: u32,
    /// True after the last byte of a part.
    pub has_ended: bool,
    problem: Option<Problem>,
}

#[wasm_bindgen]
impl Decoder {
    /// A decoder of that format, which may use that many bytes of memory.
    #[wasm_bindgen(constructor)]
    pub fn new(compression: &str, memory: f64) -> Self {
        Self {
            compression: Compression::named(compression),
            limits: Limits {
                memory: memory as u64,
                threads: 0,
            },
            decoder: None,
        }
    }

    /// Prepares for the first part, or the next. Returns the problem, if there is one.
    pub fn restart(&mut self) -> Option<String> {
        let restarted = match (&mut self.decoder, self.compression) {
            (Some(decoder), _) => decoder.restart(),
            (None, None) => Ok(()),
            (None, Some(compression)) => match compression.new_decoder(self.limits) {
                Some(new) => new.map(|decoder| self.decoder = Some(decoder)),
                None => Ok(()),
            },
        };
        restarted.err().map(describe)
    }

    /// Decompresses `input`, empty only at the end of the stream, to `output`.
    pub fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let Some(decoder) = &mut self.decoder else {
            return Decoded {
                taken: 0,
                made: 0,
                has_ended: false,
                problem: Some(Problem::Damaged("there is no decoder for it")),
            };
        };
        let decoded = decoder.decode(input, output);
        Decoded {
            taken: decoded.taken as u32,
            made: decoded.made as u32,
            has_ended: decoded.then == Then::End,
            problem: match decoded.then {
                Then::Failed(problem) => Some(problem),
                Then::More | Then::End => None,
            },
        }
    }
}

#[wasm_bindgen]
impl Decoded {
    /// Why the part cannot be decoded, if so.
    #[wasm_bindgen(getter)]
    pub fn problem(&self) -> Option<String> {
        self.problem.map(describe)
    }
}

/// Compresses frames with zstd, one after the other.
#[wasm_bindgen]
pub struct Compressor(Option<ZstdCompressor>);

#[wasm_bindgen]
impl Compressor {
    /// A compressor at that level, from 1 to 22.
    #[wasm_bindgen(constructor)]
    pub fn new(level: i32) -> Self {
        Self(ZstdCompressor::new(level))
    }

    /// The frame that holds `content`; nothing without memory for it.
    pub fn compress(&mut self, content: &[u8]) -> Option<Vec<u8>> {
        self.0.as_mut()?.compress(content)
    }
}

/// A word for what has nothing to do with the stream, or the damage.
fn describe(problem: Problem) -> String {
    match problem {
        Problem::Limit(_) => "limit",
        Problem::NoMemory => "memory",
        Problem::Damaged(reason) => reason,
    }
    .to_owned()
}
