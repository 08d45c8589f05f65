//! Frames of zstd, of any size.

use zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

use super::{Decoded, Decoder, Limits, Problem, Then};

/// The windows that the format allows are larger: `zstd --long=31` makes the
/// largest that its program reads.
const WINDOW_LOGS: (u32, u32) = (10, 31);

/// Decompresses a frame, or skips a skippable one.
pub(crate) struct Zstd {
    context: DCtx<'static>,
    window_log: u32,
}

impl Zstd {
    pub(crate) fn new(limits: Limits) -> Result<Self, Problem> {
        let mut context = DCtx::try_create().ok_or(Problem::NoMemory)?;
        let (least, most) = WINDOW_LOGS;
        let log = limits.memory.checked_ilog2().unwrap_or(least);
        let window_log = log.clamp(least, most);
        context
            .set_parameter(DParameter::WindowLogMax(window_log))
            .map_err(|code| Problem::Damaged(get_error_name(code)))?;
        Ok(Self {
            context,
            window_log,
        })
    }

    /// In a frame that began with `header`, in the state that `dictionary` has.
    pub(super) fn after(dictionary: &[u8], header: &[u8], limits: Limits) -> Result<Self, Problem> {
        let mut zstd = Self::new(limits)?;
        let loaded = zstd.context.load_dictionary(dictionary);
        loaded.map_err(|code| zstd.problem(code))?;
        match zstd.decode(header, &mut []).then {
            Then::Failed(problem) => Err(problem),
            _ => Ok(zstd),
        }
    }

    fn problem(&self, code: usize) -> Problem {
        // The library reports its errors by name only.
        match get_error_name(code) {
            name if name.contains("requires too much memory") => {
                Problem::Limit(1_u64.checked_shl(self.window_log).unwrap_or(u64::MAX))
            }
            name if name.contains("not enough memory") => Problem::NoMemory,
            name => Problem::Damaged(name),
        }
    }
}

impl Decoder for Zstd {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let mut input = InBuffer::around(input);
        let mut output = OutBuffer::around(output);
        let left = self.context.decompress_stream(&mut output, &mut input);
        Decoded {
            taken: input.pos(),
            made: output.pos(),
            then: match left {
                Ok(0) => Then::End,
                Ok(_) => Then::More,
                Err(code) => Then::Failed(self.problem(code)),
            },
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        // The context expects another frame after each.
        Ok(())
    }
}
