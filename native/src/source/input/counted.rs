//! Compressed bytes on their way to a decoder, counted.

use std::io::{self, BufRead, Read};

/// Bytes read at once.
const BUFFER_BYTES: usize = 128 << 10;

/// A reader that knows where it is, and why it gives no more: what a decoder
/// says of that depends on the decoder.
pub struct Counted {
    reader: Box<dyn Read + Send>,
    buffer: Box<[u8]>,
    /// What of the buffer was read and not yet taken.
    start: usize,
    end: usize,
    /// How many bytes were taken.
    position: u64,
    /// A decoder asked for more than there is.
    is_at_end: bool,
    /// The bytes could not be read.
    has_failed: bool,
}

impl Counted {
    pub fn new(reader: Box<dyn Read + Send>) -> Self {
        Self {
            reader,
            buffer: vec![0; BUFFER_BYTES].into_boxed_slice(),
            start: 0,
            end: 0,
            position: 0,
            is_at_end: false,
            has_failed: false,
        }
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    pub fn is_at_end(&self) -> bool {
        self.is_at_end
    }

    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The next `len` bytes, which stay there: fewer at the end.
    pub fn peek(&mut self, len: usize) -> io::Result<&[u8]> {
        if self.end - self.start < len {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            while self.end < len && self.read_more()? > 0 {}
        }
        let end = self.end.min(self.start + len);
        Ok(&self.buffer[self.start..end])
    }

    /// Reads what there is room for after what is in the buffer.
    fn read_more(&mut self) -> io::Result<usize> {
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(len) => {
                    self.end += len;
                    return Ok(len);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.has_failed = true;
                    return Err(error);
                }
            }
        }
    }
}

impl BufRead for Counted {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.is_at_end |= self.read_more()? == 0;
        }
        Ok(&self.buffer[self.start..self.end])
    }

    fn consume(&mut self, len: usize) {
        self.start += len;
        self.position += len as u64;
    }
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let len = self.fill_buf()?.read(buf)?;
        self.consume(len);
        Ok(len)
    }
}
