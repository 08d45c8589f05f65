//! Members of gzip: RFC 1952.

#[cfg_attr(
    feature = "fast-gzip",
    allow(dead_code, reason = "only seek points need it")
)]
pub(super) mod miniz;
#[cfg(feature = "fast-gzip")]
mod zlib_rs;

use alloc::vec::Vec;

#[cfg(not(feature = "fast-gzip"))]
use self::miniz::Checksum;
#[cfg(not(feature = "fast-gzip"))]
pub(super) use self::miniz::Inflate;
#[cfg(feature = "fast-gzip")]
use self::zlib_rs::Checksum;
#[cfg(feature = "fast-gzip")]
pub(super) use self::zlib_rs::Inflate;
use super::{BlockStart, Decoded, Decoder, Limits, Problem, Then, require_memory};
use crate::units::len_u64;

/// Our limit: no name or comment of a file is as long.
const MAX_HEADER: usize = 1 << 17;

const TRAILER_BYTES: usize = 8;

/// More than an inflater takes. The libraries panic if they cannot allocate that.
const STATE_BYTES: usize = 96 << 10;

/// A decoder of raw deflate.
pub(super) trait Inflating: Send {
    fn new() -> Self;

    fn reset(&mut self);

    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded;

    /// See [`Decoder::find_block`].
    fn find_block(&mut self) {}

    /// See [`Decoder::take_block`].
    fn take_block(&mut self) -> Option<BlockStart> {
        None
    }
}

/// Decompresses raw deflate: RFC 1951.
pub(crate) struct Deflate(Inflate);

impl Deflate {
    pub(crate) fn new() -> Result<Self, Problem> {
        require_memory(STATE_BYTES)?;
        Ok(Self(Inflate::new()))
    }
}

impl Decoder for Deflate {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        self.0.decode(input, output)
    }

    fn restart(&mut self) -> Result<(), Problem> {
        self.0.reset();
        Ok(())
    }
}

/// Decompresses a member.
pub(super) struct Gzip<I = Inflate> {
    state: State,
    inflate: I,
    header_len: usize,
    checksum: Checksum,
    /// Modulo 2^32.
    size: u32,
}

enum State {
    /// The bytes of the header so far.
    Header(Vec<u8>),
    Body,
    /// The bytes of checksum and size so far.
    Trailer(Vec<u8>),
}

impl<I: Inflating> Gzip<I> {
    pub(super) fn new(_: Limits) -> Result<Self, Problem> {
        require_memory(STATE_BYTES)?;
        Ok(Self {
            state: State::Header(Vec::new()),
            inflate: I::new(),
            header_len: 0,
            checksum: Checksum::new(),
            size: 0,
        })
    }

    fn decode_body(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let decoded = self.inflate.decode(input, output);
        let made = output.get(..decoded.made).unwrap_or_default();
        self.checksum.update(made);
        let len = u32::try_from(made.len()).unwrap_or_default();
        self.size = self.size.wrapping_add(len);
        if decoded.then != Then::End {
            return decoded;
        }
        self.state = State::Trailer(Vec::new());
        if decoded.taken == 0 && decoded.made == 0 {
            // The last bits were read before.
            return self.decode(input, output);
        }
        Decoded {
            then: Then::More,
            ..decoded
        }
    }
}

impl<I: Inflating> Decoder for Gzip<I> {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        match &mut self.state {
            State::Header(header) => {
                let before = header.len();
                let room = MAX_HEADER.saturating_sub(before).min(input.len());
                header.extend_from_slice(input.get(..room).unwrap_or_default());
                match header_len(header) {
                    Ok(Some(len)) => {
                        self.state = State::Body;
                        self.header_len = len;
                        // What follows it in the buffer is of the body.
                        taken(len.saturating_sub(before), Then::More)
                    }
                    Ok(None) if header.len() == MAX_HEADER => damaged("its header has no end"),
                    Ok(None) => taken(room, Then::More),
                    Err(problem) => taken(0, Then::Failed(problem)),
                }
            }
            State::Body => self.decode_body(input, output),
            State::Trailer(trailer) => {
                let missing = TRAILER_BYTES.saturating_sub(trailer.len()).min(input.len());
                trailer.extend_from_slice(input.get(..missing).unwrap_or_default());
                if trailer.len() < TRAILER_BYTES {
                    return taken(missing, Then::More);
                }
                let expected = [self.checksum.value(), self.size].map(u32::to_le_bytes);
                if **trailer != *expected.as_flattened() {
                    return damaged("its content has another checksum or size");
                }
                taken(missing, Then::End)
            }
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        self.state = State::Header(Vec::new());
        self.inflate.reset();
        self.checksum.reset();
        self.size = 0;
        Ok(())
    }

    fn find_block(&mut self) {
        self.inflate.find_block();
    }

    fn take_block(&mut self) -> Option<BlockStart> {
        let block = self.inflate.take_block()?;
        let header_bits = len_u64(self.header_len).saturating_mul(8);
        Some(BlockStart {
            bit: block.bit.saturating_add(header_bits),
            ..block
        })
    }
}

fn taken(taken: usize, then: Then) -> Decoded {
    Decoded {
        taken,
        made: 0,
        then,
    }
}

fn damaged(reason: &'static str) -> Decoded {
    taken(0, Then::Failed(Problem::Damaged(reason)))
}

/// The length of the header at the start of `bytes`; `None` if it continues.
fn header_len(bytes: &[u8]) -> Result<Option<usize>, Problem> {
    const CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    let Some((&[_, _, _, flags, ..], mut rest)) = bytes.split_first_chunk::<10>() else {
        return Ok(None);
    };
    if flags & RESERVED != 0 {
        return Err(Problem::Damaged("its header has flags that are not known"));
    }
    if flags & EXTRA != 0 {
        let found = rest.split_first_chunk::<2>().and_then(|(len, after)| {
            let len = u16::from_le_bytes(*len);
            after.get(usize::from(len)..)
        });
        match found {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let mut parts = rest.splitn(2, |&byte| byte == 0);
            match parts.nth(1) {
                Some(after) => rest = after,
                None => return Ok(None),
            }
        }
    }
    if flags & CHECKSUM != 0 {
        match rest.get(2..) {
            Some(after) => rest = after,
            None => return Ok(None),
        }
    }
    Ok(Some(bytes.len().saturating_sub(rest.len())))
}
