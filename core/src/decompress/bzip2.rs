//! A stream of bzip2.

use core::fmt;

use bzip2::{Decompress, Status};

use super::{Decoded, Problem};

/// Decompresses a stream of bzip2.
pub(crate) struct Bzip2(Decompress);

impl Default for Bzip2 {
    fn default() -> Self {
        Self(Decompress::new(false))
    }
}

impl Bzip2 {
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Problem> {
        let (taken, made) = (self.0.total_in(), self.0.total_out());
        let status = self.0.decompress(input, output);
        let since = |now: u64, before: u64| usize::try_from(now.wrapping_sub(before)).unwrap_or(0);
        match status {
            Ok(Status::MemNeeded) => Err(Problem::Memory(MEMORY)),
            Ok(status) => Ok(Decoded {
                taken: since(self.0.total_in(), taken),
                made: since(self.0.total_out(), made),
                has_ended: status == Status::StreamEnd,
            }),
            Err(_) => Err(Problem::Damaged(
                "its blocks do not agree with their checksums",
            )),
        }
    }
}

/// What blocks of 900 KB take, the largest that there are.
const MEMORY: u64 = 3_700_000;

impl fmt::Debug for Bzip2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bzip2")
    }
}
