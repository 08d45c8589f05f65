//! The frames of a zstd stream, followed while its bytes are read to be decompressed.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use ntfsclone_core::image::seekable::{PassedFrames, PassingFrames};

/// Follows the frames of what is read through [`Passing::follow`].
#[derive(Debug, Clone)]
pub struct Passing {
    frames: Arc<Mutex<PassingFrames>>,
}

impl Passing {
    /// At the start of a stream.
    pub(super) fn new() -> Self {
        let frames = Arc::new(Mutex::new(PassingFrames::new()));
        Self { frames }
    }

    /// `reader`, which is at the start of the stream.
    pub(super) fn follow(&self, reader: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        let passing = self.clone();
        Box::new(PassingReader { reader, passing })
    }

    /// What is around the frames of a stream that was read to its end; `None` if there is
    /// nothing around them.
    pub fn finish(&self) -> Option<PassedFrames> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *frames, PassingFrames::new()).finish()
    }
}

struct PassingReader {
    reader: Box<dyn Read + Send>,
    passing: Passing,
}

impl Read for PassingReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.reader.read(buf)?;
        let frames = self.passing.frames.lock();
        frames
            .unwrap_or_else(PoisonError::into_inner)
            .push(&buf[..len]);
        Ok(len)
    }
}
