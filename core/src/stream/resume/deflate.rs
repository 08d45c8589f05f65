//! A member of gzip, from a block of deflate within it.

use alloc::vec::Vec;

use miniz_oxide::inflate::core::BlockBoundaryState;

use crate::stream::gzip::miniz::Inflate;
use crate::stream::gzip::{Gzip, Inflating as _};
use crate::stream::{Decoded, Decoder, Limits, Problem, Then};

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
        before: Vec<u8>,
        skipped_bits: u8,
    },
    Body(Inflate),
    /// Bytes of the trailer that are still to come.
    Trailer(usize),
    Next(Gzip),
}

impl ResumedDeflate {
    /// At a block that begins `skipped_bits` after the start of the next byte. `before` is the content
    /// before it.
    pub(super) fn new(before: &[u8], skipped_bits: u8, limits: Limits) -> Self {
        let state = match skipped_bits {
            0 => State::Body(Inflate::at_block(before, &BlockBoundaryState::default())),
            skipped_bits => State::Start {
                before: before.to_vec(),
                skipped_bits,
            },
        };
        Self { limits, state }
    }
}

impl Decoder for ResumedDeflate {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        match &mut self.state {
            State::Start {
                before,
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
                self.state = State::Body(Inflate::at_block(before, &state));
                more(1)
            }
            State::Body(inflate) => {
                let decoded = inflate.decode(input, output);
                if decoded.then != Then::End {
                    return decoded;
                }
                self.state = State::Trailer(TRAILER_BYTES);
                if decoded.taken == 0 && decoded.made == 0 {
                    // The last bits were read before.
                    return self.decode(input, output);
                }
                Decoded {
                    then: Then::More,
                    ..decoded
                }
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
