//! Options: what a client asks for before it sends requests, and the replies.

use std::io::{self, Read, Write};

/// "IHAVEOPT".
pub(super) const OPTION_MAGIC: u64 = 0x4948_4156_454f_5054;
const REPLY_MAGIC: u64 = 0x0003_e889_0455_65a9;

/// Ours: bytes of an option. The longest that makes sense has a name of 4096 bytes, and a
/// few queries.
pub(super) const MAX_OPTION_BYTES: u32 = 64 << 10;

/// The longest string that the protocol allows.
pub(super) const MAX_STRING_BYTES: u32 = 4096;

// Kinds of options.
pub(super) const EXPORT_NAME: u32 = 1;
pub(super) const ABORT: u32 = 2;
pub(super) const LIST: u32 = 3;
pub(super) const INFO: u32 = 6;
pub(super) const GO: u32 = 7;
pub(super) const STRUCTURED_REPLY: u32 = 8;
pub(super) const LIST_META_CONTEXT: u32 = 9;
pub(super) const SET_META_CONTEXT: u32 = 10;

// Kinds of information.
pub(super) const INFO_EXPORT: u16 = 0;
pub(super) const INFO_NAME: u16 = 1;
pub(super) const INFO_DESCRIPTION: u16 = 2;
pub(super) const INFO_BLOCK_SIZE: u16 = 3;

/// The type of a reply to an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum ReplyType {
    Ack = 1,
    Server = 2,
    Info = 3,
    MetaContext = 4,
    Unsupported = 1 << 31 | 1,
    Invalid = 1 << 31 | 3,
    Unknown = 1 << 31 | 6,
    TooBig = 1 << 31 | 9,
}

/// The option of a client, with its data.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientOption {
    pub(super) kind: u32,
    /// `None` if it was longer than [`MAX_OPTION_BYTES`] and was skipped.
    pub(super) data: Option<Vec<u8>>,
}

impl ClientOption {
    /// # Errors
    ///
    /// Of kind [`io::ErrorKind::InvalidData`]: it is not an option, or so long that it is not
    /// worth to be skipped.
    pub(super) fn read(reader: &mut impl Read) -> io::Result<Self> {
        let mut header = [0; 16];
        reader.read_exact(&mut header)?;
        let mut fields = Fields(&header);
        let (magic, kind, len) = (fields.u64(), fields.u32(), fields.u32());
        let (Some(OPTION_MAGIC), Some(kind), Some(len)) = (magic, kind, len) else {
            return Err(not_understood("an option does not begin with its magic"));
        };
        if len > MAX_OPTION_BYTES {
            if len > 16 * MAX_OPTION_BYTES {
                return Err(not_understood("an option is too long"));
            }
            io::copy(&mut reader.take(len.into()), &mut io::sink())?;
            return Ok(Self { kind, data: None });
        }
        let mut data = vec![0; len as usize];
        reader.read_exact(&mut data)?;
        Ok(Self {
            kind,
            data: Some(data),
        })
    }
}

/// Writes one reply to an option of that `kind`.
pub(super) fn write_reply(
    writer: &mut impl Write,
    kind: u32,
    reply: ReplyType,
    data: &[u8],
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(20 + data.len());
    bytes.extend(REPLY_MAGIC.to_be_bytes());
    bytes.extend(kind.to_be_bytes());
    bytes.extend((reply as u32).to_be_bytes());
    bytes.extend((data.len() as u32).to_be_bytes());
    bytes.extend(data);
    writer.write_all(&bytes)
}

/// What a client sent cannot be answered: the connection ends.
pub(super) fn not_understood(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// Fields of what a client sent, from the front. Each is `None` if the bytes end before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn bytes(&mut self, len: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// A length of 32 bits, and so many bytes.
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let len = self.u32().filter(|&len| len <= MAX_STRING_BYTES)?;
        self.bytes(len as usize)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn option(kind: u32, len: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = OPTION_MAGIC.to_be_bytes().to_vec();
        bytes.extend(kind.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn option_longer_than_the_limit_is_skipped() {
        let long = vec![0; MAX_OPTION_BYTES as usize + 1];
        let bytes = [option(GO, long.len() as u32, &long), option(ABORT, 1, &[7])].concat();
        let mut reader = &bytes[..];
        let first = ClientOption::read(&mut reader).unwrap();
        assert_eq!((first.kind, first.data), (GO, None));
        let second = ClientOption::read(&mut reader).unwrap();
        assert_eq!((second.kind, second.data), (ABORT, Some(vec![7])));
    }

    #[test]
    fn option_of_four_gigabytes_ends_the_connection() {
        let bytes = option(GO, u32::MAX, &[]);
        let error = ClientOption::read(&mut &bytes[..]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn string_longer_than_its_field_is_refused() {
        for bytes in [&[0, 0, 0, 5, b'a'][..], &[0xFF; 8], &[0, 0]] {
            assert_eq!(Fields(bytes).string(), None);
        }
        assert_eq!(Fields(&[0, 0, 0, 1, b'a']).string(), Some(&b"a"[..]));
    }
}
