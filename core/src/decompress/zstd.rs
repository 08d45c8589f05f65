//! A frame of zstd, whatever its size.

use core::fmt;

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Decoded, Problem};

/// The largest window: what `zstd --ultra` makes. `--long=31` makes larger ones.
const WINDOW_LOG: u32 = 27;

/// Decompresses a frame, or skips one that is to be skipped.
pub(crate) struct Zstd(DCtx<'static>);

impl Zstd {
    pub(super) fn new() -> Option<Self> {
        let mut context = DCtx::try_create()?;
        context
            .set_parameter(DParameter::WindowLogMax(WINDOW_LOG))
            .ok()?;
        Some(Self(context))
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        let left = self
            .0
            .decompress_stream(&mut output, &mut input)
            .map_err(|code| match get_error_name(code) {
                // Errors are told by their names only.
                name if name.contains("requires too much memory") => {
                    Problem::Memory(1 << WINDOW_LOG)
                }
                name => Problem::Damaged(name),
            })?;
        Ok(Decoded {
            taken: input.pos(),
            made: output.pos(),
            has_ended: left == 0,
        })
    }
}

impl fmt::Debug for Zstd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Zstd")
    }
}
