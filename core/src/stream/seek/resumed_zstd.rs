//! A frame of zstd, from a block within it.

use alloc::vec::Vec;

use zstd_safe::get_error_name;

use crate::stream::zstd::Zstd;
use crate::stream::{Decoded, Decoder, Limits, Problem, Then};

/// Bytes of the checksum after the last block.
const CHECKSUM_BYTES: usize = 4;

/// Decodes the rest of a frame, whose checksum is that of all of it and not compared, and then
/// other frames.
///
/// The decompressor is given the header of a frame with the same window, and the content before the
/// block as its dictionary. The tables of entropy codes and the repeated offsets are lost: only at
/// blocks that use neither does this decode what is there. Whoever makes an index tries it.
pub(super) struct ResumedZstd {
    zstd: Zstd,
    has_checksum: bool,
    state: State,
}

enum State {
    Body,
    /// Bytes of the checksum that are still to come.
    Checksum(usize),
    Next,
}

impl ResumedZstd {
    pub(super) fn new(
        before: &[u8],
        window_descriptor: u8,
        has_checksum: bool,
        limits: Limits,
    ) -> Result<Self, Problem> {
        let mut zstd = Zstd::new(limits)?;
        // What begins with the magic of a dictionary would be taken for one: a byte before it that
        // nothing refers to.
        let mut dictionary = Vec::new();
        let len = before.len().saturating_add(1);
        dictionary
            .try_reserve_exact(len)
            .map_err(|_| Problem::NoMemory)?;
        dictionary.push(0);
        dictionary.extend_from_slice(before);
        zstd.load_dictionary(&dictionary)
            .map_err(|code| Problem::Damaged(get_error_name(code)))?;
        // RFC 8878, 3.1.1: without content size, dictionary ID or checksum.
        let header = [0x28, 0xB5, 0x2F, 0xFD, 0x00, window_descriptor];
        let mut left = header.as_slice();
        while !left.is_empty() {
            let decoded = zstd.decode(left, &mut []);
            match decoded.then {
                Then::Failed(problem) => return Err(problem),
                _ if decoded.taken == 0 => {
                    return Err(Problem::Damaged("its frame header is not accepted"));
                }
                _ => left = left.get(decoded.taken..).unwrap_or_default(),
            }
        }
        Ok(Self {
            zstd,
            has_checksum,
            state: State::Body,
        })
    }
}

impl Decoder for ResumedZstd {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        match &mut self.state {
            State::Body => {
                let decoded = self.zstd.decode(input, output);
                if decoded.then != Then::End || !self.has_checksum {
                    return decoded;
                }
                self.state = State::Checksum(CHECKSUM_BYTES);
                Decoded {
                    then: Then::More,
                    ..decoded
                }
            }
            State::Checksum(left) => {
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
            State::Next => self.zstd.decode(input, output),
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        if !matches!(self.state, State::Next) {
            self.zstd
                .load_dictionary(&[])
                .map_err(|code| Problem::Damaged(get_error_name(code)))?;
            self.state = State::Next;
        }
        self.zstd.restart()
    }
}
