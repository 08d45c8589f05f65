//! Replies to requests: simple ones, and structured ones in chunks.

use std::io::{self, IoSlice, Write};

use super::handshake::ALLOCATION_ID;
use super::request::Refusal;

const SIMPLE_MAGIC: u32 = 0x6744_6698;
const STRUCTURED_MAGIC: u32 = 0x668e_33ef;

/// The last chunk of a reply.
const DONE: u16 = 1 << 0;

// Types of chunks.
const NONE: u16 = 0;
const OFFSET_DATA: u16 = 1;
const OFFSET_HOLE: u16 = 2;
const BLOCK_STATUS: u16 = 5;
const ERROR: u16 = 1 << 15 | 1;
const ERROR_OFFSET: u16 = 1 << 15 | 2;

/// Consecutive bytes, as `base:allocation` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) len: u32,
    /// A hole that reads as zeros; else data.
    pub(super) is_hole: bool,
}

/// Whether a chunk ends the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    MoreFollows,
    Last,
}

impl Order {
    fn flags(self) -> u16 {
        match self {
            Self::MoreFollows => 0,
            Self::Last => DONE,
        }
    }
}

/// Writes the replies to the requests of one client.
pub(super) struct Replies<W> {
    writer: W,
    is_structured: bool,
}

impl<W: Write> Replies<W> {
    pub(super) fn new(writer: W, is_structured: bool) -> Self {
        Self {
            writer,
            is_structured,
        }
    }

    /// Done, without data.
    pub(super) fn done(&mut self, cookie: u64) -> io::Result<()> {
        match self.is_structured {
            true => self.chunk(cookie, DONE, NONE, &[], &[]),
            false => self.simple(cookie, 0, &[]),
        }
    }

    pub(super) fn refused(&mut self, cookie: u64, refusal: Refusal) -> io::Result<()> {
        match self.is_structured {
            true => {
                let mut fields = (refusal as u32).to_be_bytes().to_vec();
                // A message of no bytes.
                fields.extend([0; 2]);
                self.chunk(cookie, DONE, ERROR, &fields, &[])
            }
            false => self.simple(cookie, refusal as u32, &[]),
        }
    }

    /// All bytes of a read, in a simple reply.
    pub(super) fn read(&mut self, cookie: u64, data: &[u8]) -> io::Result<()> {
        self.simple(cookie, 0, data)
    }

    /// Some bytes of a read.
    pub(super) fn data(
        &mut self,
        cookie: u64,
        order: Order,
        offset: u64,
        data: &[u8],
    ) -> io::Result<()> {
        let fields = offset.to_be_bytes();
        self.chunk(cookie, order.flags(), OFFSET_DATA, &fields, data)
    }

    pub(super) fn hole(
        &mut self,
        cookie: u64,
        order: Order,
        offset: u64,
        len: u32,
    ) -> io::Result<()> {
        let mut fields = offset.to_be_bytes().to_vec();
        fields.extend(len.to_be_bytes());
        self.chunk(cookie, order.flags(), OFFSET_HOLE, &fields, &[])
    }

    /// Bytes at `offset` cannot be read; ends the reply.
    pub(super) fn lost(&mut self, cookie: u64, offset: u64, refusal: Refusal) -> io::Result<()> {
        let mut fields = (refusal as u32).to_be_bytes().to_vec();
        fields.extend([0; 2]);
        fields.extend(offset.to_be_bytes());
        self.chunk(cookie, DONE, ERROR_OFFSET, &fields, &[])
    }

    pub(super) fn statuses(&mut self, cookie: u64, statuses: &[Status]) -> io::Result<()> {
        const HOLE: u32 = 1 << 0;
        const ZERO: u32 = 1 << 1;
        let mut fields = ALLOCATION_ID.to_be_bytes().to_vec();
        for status in statuses {
            let flags = if status.is_hole { HOLE | ZERO } else { 0 };
            fields.extend(status.len.to_be_bytes());
            fields.extend(flags.to_be_bytes());
        }
        self.chunk(cookie, DONE, BLOCK_STATUS, &fields, &[])
    }

    fn simple(&mut self, cookie: u64, error: u32, data: &[u8]) -> io::Result<()> {
        let mut header = SIMPLE_MAGIC.to_be_bytes().to_vec();
        header.extend(error.to_be_bytes());
        header.extend(cookie.to_be_bytes());
        self.write(&header, data)
    }

    fn chunk(
        &mut self,
        cookie: u64,
        flags: u16,
        kind: u16,
        fields: &[u8],
        data: &[u8],
    ) -> io::Result<()> {
        let mut header = STRUCTURED_MAGIC.to_be_bytes().to_vec();
        header.extend(flags.to_be_bytes());
        header.extend(kind.to_be_bytes());
        header.extend(cookie.to_be_bytes());
        let len = fields.len() + data.len();
        header.extend((len as u32).to_be_bytes());
        header.extend(fields);
        self.write(&header, data)
    }

    /// Writes both in one call, if the connection takes all of it.
    fn write(&mut self, header: &[u8], data: &[u8]) -> io::Result<()> {
        let slices = [IoSlice::new(header), IoSlice::new(data)];
        let written = loop {
            match self.writer.write_vectored(&slices) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                written => break written?,
            }
        };
        match written.checked_sub(header.len()) {
            Some(of_data) => self.writer.write_all(&data[of_data..]),
            None => {
                self.writer.write_all(&header[written..])?;
                self.writer.write_all(data)
            }
        }
    }
}
