//! Streams of xz, lzip and lzma, which hold the same code in different files.

use liblzma::stream::{Action, Error, Status, Stream};

use super::{Decoded, Decoder, Limits, Problem, Then, since};

/// Decompresses a stream of xz, a member of lzip, or a file of lzma.
pub(super) struct Lzma {
    stream: Stream,
    limits: Limits,
    open: Open,
}

type Open = fn(Limits) -> Result<Stream, Error>;

impl Lzma {
    pub(super) fn of_xz(limits: Limits) -> Result<Self, Problem> {
        Self::new(limits, open_xz)
    }

    /// At a block of a stream of xz that begins with `header`. The index at the end of the stream does
    /// not match: that is an error after the last block.
    pub(super) fn of_xz_block(header: &[u8], limits: Limits) -> Result<Self, Problem> {
        let mut xz = Self::of_xz(limits)?;
        match xz.decode(header, &mut []) {
            Decoded {
                taken,
                then: super::Then::More,
                ..
            } if taken == header.len() => Ok(xz),
            _ => Err(Problem::Damaged("its header is not one of this format")),
        }
    }

    pub(super) fn of_lzip(limits: Limits) -> Result<Self, Problem> {
        Self::new(limits, |limits| Stream::new_lzip_decoder(limits.memory, 0))
    }

    pub(super) fn of_lzma(limits: Limits) -> Result<Self, Problem> {
        Self::new(limits, |limits| Stream::new_lzma_decoder(limits.memory))
    }

    fn new(limits: Limits, open: Open) -> Result<Self, Problem> {
        let stream = open(limits).map_err(|error| problem(error, limits))?;
        Ok(Self {
            stream,
            limits,
            open,
        })
    }
}

impl Decoder for Lzma {
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
        *self = Self::new(self.limits, self.open)?;
        Ok(())
    }
}

fn open_xz(limits: Limits) -> Result<Stream, Error> {
    #[cfg(feature = "lzma-threads")]
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
        Error::Format => Problem::Damaged("its header is not one of this format"),
        _ => Problem::Damaged("its content cannot be decoded, or has another checksum"),
    }
}
