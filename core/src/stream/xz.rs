//! Streams of xz.

use liblzma::stream::{Action, Error, Status, Stream};

use super::{Decoded, Decoder, Limits, Problem, Then, since};

/// Decompresses a stream.
pub(super) struct Xz {
    stream: Stream,
    limits: Limits,
}

impl Xz {
    pub(super) fn new(limits: Limits) -> Result<Self, Problem> {
        let stream = new_stream(limits).map_err(|error| problem(error, limits))?;
        Ok(Self { stream, limits })
    }
}

impl Decoder for Xz {
    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Decoded {
        // Threads hold content back until they know that no more input follows.
        let action = if input.is_empty() {
            Action::Finish
        } else {
            Action::Run
        };
        let (taken, made) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.process(input, output, action);
        Decoded {
            taken: since(taken, self.stream.total_in()),
            made: since(made, self.stream.total_out()),
            then: match status {
                Ok(Status::StreamEnd) => Then::End,
                Ok(_) => Then::More,
                Err(error) => Then::Failed(problem(error, self.limits)),
            },
        }
    }

    fn restart(&mut self) -> Result<(), Problem> {
        *self = Self::new(self.limits)?;
        Ok(())
    }
}

fn new_stream(limits: Limits) -> Result<Stream, Error> {
    #[cfg(feature = "xz-threads")]
    if limits.threads > 0 {
        return liblzma::stream::MtStreamBuilder::new()
            .threads(limits.threads)
            // Blocks that would take more memory at the same time wait for each other.
            .memlimit_threading(limits.memory)
            .memlimit_stop(limits.memory)
            .decoder();
    }
    Stream::new_stream_decoder(limits.memory, 0)
}

fn problem(error: Error, limits: Limits) -> Problem {
    match error {
        Error::Mem => Problem::NoMemory,
        Error::MemLimit => Problem::Limit(limits.memory),
        Error::Options => Problem::Damaged("its header has options that are unknown"),
        Error::Format => Problem::Damaged("its header is not one of xz"),
        _ => Problem::Damaged("its blocks do not agree with their checksums"),
    }
}
