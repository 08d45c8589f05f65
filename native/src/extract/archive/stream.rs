//! Bytes of an archive on their way to the output.

use std::io::{self, Write};

use crate::error::{Error, Result};
use crate::sink::Target;

/// Bytes that are written in one call.
const BUFFER: usize = 256 << 10;

/// Collects the bytes of an archive, and writes them to its target.
pub struct ArchiveStream {
    target: Target,
    buffer: Vec<u8>,
}

impl ArchiveStream {
    pub fn new(target: Target) -> Self {
        Self {
            target,
            buffer: Vec::with_capacity(BUFFER),
        }
    }

    /// Writes the rest, makes it permanent, and gives a file its name.
    pub fn finish(mut self) -> Result<()> {
        let rest = std::mem::take(&mut self.buffer);
        self.target.write(&rest)?;
        self.target.finish()
    }

    fn write_out(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.target.write(bytes).map_err(io::Error::other)
    }
}

impl Write for ArchiveStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() + bytes.len() > BUFFER {
            let mut buffer = std::mem::take(&mut self.buffer);
            self.write_out(&buffer)?;
            buffer.clear();
            self.buffer = buffer;
            if bytes.len() >= BUFFER {
                self.write_out(bytes)?;
                return Ok(bytes.len());
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error of the target in an error of the stream.
pub fn error_of_target(error: io::Error) -> Error {
    match error.downcast::<Error>() {
        Ok(error) => error,
        Err(error) => Error::io("write", "the archive".as_ref(), error),
    }
}
