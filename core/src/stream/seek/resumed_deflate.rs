//! A member of gzip, from a block of deflate within it.

use alloc::boxed::Box;
use alloc::vec;

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_HAS_MORE_INPUT;
use miniz_oxide::inflate::core::{BlockBoundaryState, DecompressorOxide, decompress};

use crate::stream::gzip::Gzip;
use crate::stream::{Decoded, Decoder, Limits, Problem, Then};

/// Bytes of content that a block may refer to.
pub(super) const WINDOW_BYTES: usize = 32 << 10;

/// Bytes of CRC-32 and size.
const TRAILER_BYTES: usize = 8;

/// Decodes the rest of a member, whose checksum is that of all of it and not compared, and then other
/// members.
pub(super) struct ResumedDeflate {
    limits: Limits,
    state: State,
}

enum State {
    /// The bits of the first byte that are before the block, 1 to 7 of them, are still to be skipped.
    Start {
        window: Box<[u8]>,
        skipped_bits: u8,
    },
    Body(Body),
    /// Bytes of the trailer that are still to come.
    Trailer(usize),
    Next(Gzip),
}

struct Body {
    inflate: Box<DecompressorOxide>,
    /// The last content, as a ring.
    window: Box<[u8]>,
    /// Where the next content goes.
    position: usize,
    /// Content from here to `position` is not delivered yet.
    delivered: usize,
    has_ended: bool,
}

impl ResumedDeflate {
    /// At a block that begins `skipped_bits` after the start of the next byte. `before` is the content
    /// before it.
    pub(super) fn new(before: &[u8], skipped_bits: u8, limits: Limits) -> Self {
        let mut window = vec![0; WINDOW_BYTES].into_boxed_slice();
        let kept = before.len().min(WINDOW_BYTES);
        let start = WINDOW_BYTES.saturating_sub(kept);
        let before = before.get(before.len().saturating_sub(kept)..);
        if let (Some(end), Some(before)) = (window.get_mut(start..), before) {
            end.copy_from_slice(before);
        }
        let state = match skipped_bits {
            0 => State::Body(Body::new(window, BlockBoundaryState::default())),
            skipped_bits => State::Start {
                window,
                skipped_bits,
            },
        };
        Self { limits, state }
    }
}

impl Body {
    fn new(window: Box<[u8]>, state: BlockBoundaryState) -> Self {
        let inflate = DecompressorOxide::from_block_boundary_state(&state);
        Self {
            inflate: Box::new(inflate),
            window,
            position: 0,
            delivered: 0,
            has_ended: false,
        }
    }

    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let mut taken = 0;
        if self.delivered == self.position && !self.has_ended {
            if self.position == self.window.len() {
                self.position = 0;
                self.delivered = 0;
            }
            let flags = TINFL_FLAG_HAS_MORE_INPUT;
            let (status, read, made) = decompress(
                &mut self.inflate,
                input,
                &mut self.window,
                self.position,
                flags,
            );
            taken = read;
            self.position = self.position.saturating_add(made);
            match status {
                TINFLStatus::Done => self.has_ended = true,
                TINFLStatus::NeedsMoreInput | TINFLStatus::HasMoreOutput => {}
                _ => {
                    return Decoded {
                        taken,
                        made: 0,
                        then: Then::Failed(Problem::Damaged("it breaks the rules of deflate")),
                    };
                }
            }
        }
        let ready = self.window.get(self.delivered..self.position);
        let ready = ready.unwrap_or_default();
        let made = ready.len().min(output.len());
        if let (Some(to), Some(from)) = (output.get_mut(..made), ready.get(..made)) {
            to.copy_from_slice(from);
        }
        self.delivered = self.delivered.saturating_add(made);
        Decoded {
            taken,
            made,
            then: Then::More,
        }
    }
}

impl Decoder for ResumedDeflate {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        match &mut self.state {
            State::Start {
                window,
                skipped_bits,
            } => {
                let Some(&first) = input.first() else {
                    return more(0);
                };
                let state = BlockBoundaryState {
                    num_bits: 8_u8.saturating_sub(*skipped_bits),
                    bit_buf: first.checked_shr((*skipped_bits).into()).unwrap_or(0),
                    ..BlockBoundaryState::default()
                };
                self.state = State::Body(Body::new(core::mem::take(window), state));
                more(1)
            }
            State::Body(body) => {
                let decoded = body.decode(input, output);
                if body.has_ended && body.delivered == body.position {
                    self.state = State::Trailer(TRAILER_BYTES);
                    if decoded.taken == 0 && decoded.made == 0 {
                        // The last bits were read before.
                        return self.decode(input, output);
                    }
                }
                decoded
            }
            State::Trailer(left) => {
                let taken = input.len().min(*left);
                *left = left.saturating_sub(taken);
                Decoded {
                    taken,
                    made: 0,
                    then: match *left {
                        0 => Then::End,
                        _ => Then::More,
                    },
                }
            }
            State::Next(gzip) => gzip.decode(input, output),
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        match &mut self.state {
            State::Next(gzip) => gzip.restart()?,
            _ => self.state = State::Next(Gzip::new(self.limits)?),
        }
        Ok(())
    }
}

fn more(taken: usize) -> Decoded {
    Decoded {
        taken,
        made: 0,
        then: Then::More,
    }
}
