//! What a thread does to answer a request.

use std::io;
use std::sync::MutexGuard;

use super::option::not_understood;
use super::reply::{Order, Status};
use super::request::{Command, MAX_REQUEST_BYTES, Refusal, Request};
use super::session::{Incoming, Session, lock};
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

/// A thread that answers requests of a client.
pub(super) struct Answering<'a> {
    session: &'a Session<'a>,
    buffer: Vec<u8>,
}

/// What a chunk of a read consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chunk {
    Data(u64),
    Hole(u64),
}

impl<'a> Answering<'a> {
    pub(super) fn new(session: &'a Session<'a>) -> Self {
        Self {
            session,
            buffer: Vec::new(),
        }
    }

    /// Answers a request. `incoming` is what follows it: the next request, for another thread, as soon as
    /// its data are taken.
    ///
    /// # Errors
    ///
    /// As [`Session::answer_requests`].
    pub(super) fn answer(
        &mut self,
        request: &Request,
        incoming: MutexGuard<'_, Incoming>,
    ) -> io::Result<()> {
        let export = self.session.export;
        let checked = request.check(export.content().size(), export.overlay().is_some());
        if request.command == Command::Write {
            return self.write(request, checked, incoming);
        }
        drop(incoming);
        if let Err(refusal) = checked {
            return self.session.replies().refused(request.cookie, refusal);
        }
        match request.command {
            Command::Read => self.read(request),
            Command::BlockStatus if self.session.agreed.has_allocation => {
                self.report_statuses(request)
            }
            Command::BlockStatus => {
                let mut replies = self.session.replies();
                replies.refused(request.cookie, Refusal::Invalid)
            }
            Command::Trim | Command::WriteZeroes | Command::Flush => self.change(request),
            // The kernel reads ahead as it sees fit.
            _ => self.session.replies().done(request.cookie),
        }
    }

    fn read(&mut self, request: &Request) -> io::Result<()> {
        if !self.session.agreed.is_structured || request.must_not_fragment() {
            return self.read_in_one_piece(request);
        }
        let end = request.offset + u64::from(request.len);
        let mut position = request.offset;
        if position == end {
            return self.session.replies().done(request.cookie);
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
                    self.session
                        .replies()
                        .hole(request.cookie, order, position, len)?;
                }
                Chunk::Data(len) => {
                    if let Err(error) = self.fill_buffer(position, len) {
                        return self.lost(request, position, &error);
                    }
                    let data = &self.buffer[..len as usize];
                    self.session
                        .replies()
                        .data(request.cookie, order, position, data)?;
                }
            }
            position += len;
        }
        Ok(())
    }

    /// The reply has one error or all data.
    fn read_in_one_piece(&mut self, request: &Request) -> io::Result<()> {
        let len = u64::from(request.len);
        if len <= PIECE_BYTES {
            let read = self.fill_buffer(request.offset, len);
            return self.send_piece(request, read, &self.buffer);
        }
        let mut buffer = lock(&self.session.long_reply);
        let read = fill(
            self.session.export.content(),
            request.offset,
            len,
            &mut buffer,
        );
        let sent = self.send_piece(request, read, &buffer);
        *buffer = Vec::new();
        sent
    }

    /// Sends all bytes of a read, which `buffer` begins with, or why there are none.
    fn send_piece(&self, request: &Request, read: io::Result<()>, buffer: &[u8]) -> io::Result<()> {
        let (cookie, offset) = (request.cookie, request.offset);
        if let Err(error) = read {
            self.session.export.report_failure("read", offset, &error);
            return self.session.replies().refused(cookie, refusal_for(&error));
        }
        let data = &buffer[..request.len as usize];
        let mut replies = self.session.replies();
        match self.session.agreed.is_structured {
            false => replies.read(cookie, data),
            true => replies.data(cookie, Order::Last, offset, data),
        }
    }

    /// Reads into the buffer, which is as long at least.
    fn fill_buffer(&mut self, offset: u64, len: u64) -> io::Result<()> {
        fill(self.session.export.content(), offset, len, &mut self.buffer)
    }

    fn lost(&mut self, request: &Request, offset: u64, error: &io::Error) -> io::Result<()> {
        self.session.export.report_failure("read", offset, error);
        let refusal = refusal_for(error);
        self.session.replies().lost(request.cookie, offset, refusal)
    }

    /// The chunk from `start` on: a hole, or data up to the next hole that is long enough.
    fn chunk_at(&self, start: u64, end: u64) -> io::Result<Chunk> {
        let limit = end.min(start + PIECE_BYTES);
        let mut part = self.part_at(start)?;
        match part {
            Part::Zeros { len } if len >= LEAST_HOLE_BYTES || start + len >= end => {
                return Ok(Chunk::Hole(len.min(end - start)));
            }
            // To read it fails, and says why.
            Part::Missing { len } => return Ok(Chunk::Data(len.min(limit - start))),
            Part::Data { .. } | Part::Zeros { .. } => {}
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
            part = self.part_at(position)?;
        }
        Ok(Chunk::Data(position.min(limit) - start))
    }

    /// The part at `offset`, which is not empty.
    fn part_at(&self, offset: u64) -> io::Result<Part> {
        let mut known_data = lock(&self.session.known_data);
        if known_data.contains(&offset) {
            let len = known_data.end - offset;
            return Ok(Part::Data { len });
        }
        let part = self.session.export.content().part_at(offset)?;
        match part {
            _ if part.len() == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Part::Data { len } => *known_data = offset..offset + len,
            Part::Zeros { .. } | Part::Missing { .. } => {}
        }
        Ok(part)
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
            let part = match self.part_at(position) {
                Ok(part) => part,
                // A read of it fails; what precedes it is known.
                Err(_) if !statuses.is_empty() => break,
                Err(error) => {
                    self.session.export.report_failure("map", position, &error);
                    return self
                        .session
                        .replies()
                        .refused(request.cookie, refusal_for(&error));
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
        self.session.replies().statuses(request.cookie, &statuses)
    }

    /// `TRIM`, `WRITE_ZEROES` and `FLUSH`.
    fn change(&mut self, request: &Request) -> io::Result<()> {
        let Some(overlay) = self.session.export.overlay() else {
            // A flush: there is nothing to be flushed.
            return self.session.replies().done(request.cookie);
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
    fn write(
        &mut self,
        request: &Request,
        checked: Result<(), Refusal>,
        mut incoming: MutexGuard<'_, Incoming>,
    ) -> io::Result<()> {
        if request.len > MAX_REQUEST_BYTES {
            return Err(not_understood("a request to write is too long"));
        }
        let overlay = self.session.export.overlay().filter(|_| checked.is_ok());
        let mut written = Ok(());
        let mut left = u64::from(request.len);
        while left > 0 {
            let len = left.min(PIECE_BYTES) as usize;
            if self.buffer.len() < len {
                self.buffer.resize(len, 0);
            }
            let piece = &mut self.buffer[..len];
            incoming.read_data(piece)?;
            let offset = (request.offset).saturating_add(u64::from(request.len) - left);
            if let Some(overlay) = overlay
                && written.is_ok()
            {
                written = overlay.write_at(offset, piece);
            }
            left -= len as u64;
        }
        drop(incoming);
        match checked {
            Err(refusal) => self.session.replies().refused(request.cookie, refusal),
            Ok(()) => self.finish_change(request, written),
        }
    }

    fn finish_change(&mut self, request: &Request, changed: io::Result<()>) -> io::Result<()> {
        let flushed = changed.and_then(|()| match self.session.export.overlay() {
            Some(overlay) if request.is_fua() => overlay.flush(),
            _ => Ok(()),
        });
        match flushed {
            Ok(()) => self.session.replies().done(request.cookie),
            Err(error) => {
                self.session
                    .export
                    .report_failure("write", request.offset, &error);
                self.session
                    .replies()
                    .refused(request.cookie, refusal_for(&error))
            }
        }
    }
}

/// Reads into `buffer`, which is `len` bytes long at least then.
fn fill(content: &dyn Content, offset: u64, len: u64, buffer: &mut Vec<u8>) -> io::Result<()> {
    let len = len as usize;
    if buffer.len() < len {
        let reserved = buffer.try_reserve_exact(len - buffer.len());
        reserved.map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        buffer.resize(len, 0);
    }
    content.read_exact_at(offset, &mut buffer[..len])
}

fn refusal_for(error: &io::Error) -> Refusal {
    use io::ErrorKind::{FileTooLarge, OutOfMemory, QuotaExceeded, StorageFull};
    match error.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => Refusal::NoSpace,
        OutOfMemory => Refusal::NoMemory,
        _ => Refusal::Io,
    }
}
