//! Bytes of an archive on their way to the output.

use std::io::{self, Write};
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use crate::error::{Error, Result};
use crate::host::threads::{self, Ending};
use crate::sink::Target;

/// Bytes that are written in one call.
const BUFFER: usize = 256 << 10;

/// Buffers that wait for the thread that writes.
const QUEUED: usize = 4;

/// Collects the bytes of an archive, and writes them to its target, while the next are read.
pub struct ArchiveStream {
    buffer: Vec<u8>,
    writer: Writer,
}

enum Writer {
    /// Of a system that allows no more threads.
    Here(Box<Target>),
    Thread {
        full: SyncSender<Vec<u8>>,
        /// Buffers that were written, to be filled again.
        empty: Receiver<Vec<u8>>,
        ending: Ending<Result<Box<Target>>>,
    },
    /// It has failed, and the error was returned.
    Ended,
}

impl ArchiveStream {
    pub fn new(target: Target) -> Self {
        let (full, to_write) = sync_channel(QUEUED);
        let (written, empty) = sync_channel(QUEUED + 2);
        let input = (Box::new(target), to_write, written);
        let started = threads::start("writes", input, |(target, to_write, written)| {
            write_all(target, &to_write, &written)
        });
        Self {
            buffer: Vec::with_capacity(BUFFER),
            writer: match started {
                Ok(ending) => Writer::Thread {
                    full,
                    empty,
                    ending,
                },
                Err((target, ..)) => Writer::Here(target),
            },
        }
    }

    /// Writes the rest, makes it permanent, and gives a file its name.
    pub fn finish(mut self) -> Result<()> {
        self.write_out().map_err(error_of_target)?;
        let mut target = self.take_target()?;
        target.finish()
    }

    /// The target, when all is written to it.
    ///
    /// # Errors
    ///
    /// Something could not be written.
    fn take_target(&mut self) -> Result<Box<Target>> {
        match mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Here(target) => Ok(target),
            Writer::Thread { full, ending, .. } => {
                drop(full);
                let ended = ending.join().ok().flatten();
                ended.unwrap_or(Err(Error::Thread("writes")))
            }
            Writer::Ended => Err(Error::Thread("writes")),
        }
    }

    /// Hands over what was collected.
    fn write_out(&mut self) -> io::Result<()> {
        match &mut self.writer {
            Writer::Here(target) => {
                target.write(&self.buffer).map_err(io::Error::other)?;
                self.buffer.clear();
            }
            Writer::Thread { full, empty, .. } => {
                let next = empty.try_recv();
                let next = next.unwrap_or_else(|_| Vec::with_capacity(BUFFER));
                let filled = mem::replace(&mut self.buffer, next);
                if full.send(filled).is_err() {
                    // It has ended before its time.
                    let error = self.take_target().err();
                    return Err(io::Error::other(error.unwrap_or(Error::Thread("writes"))));
                }
            }
            Writer::Ended => return Err(io::ErrorKind::BrokenPipe.into()),
        }
        Ok(())
    }
}

impl Drop for ArchiveStream {
    fn drop(&mut self) {
        // If it was not finished, a file that is incomplete is removed before the program ends.
        let _ = self.take_target();
    }
}

/// Writes buffers as they come.
fn write_all(
    mut target: Box<Target>,
    to_write: &Receiver<Vec<u8>>,
    written: &SyncSender<Vec<u8>>,
) -> Result<Box<Target>> {
    for mut buffer in to_write {
        target.write(&buffer)?;
        buffer.clear();
        // There are always enough.
        let _ = written.try_send(buffer);
    }
    Ok(target)
}

impl Write for ArchiveStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() == BUFFER {
            self.write_out()?;
        }
        let len = bytes.len().min(BUFFER - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..len]);
        Ok(len)
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
