//! Streams of bzip2.

use bzip2::{Decompress, Status};

use super::{Decoded, Decoder, Limits, Problem, Then, require_memory, since};

/// More than the state of a decoder takes before its first block. The library
/// panics if it cannot allocate that.
const STATE_BYTES: usize = 80 << 10;

/// Decompresses a stream.
pub(super) struct Bzip2(Decompress);

impl Bzip2 {
    pub(super) fn new(_: Limits) -> Result<Self, Problem> {
        require_memory(STATE_BYTES)?;
        Ok(Self(Decompress::new(false)))
    }
}

impl Decoder for Bzip2 {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        let (taken, made) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output);
        Decoded {
            taken: since(taken, self.0.total_in()),
            made: since(made, self.0.total_out()),
            then: match status {
                Ok(Status::StreamEnd) => Then::End,
                Ok(Status::MemNeeded) => Then::Failed(Problem::NoMemory),
                Ok(_) => Then::More,
                Err(_) => Then::Failed(Problem::Damaged(
                    "its blocks do not agree with their checksums",
                )),
            },
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        require_memory(STATE_BYTES)?;
        self.0 = Decompress::new(false);
        Ok(())
    }
}
