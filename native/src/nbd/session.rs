//! The requests of one client. Several threads take them and answer them, in any order.

use std::io::{self, BufReader, Read};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, Scope};

use super::answer::Answering;
use super::export::Export;
use super::handshake::Agreed;
use super::option::not_understood;
use super::reply::Replies;
use super::request::{Command, HEADER_BYTES, Request};
use crate::device::Connection;

/// Ours: threads that answer one client. Each takes up to 1 MiB.
const MAX_THREADS: usize = 4;

/// A client that has asked for the export, and what its threads share.
pub(super) struct Session<'a> {
    pub(super) export: &'a Export,
    pub(super) agreed: Agreed,
    /// For whoever ends the session while others wait for the client.
    connection: Connection,
    /// Held while a request is taken, with its data.
    incoming: Mutex<Incoming>,
    /// Held while a reply, or one chunk of it, is sent.
    replies: Mutex<Replies<Connection>>,
    /// For replies that must be in one piece and are longer than the buffer of a thread: one at a time.
    pub(super) long_reply: Mutex<Vec<u8>>,
    /// Bytes that were found to be data. To find out where data ends can take longer than to read some of it, as in a file
    /// on tmpfs; and both a read and a status stay right if it becomes zeros.
    pub(super) known_data: Mutex<Range<u64>>,
    threads: AtomicUsize,
    /// Threads that wait for a request.
    waiting: AtomicUsize,
    /// The first error.
    failure: Mutex<Option<io::Error>>,
}

/// What the client sends.
pub(super) struct Incoming {
    reader: BufReader<Connection>,
    has_ended: bool,
}

impl<'a> Session<'a> {
    /// # Errors
    ///
    /// There are no more descriptors.
    pub(super) fn new(
        export: &'a Export,
        agreed: Agreed,
        reader: BufReader<Connection>,
        writer: Connection,
    ) -> io::Result<Self> {
        Ok(Self {
            export,
            agreed,
            connection: writer.try_clone()?,
            incoming: Mutex::new(Incoming {
                reader,
                has_ended: false,
            }),
            replies: Mutex::new(Replies::new(writer, agreed.is_structured)),
            long_reply: Mutex::default(),
            known_data: Mutex::new(0..0),
            threads: AtomicUsize::new(1),
            waiting: AtomicUsize::new(0),
            failure: Mutex::new(None),
        })
    }

    /// Answers all requests, until the client disconnects.
    ///
    /// # Errors
    ///
    /// The connection failed; of kind [`io::ErrorKind::InvalidData`], the client makes no sense.
    pub(super) fn answer_requests(self) -> io::Result<()> {
        thread::scope(|scope| self.work(scope));
        match self.failure.into_inner() {
            Ok(None) => Ok(()),
            Ok(Some(error)) => Err(error),
            Err(poisoned) => poisoned.into_inner().map_or(Ok(()), Err),
        }
    }

    /// The work of each thread.
    fn work<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let mut answering = Answering::new(self);
        loop {
            match self.take_request(scope, &mut answering) {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => return self.fail(error),
            }
        }
    }

    /// Takes a request and answers it. False if there is none any more.
    fn take_request<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        answering: &mut Answering<'_>,
    ) -> io::Result<bool> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut incoming = lock(&self.incoming);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let Some(request) = incoming.next()? else {
            return Ok(false);
        };
        if incoming.has_more() && self.waiting.load(Ordering::SeqCst) == 0 {
            self.start_thread(scope);
        }
        answering.answer(&request, incoming)?;
        Ok(true)
    }

    /// Starts one more thread. If there can be none, the others do its work.
    fn start_thread<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // One reads while the other waits for the client.
        let most = cores.clamp(2, MAX_THREADS);
        if self.threads.load(Ordering::SeqCst) >= most {
            return;
        }
        let thread = Builder::new().name("answers".to_owned());
        if thread.spawn_scoped(scope, move || self.work(scope)).is_ok() {
            self.threads.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Ends the session: threads that wait for the client wait no longer.
    fn fail(&self, error: io::Error) {
        lock(&self.failure).get_or_insert(error);
        self.connection.disconnect();
        lock(&self.incoming).has_ended = true;
    }

    pub(super) fn replies(&self) -> MutexGuard<'_, Replies<Connection>> {
        lock(&self.replies)
    }
}

impl Incoming {
    /// `None` if the client disconnects, and after an error.
    fn next(&mut self) -> io::Result<Option<Request>> {
        if self.has_ended {
            return Ok(None);
        }
        // Until a request has come in one piece.
        self.has_ended = true;
        let mut header = [0; HEADER_BYTES];
        match self.reader.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            read => read?,
        }
        let request = Request::parse(&header);
        let request =
            request.ok_or_else(|| not_understood("a request does not begin with its magic"))?;
        self.has_ended = request.command == Command::Disconnect;
        Ok(Some(request).filter(|_| !self.has_ended))
    }

    /// Whether more has come than the request that was taken.
    fn has_more(&self) -> bool {
        !self.reader.buffer().is_empty()
    }

    /// Fills `piece` with what follows the header of a request.
    pub(super) fn read_data(&mut self, piece: &mut [u8]) -> io::Result<()> {
        self.reader.read_exact(piece)
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{Content, Part};
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::sync::{Arc, Barrier};
    use std::time::Duration;

    const SIZE: u64 = 1 << 20;

    /// A read is answered when another one is being answered.
    struct Together(Barrier);

    impl Content for Together {
        fn size(&self) -> u64 {
            SIZE
        }

        fn read_exact_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
            self.0.wait();
            buf.fill((offset >> 12) as u8);
            Ok(())
        }

        fn part_at(&self, offset: u64) -> io::Result<Part> {
            let len = SIZE - offset;
            Ok(Part::Data { len })
        }
    }

    fn request(command: u16, cookie: u64, offset: u64, len: u32) -> Vec<u8> {
        let mut bytes = 0x2560_9513_u32.to_be_bytes().to_vec();
        bytes.extend(0_u16.to_be_bytes());
        bytes.extend(command.to_be_bytes());
        bytes.extend(cookie.to_be_bytes());
        bytes.extend(offset.to_be_bytes());
        bytes.extend(len.to_be_bytes());
        bytes
    }

    #[test]
    fn requests_of_one_client_are_answered_at_the_same_time() {
        let content = Arc::new(Together(Barrier::new(2)));
        let export = Export::read_only(content, String::new());
        let (mut client, server) = UnixStream::pair().unwrap();
        let patience = Some(Duration::from_secs(20));
        client.set_read_timeout(patience).unwrap();
        let writer = Connection::Local(server);
        let reader = BufReader::new(writer.try_clone().unwrap());
        let session = Session::new(&export, Agreed::default(), reader, writer).unwrap();
        thread::scope(|scope| {
            let ended = scope.spawn(|| session.answer_requests());
            let reads = (0..16).map(|cookie| request(0, cookie, cookie << 12, 4096));
            let reads: Vec<u8> = reads.flatten().collect();
            client.write_all(&reads).unwrap();
            let mut answered = [false; 16];
            for _ in 0..16 {
                let mut reply = [0; 16 + 4096];
                client.read_exact(&mut reply).unwrap();
                assert_eq!(reply[..8], *b"\x67\x44\x66\x98\0\0\0\0");
                let cookie = u64::from_be_bytes(reply[8..16].try_into().unwrap());
                assert_eq!(reply[16..], [cookie as u8; 4096]);
                assert!(!std::mem::replace(&mut answered[cookie as usize], true));
            }
            client.write_all(&request(2, 0, 0, 0)).unwrap();
            ended.join().unwrap().unwrap();
        });
    }
}
