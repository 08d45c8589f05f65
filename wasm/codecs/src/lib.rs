//! Decoders of all formats but zstd, and the compressor of zstd, for
//! JavaScript.
//!
//! They are a WebAssembly module apart from `ntfsclone-wasm`, loaded when such a
//! stream is met, or a result is to be compressed: that module is a quarter
//! smaller without them. It calls this one through `js/codecs.ts`.

use ntfsclone_core::stream::resume::{Resume, Start, new_decoder_at};
use ntfsclone_core::stream::{self, BlockStart, Compression, Limits, Problem, Then};
use ntfsclone_core::write::{FrameCompressor, ZstdCompressor};
use wasm_bindgen::prelude::wasm_bindgen;

/// Decompresses the parts of a stream, one after the other.
#[wasm_bindgen]
pub struct Decoder {
    compression: Option<Compression>,
    /// Where the first part begins that is decoded, and what that needs.
    resume: Option<Resume>,
    skipped_bits: u8,
    known: Vec<u8>,
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
    /// A decoder of that format, which may use that many bytes of memory. It begins at a point of the kind with that number,
    /// `skipped_bits` after the start of its first byte, and `known` is what it has to know for that.
    #[wasm_bindgen(constructor)]
    pub fn new(
        compression: &str,
        memory: f64,
        resume: u32,
        skipped_bits: u8,
        known: Vec<u8>,
    ) -> Self {
        Self {
            compression: Compression::named(compression),
            resume: Resume::of_number(resume),
            skipped_bits,
            known,
            limits: Limits {
                memory: memory as u64,
                threads: 0,
            },
            decoder: None,
        }
    }

    /// Prepares for the first part, or the next. Returns the problem, if there is one.
    pub fn restart(&mut self) -> Option<String> {
        let restarted = match &mut self.decoder {
            Some(decoder) => decoder.restart(),
            None => self.start(),
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

    /// Has the decoder note where the next block begins.
    pub fn find_block(&mut self) {
        if let Some(decoder) = &mut self.decoder {
            decoder.find_block();
        }
    }

    /// The block that was noted.
    pub fn take_block(&mut self) -> Option<Block> {
        self.decoder.as_mut()?.take_block().map(Block)
    }
}

impl Decoder {
    fn start(&mut self) -> Result<(), Problem> {
        let (Some(compression), Some(resume)) = (self.compression, self.resume) else {
            return Ok(());
        };
        let start = Start {
            compression,
            resume,
            skipped_bits: self.skipped_bits,
            known: &self.known,
        };
        self.decoder = new_decoder_at(start, self.limits).transpose()?;
        self.known = Vec::new();
        Ok(())
    }
}

/// Where a block of deflate begins in its part.
#[wasm_bindgen]
pub struct Block(BlockStart);

#[wasm_bindgen]
impl Block {
    /// Bytes of content before it.
    #[wasm_bindgen(getter)]
    pub fn offset(&self) -> f64 {
        self.0.offset as f64
    }

    /// Bits of the part before it.
    #[wasm_bindgen(getter)]
    pub fn bit(&self) -> f64 {
        self.0.bit as f64
    }

    /// The content before it that its decoder has to know.
    #[wasm_bindgen(getter)]
    pub fn window(&self) -> Vec<u8> {
        self.0.window.clone()
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
