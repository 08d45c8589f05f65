//! A client of NBD that knows no more than the specification, and can send what makes no sense.

use std::{
    io::{self, Read, Write},
    ops::Range,
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

pub(crate) const OPTION_MAGIC: &[u8; 8] = b"IHAVEOPT";

pub(crate) const READ: u16 = 0;
pub(crate) const WRITE: u16 = 1;
pub(crate) const DISCONNECT: u16 = 2;
pub(crate) const FLUSH: u16 = 3;
pub(crate) const TRIM: u16 = 4;
pub(crate) const WRITE_ZEROES: u16 = 6;
pub(crate) const BLOCK_STATUS: u16 = 7;

pub(crate) const EPERM: u32 = 1;
pub(crate) const EIO: u32 = 5;
pub(crate) const EINVAL: u32 = 22;
pub(crate) const ENOSPC: u32 = 28;

const DONE: u16 = 1;

pub(crate) struct Client {
    stream: UnixStream,
    pub(crate) size: u64,
    pub(crate) flags: u16,
    cookie: u64,
}

/// A chunk of a structured reply.
struct Chunk {
    flags: u16,
    kind: u16,
    data: Vec<u8>,
}

impl Client {
    /// Connects, reads the greeting and sends the client's flags.
    pub(crate) fn greet(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("it listens");
        // Longer than any reply takes: a server that is stuck fails the test.
        let timeout = Some(Duration::from_secs(20));
        stream.set_read_timeout(timeout).expect("a socket");
        let mut client = Self {
            stream,
            size: 0,
            flags: 0,
            cookie: 0,
        };
        assert_eq!(client.bytes::<18>(), *b"NBDMAGICIHAVEOPT\0\x03");
        client.send(&3_u32.to_be_bytes());
        client
    }

    /// Connects, and negotiates structured replies and `base:allocation`.
    pub(crate) fn connect(socket: &Path) -> Self {
        let mut client = Self::greet(socket);
        assert_eq!(client.option(8, &[]), [(1, Vec::new())]);
        let mut query = vec![0; 4];
        query.extend(1_u32.to_be_bytes());
        query.extend(15_u32.to_be_bytes());
        query.extend(b"base:allocation");
        let context = [&1_u32.to_be_bytes(), &b"base:allocation"[..]].concat();
        assert_eq!(client.option(10, &query), [(4, context), (1, Vec::new())]);
        client.go();
        client
    }

    pub(crate) fn go(&mut self) {
        let replies = self.option(7, &[0; 6]);
        let (_, export) = &replies[0];
        assert_eq!(export[..2], [0, 0]);
        self.size = u64::from_be_bytes(export[2..10].try_into().expect("eight bytes"));
        self.flags = u16::from_be_bytes(export[10..12].try_into().expect("two bytes"));
    }

    /// Sends an option; returns types and data of the replies.
    pub(crate) fn option(&mut self, kind: u32, data: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut bytes = OPTION_MAGIC.to_vec();
        bytes.extend(kind.to_be_bytes());
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(data);
        self.send(&bytes);
        let mut replies = Vec::new();
        loop {
            assert_eq!(self.bytes(), 0x0003_e889_0455_65a9_u64.to_be_bytes());
            assert_eq!(self.u32(), kind);
            let (reply, len) = (self.u32(), self.u32());
            replies.push((reply, self.vec(len)));
            if reply == 1 || reply >> 31 == 1 {
                return replies;
            }
        }
    }

    /// Sends a request; `flags` go with it.
    pub(crate) fn request(&mut self, flags: u16, command: u16, offset: u64, len: u32) {
        self.cookie += 1;
        let mut bytes = 0x2560_9513_u32.to_be_bytes().to_vec();
        bytes.extend(flags.to_be_bytes());
        bytes.extend(command.to_be_bytes());
        bytes.extend(self.cookie.to_be_bytes());
        bytes.extend(offset.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        self.send(&bytes);
    }

    /// Sends a request without a look at the replies to others; returns what its reply is known by.
    pub(crate) fn start(&mut self, command: u16, offset: u64, len: u32, data: &[u8]) -> u64 {
        self.request(0, command, offset, len);
        self.send(data);
        self.cookie
    }

    /// The next chunk of any reply: its request, the data of a read with their offset, and whether it is the last one.
    pub(crate) fn any_chunk(&mut self) -> (u64, Option<(u64, Vec<u8>)>, bool) {
        let (cookie, chunk) = self.chunk_of_any();
        assert_eq!(chunk.error(), 0);
        let offset = || u64::from_be_bytes(chunk.data[..8].try_into().expect("eight bytes"));
        let data = match chunk.kind {
            1 => Some((offset(), chunk.data[8..].to_vec())),
            2 => {
                let len = u32::from_be_bytes(chunk.data[8..].try_into().expect("four bytes"));
                Some((offset(), vec![0; len as usize]))
            }
            _ => None,
        };
        (cookie, data, chunk.flags & DONE != 0)
    }

    /// The bytes of a range; the error, if there is one.
    pub(crate) fn read(&mut self, range: Range<u64>) -> Result<Vec<u8>, u32> {
        let len = range.end - range.start;
        self.request(0, READ, range.start, len as u32);
        let mut bytes = vec![0xAA; len as usize];
        let mut covered = 0;
        let mut failed = None;
        loop {
            let chunk = self.chunk();
            let start = |data: &[u8]| {
                let offset = u64::from_be_bytes(data[..8].try_into().expect("eight bytes"));
                (offset - range.start) as usize
            };
            match chunk.kind {
                0 => {}
                1 => {
                    let (start, data) = (start(&chunk.data), &chunk.data[8..]);
                    bytes[start..start + data.len()].copy_from_slice(data);
                    covered += data.len();
                }
                2 => {
                    let start = start(&chunk.data);
                    let len = u32::from_be_bytes(chunk.data[8..].try_into().expect("four bytes"));
                    bytes[start..start + len as usize].fill(0);
                    covered += len as usize;
                }
                _ => failed = Some(chunk.error()),
            }
            if chunk.flags & DONE != 0 {
                break;
            }
        }
        match failed {
            Some(error) => Err(error),
            None => {
                assert_eq!(covered, bytes.len(), "bytes of the reply");
                Ok(bytes)
            }
        }
    }

    /// All bytes of the export.
    pub(crate) fn read_all(&mut self) -> Vec<u8> {
        self.read(0..self.size).expect("all can be read")
    }

    /// Sends a request without data for a reply; 0 if it succeeded.
    pub(crate) fn order(&mut self, command: u16, offset: u64, len: u32) -> u32 {
        self.request(0, command, offset, len);
        self.chunk().error()
    }

    pub(crate) fn write(&mut self, offset: u64, bytes: &[u8]) -> u32 {
        self.request(0, WRITE, offset, bytes.len() as u32);
        self.send(bytes);
        self.chunk().error()
    }

    /// The areas of data of the export, by block status.
    pub(crate) fn data_areas(&mut self) -> Vec<Range<u64>> {
        let mut areas: Vec<Range<u64>> = Vec::new();
        let mut position = 0;
        while position < self.size {
            let len = (self.size - position) as u32;
            self.request(0, BLOCK_STATUS, position, len);
            let chunk = self.chunk();
            assert_eq!((chunk.flags, chunk.kind), (DONE, 5));
            for extent in chunk.data[4..].chunks(8) {
                let number = |at: usize| {
                    u32::from_be_bytes(extent[at..at + 4].try_into().expect("four bytes"))
                };
                let end = position + u64::from(number(0));
                match (number(4), areas.last_mut()) {
                    (3, _) => {}
                    (0, Some(last)) if last.end == position => last.end = end,
                    (0, _) => areas.push(position..end),
                    (other, _) => panic!("status {other}"),
                }
                position = end;
            }
        }
        areas
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        // A server that disconnects may do so before all is sent.
        let _ = self.stream.write_all(bytes);
    }

    /// Whether the server has disconnected, and sent nothing more.
    pub(crate) fn is_disconnected(&mut self) -> bool {
        match self.stream.read(&mut [0]) {
            Ok(len) => len == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        }
    }

    fn chunk(&mut self) -> Chunk {
        let (cookie, chunk) = self.chunk_of_any();
        assert_eq!(cookie, self.cookie);
        chunk
    }

    fn chunk_of_any(&mut self) -> (u64, Chunk) {
        assert_eq!(self.u32(), 0x668e_33ef, "a structured reply");
        let flags = u16::from_be_bytes(self.bytes());
        let kind = u16::from_be_bytes(self.bytes());
        let cookie = u64::from_be_bytes(self.bytes());
        let len = self.u32();
        let data = self.vec(len);
        (cookie, Chunk { flags, kind, data })
    }

    fn u32(&mut self) -> u32 {
        u32::from_be_bytes(self.bytes())
    }

    fn bytes<const LEN: usize>(&mut self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        self.stream
            .read_exact(&mut bytes)
            .expect("the server answers");
        bytes
    }

    fn vec(&mut self, len: u32) -> Vec<u8> {
        let mut bytes = vec![0; len as usize];
        self.stream
            .read_exact(&mut bytes)
            .expect("the server answers");
        bytes
    }
}

impl Chunk {
    /// 0 if it is not an error.
    fn error(&self) -> u32 {
        match self.kind >> 15 {
            0 => 0,
            _ => u32::from_be_bytes(self.data[..4].try_into().expect("four bytes")),
        }
    }
}
