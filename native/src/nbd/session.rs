//! The requests of one client, one after the other.

use std::io::{self, Read, Write};
use std::ops::Range;

use super::export::Export;
use super::handshake::Agreed;
use super::option::not_understood;
use super::reply::{Order, Replies, Status};
use super::request::{Command, HEADER_BYTES, MAX_REQUEST_BYTES, Refusal, Request};
use crate::source::{Content, Part};

/// Bytes that are read or written in one call, unless a reply must be in one piece.
const PIECE_BYTES: u64 = 1 << 20;

/// Zeros within data are sent as data up to this length: a chunk and a read of their own
/// would take longer.
const LEAST_HOLE_BYTES: u64 = 32 << 10;

/// Extents of one reply to `BLOCK_STATUS`.
const MAX_STATUSES: usize = 8192;

/// Parts that are looked at for one reply to `BLOCK_STATUS`.
const MAX_PARTS: usize = 64 << 10;

/// Answers all requests of a client, until it disconnects.
///
/// # Errors
///
/// The connection failed; of kind [`io::ErrorKind::InvalidData`], the client makes no sense.
pub(super) fn answer_requests(
    reader: impl Read,
    writer: impl Write,
    export: &Export,
    agreed: Agreed,
) -> io::Result<()> {
    let mut session = Session {
        reader,
        replies: Replies::new(writer, agreed.is_structured),
        export,
        agreed,
        buffer: Vec::new(),
        known_data: 0..0,
    };
    while let Some(request) = session.next_request()? {
        session.answer(&request)?;
    }
    Ok(())
}

struct Session<'a, R, W> {
    reader: R,
    replies: Replies<W>,
    export: &'a Export,
    agreed: Agreed,
    buffer: Vec<u8>,
    /// Bytes that were found to be data. To find out where data ends can take longer than
    /// to read some of it; and to read it stays right if it becomes zeros.
    known_data: Range<u64>,
}

/// What a chunk of a read consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Data(u64),
    Hole(u64),
}

impl<R: Read, W: Write> Session<'_, R, W> {
    /// `None` if the client disconnects.
    fn next_request(&mut self) -> io::Result<Option<Request>> {
        let mut header = [0; HEADER_BYTES];
        match self.reader.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let request = Request::parse(&header);
        let request =
            request.ok_or_else(|| not_understood("a request does not begin with its magic"))?;
        Ok(Some(request).filter(|request| request.command != Command::Disconnect))
    }

    fn answer(&mut self, request: &Request) -> io::Result<()> {
        let size = self.export.content().size();
        let checked = request.check(size, self.export.overlay().is_some());
        if request.command == Command::Write {
            return self.write(request, checked);
        }
        if let Err(refusal) = checked {
            return self.replies.refused(request.cookie, refusal);
        }
        match request.command {
            Command::Read => self.read(request),
            Command::BlockStatus if self.agreed.has_allocation => self.report_statuses(request),
            Command::BlockStatus => self.replies.refused(request.cookie, Refusal::Invalid),
            Command::Trim | Command::WriteZeroes | Command::Flush => self.change(request),
            // The kernel reads ahead as it sees fit.
            _ => self.replies.done(request.cookie),
        }
    }

    fn read(&mut self, request: &Request) -> io::Result<()> {
        if !self.replies.is_structured || request.must_not_fragment() {
            return self.read_in_one_piece(request);
        }
        let end = request.offset + u64::from(request.len);
        let mut position = request.offset;
        if position == end {
            return self.replies.done(request.cookie);
        }
        while position < end {
            let chunk = match self.chunk_at(position, end) {
                Ok(chunk) => chunk,
                Err(error) => return self.lost(request, position, &error),
            };
            let (Chunk::Data(len) | Chunk::Hole(len)) = chunk;
            let order = match position + len < end {
                true => Order::MoreFollows,
                false => Order::Last,
            };
            match chunk {
                Chunk::Hole(len) => {
                    let len = len as u32;
                    self.replies.hole(request.cookie, order, position, len)?;
                }
                Chunk::Data(len) => {
                    if let Err(error) = self.fill_buffer(position, len) {
                        return self.lost(request, position, &error);
                    }
                    let data = &self.buffer[..len as usize];
                    self.replies.data(request.cookie, order, position, data)?;
                }
            }
            position += len;
        }
        Ok(())
    }

    /// The reply has one error or all data.
    fn read_in_one_piece(&mut self, request: &Request) -> io::Result<()> {
        let len = u64::from(request.len);
        if let Err(error) = self.fill_buffer(request.offset, len) {
            self.export.report_failure("read", request.offset, &error);
            return self.replies.refused(request.cookie, refusal_for(&error));
        }
        let data = &self.buffer[..len as usize];
        match self.replies.is_structured {
            false => self.replies.read(request.cookie, data)?,
            true => {
                let (cookie, offset) = (request.cookie, request.offset);
                self.replies.data(cookie, Order::Last, offset, data)?;
            }
        }
        if len > PIECE_BYTES {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// Reads into the buffer, which is as long at least.
    fn fill_buffer(&mut self, offset: u64, len: u64) -> io::Result<()> {
        let len = len as usize;
        if self.buffer.len() < len {
            let more = len - self.buffer.len();
            let reserved = self.buffer.try_reserve_exact(more);
            reserved.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
            self.buffer.resize(len, 0);
        }
        let content = self.export.content();
        content.read_exact_at(offset, &mut self.buffer[..len])
    }

    fn lost(&mut self, request: &Request, offset: u64, error: &io::Error) -> io::Result<()> {
        self.export.report_failure("read", offset, error);
        let refusal = refusal_for(error);
        self.replies.lost(request.cookie, offset, refusal)
    }

    /// The chunk from `start` on: a hole, or data up to the next hole that is long enough.
    fn chunk_at(&mut self, start: u64, end: u64) -> io::Result<Chunk> {
        let limit = end.min(start + PIECE_BYTES);
        if self.known_data.contains(&start) && self.known_data.end >= limit {
            return Ok(Chunk::Data(limit - start));
        }
        let content = self.export.content();
        let mut part = part_at(content, start)?;
        match part {
            Part::Zeros { len } if len >= LEAST_HOLE_BYTES || start + len >= end => {
                return Ok(Chunk::Hole(len.min(end - start)));
            }
            // To read it fails, and says why.
            Part::Missing { len } => return Ok(Chunk::Data(len.min(limit - start))),
            Part::Data { len } => self.known_data = start..start + len,
            Part::Zeros { .. } => {}
        }
        let mut position = start;
        loop {
            match part {
                Part::Data { len } => position += len,
                Part::Zeros { len } if len < LEAST_HOLE_BYTES => position += len,
                Part::Zeros { .. } | Part::Missing { .. } => break,
            }
            if position >= limit {
                break;
            }
            part = part_at(content, position)?;
        }
        Ok(Chunk::Data(position.min(limit) - start))
    }

    fn report_statuses(&mut self, request: &Request) -> io::Result<()> {
        let end = request.offset + u64::from(request.len);
        let most = match request.wants_one_extent() {
            true => 1,
            false => MAX_STATUSES,
        };
        let mut statuses: Vec<Status> = Vec::new();
        let mut position = request.offset;
        for _ in 0..MAX_PARTS {
            if position >= end {
                break;
            }
            let part = match part_at(self.export.content(), position) {
                Ok(part) => part,
                // A read of it fails; what precedes it is known.
                Err(_) if !statuses.is_empty() => break,
                Err(error) => {
                    self.export.report_failure("map", position, &error);
                    return self.replies.refused(request.cookie, refusal_for(&error));
                }
            };
            let len = part.len().min(end - position) as u32;
            let is_hole = matches!(part, Part::Zeros { .. });
            let is_full = statuses.len() == most;
            match statuses.last_mut() {
                Some(last) if last.is_hole == is_hole => last.len += len,
                _ if is_full => break,
                _ => statuses.push(Status { len, is_hole }),
            }
            position += u64::from(len);
        }
        self.replies.statuses(request.cookie, &statuses)
    }

    /// `TRIM`, `WRITE_ZEROES` and `FLUSH`.
    fn change(&mut self, request: &Request) -> io::Result<()> {
        let Some(overlay) = self.export.overlay() else {
            // A flush: there is nothing to be flushed.
            return self.replies.done(request.cookie);
        };
        let (offset, len) = (request.offset, u64::from(request.len));
        let changed = match request.command {
            Command::Trim => overlay.discard(offset, len),
            Command::WriteZeroes if request.has_no_hole() => overlay.write_zeros(offset, len),
            Command::WriteZeroes => overlay.punch(offset, len),
            _ => overlay.flush(),
        };
        self.finish_change(request, changed)
    }

    /// Takes what the client sends, even if it is not wanted: the next request follows it.
    fn write(&mut self, request: &Request, checked: Result<(), Refusal>) -> io::Result<()> {
        if request.len > MAX_REQUEST_BYTES {
            return Err(not_understood("a request to write is too long"));
        }
        let overlay = self.export.overlay().filter(|_| checked.is_ok());
        let mut written = Ok(());
        let mut left = u64::from(request.len);
        while left > 0 {
            let len = left.min(PIECE_BYTES) as usize;
            if self.buffer.len() < len {
                self.buffer.resize(len, 0);
            }
            let piece = &mut self.buffer[..len];
            self.reader.read_exact(piece)?;
            let offset = (request.offset).saturating_add(u64::from(request.len) - left);
            if let Some(overlay) = overlay
                && written.is_ok()
            {
                written = overlay.write_at(offset, piece);
            }
            left -= len as u64;
        }
        match checked {
            Err(refusal) => self.replies.refused(request.cookie, refusal),
            Ok(()) => self.finish_change(request, written),
        }
    }

    fn finish_change(&mut self, request: &Request, changed: io::Result<()>) -> io::Result<()> {
        let flushed = changed.and_then(|()| match self.export.overlay() {
            Some(overlay) if request.is_fua() => overlay.flush(),
            _ => Ok(()),
        });
        match flushed {
            Ok(()) => self.replies.done(request.cookie),
            Err(error) => {
                self.export.report_failure("write", request.offset, &error);
                self.replies.refused(request.cookie, refusal_for(&error))
            }
        }
    }
}

/// The part at `offset`, which is not empty.
fn part_at(content: &dyn Content, offset: u64) -> io::Result<Part> {
    let part = content.part_at(offset)?;
    match part.len() {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(part),
    }
}

fn refusal_for(error: &io::Error) -> Refusal {
    use io::ErrorKind::{FileTooLarge, OutOfMemory, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Refusal::NoSpace,
        OutOfMemory => Refusal::NoMemory,
        _ => Refusal::Io,
    }
}
