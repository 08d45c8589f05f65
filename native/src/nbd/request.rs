//! Requests of a client.

use super::option::Fields;

const MAGIC: u32 = 0x2560_9513;

/// Bytes that a request begins with.
pub(super) const HEADER_BYTES: usize = 28;

/// The most that is read or written by one request; the protocol has clients expect 32 MiB.
pub(super) const MAX_REQUEST_BYTES: u32 = 32 << 20;

// Flags of a request.
const FUA: u16 = 1 << 0;
const NO_HOLE: u16 = 1 << 1;
const DONT_FRAGMENT: u16 = 1 << 2;
const REQ_ONE: u16 = 1 << 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Read,
    Write,
    Disconnect,
    Flush,
    Trim,
    Cache,
    WriteZeroes,
    BlockStatus,
    Unknown,
}

/// Why a request is refused, by the numbers of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Refusal {
    ReadOnly = 1,
    Io = 5,
    NoMemory = 12,
    Invalid = 22,
    NoSpace = 28,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    flags: u16,
    pub(super) command: Command,
    /// What the client knows it by.
    pub(super) cookie: u64,
    pub(super) offset: u64,
    pub(super) len: u32,
}

impl Request {
    /// `None` if it is not a request: what follows cannot be understood then.
    pub(super) fn parse(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let mut fields = Fields(header);
        fields.u32().filter(|&magic| magic == MAGIC)?;
        Some(Self {
            flags: fields.u16()?,
            command: match fields.u16()? {
                0 => Command::Read,
                1 => Command::Write,
                2 => Command::Disconnect,
                3 => Command::Flush,
                4 => Command::Trim,
                5 => Command::Cache,
                6 => Command::WriteZeroes,
                7 => Command::BlockStatus,
                _ => Command::Unknown,
            },
            cookie: fields.u64()?,
            offset: fields.u64()?,
            len: fields.u32()?,
        })
    }

    /// Whether it may be carried out on an export of `size` bytes.
    pub(super) fn check(&self, size: u64, is_writable: bool) -> Result<(), Refusal> {
        let known_flags = match self.command {
            Command::Read => DONT_FRAGMENT | FUA,
            Command::Write | Command::Trim => FUA,
            Command::WriteZeroes => FUA | NO_HOLE,
            Command::BlockStatus => REQ_ONE | FUA,
            Command::Cache | Command::Flush | Command::Disconnect => FUA,
            Command::Unknown => return Err(Refusal::Invalid),
        };
        let changes = matches!(
            self.command,
            Command::Write | Command::Trim | Command::WriteZeroes
        );
        if changes && !is_writable {
            return Err(Refusal::ReadOnly);
        }
        if self.flags & !known_flags != 0 {
            return Err(Refusal::Invalid);
        }
        match self.command {
            Command::Flush | Command::Disconnect => return Ok(()),
            Command::Read | Command::Write if self.len > MAX_REQUEST_BYTES => {
                return Err(Refusal::Invalid);
            }
            Command::BlockStatus if self.len == 0 => return Err(Refusal::Invalid),
            _ => {}
        }
        match self.offset.checked_add(self.len.into()) {
            Some(end) if end <= size => Ok(()),
            _ if changes => Err(Refusal::NoSpace),
            _ => Err(Refusal::Invalid),
        }
    }

    /// What is written must be on the disk before the reply.
    pub(super) fn is_fua(&self) -> bool {
        self.flags & FUA != 0
    }

    /// Zeros must take space.
    pub(super) fn has_no_hole(&self) -> bool {
        self.flags & NO_HOLE != 0
    }

    /// The reply must be in one piece.
    pub(super) fn must_not_fragment(&self) -> bool {
        self.flags & DONT_FRAGMENT != 0
    }

    /// The first extent is enough.
    pub(super) fn wants_one_extent(&self) -> bool {
        self.flags & REQ_ONE != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: u64 = 1 << 20;

    #[track_caller]
    fn check(
        command: Command,
        flags: u16,
        place: (u64, u32),
        is_writable: bool,
        expected: Result<(), Refusal>,
    ) {
        let request = Request {
            flags,
            command,
            cookie: 0,
            offset: place.0,
            len: place.1,
        };
        assert_eq!(request.check(SIZE, is_writable), expected);
    }

    #[test]
    fn requests_beyond_the_export_are_refused() {
        use Command::{Cache, Read, Trim, Write};
        check(Read, 0, (SIZE - 1, 1), false, Ok(()));
        check(Read, 0, (SIZE - 1, 2), false, Err(Refusal::Invalid));
        check(Read, 0, (u64::MAX, 2), false, Err(Refusal::Invalid));
        check(Cache, 0, (SIZE, 1), false, Err(Refusal::Invalid));
        check(Write, 0, (SIZE, 1), true, Err(Refusal::NoSpace));
        check(Trim, 0, (u64::MAX, u32::MAX), true, Err(Refusal::NoSpace));
    }

    #[test]
    fn read_only_export_refuses_whatever_changes_it() {
        use Command::{Trim, Write, WriteZeroes};
        for command in [Write, Trim, WriteZeroes] {
            check(command, 0, (0, 1), false, Err(Refusal::ReadOnly));
            check(command, 0, (0, 1), true, Ok(()));
        }
    }

    #[test]
    fn unknown_flags_and_commands_are_refused() {
        check(Command::Read, NO_HOLE, (0, 1), true, Err(Refusal::Invalid));
        check(Command::Write, 1 << 9, (0, 1), true, Err(Refusal::Invalid));
        check(Command::Unknown, 0, (0, 1), true, Err(Refusal::Invalid));
        check(Command::BlockStatus, 0, (0, 0), true, Err(Refusal::Invalid));
    }

    #[test]
    fn another_magic_is_not_a_request() {
        assert_eq!(Request::parse(&[0; HEADER_BYTES]), None);
    }
}
